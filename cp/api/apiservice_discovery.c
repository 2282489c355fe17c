/* What discovery shows of extension servers. Purpose: their groups and resources stand beside ours. Happy path: what each said of its
 * resources, in the aggregated form, in order of the priorities that their APIServices have. Nothing fails. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/api/apiservice_internal.h"

static int by_priority(const void *a, const void *b)
{
	const struct apiservice *x = *(struct apiservice *const *)a, *y = *(struct apiservice *const *)b;
	int c = y->group_priority - x->group_priority;
	if (!c)
		c = strcmp(x->group, y->group);
	return c ? c : y->version_priority - x->version_priority;
}

struct apiservice *apiservices_nth(const struct apiservices *s, size_t n)
{
	size_t at = 0, i = 0, count = s ? map_len(s->remote) : 0;
	const char *key;
	struct apiservice *v;
	if (n >= count)
		return NULL;
	AUTO_FREE struct apiservice **all = xcalloc(count, sizeof(*all));
	while (map_next(s->remote, &at, &key, &v))
		all[i++] = v;
	qsort(all, count, sizeof(*all), by_priority);
	return all[n];
}

static json_t *response_kind(const struct apiservice *v, const json_t *resource)
{
	return json_pack("{s:s,s:s,s:s}", "group", json_str_or(resource, "group", v->group), "version",
			 json_str_or(resource, "version", v->version), "kind", json_str_or(resource, "kind", ""));
}

static json_t *aggregate(const struct apiservice *v, const json_t *r)
{
	static const char *const copied[] = {"shortNames", "categories", "verbs"};
	json_t *out = json_pack("{s:s,s:o,s:s,s:s}", "resource", json_str_or(r, "name", ""), "responseKind",
				response_kind(v, r), "scope", json_bool_at(r, "namespaced", false) ? "Namespaced" : "Cluster",
				"singularResource", json_str_or(r, "singularName", ""));
	for (size_t i = 0; i < ARRAY_LEN(copied); i++)
		if (json_array_size(json_object_get(r, copied[i])))
			json_object_set(out, copied[i], json_object_get(r, copied[i]));
	return out;
}

/* A subresource stands with its resource, which came before. */
static void add_sub(const struct apiservice *v, json_t *list, const json_t *r)
{
	const char *name = json_str_or(r, "name", ""), *slash = strchr(name, '/');
	size_t i;
	json_t *parent;
	json_array_foreach(list, i, parent)
	{
		const char *resource = json_str_or(parent, "resource", "");
		if (strlen(resource) != (size_t)(slash - name) || strncmp(resource, name, strlen(resource)) != 0)
			continue;
		json_t *sub = json_pack("{s:s,s:o}", "subresource", slash + 1, "responseKind", response_kind(v, r));
		if (json_object_get(r, "verbs"))
			json_object_set(sub, "verbs", json_object_get(r, "verbs"));
		json_array_append_new(json_array_at(parent, "subresources"), sub);
	}
}

json_t *apiservice_discovery(const struct apiservice *v)
{
	json_t *list = json_array(), *r;
	size_t i;
	json_array_foreach(v->resources, i, r) if (!strchr(json_str_or(r, "name", "/"), '/'))
	    json_array_append_new(list, aggregate(v, r));
	json_array_foreach(v->resources, i, r) if (strchr(json_str_or(r, "name", ""), '/')) add_sub(v, list, r);
	return list;
}
