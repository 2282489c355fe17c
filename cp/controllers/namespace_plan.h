/* What the end of a Namespace needs done. Pure. */
#ifndef KNARR_CP_CONTROLLERS_NAMESPACE_PLAN_H
#define KNARR_CP_CONTROLLERS_NAMESPACE_PLAN_H

#include "cp/controllers/plan.h"

struct namespace_observed {
	const json_t *ns;
	/* Array, one for each resource with content: {group, version, plural, count, undeleted (of those not yet being
	 * deleted), finalizers: {name: count}}. */
	const json_t *content;
};

/* Deletes what is in a namespace that is being deleted, says in conditions what remains, and at last takes the
 * "kubernetes" finalizer away. */
void namespace_plan(const struct namespace_observed *o, int64_t now_ms, struct plan *plan);

#endif
