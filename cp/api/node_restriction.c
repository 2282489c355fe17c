/* Node restriction. Purpose: a stolen node certificate reaches no further than its node. Happy path: the user is no
 * node. A node creates only its own Node and mirror pods bound to itself. Fails with the 403 of the original. */
#include "cp/api/node_restriction.h"

#include <string.h>

#include "base/json.h"

#define MIRROR "kubernetes.io/config.mirror"

static json_t *check_pod(const char *node, const json_t *pod)
{
	const char *name = json_str_or(pod, "metadata.name", "");
	if (!json_member(json_at(pod, "metadata.annotations"), MIRROR))
		return status_forbidden(
		    "", "pods", name,
		    "pod does not have \"" MIRROR "\" annotation, node \"%s\" can only create mirror pods", node);
	if (!str_eq(json_str_at(pod, "spec.nodeName"), node))
		return status_forbidden("", "pods", name,
					"node \"%s\" can only create pods with spec.nodeName set to itself", node);
	return NULL;
}

json_t *node_restriction_check(const struct req *q, const struct kind *k, const json_t *object, const json_t *old)
{
	const char *node = auth_node_name(&q->user);
	const char *name = json_str_or(object, "metadata.name", "");
	if (!node || *k->group)
		return strcmp(k->kind, "Lease") == 0 && node && strcmp(name, node) != 0
			   ? status_forbidden(k->group, k->plural, name,
					      "can only access node lease with the same name as the "
					      "requesting node")
			   : NULL;
	if (strcmp(k->kind, "Pod") == 0 && !old)
		return check_pod(node, object);
	if (strcmp(k->kind, "Node") == 0 && strcmp(name, node) != 0)
		return status_forbidden("", "nodes", name, "node \"%s\" is not allowed to modify node \"%s\"", node,
					name);
	return NULL;
}
