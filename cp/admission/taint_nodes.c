/* TaintNodesByCondition. Purpose: nothing is scheduled to a node before it is known to be ready. Happy path: a new node
 * gets the not-ready taint; the node controller takes it away. Nothing fails. */
#include <string.h>

#include "base/mem.h"
#include "cp/admission/plugin.h"

#define NOT_READY "node.kubernetes.io/not-ready"

static json_t *mutate(struct admit *a)
{
	size_t i;
	json_t *t, *taints = json_array_at(a->object, "spec.taints");
	json_array_foreach(taints, i, t)
	{
		if (str_eq(json_str_at(t, "key"), NOT_READY) && str_eq(json_str_at(t, "effect"), "NoSchedule"))
			return NULL;
	}
	json_array_append_new(taints, json_pack("{s:s,s:s}", "key", NOT_READY, "effect", "NoSchedule"));
	return NULL;
}

static const char *const kinds[] = { "Node", NULL };
const struct admit_plugin taint_nodes_plugin = {
	.name = "TaintNodesByCondition",
	.ops = ADMIT_CREATE,
	.kinds = kinds,
	.mutate = mutate,
};
