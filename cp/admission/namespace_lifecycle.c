/* NamespaceLifecycle. Purpose: content needs a namespace that exists and stays. Happy path: the namespace is in the cache
 * and is not on its way out. A missing one is 404, a terminating one takes nothing new (403), and those that a cluster
 * cannot do without cannot be deleted (403). */
#include <string.h>

#include "base/mem.h"
#include "cp/admission/plugin.h"

static json_t *check_deletion(const struct admit *a)
{
	static const char *const kept[] = { "default", "kube-system", "kube-public", NULL };
	if (admit_is_kind(a, "", "Namespace") && strv_has((char *const *)kept, a->name))
		return status_forbidden("", "namespaces", a->name, "this namespace may not be deleted");
	return NULL;
}

static json_t *terminating(const struct admit *a)
{
	json_t *s = admit_forbidden(a, "unable to create new content in namespace %s because it is being terminated", a->ns);
	AUTO_FREE char *why = xasprintf("namespace %s is being terminated", a->ns);
	status_add_cause(s, "NamespaceTerminating", why, "metadata.namespace");
	return s;
}

static json_t *mutate(struct admit *a)
{
	if (a->op == ADMIT_DELETE)
		return check_deletion(a);
	struct bucket *b = admission_bucket(a->n, "", "v1", "namespaces");
	if (!a->kind->namespaced || !b)
		return NULL;
	struct cobj *o = bucket_get(b, "", a->ns);
	if (!o)
		return status_not_found("", "namespaces", a->ns);
	return a->op == ADMIT_CREATE && o->deleting ? terminating(a) : NULL;
}

const struct admit_plugin namespace_lifecycle_plugin = {
	.name = "NamespaceLifecycle",
	.ops = ADMIT_CREATE | ADMIT_UPDATE | ADMIT_DELETE,
	.subresources = true,
	.mutate = mutate,
};
