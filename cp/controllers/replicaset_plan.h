/* What a ReplicaSet or a ReplicationController needs done: pods to create or delete, its status. Pure. */
#ifndef KNARR_CP_CONTROLLERS_REPLICASET_PLAN_H
#define KNARR_CP_CONTROLLERS_REPLICASET_PLAN_H

#include "cp/controllers/adopt.h"

struct replicaset_kind {
	struct adopt_kind adopt;
	const char *group, *plural;
};
extern const struct replicaset_kind replicaset_kind, replicationcontroller_kind;

struct replicaset_observed {
	const struct replicaset_kind *kind;
	const json_t *replicaset;
	const json_t *pods;     /* array: pods of its namespace that its selector matches or that it controls */
	const char *last_error; /* what creating or deleting pods failed with last time; NULL: nothing */
};

/* (apps/v1 ReplicaSet; Kubernetes concepts, ReplicaSet.) Creates come in batches of 1, 2, 4 ... so that a refusal stops
 * after few. */
void replicaset_plan(const struct replicaset_observed *o, int64_t now_ms, struct plan *plan);

/* The order in which pods go when there are too many: <0 when a goes before b. ranks: how many pods of the same
 * workload share the pod's node. */
int replicaset_compare_pods(const json_t *a, int rank_a, const json_t *b, int rank_b);

#endif
