/* Resources of a whole pod. Purpose: one number a resource, for limits, quotas and whoever counts. Happy path: containers
 * add up; init containers run one after the other beside the sidecars that were started before them. Nothing fails: what
 * is not a quantity does not get here. */
#include "cp/kinds/pod_resources.h"

#include <string.h>

#include "api/quantity.h"
#include "base/json.h"

static void resource_list_add(json_t *to, const json_t *from)
{
	const char *name;
	json_t *v;
	if (!json_is_object(from))
		return;
	json_object_foreach((json_t *)from, name, v)
	{
		const char *before = json_member(to, name);
		AUTO_FREE char *sum = before ? quantity_add(before, json_string_value(v)) : xstrdup(json_string_value(v));
		json_object_set_new(to, name, json_string(sum));
	}
}

/* Sums and maxima of lists of quantities, in place. from may be NULL. */
static void resource_list_max(json_t *to, const json_t *from)
{
	const char *name;
	json_t *v;
	if (!json_is_object(from))
		return;
	json_object_foreach((json_t *)from, name, v)
	{
		const char *before = json_member(to, name);
		if (!before || quantity_compare(before, json_string_value(v)) < 0)
			json_object_set(to, name, v);
	}
}

static const json_t *of(const json_t *holder, const char *which)
{
	return json_object_get(json_object_get(holder, "resources"), which);
}

static void add_overhead(json_t *sum, const json_t *overhead, bool everywhere)
{
	const char *name;
	json_t *v;
	if (everywhere) {
		resource_list_add(sum, overhead);
		return;
	}
	if (!json_is_object(overhead))
		return;
	json_object_foreach((json_t *)overhead, name, v)
	{
		if (!json_object_get(sum, name))
			continue;
		AUTO_JSON *one = json_pack("{s:O}", name, v);
		resource_list_add(sum, one);
	}
}

static bool is_pod_level(const char *name)
{
	return strcmp(name, "cpu") == 0 || strcmp(name, "memory") == 0 || str_has_prefix(name, "hugepages-");
}

json_t *pod_resources(const json_t *pod_spec, const char *which, bool overhead)
{
	json_t *sum = json_object(), *c, *v;
	AUTO_JSON *sidecars = json_object(), *before = json_object();
	const char *name;
	size_t i;
	json_array_foreach(json_object_get(pod_spec, "containers"), i, c) resource_list_add(sum, of(c, which));
	json_array_foreach(json_object_get(pod_spec, "initContainers"), i, c)
	{
		if (str_eq(json_str_at(c, "restartPolicy"), "Always")) {
			resource_list_add(sum, of(c, which));
			resource_list_add(sidecars, of(c, which));
			resource_list_max(before, sidecars);
		} else {
			AUTO_JSON *now = json_clone(sidecars);
			resource_list_add(now, of(c, which));
			resource_list_max(before, now);
		}
	}
	resource_list_max(sum, before);
	json_t *own = (json_t *)of(pod_spec, which);
	if (json_is_object(own))
		json_object_foreach(own, name, v)
		{
			if (is_pod_level(name))
				json_object_set(sum, name, v);
		}
	if (overhead)
		add_overhead(sum, json_object_get(pod_spec, "overhead"), strcmp(which, "requests") == 0);
	return sum;
}
