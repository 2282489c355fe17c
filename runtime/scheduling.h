/* Scheduler, I/O priority and personality of a process (OCI runtime-spec config.md, Linux Process; config-linux.md,
 * Personality). */
#ifndef KNARR_RUNTIME_SCHEDULING_H
#define KNARR_RUNTIME_SCHEDULING_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct process_conf;

/* As sched_setattr(2) takes it. */
struct scheduler_conf {
	uint32_t size; /* 0: none is wanted */
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime_ns, deadline_ns, period_ns;
};

/* process.scheduler and process.ioPriority, NULL: none. -EINVAL with runc's texts. */
int scheduler_parse(const json_t *j, struct scheduler_conf *ret, struct err *e);
int io_priority_parse(const json_t *j, int *ret_class, int *ret_priority, struct err *e); /* class -1: none */
/* linux.personality to the number for personality(2), -1: none. */
int personality_parse(const json_t *j, int *ret, struct err *e);

/* Scheduler and I/O priority of the calling process, while it has its privileges. */
int scheduling_apply(const struct process_conf *p, struct err *e);
/* The personality of the calling process. */
int personality_apply(int personality_number, struct err *e);

#endif
