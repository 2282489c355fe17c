/* The verbs of knarr-oci: each is a table of options and a function, in a file of its own. */
#ifndef KNARR_CMD_OCI_OCI_H
#define KNARR_CMD_OCI_OCI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/options.h"
#include "cmd/oci/log.h"
#include "runtime/container.h"

/* The global options, as given and as understood. */
struct globals {
	const char *root;	    /* absolute */
	const char *log, *log_format, *rootless_text, *cgroup_manager, *criu;
	bool debug, systemd_cgroup, version;
	enum rootless_mode rootless;
	const char *name;	    /* as which the program was called: "knarr-oci", "runc" */
};

struct verb;

/* A parsed command line: the verb's own options and what is not an option, argv[argc] being NULL. */
struct call {
	const struct verb *verb;
	void *values;
	int argc;
	char **argv;
};

struct verb {
	const char *name;
	const char *brief; /* one line for the list of verbs */
	const char *args;  /* "<container-id>" */
	const char *about; /* paragraphs for the verb's own help; NULL: none */
	const struct option_row *rows;
	size_t n_rows, values_size;
	enum option_order order;
	bool enters;	   /* makes processes in containers: the binary must be out of their reach */
	int min_args, max_args; /* max_args -1: any number */
	/* Returns the exit status. */
	int (*run)(const struct globals *g, const struct call *c);
};
#define VERB_OPTIONS(type, table) .rows = (table), .n_rows = ARRAY_LEN(table), .values_size = sizeof(type)
#define ROW(type, member, option_kind, option_name, option_letter, text)                                               \
	{                                                                                                              \
		.name = (option_name), .letter = (option_letter), .kind = (option_kind), .offset = offsetof(type, member), \
		.help = (text)                                                                                         \
	}

extern const struct verb verb_checkpoint, verb_create, verb_delete, verb_events, verb_exec, verb_features, verb_kill,
	verb_list, verb_pause, verb_ps, verb_restore, verb_resume, verb_run, verb_spec, verb_start, verb_state, verb_update;

/* The options of create and run. */
struct create_flags {
	const char *bundle, *console_socket, *pid_file, *pidfd_socket, *config;
	int64_t preserve_fds;
	bool no_pivot, no_new_keyring, no_subreaper, detach, keep;
};

/* The caller's descriptors 3 .. 3+n-1 came over the exec into this program, which its own never do; -EBADF. */
int check_preserved(int64_t n, struct err *e);

struct notify;

/* Waits for the process, passing signals on and, with a terminal, bytes; reaps whatever else ends meanwhile, hands
 * readiness on (notify may be NULL). Returns the exit status (128+n for signals). */
int session_run(struct container_proc *p, struct notify *notify);

#endif
