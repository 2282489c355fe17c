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
	/* The connection broke: the supervisor died or was shut down. The handle is dead; free it. See shim_clean_dead(). */
	void (*on_gone)(void *arg);
};

enum shim_container_state { SHIM_IS_CREATING, SHIM_IS_CREATED, SHIM_IS_RUNNING, SHIM_IS_STOPPED };

struct shim_answer {
	pid_t pid;
	int64_t started_ns;     /* start: since the epoch */
	int exec_error;         /* on failure of create or exec: 127 (not found) or 126 (not executable) when it is the program
	                           itself that cannot be run, else 0 */
};
/* r is 0 or a negative errno with e; a is never NULL. */
typedef void (*shim_done)(void *arg, int r, const struct shim_answer *a, const struct err *e);

struct shim_status { /* one container, as the supervisor knows it */
	const char *id;
	enum shim_container_state state;
	pid_t pid; /* 0 once stopped */
	int exit_code, signal;
	bool oom;
	int64_t created_ns, started_ns, finished_ns;
};
/* Called once a container, then once with NULL status and the end's r. */
typedef void (*shim_state_fn)(void *arg, const struct shim_status *status, int r, const struct err *e);

/* Starts a supervisor, detached from the agent (own session, survives it), and connects; returns when its socket
 * listens (a few ms). */
int shim_start(const struct shim_config *c, const struct shim_ops *ops, void *arg, struct shim **ret, struct err *e);
/* Connects to one that runs. -ENOENT or -ECONNREFUSED: there is none. */
int shim_connect(const struct shim_config *c, const struct shim_ops *ops, void *arg, struct shim **ret, struct err *e);
void shim_free(struct shim *s); /* disconnects only; NULL is fine */

struct shim_container {
	const char *id;     /* unique on the node: "<pod uid>-<name>-<attempt>" */
	const char *bundle; /* directory with config.json */
	const char *log;    /* NULL: none (pause) */
	bool tty, stdin_, stdin_once;
};
void shim_create(struct shim *s, const struct shim_container *c, shim_done done, void *arg);
void shim_start_container(struct shim *s, const char *id, shim_done done, void *arg);
void shim_signal(struct shim *s, const char *id, int signo, bool all, shim_done done, void *arg);
void shim_remove(struct shim *s, const char *id, shim_done done, void *arg);
void shim_state(struct shim *s, shim_state_fn fn, void *arg);
void shim_reopen_log(struct shim *s, const char *id, shim_done done, void *arg);
/* Of the container's own tty; an exec's tty is resized by its master (shim_take_fd()). */
void shim_resize(struct shim *s, const char *id, unsigned width, unsigned height, shim_done done, void *arg);
/* process: an OCI process object, borrowed. Without tty fds are stdin, stdout, stderr of the new process. With tty fds is
 * ignored, and the answer of done comes with the pty's master in shim_take_fd(). The exit comes through on_exit. */
void shim_exec(struct shim *s, const char *id, const char *exec, const json_t *process, bool tty, const int fds[3],
	       shim_done done, void *arg);
/* Copies the container's output from now on to fds[1] and fds[2]; what is read from fds[0] goes to its stdin (or tty). */
void shim_attach(struct shim *s, const char *id, const int fds[3], shim_done done, void *arg);
/* Inside a done callback: the descriptor that came with the answer, -1 when none; the caller owns it. */
int shim_take_fd(struct shim *s);
/* Kills and removes what a supervisor that died has left: processes, cgroups below c->cgroup, runtime state. Blocks some
 * ms. Call it when there is none to connect to, or after on_gone. Afterwards the pod's containers have ended (their
 * exit.json exists where the supervisor still saw the end). */
int shim_clean_dead(const struct shim_config *c, struct err *e);
/* Ends everything of the pod and the supervisor itself. on_gone follows. */
void shim_shutdown(struct shim *s, shim_done done, void *arg);

#endif
