/* Scheduling: sched_setattr(2) and ioprio_set(2). What can fail: unknown policies, missing privilege. What always holds:
 * without settings nothing is called. */
#include "runtime/scheduling.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"

struct attributes {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

static const struct {
	const char *name;
	uint32_t policy;
} policies[] = { { "SCHED_OTHER", 0 }, { "SCHED_FIFO", 1 }, { "SCHED_RR", 2 }, { "SCHED_BATCH", 3 },
		 { "SCHED_ISO", 4 },   { "SCHED_IDLE", 5 }, { "SCHED_DEADLINE", 6 } };

static const struct {
	const char *name;
	uint64_t flag;
} flags[] = { { "SCHED_FLAG_RESET_ON_FORK", 1 }, { "SCHED_FLAG_RECLAIM", 2 },	 { "SCHED_FLAG_DL_OVERRUN", 4 },
	      { "SCHED_FLAG_KEEP_POLICY", 8 },	 { "SCHED_FLAG_KEEP_PARAMS", 16 }, { "SCHED_FLAG_UTIL_CLAMP_MIN", 32 },
	      { "SCHED_FLAG_UTIL_CLAMP_MAX", 64 } };

static int apply_scheduler(const json_t *s, struct err *e)
{
	struct attributes a = { .size = sizeof(a),
				.policy = UINT32_MAX,
				.nice = (int32_t)json_int_at(s, "nice", 0),
				.priority = (uint32_t)json_int_at(s, "priority", 0),
				.runtime = (uint64_t)json_int_at(s, "runtime", 0),
				.deadline = (uint64_t)json_int_at(s, "deadline", 0),
				.period = (uint64_t)json_int_at(s, "period", 0) };
	size_t i;
	json_t *f;
	for (i = 0; i < ARRAY_LEN(policies); i++)
		if (str_eq(policies[i].name, json_str_at(s, "policy")))
			a.policy = policies[i].policy;
	if (a.policy == UINT32_MAX)
		return err_set(e, -EINVAL, "process.scheduler.policy is invalid");
	json_array_foreach(json_object_get(s, "flags"), i, f)
	{
		for (size_t k = 0; k < ARRAY_LEN(flags); k++)
			if (str_eq(flags[k].name, json_string_value(f)))
				a.flags |= flags[k].flag;
	}
	return syscall(SYS_sched_setattr, 0, &a, 0) < 0 ? err_sys(e, "set scheduler") : 0;
}

int scheduling_apply(const struct process_conf *p, struct err *e)
{
	int r = json_is_object(p->scheduler) ? apply_scheduler(p->scheduler, e) : 0;
	if (r == 0 && p->io_class >= 0 && syscall(SYS_ioprio_set, 1, 0, p->io_class << 13 | p->io_priority) < 0)
		return err_sys(e, "set I/O priority");
	return r;
}
