/* Scheduling: sched_setattr(2), ioprio_set(2), personality(2). What can fail: words and values that do not fit together,
 * missing privilege. What always holds: without settings nothing is called. */
#include "runtime/scheduling.h"

#include <errno.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "runtime/config.h"
#include "runtime/notice.h"

enum { OTHER, FIFO, RR, BATCH, ISO, IDLE, DEADLINE };

static const char *const policies[] = { [OTHER] = "SCHED_OTHER", [FIFO] = "SCHED_FIFO", [RR] = "SCHED_RR",
					[BATCH] = "SCHED_BATCH", [ISO] = "SCHED_ISO",   [IDLE] = "SCHED_IDLE",
					[DEADLINE] = "SCHED_DEADLINE" };

/* Each is one bit, from the lowest. */
static const char *const flags[] = { "SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_RECLAIM",	    "SCHED_FLAG_DL_OVERRUN",
				     "SCHED_FLAG_KEEP_POLICY",	 "SCHED_FLAG_KEEP_PARAMS",  "SCHED_FLAG_UTIL_CLAMP_MIN",
				     "SCHED_FLAG_UTIL_CLAMP_MAX" };

static int word_index(const char *const *words, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(words[i], word))
			return (int)i;
	return -EINVAL;
}

static int check_scheduler(const struct scheduler_conf *s, struct err *e)
{
	bool nice = s->policy == OTHER || s->policy == BATCH, deadline = s->policy == DEADLINE;
	if (nice && (s->nice < -20 || s->nice > 19))
		return err_set(e, -EINVAL, "invalid scheduler.nice: %d when scheduler.policy is %s", s->nice,
			       policies[s->policy]);
	if (s->priority && s->policy != FIFO && s->policy != RR)
		return err_set(e, -EINVAL, "scheduler.priority can only be specified for SchedFIFO or SchedRR policy");
	if (!deadline && (s->runtime_ns || s->deadline_ns || s->period_ns))
		return err_set(e, -EINVAL,
			       "scheduler runtime/deadline/period can only be specified for SchedDeadline policy");
	return 0;
}

int scheduler_parse(const json_t *j, struct scheduler_conf *ret, struct err *e)
{
	struct scheduler_conf s = { 0 };
	size_t i;
	json_t *v;
	if (!json_is_object(j)) {
		*ret = s;
		return 0;
	}
	const char *policy = json_str_or(j, "policy", "");
	int number = word_index(policies, ARRAY_LEN(policies), policy);
	if (!*policy)
		return err_set(e, -EINVAL, "scheduler policy is required");
	if (number < 0)
		return err_set(e, -EINVAL, "invalid scheduler policy: %.64s", policy);
	json_array_foreach(json_object_get(j, "flags"), i, v)
	{
		int bit = word_index(flags, ARRAY_LEN(flags), json_string_value(v));
		if (bit < 0)
			return err_set(e, -EINVAL, "invalid scheduler flag: %.64s",
				       json_is_string(v) ? json_string_value(v) : "");
		s.flags |= 1ull << bit;
	}
	s.size = 48; /* SCHED_ATTR_SIZE_VER0 */
	s.policy = (uint32_t)number;
	s.nice = (int32_t)json_int_at(j, "nice", 0);
	s.priority = (uint32_t)json_int_at(j, "priority", 0);
	s.runtime_ns = (uint64_t)json_int_at(j, "runtime", 0);
	s.deadline_ns = (uint64_t)json_int_at(j, "deadline", 0);
	s.period_ns = (uint64_t)json_int_at(j, "period", 0);
	int r = check_scheduler(&s, e);
	if (r == 0)
		*ret = s;
	return r;
}

int io_priority_parse(const json_t *j, int *ret_class, int *ret_priority, struct err *e)
{
	static const char *const classes[] = { "IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE" };
	if (!json_is_object(j)) {
		*ret_class = -1;
		return 0;
	}
	const char *class = json_str_or(j, "class", "");
	int64_t priority = json_int_at(j, "priority", 0);
	int number = word_index(classes, ARRAY_LEN(classes), class);
	if (priority < 0 || priority > 7)
		return err_set(e, -EINVAL, "invalid ioPriority.Priority: %lld", (long long)priority);
	if (number < 0)
		return err_set(e, -EINVAL, "invalid ioPriority.Class: \"%.64s\"", class);
	*ret_class = number + 1;
	*ret_priority = (int)priority;
	return 0;
}

int personality_parse(const json_t *j, int *ret, struct err *e)
{
	*ret = -1;
	if (!json_is_object(j))
		return 0;
	const char *domain = json_str_or(j, "domain", "");
	if (json_array_size(json_object_get(j, "flags")))
		notice_warn("ignoring unsupported personality flags");
	if (str_eq(domain, "LINUX"))
		*ret = PER_LINUX;
	else if (str_eq(domain, "LINUX32"))
		*ret = PER_LINUX32;
	else
		return err_set(e, -EINVAL, "invalid personality domain %.64s", domain);
	return 0;
}

int scheduling_apply(const struct process_conf *p, struct err *e)
{
	if (p->scheduler.size && syscall(SYS_sched_setattr, 0, &p->scheduler, 0) < 0) {
		if (errno == EPERM && p->cpus_limited)
			return err_set(e, -EPERM, "process scheduler can't be used together with AllowedCPUs");
		return err_sys(e, "error setting scheduler");
	}
	if (p->io_class >= 0 && syscall(SYS_ioprio_set, 1, 0, p->io_class << 13 | p->io_priority) < 0)
		return err_sys(e, "failed to set io priority");
	return 0;
}

int personality_apply(int personality_number, struct err *e)
{
	if (personality_number >= 0 && personality((unsigned long)personality_number) < 0)
		return err_sys(e, "set personality");
	return 0;
}
