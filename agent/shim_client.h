/* The agent's side of a pod supervisor: start or find it, ask it for containers and execs, hear of exits. */
#ifndef KNARR_AGENT_SHIM_CLIENT_H
#define KNARR_AGENT_SHIM_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "io/loop.h"

struct shim;

struct shim_config {
	struct loop *loop;
	const char *shim_path; /* of the knarr-shim program */
	const char *dir;       /* the pod's run directory, /run/knarr/pods/<uid>; must exist */
	const char *cgroup;    /* "/knarr/pods/<uid>": the shim puts itself into <cgroup>/shim */
};

struct shim_exit {
	const char *container, *exec; /* exec "" for the container itself */
	int exit_code;                /* 128 + signal when killed by one */
	int signal;
	bool oom;
	int64_t finished_ns;
};

struct shim_ops {
	void (*on_exit)(void *arg, const struct shim_exit *exit_);
	/* The connection broke: the supervisor died (its containers get SIGKILL as it goes). The handle is dead; free it. */
	void (*on_gone)(void *arg);
};

/* r is 0 or a negative errno with e; answer is borrowed, NULL on failure. */
typedef void (*shim_done)(void *arg, int r, json_t *answer, const struct err *e);

/* Starts a supervisor, detached from the agent (own session, survives it), and connects; returns when its socket
 * listens (a few ms). */
int shim_start(const struct shim_config *c, const struct shim_ops *ops, void *arg, struct shim **ret, struct err *e);
/* Connects to one that runs. -ENOENT or -ECONNREFUSED: there is none. */
int shim_connect(const struct shim_config *c, const struct shim_ops *ops, void *arg, struct shim **ret, struct err *e);
void shim_free(struct shim *s); /* disconnects only; NULL is fine */
pid_t shim_pid(const struct shim *s);

struct shim_container {
	const char *id;     /* unique on the node: "<pod uid>-<name>-<attempt>" */
	const char *bundle; /* directory with config.json */
	const char *log;    /* NULL: none (pause) */
	bool tty, stdin_;
};
void shim_create(struct shim *s, const struct shim_container *c, shim_done done, void *arg);
void shim_start_container(struct shim *s, const char *id, shim_done done, void *arg);
void shim_signal(struct shim *s, const char *id, int signo, bool all, shim_done done, void *arg);
void shim_remove(struct shim *s, const char *id, shim_done done, void *arg);
void shim_state(struct shim *s, shim_done done, void *arg);
void shim_reopen_log(struct shim *s, const char *id, shim_done done, void *arg);
void shim_resize(struct shim *s, const char *id, const char *exec, unsigned width, unsigned height, shim_done done, void *arg);
/* process: an OCI process object, borrowed. Without tty fds are stdin, stdout, stderr of the new process. With tty fds is
 * ignored, and the answer of done comes with the pty's master in shim_take_fd(). The exit comes through on_exit. */
void shim_exec(struct shim *s, const char *id, const char *exec, const json_t *process, bool tty, const int fds[3],
	       shim_done done, void *arg);
/* Copies the container's output from now on to fds[1] and fds[2]; what is read from fds[0] goes to its stdin (or tty). */
void shim_attach(struct shim *s, const char *id, const int fds[3], shim_done done, void *arg);
/* Inside a done callback: the descriptor that came with the answer, -1 when none; the caller owns it. */
int shim_take_fd(struct shim *s);
/* Ends everything of the pod and the supervisor itself. on_gone follows. */
void shim_shutdown(struct shim *s, shim_done done, void *arg);

#endif
