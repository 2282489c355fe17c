/* The inside of a pod's supervisor: fixed tables, one epoll loop, short-lived workers for everything that needs memory. */
#ifndef KNARR_AGENT_SHIM_SUPERVISOR_H
#define KNARR_AGENT_SHIM_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/shim/cri_log.h"
#include "agent/shim/shim_proto.h"

enum { MAX_CONTAINERS = 96, MAX_EXECS = 128, MAX_CONNS = 8, MAX_WORKERS = 64, MAX_EARLY = 64, MAX_SINKS = 16 };

/* A descriptor in the epoll set. fd < 0: unused. */
struct source {
	int fd;
	uint32_t events;
	void (*fn)(struct source *s, uint32_t events);
};

struct container;

/* A copy of what a container prints, to somebody attached. Bytes that the descriptor does not take wait in pending, and
 * as long as there are any, nothing more is read from the container. */
struct sink {
	struct source src;
	struct container *container; /* NULL: free */
	bool err;                    /* of stderr, not stdout */
	size_t len;
	char pending[CRI_LINE_MAX];
};

/* One output stream of a container: a pipe's read end, or the master of its tty. */
struct stream {
	struct source src;
	struct container *container;
	bool err;
	struct cri_line line;
};

/* Bytes on their way from an attached client to a container's standard input. */
struct pump {
	struct source src;
	struct source out; /* a duplicate of the standard input, in the set while it takes no more */
	struct container *container;
	size_t len;
	char bytes[4096];
};

struct container {
	bool used, tty, stdin_once, oom;
	bool finishing; /* it has exited, the check for want of memory runs */
	bool removed;   /* its exit frees the slot */
	enum shim_state_code state;
	pid_t pid;
	int log_fd, stdin_fd;
	int exit_code, signal;
	int64_t created_ns, started_ns, finished_ns;
	char id[SHIM_ID_MAX], bundle[SHIM_PATH_MAX], log[SHIM_PATH_MAX];
	struct stream out, err;
	struct pump in;
};

struct exec {
	bool used;
	pid_t pid;
	char id[SHIM_ID_MAX], exec[SHIM_ID_MAX];
};

struct conn {
	struct source src;
	uint32_t gen; /* counts uses of the slot, so that a late answer does not reach another client */
};

/* What a worker sends home through its socket; a console master may come with it. */
struct worker_result {
	int32_t code;
	int32_t pid;
	uint32_t exec_error;
	uint32_t oom;
	int64_t time_ns;
	char text[SHIM_TEXT_MAX];
};

enum worker_job { JOB_REQUEST, JOB_EXIT_CHECK };

struct worker {
	struct source src; /* fd < 0: free */
	enum worker_job job;
	pid_t pid;
	uint32_t gen;
	int conn;
	struct container *container;
	struct shim_request req;
	unsigned early_from; /* earlier exits are of processes whose number came to be used again */
};

/* Everything that the supervisor is. Static, so that untouched parts take no memory. */
struct supervisor {
	int epoll_fd, signal_fd;
	bool stopping;
	const char *dir, *cgroup;
	char runtime_root[SHIM_PATH_MAX];
	struct source listener, signals;
	struct conn conns[MAX_CONNS];
	struct worker workers[MAX_WORKERS];
	struct container containers[MAX_CONTAINERS];
	struct exec execs[MAX_EXECS];
	struct sink sinks[MAX_SINKS];
	struct {
		pid_t pid;
		int status;
		int64_t ns;
		unsigned number;
	} early[MAX_EARLY]; /* exits of processes whose worker has not reported yet */
	unsigned next_early;
};
extern struct supervisor sv;

/* supervisor.c */
/* Listens on <dir>/shim.sock; 0 or -errno with text on standard error. */
int supervisor_init(const char *dir, const char *cgroup);
int supervisor_run(void); /* returns the exit status of the program */
/* source_set(s, 0) takes it out of the set altogether: not even a hang-up is reported then. */
int source_add(struct source *s, int fd, uint32_t events, void (*fn)(struct source *s, uint32_t events));
void source_set(struct source *s, uint32_t events);
void source_close(struct source *s);
int64_t wall_ns(void);

/* conn.c */
void conn_accept(struct source *s, uint32_t events);
/* Queues nothing: a client that does not read is cut off. fd is sent along when >= 0 and stays the caller's. */
void conn_send(int conn, uint32_t gen, const struct shim_message *m, int fd);
void conn_broadcast(const struct shim_message *m);
void conn_reply(int conn, uint32_t id_no, int code, const char *text);

/* request.c */
void request_handle(int conn, const struct shim_request *req, int *fds, int n_fds);
/* A worker has reported; console is -1 or a pty's master, owned by the callee. */
void request_finish(struct worker *w, const struct worker_result *res, int console);

/* worker.c */
/* Forks a worker for the request; stdio are 3 descriptors for the new process (or -1). 0 or -errno. */
int worker_start(enum worker_job job, int conn, const struct shim_request *req, struct container *c, const int stdio[3]);
void worker_reaped(pid_t pid);

/* container_slot.c */
struct container *container_find(const char *id);
struct container *container_alloc(const char *id); /* NULL when the table is full */
void container_release(struct container *c);
/* Opens log and streams from the read ends (or the tty's master as out). */
int container_open_log(struct container *c);
void container_attach_streams(struct container *c, int out_fd, int err_fd, int stdin_fd);
/* waitpid() gave this for pid. True when it was a container or exec of ours. */
bool container_exited(pid_t pid, int status, int64_t ns);
/* The exit check is done: records and tells the exit. */
void container_finish(struct container *c, bool oom);

/* attach.c */
int attach_add(struct container *c, int fds[3]); /* takes the descriptors on success */
/* Copies to every sink of the stream; false when one of them cannot take more (the stream must not be read on). */
bool attach_copy(struct container *c, bool err, const char *bytes, size_t n);
bool attach_blocked(const struct container *c, bool err);
void attach_drop(struct container *c); /* all of them: end of file for the clients */

#endif
