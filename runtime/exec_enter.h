/* The birth of a process inside a running container, by way of a go-between. */
#ifndef KNARR_RUNTIME_EXEC_ENTER_H
#define KNARR_RUNTIME_EXEC_ENTER_H

#include "runtime/init.h"
#include "runtime/launch.h"

struct exec_enter {
	/* What the go-between does to itself first, outside, with all that the creator has; the process inherits it: cgroup, limits. */
	int (*settle)(void *arg, struct err *e);
	void *arg;
	/* The page on which the go-between, and nobody whom the container could take hold of, tells the number of the process. */
	pid_t *told;
};
/* Both fields above are set by the caller. */
int exec_enter_init(struct exec_enter *x, struct err *e);
void exec_enter_done(struct exec_enter *x);

/* The go-between's part, in a child of the creator that is still outside: settles, joins what a names, clones its sibling there
 * and ends. Only the sibling comes into the container's view, with the container's root and working directory and with no
 * descriptor but the process's own and a->sync_fd; it goes on as init_exec(). */
void __attribute__((noreturn)) exec_enter_between(const struct exec_enter *x, const struct init_args *a);
/* The creator's part: waits for the go-between, whose pid and pidfd l holds, and puts those of the process in their place. */
int exec_enter_await(const struct exec_enter *x, struct launch *l, struct err *e);

#endif
