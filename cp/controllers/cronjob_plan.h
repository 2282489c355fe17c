/* What a CronJob needs done: jobs at their times, what is told of them, old ones deleted. Pure. */
#ifndef KNARR_CP_CONTROLLERS_CRONJOB_PLAN_H
#define KNARR_CP_CONTROLLERS_CRONJOB_PLAN_H

#include <time.h>

#include "cp/controllers/plan.h"

/* How the schedule's clock is read (localtime_r and mktime of the zone, or others). */
struct cronjob_clock {
	struct tm *(*to_local)(const time_t *, struct tm *);
	time_t (*from_local)(struct tm *);
};

struct cronjob_observed {
	const json_t *cronjob;
	const json_t *jobs; /* array: those of its namespace that it controls */
};

/* (batch/v1 CronJob; Kubernetes concepts, CronJob.) Of several times that were missed the last one counts. */
void cronjob_plan(const struct cronjob_observed *o, const struct cronjob_clock *clock, int64_t now_ms, struct plan *plan);

#endif
