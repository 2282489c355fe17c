/* Child processes run to their end from the event loop: input fed, output captured, time limited, exit by pidfd. */
#ifndef KNARR_IO_SPAWN_H
#define KNARR_IO_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"
#include "io/loop.h"

struct spawn_opts {
	char *const *argv; /* argv[0] is the path, no PATH search */
	char *const *env;  /* the child's whole environment; NULL: ours */
	const char *cwd;   /* NULL: ours */
	const void *input; /* standard input, copied; NULL: /dev/null */
	size_t input_len;
	int timeout_ms;    /* 0: none; then SIGKILL to the child's process group */
	size_t max_output; /* per stream, more is dropped; 0: 1 MiB */
};

struct spawn_result {
	int status; /* as waitpid() gives it */
	bool timed_out;
	struct str out, err; /* borrowed for the call */
};

struct spawn;
typedef void (*spawn_done)(void *arg, const struct spawn_result *result);

/* Starts the child with every other descriptor closed, signals at default, in a session of its own. done is called
 * once, from the loop, after exit and end of both streams. Returns an owned handle that frees itself after done;
 * errors: those of execve (-ENOENT, -EACCES ...). */
int spawn_start(struct loop *l, const struct spawn_opts *opts, spawn_done done, void *arg, struct spawn **ret,
		struct err *e);
/* Kills the child; done is not called any more. */
void spawn_cancel(struct spawn *s);

#endif
