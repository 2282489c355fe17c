/* What the silence, the conditions and the taints of nodes ask for. Pure. */
#ifndef KNARR_CP_CONTROLLERS_NODE_PLAN_H
#define KNARR_CP_CONTROLLERS_NODE_PLAN_H

#include "cp/controllers/plan.h"

#define NODE_GRACE_MS 40000 /* this long without a sign of life: Unknown */

struct node_observed {
	const json_t *node;
	int64_t heard_ms;   /* wall time of the last sign of life: lease or heartbeat changed, or the node was made */
	const json_t *pods; /* array: pods bound to it */
};

/* Conditions of a silent node, taints by condition, and readiness of the pods of an unknown node. */
void node_plan(const struct node_observed *o, int64_t now_ms, struct plan *plan);

/* Taint-based eviction of one pod. taints: those of its node, each NoExecute one with timeAdded. */
void taint_eviction_plan(const json_t *pod, const json_t *taints, int64_t now_ms, struct plan *plan);

#endif
