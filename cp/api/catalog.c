/* The catalog. Purpose: one list behind legacy discovery, aggregated discovery and OpenAPI. Happy path: the schema's
 * kinds, stored or not. Nothing fails. */
#include "cp/api/catalog.h"

#include <stdlib.h>
#include <string.h>

#include "api/version.h"
#include "base/mem.h"
#include "base/str.h"

static const char *const group_order[] = {
    "apiregistration.k8s.io",
    "apps",
    "events.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "storage.k8s.io",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "scheduling.k8s.io",
    "coordination.k8s.io",
    "node.k8s.io",
    "discovery.k8s.io",
    "resource.k8s.io",
    "flowcontrol.apiserver.k8s.io",
};

struct sub_info catalog_sub(const struct kind *k, const char *sub)
{
	static const struct {
		const char *plural, *sub; /* NULL plural: any */
		struct sub_info info;
	} table[] = {
	    {NULL, "status", {NULL, NULL, NULL, "get patch update"}},
	    {NULL, "scale", {"autoscaling", "v1", "Scale", "get patch update"}},
	    {"pods", "attach", {NULL, NULL, "PodAttachOptions", "create get"}},
	    {"pods", "binding", {NULL, NULL, "Binding", "create"}},
	    {"pods", "eviction", {"policy", "v1", "Eviction", "create"}},
	    {"pods", "exec", {NULL, NULL, "PodExecOptions", "create get"}},
	    {"pods", "log", {NULL, NULL, NULL, "get"}},
	    {"pods", "portforward", {NULL, NULL, "PodPortForwardOptions", "create get"}},
	    {"pods", "proxy", {NULL, NULL, "PodProxyOptions", "create delete get patch update"}},
	    {"services", "proxy", {NULL, NULL, "ServiceProxyOptions", "create delete get patch update"}},
	    {"nodes", "proxy", {NULL, NULL, "NodeProxyOptions", "create delete get patch update"}},
	    {"serviceaccounts", "token", {"authentication.k8s.io", "v1", "TokenRequest", "create"}},
	    {"namespaces", "finalize", {NULL, NULL, NULL, "update"}},
	};
	struct sub_info info = {NULL, NULL, NULL, "get patch update"};
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (strcmp(table[i].sub, sub) == 0 && (!table[i].plural || strcmp(table[i].plural, k->plural) == 0))
			info = table[i].info;
	if (!info.kind)
		info.kind = k->kind;
	return info;
}

static int compare_plural(const void *a, const void *b)
{
	return strcmp((*(const struct kind *const *)a)->plural, (*(const struct kind *const *)b)->plural);
}

const struct kind **catalog_kinds(const struct schema *s, const char *group, const char *version)
{
	const struct kind **v = NULL, *k;
	size_t n = 0;
	for (size_t i = 0; (k = schema_kind_nth(s, i)); i++) {
		if (!k->plural || strcmp(k->group, group) != 0 || strcmp(k->version, version) != 0)
			continue;
		v = xreallocarray(v, n + 2, sizeof(*v));
		v[n++] = k;
	}
	v = xreallocarray(v, n + 1, sizeof(*v));
	v[n] = NULL;
	qsort(v, n, sizeof(*v), compare_plural);
	return v;
}

static int compare_versions(const void *a, const void *b)
{
	return version_compare(*(char *const *)a, *(char *const *)b);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char **catalog_versions(const struct schema *s, const char *group)
{
	char **v = NULL;
	const struct kind *k;
	for (size_t i = 0; (k = schema_kind_nth(s, i)); i++)
		if (strcmp(k->group, group) == 0 && !strv_has(v, k->version))
			strv_add(&v, k->version);
	if (v)
		qsort(v, strv_len(v), sizeof(*v), compare_versions);
	return v;
}

char **catalog_groups(const struct schema *s)
{
	char **present = NULL, **v = NULL;
	const struct kind *k;
	for (size_t i = 0; (k = schema_kind_nth(s, i)); i++)
		if (*k->group && !strv_has(present, k->group))
			strv_add(&present, k->group);
	for (size_t i = 0; i < ARRAY_LEN(group_order); i++)
		if (strv_has(present, group_order[i]))
			strv_add(&v, group_order[i]);
	/* Groups of CustomResourceDefinitions follow, by name. */
	if (present)
		qsort(present, strv_len(present), sizeof(*present), compare_names);
	for (size_t i = 0; present && present[i]; i++)
		if (!strv_has(v, present[i]))
			strv_add(&v, present[i]);
	free_strv(&present);
	return v;
}

bool catalog_is_built_in(const char *group)
{
	for (size_t i = 0; i < ARRAY_LEN(group_order); i++)
		if (strcmp(group_order[i], group) == 0)
			return true;
	return !*group;
}
