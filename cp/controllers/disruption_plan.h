/* How many pods a PodDisruptionBudget can lose now. Pure. */
#ifndef KNARR_CP_CONTROLLERS_DISRUPTION_PLAN_H
#define KNARR_CP_CONTROLLERS_DISRUPTION_PLAN_H

#include "cp/controllers/plan.h"

struct disruption_observed {
	const json_t *budget;
	const json_t *pods; /* array: those that it selects */
	int64_t scale;	    /* the sum of what the pods' workloads want; -1: some cannot be found out */
};

/* (policy/v1 PodDisruptionBudget.) The status is written against the revision it was made of, because evictions write it, too. */
void disruption_plan(const struct disruption_observed *o, int64_t now_ms, struct plan *plan);

#endif
