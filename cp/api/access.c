/* Who may do what. Purpose: a request's or any other question put to the authorisers with what they look at. Happy path: roles
 * and the graph of nodes allow it. What cannot fail: nothing does. What always holds: what is asked is told in the same words
 * to the authorisers, the audit log and a user who is refused. */
#include <string.h>

#include "base/mem.h"
#include "cp/api/api_internal.h"
#include "cp/api/metrics.h"
#include "cp/api/node_source.h"
#include "cp/api/rbac_source.h"

struct auth_attributes api_attributes(const struct req *q)
{
	const struct route *r = &q->route;
	return (struct auth_attributes){.verb = r->verb,
					.group = r->group,
					.resource = r->resource,
					.subresource = r->subresource,
					.ns = r->ns,
					.name = q->selected_name ? q->selected_name : r->name,
					.path = r->is_resource ? NULL : r->path,
					.fields = req_param(q, "fieldSelector")};
}

static const char *pod_node(void *arg, const char *ns, const char *name)
{
	const struct resource *pods = api_resource(arg, "", "v1", "pods");
	struct cobj *o = pods ? bucket_get(pods->bucket, ns, name) : NULL;
	return o ? cobj_field(o, "spec.nodeName") : NULL;
}

bool api_user_may(const struct api *a, const struct auth_user *u, const struct auth_attributes *what, struct str *reason)
{
	struct auth_env env = {.rbac = rbac_source_rbac(a->rbac),
			       .nodes = node_source_graph(a->nodes),
			       .node_rules = node_source_rules(a->nodes),
			       .pod_node = pod_node,
			       .arg = (void *)a};
	return auth_authorize(&env, u, what, reason);
}

bool api_may(const struct req *q, const struct auth_attributes *what)
{
	return api_user_may(q->api, &q->user, what, NULL);
}

json_t *api_forbidden(const struct auth_user *u, const struct auth_attributes *a, const char *reason)
{
	AUTO_FREE char *why = str_empty(reason) ? xstrdup("") : xasprintf(": %s", reason);
	if (a->path)
		return status_forbidden_path(u->name, a->verb, a->path, why);
	AUTO_FREE char *resource = *a->subresource ? xasprintf("%s/%s", a->resource, a->subresource) : xstrdup(a->resource);
	AUTO_FREE char *where = *a->ns ? xasprintf("in the namespace \"%s\"", a->ns) : xstrdup("at the cluster scope");
	return status_forbidden(a->group, a->resource, a->name, "User \"%s\" cannot %s resource \"%s\" in API group \"%s\" %s%s",
				u->name, a->verb, resource, a->group, where, why);
}

json_t *api_authorize(struct req *q)
{
	struct auth_attributes a = api_attributes(q);
	AUTO_STR reason = STR_INIT;
	bool allowed = api_user_may(q->api, &q->user, &a, q->audit ? &reason : NULL);
	request_count_authorized(q, allowed);
	if (q->audit) {
		req_annotate(q, "authorization.k8s.io/decision", allowed ? "allow" : "forbid");
		req_annotate(q, "authorization.k8s.io/reason", str_text(&reason));
	}
	if (allowed)
		return NULL;
	if (!q->audit)
		api_user_may(q->api, &q->user, &a, &reason);
	return api_forbidden(&q->user, &a, str_text(&reason));
}
