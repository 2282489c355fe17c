/* Counters of the scheduler, by the original's names (pkg/scheduler/metrics). */
#ifndef KNARR_CP_SCHEDULER_SCHEDULE_METRICS_H
#define KNARR_CP_SCHEDULER_SCHEDULE_METRICS_H

#include "base/metrics.h"
#include "cp/scheduler/pending.h"

/* An attempt to place a pod is over. result: "scheduled", "unschedulable", "error". */
void schedule_count(struct metrics *numbers, const char *profile, const char *result, int64_t took_us);
void schedule_tell_pending(struct metrics *numbers, const struct pending *p);

#endif
