/* The authoriser of nodes. Happy path: the resource has a rule of its own in the table, which asks the graph or compares
 * names; everything else is what the role system:node allows. Nothing fails; each refusal has the words of the original.
 * What always holds: nothing is allowed for a kind that a rule does not name. */
#include "cp/auth/node_authorize.h"

#include <string.h>

#include "api/selector.h"
#include "base/mem.h"
#include "cp/auth/node_graph.h"
#include "cp/auth/rbac_rules.h"

#define LEASES "kube-node-lease"

struct question {
	const struct auth_env *env;
	const char *node;
	const struct auth_attributes *a;
	struct str *reason;
};

static bool refuse(const struct question *q, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bool refuse(const struct question *q, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	if (q->reason)
		str_vaddf(q->reason, fmt, ap);
	va_end(ap);
	return false;
}

/* Whether the verb is one of words. */
static bool verb_in(const struct question *q, const char *words)
{
	size_t n = strlen(q->a->verb);
	for (const char *at = words; *at;) {
		size_t len = strcspn(at, " ");
		if (len == n && memcmp(at, q->a->verb, n) == 0)
			return true;
		at += len + strspn(at + len, " ");
	}
	return false;
}

static bool is_sub(const struct question *q, const char *subresource)
{
	return strcmp(q->a->subresource, subresource) == 0;
}

static bool is_own_pod(const struct question *q)
{
	const struct auth_env *env = q->env;
	return env->pod_node && str_eq(env->pod_node(env->arg, q->a->ns, q->a->name), q->node);
}

static bool related(const struct question *q)
{
	const struct auth_attributes *a = q->a;
	if (!*a->name)
		return refuse(q, "No Object name found");
	bool found = strcmp(a->resource, "pods") == 0
			 ? is_own_pod(q)
			 : q->env->nodes && node_graph_reaches(q->env->nodes, q->node, a->resource, a->ns, a->name);
	return found || refuse(q, "no relationship found between node '%s' and this object", q->node);
}

/* Whether the request's field selector demands the node's name at path. */
static bool selects_own(const struct question *q, const char *path)
{
	AUTO_SELECTOR *s = NULL;
	if (str_empty(q->a->fields) || selector_parse_fields(q->a->fields, &s, NULL) < 0)
		return false;
	return str_eq(selector_requires(s, path), q->node);
}

static bool read_namespaced(const struct question *q)
{
	if (!verb_in(q, "get list watch"))
		return refuse(q, "can only read resources of this type");
	if (*q->a->subresource)
		return refuse(q, "cannot read subresource");
	if (!*q->a->ns)
		return refuse(q, "can only read namespaced object of this type");
	return related(q);
}

static bool get_only(const struct question *q)
{
	if (!verb_in(q, "get"))
		return refuse(q, "can only get individual resources of this type");
	if (*q->a->subresource)
		return refuse(q, "cannot get subresource");
	return related(q);
}

static bool claim(const struct question *q)
{
	if (!is_sub(q, "status"))
		return get_only(q);
	if (!verb_in(q, "update patch"))
		return refuse(q, "can only get/update/patch this type");
	return related(q);
}

static bool account(const struct question *q)
{
	if (verb_in(q, "get") && !*q->a->subresource)
		return read_namespaced(q);
	if (!verb_in(q, "create") || !*q->a->name)
		return refuse(q, "can only create tokens for individual service accounts");
	if (!is_sub(q, "token"))
		return refuse(q, "can only create token subresource of serviceaccount");
	return related(q);
}

static bool lease(const struct question *q)
{
	if (!verb_in(q, "get create update patch delete"))
		return refuse(q, "can only get, create, update, patch, or delete a node lease");
	if (strcmp(q->a->ns, LEASES) != 0)
		return refuse(q, "can only access leases in the \"" LEASES "\" system namespace");
	if (!verb_in(q, "create") && strcmp(q->a->name, q->node) != 0)
		return refuse(q, "can only access node lease with the same name as the requesting node");
	return true;
}

static bool csi_node(const struct question *q)
{
	if (!verb_in(q, "get create update patch delete"))
		return refuse(q, "can only get, create, update, patch, or delete a CSINode");
	if (*q->a->subresource)
		return refuse(q, "cannot authorize CSINode subresources");
	if (!verb_in(q, "create") && strcmp(q->a->name, q->node) != 0)
		return refuse(q, "can only access CSINode with the same name as the requesting node");
	return true;
}

static bool slice(const struct question *q)
{
	if (*q->a->subresource)
		return refuse(q, "cannot authorize ResourceSlice subresources");
	if (verb_in(q, "create"))
		return true;
	if (verb_in(q, "get update patch delete"))
		return related(q);
	if (!verb_in(q, "watch list deletecollection"))
		return refuse(q, "only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, "
				 "delete, deletecollection");
	return selects_own(q, "spec.nodeName") ||
	       refuse(q, "can only list/watch/deletecollection resourceslices with spec.nodeName field selector");
}

static bool own_node(const struct question *q)
{
	if (is_sub(q, "status"))
		return verb_in(q, "update patch");
	if (*q->a->subresource)
		return false;
	if (verb_in(q, "create update patch"))
		return true;
	if (!verb_in(q, "get list watch") || strcmp(q->a->name, q->node) == 0)
		return verb_in(q, "get list watch");
	if (!*q->a->name)
		return refuse(q, "node '%s' cannot read all nodes, only its own Node object", q->node);
	return refuse(q, "node '%s' cannot read '%s', only its own Node object", q->node, q->a->name);
}

static bool pod(const struct question *q)
{
	if (is_sub(q, "status"))
		return verb_in(q, "update patch");
	if (is_sub(q, "eviction"))
		return verb_in(q, "create");
	if (*q->a->subresource)
		return false;
	if (verb_in(q, "create delete"))
		return true;
	if (verb_in(q, "get"))
		return get_only(q);
	if (!verb_in(q, "list watch"))
		return false;
	if (selects_own(q, "spec.nodeName"))
		return true;
	return *q->a->name ? related(q) : refuse(q, "can only list/watch pods with spec.nodeName field selector");
}

static const struct {
	const char *group, *resource;
	bool (*ask)(const struct question *q);
} rules[] = {
	{ "", "secrets", read_namespaced },
	{ "", "configmaps", read_namespaced },
	{ "", "persistentvolumeclaims", claim },
	{ "", "persistentvolumes", get_only },
	{ "", "serviceaccounts", account },
	{ "", "nodes", own_node },
	{ "", "pods", pod },
	{ "coordination.k8s.io", "leases", lease },
	{ "storage.k8s.io", "csinodes", csi_node },
	{ "storage.k8s.io", "volumeattachments", get_only },
	{ "resource.k8s.io", "resourceclaims", get_only },
	{ "resource.k8s.io", "resourceslices", slice },
};

bool node_authorize(const struct auth_env *env, const char *node, const struct auth_attributes *a, struct str *reason)
{
	struct question q = { env, node, a, reason };
	if (!*node)
		return refuse(&q, "unknown node for user \"system:node:\"");
	for (size_t i = 0; !a->path && i < ARRAY_LEN(rules); i++)
		if (strcmp(rules[i].resource, a->resource) == 0 && strcmp(rules[i].group, a->group) == 0)
			return rules[i].ask(&q);
	return env->node_rules && rbac_rules_allow(env->node_rules, a);
}
