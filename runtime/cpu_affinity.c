/* CPU affinity.
 *
 * Happy path: initial CPUs by inheritance over the clone, final ones once the process is in its cgroup. What can fail: CPUs
 * that there are not. What always holds: the caller runs where it ran before; a kernel from 6.2 on keeps an inherited
 * affinity when a process changes its cpuset, so it is asked to forget it. */
#include "runtime/cpu_affinity.h"

#include <errno.h>
#include <sched.h>
#include <unistd.h>

#include "runtime/notice.h"

static int set(const struct number_set *s)
{
	return sched_setaffinity(0, sizeof(s->bits), (const cpu_set_t *)s->bits);
}

int cpu_affinity_enter(const struct process_conf *p, struct cpu_affinity_before *ret, struct err *e)
{
	char hex[NUMBER_SET_MAX / 4 + 1];
	struct cpu_affinity_before b = { .changed = p->cpus_initial.given };
	if (!b.changed) {
		*ret = b;
		return 0;
	}
	if (sched_getaffinity(0, sizeof(b.set.bits), (cpu_set_t *)b.set.bits) < 0 || set(&p->cpus_initial) < 0)
		return err_sys(e, "error setting initial CPU affinity");
	notice_debug("nsexec[%d]: affinity: 0x%s", getpid(), number_set_hex(&p->cpus_initial, hex));
	*ret = b;
	return 0;
}

void cpu_affinity_leave(const struct cpu_affinity_before *b)
{
	if (b->changed)
		set(&b->set);
}

static void reset(void)
{
	struct number_set all;
	number_set_fill(&all);
	if (set(&all) < 0)
		notice_warn("resetting the CPU affinity failed: %s -- the container process may inherit the runtime's",
			    err_reason(errno));
}

int cpu_affinity_settle(const struct process_conf *exec, struct err *e)
{
	if (exec && exec->cpus_final.given)
		return set(&exec->cpus_final) < 0 ? err_sys(e, "error setting final CPU affinity") : 0;
	if (!exec || !exec->cpus_initial.given)
		reset();
	return 0;
}
