/* Which node a pod goes to, or why none. Pure. */
#ifndef KNARR_CP_SCHEDULER_SCHEDULE_PLAN_H
#define KNARR_CP_SCHEDULER_SCHEDULE_PLAN_H

#include "base/str.h"
#include "cp/scheduler/cluster.h"

struct schedule_result {
	const struct sched_node *node; /* borrowed from the cluster; NULL: none fits */
	struct str message; /* "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable." */
	json_t *reasons;    /* reason -> number of nodes */
};
void schedule_result_done(struct schedule_result *r);
#define AUTO_SCHEDULE_RESULT AUTO(schedule_result_done) struct schedule_result

/* Every node is asked; among the best, seed chooses. (Kubernetes concepts, Kubernetes Scheduler; scheduling framework's
 * default filters and scores.) */
void schedule_plan(const struct cluster *s, const struct sched_pod *pod, uint32_t seed, struct schedule_result *ret);

#endif
