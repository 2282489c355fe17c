/* NodeDeclaredFeatureValidator. Purpose: a running pod is resized only where its node is known. Happy path: the node exists. Fails
 * with 403 when it does not. */
#include <string.h>

#include "base/mem.h"
#include "cp/admission/plugin.h"

static json_t *check_node(struct admit *a)
{
	const char *node = json_str_or(a->object, "spec.nodeName", "");
	if (strcmp(a->subresource, "resize") || !*node || json_equal(json_at(a->object, "spec"), json_at(a->old, "spec")))
		return NULL;
	AUTO_JSON *found = admission_get(a->n, "", "v1", "nodes", "", node);
	return found ? NULL : admit_forbidden(a, "node \"%s\" not found", node);
}

static const char *const pods[] = { "Pod", NULL };
const struct admit_plugin node_features_plugin = {
	.name = "NodeDeclaredFeatureValidator",
	.ops = ADMIT_UPDATE,
	.kinds = pods,
	.subresources = true,
	.validate = check_node,
};
