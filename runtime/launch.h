/* What create and exec share on the creator's side: cgroup, limits, the conversation with the child. */
#ifndef KNARR_RUNTIME_LAUNCH_H
#define KNARR_RUNTIME_LAUNCH_H

#include "runtime/init.h"

/* A child that was cloned and is not yet on its own. */
struct launch {
	pid_t pid;
	int pidfd;
	int sync_fd; /* our end */
	int console_fd;
	uint64_t start_time; /* 0: not asked for yet */
	bool ours; /* our child: reaped here after a failure; with clone_parent by the supervisor */
};
#define LAUNCH_INIT ((struct launch){ .pidfd = -1, .sync_fd = -1, .console_fd = -1 })
/* Kills the child unless it was let go (pid 0), closes everything. */
void launch_done(struct launch *l);
#define AUTO_LAUNCH AUTO(launch_done) struct launch

/* Opens the way into a cgroup that is taken at the clone; *ret -1: there is none. */
int launch_clone_cgroup(const struct cgroup *cg, int *ret, struct err *e);
/* oom_score_adj of the waiting child; needs our privileges. */
int launch_set_oom_score(const struct process_conf *p, pid_t pid, struct err *e);
/* Answers SYNC_LIMITS: resource limits that the child in its user namespace may not raise. */
int launch_set_limits(const struct launch *l, const struct process_conf *p, struct err *e);
/* Warns of what is ignored in p. */
void launch_warn(const struct process_conf *p);
/* The caller's descriptors 3 .. 3+n-1 must be open. Call before anything else opens one. */
int launch_check_preserved(int n, struct err *e);
/* Sends the master to o->console_socket, or leaves it in l->console_fd. */
int launch_hand_console(struct launch *l, const struct container_opts *o, struct err *e);
/* Decimal, atomically; relative paths start at the working directory. */
int launch_write_pid_file(const char *path, pid_t pid, struct err *e);
/* pid file (NULL: none) and pidfd socket, then hands pid and descriptors to ret and lets the child go. */
int launch_finish(struct launch *l, const struct container_opts *o, const char *pid_file, struct container_proc *ret, struct err *e);
/* Connects to the seccomp agent that p names: a socket, -1 where there is nothing to ask it. */
int launch_connect_agent(const struct seccomp_program *p, int *ret_sock, struct err *e);
/* Sends it the listener with the container process state (OCI runtime-spec config-linux.md) of the process pid. */
int launch_send_listener(int sock, int listener, const struct seccomp_program *p, const struct container_info *i, pid_t pid,
			 struct err *e);

#endif
