/* The child side of container_create() and container_exec(). */
#ifndef KNARR_RUNTIME_INIT_H
#define KNARR_RUNTIME_INIT_H

#include "cgroups/cgroup.h"
#include "runtime/config.h"
#include "runtime/container.h"
#include "runtime/process_run.h"

/* All that the child needs; made by the creator before the clone, borrowed. */
struct init_args {
	const struct container_opts *opts;
	const struct config *config; /* NULL for exec */
	const struct process_conf *process;
	const struct seccomp_program *seccomp;
	const struct cgroup *cgroup;
	const struct container_info *info; /* for hooks; the pid is filled in */
	int sync_fd;			   /* the child's end */
	int gate_fd;			   /* create: reading end of the gate, -1 for run */
	int lock_fd;			   /* the creator's lock, closed at once */
	bool early;			   /* begins before SYNC_GO with what needs neither maps nor cgroups */
	uint64_t own_flags;		   /* namespaces that it makes itself then */
	int ns_fds[NS_COUNT];		   /* namespaces to join */
	/* exec: */
	int target_pidfd;
	uint64_t target_flags; /* namespaces to join by it */
};

/* Both end in exec or in _exit(1) with the reason sent through sync_fd. */
void __attribute__((noreturn)) init_create(const struct init_args *a);
void __attribute__((noreturn)) init_exec(const struct init_args *a);
/* Steps that both sides of the container's set-up name: sysctl, names, loopback (init_setup.c). */
int init_setup_names(const struct config *c, int proc_fd, struct err *e);
int init_setup_loopback(const struct config *c, struct err *e);
/* Joins (makes) the session keyring of the container; add_permissions, or NULL, are given to it then. keyctl(2). */
int init_setup_keyring(const char *id, const unsigned *add_permissions, struct err *e);
/* The same for the first process: one that later processes of the container can find. */
int init_setup_new_keyring(const struct config *c, const char *id, struct err *e);

#endif
