/* PodTopologyLabels. Purpose: a pod tells in which zone and region it runs. Happy path: a binding to a node, or a pod that
 * is created on one, gets the labels of that node; the binding's go to its pod. Nothing fails: a node that is not there has
 * none. */
#include <string.h>

#include "base/mem.h"
#include "cp/admission/plugin.h"

static void copy_labels(struct admit *a, const char *node_name)
{
	static const char *const keys[] = { "topology.kubernetes.io/zone", "topology.kubernetes.io/region" };
	const json_t *labels = json_at(admission_peek(a->n, "", "v1", "nodes", "", node_name), "metadata.labels");
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		json_t *value = json_object_get(labels, keys[i]);
		if (value)
			json_object_set_new(json_object_at(a->object, "metadata.labels"), keys[i], json_clone(value));
	}
}

static json_t *mutate(struct admit *a)
{
	if (!*a->subresource)
		copy_labels(a, json_str_or(a->object, "spec.nodeName", ""));
	else if (strcmp(a->subresource, "binding") == 0 && str_eq(json_str_at(a->object, "target.kind"), "Node"))
		copy_labels(a, json_str_or(a->object, "target.name", ""));
	return NULL;
}

static const char *const kinds[] = { "Pod", NULL };
const struct admit_plugin topology_labels_plugin = {
	.name = "PodTopologyLabels",
	.ops = ADMIT_CREATE,
	.kinds = kinds,
	.subresources = true,
	.mutate = mutate,
};
