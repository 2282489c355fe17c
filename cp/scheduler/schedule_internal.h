/* What the files of the placing plan share. */
#ifndef KNARR_CP_SCHEDULER_SCHEDULE_INTERNAL_H
#define KNARR_CP_SCHEDULER_SCHEDULE_INTERNAL_H

#include "cp/scheduler/schedule_plan.h"

/* One placing under way: what is computed once for all nodes. */
struct placing {
	const struct cluster *cluster;
	const struct sched_pod *pod;
	/* Sets of "key\nvalue" of node labels, as json objects: */
	json_t *forbidden; /* by the anti-affinity of pods that are there */
	json_t *anti;      /* where pods are that this pod wants to be away from */
	json_t *near;      /* where pods are that this pod wants to be with */
	json_t *spread;    /* one object a hard constraint: {counts: {value: n}, min: n} */
};

/* Adds each reason why the pod cannot go to the node (usually one) to reasons; true when there is none. */
bool schedule_fits(const struct placing *p, const struct sched_node *n, json_t *reasons);
bool schedule_matches_node(const struct sched_pod *pod,
			   const struct sched_node *n); /* selector and required affinity */
bool schedule_node_term(const json_t *term, const struct sched_node *n);

void affinity_prepare(struct placing *p);
/* NULL, or the reason. */
const char *affinity_check(const struct placing *p, const struct sched_node *n);
void spread_prepare(struct placing *p);
const char *spread_check(const struct placing *p, const struct sched_node *n);

/* Scores of the nodes that fit, higher is better. */
void schedule_score(const struct placing *p, const struct sched_node *const *nodes, size_t n, int64_t *ret_scores);

#endif
