/* The making of one container: what container_create.c goes through, and its parts in creation_*.c. -errno everywhere. */
#ifndef KNARR_RUNTIME_CREATION_H
#define KNARR_RUNTIME_CREATION_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "runtime/container.h"
#include "runtime/launch.h"
#include "runtime/spawn.h"
#include "runtime/state.h"
#include "runtime/sync.h"

struct creation {
	const struct container_opts *o;
	struct config config;
	struct str text; /* of the bundle's file, empty where the configuration came as JSON */
	struct seccomp_program seccomp;
	struct cgroup *cgroup;
	bool run, made_cgroup, made_pid_file, made_rdt, finished;
	struct state_dir dir;
	struct container_info info;
	struct init_args args;
	struct launch launch;
	int sync_child, gate_fd, agent_sock, cgroup_fd;
	struct cgroup_doors doors;
};

/* creation_cgroup.c: finds its cgroup and makes what of it has to be there before the child. One that is there already may be
 * used as long as nothing runs in it. */
int creation_make_cgroup(struct creation *c, struct err *e);
/* The rest of it, with the limits; while the child has begun with what does not depend on it. */
int creation_furnish_cgroup(struct creation *c, struct err *e);

/* creation_child.c: clones the process that becomes the container's. */
int creation_clone(struct creation *c, struct err *e);

/* creation_attend.c: answers what the child asks for until it is ready. */
int creation_attend(struct creation *c, struct err *e);
/* Where nobody waits at the gate: the socket closes at exec, or says why there was none. */
int creation_await_exec(struct creation *c, struct err *e);
/* What fails here because the child has ended has its reason in the message that the child left: that, or r. */
int creation_reason(struct creation *c, int r, struct err *e);

#endif
