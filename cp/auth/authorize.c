/* The authoriser. Purpose: decide by a table of what holds in every cluster, then by roles (rbac.h); the first match
 * allows, nothing matched denies. Happy path: find a rule whose
 * subject holds the user, whose verbs, group, resources (or path) cover the request and whose condition holds. Nothing
 * fails. Anonymous users get health and version only; a node writes only what is its own. */
#include "cp/auth/authorize.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cp/auth/rbac.h"

enum subject { SUBJECT_GROUP, SUBJECT_USER };
enum condition { ALWAYS, OWN_NAME, OWN_POD, OWN_LEASE };

struct rule {
	enum subject subject;
	const char *who;
	const char *verbs;     /* words, "*" is any */
	const char *group;     /* API group, "*" any */
	const char *resources; /* words "pods" or "pods/status", "*" any */
	const char *paths;     /* words, a trailing * matches the rest; NULL for resource rules */
	enum condition condition;
};

#define NODES "system:nodes"
#define READ "get list watch"
#define INTERNAL "system:cluster-internal" /* calls from within the server */

static const struct rule rules[] = {
    {SUBJECT_GROUP, "system:masters", "*", "*", "*", NULL, ALWAYS},
    {SUBJECT_GROUP, "system:masters", "*", NULL, NULL, "*", ALWAYS},
    {SUBJECT_GROUP, INTERNAL, "*", "*", "*", NULL, ALWAYS},

    {SUBJECT_GROUP, NODES, READ, "", "pods services endpoints nodes configmaps secrets serviceaccounts namespaces",
     NULL, ALWAYS},
    {SUBJECT_GROUP, NODES, READ, "discovery.k8s.io", "endpointslices", NULL, ALWAYS},
    {SUBJECT_GROUP, NODES, "get list watch", "coordination.k8s.io", "leases", NULL, ALWAYS},
    {SUBJECT_GROUP, NODES, "get list watch", "networking.k8s.io", "networkpolicies", NULL, ALWAYS},
    {SUBJECT_GROUP, NODES, "get list watch", "node.k8s.io", "runtimeclasses", NULL, ALWAYS},
    {SUBJECT_GROUP, NODES, "create", "", "nodes pods serviceaccounts/token", NULL, ALWAYS},
    {SUBJECT_GROUP, NODES, "update patch", "", "nodes nodes/status", NULL, OWN_NAME},
    {SUBJECT_GROUP, NODES, "update patch", "", "pods/status", NULL, OWN_POD},
    {SUBJECT_GROUP, NODES, "delete", "", "pods", NULL, OWN_POD},
    {SUBJECT_GROUP, NODES, "create", "", "pods/eviction", NULL, OWN_POD},
    {SUBJECT_GROUP, NODES, "create patch update", "", "events", NULL, ALWAYS},
    {SUBJECT_GROUP, NODES, "create patch update", "events.k8s.io", "events", NULL, ALWAYS},
    {SUBJECT_GROUP, NODES, "create update patch delete", "coordination.k8s.io", "leases", NULL, OWN_LEASE},

    {SUBJECT_GROUP, "system:unauthenticated", "get", NULL, NULL, "/healthz /livez /readyz", ALWAYS},
    {SUBJECT_GROUP, "system:authenticated", "get", NULL, NULL, "/healthz /livez /readyz", ALWAYS},
};

/* Whether one of the words in list is (or, with a trailing *, begins) word. */
static bool word_in(const char *list, const char *word)
{
	for (const char *at = list; *at;) {
		size_t n = strcspn(at, " ");
		bool open = n && at[n - 1] == '*';
		if (open ? strncmp(at, word, n - 1) == 0 : (strlen(word) == n && strncmp(at, word, n) == 0))
			return true;
		at += n + strspn(at + n, " ");
	}
	return false;
}

const char *auth_node_name(const struct auth_user *u)
{
	static const char prefix[] = "system:node:";
	if (!auth_user_in(u, NODES) || !str_has_prefix(u->name, prefix))
		return NULL;
	return u->name + sizeof(prefix) - 1;
}

static bool condition_holds(const struct auth_env *env, const struct rule *r, const struct auth_user *u,
			    const struct auth_attributes *a)
{
	const char *node = auth_node_name(u);
	if (strcmp(r->who, NODES) == 0 && !node)
		return false;
	switch (r->condition) {
	case ALWAYS:
		return true;
	case OWN_NAME:
		return strcmp(a->name, node) == 0;
	case OWN_LEASE:
		return strcmp(a->ns, "kube-node-lease") == 0 &&
		       (strcmp(a->name, node) == 0 || strcmp(a->verb, "create") == 0);
	case OWN_POD:
		return env && env->pod_node && str_eq(env->pod_node(env->arg, a->ns, a->name), node);
	}
	return false;
}

static bool subject_holds(const struct rule *r, const struct auth_user *u)
{
	return r->subject == SUBJECT_USER ? str_eq(u->name, r->who) : auth_user_in(u, r->who);
}

bool auth_authorize(const struct auth_env *env, const struct auth_user *u, const struct auth_attributes *a,
		    struct str *reason)
{
	AUTO_FREE char *resource = a->path                     ? NULL
				   : str_empty(a->subresource) ? xstrdup(a->resource)
							       : xasprintf("%s/%s", a->resource, a->subresource);
	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		const struct rule *r = &rules[i];
		if (!subject_holds(r, u) || !word_in(r->verbs, a->verb) || !r->paths != !a->path)
			continue;
		if (a->path ? !word_in(r->paths, a->path)
			    : (strcmp(r->group, "*") != 0 && strcmp(r->group, a->group) != 0) ||
				  !word_in(r->resources, resource))
			continue;
		if (condition_holds(env, r, u, a))
			return true;
	}
	return env && env->rbac && rbac_allows(env->rbac, u, a, reason);
}
