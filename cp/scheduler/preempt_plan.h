/* Which pods of less priority would have to go for a pod that fits nowhere. Pure. */
#ifndef KNARR_CP_SCHEDULER_PREEMPT_PLAN_H
#define KNARR_CP_SCHEDULER_PREEMPT_PLAN_H

#include "cp/scheduler/cluster.h"

struct preempt_result {
	const char *node;		  /* borrowed from the cluster; NULL: nothing helps */
	const struct sched_pod **victims; /* borrowed from the cluster */
	size_t n_victims;
};
void preempt_result_done(struct preempt_result *r);
#define AUTO_PREEMPT_RESULT AUTO(preempt_result_done) struct preempt_result

/* Whether a disruption budget would be violated by the loss of a pod. */
typedef bool (*preempt_guarded)(void *arg, const struct sched_pod *pod);

/* (Kubernetes concepts, Pod Priority and Preemption.) Of all nodes the one that loses least: guarded pods, then priorities, then
 * number of pods. The cluster is changed during the call and is the same afterwards. */
void preempt_plan(struct cluster *s, const struct sched_pod *pod, preempt_guarded guarded, void *arg, struct preempt_result *ret);
/* Whether pods that make room for this one are on their way out of the node that it was promised: it waits for them. */
bool preempt_waits(const struct cluster *s, const struct sched_pod *pod);

#endif
