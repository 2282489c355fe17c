/* Limits. Purpose: the arithmetic of LimitRange. Happy path: each kind of bound (min, max, ratio) is a row with its test.
 * Resources are looked at in the order of their names. Nothing fails: what is wrong is a text. */
#include "cp/admission/limit_plan.h"

#include <stdlib.h>
#include <string.h>

#include "api/quantity.h"
#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/pod_resources.h"

#define ANNOTATION "kubernetes.io/limit-ranger"

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The keys of an object in order; owned vector. */
static char **sorted_keys(const json_t *o)
{
	char **keys = NULL;
	const char *key;
	json_t *v;
	if (json_is_object(o))
		json_object_foreach((json_t *)o, key, v) strv_add(&keys, key);
	if (keys)
		qsort(keys, strv_len(keys), sizeof(*keys), by_text);
	return keys;
}

/* --- defaults ----------------------------------------------------------------------------------------------------- */

/* "cpu, memory request for container c", NULL when nothing was missing. */
static char *fill(json_t *container, const char *list, const json_t *defaults, const char *word, const char *what)
{
	AUTO_STRV char **set = NULL;
	const char *key;
	json_t *v;
	if (!json_object_size(defaults))
		return NULL;
	json_t *to = json_object_at(json_object_at(container, "resources"), list);
	json_object_foreach((json_t *)defaults, key, v)
	{
		if (json_object_get(to, key))
			continue;
		json_object_set(to, key, v);
		strv_add(&set, key);
	}
	if (!set)
		return NULL;
	qsort(set, strv_len(set), sizeof(*set), by_text);
	AUTO_FREE char *names = str_join(set, ", ");
	return xasprintf("%s %s for %s %s", names, word, what, json_str_or(container, "name", ""));
}

static void collect_defaults(const json_t *limit_range, json_t *requests, json_t *limits)
{
	size_t i;
	json_t *l;
	json_array_foreach(json_at(limit_range, "spec.limits"), i, l)
	{
		if (!str_eq(json_str_at(l, "type"), "Container"))
			continue;
		if (json_object_get(l, "defaultRequest"))
			json_object_update(requests, json_object_get(l, "defaultRequest"));
		if (json_object_get(l, "default"))
			json_object_update(limits, json_object_get(l, "default"));
	}
}

void limit_plan_defaults(json_t *pod, const json_t *limit_range)
{
	static const struct {
		const char *list, *word;
	} lists[] = { { "spec.containers", "container" }, { "spec.initContainers", "init container" } };
	AUTO_JSON *requests = json_object(), *limits = json_object();
	AUTO_STRV char **notes = NULL;
	size_t i;
	json_t *c;
	collect_defaults(limit_range, requests, limits);
	for (size_t l = 0; l < ARRAY_LEN(lists); l++)
		json_array_foreach(json_at(pod, lists[l].list), i, c)
		{
			AUTO_FREE char *r = fill(c, "requests", requests, "request", lists[l].word);
			AUTO_FREE char *m = fill(c, "limits", limits, "limit", lists[l].word);
			if (r)
				strv_add(&notes, r);
			if (m)
				strv_add(&notes, m);
		}
	if (!notes)
		return;
	AUTO_FREE char *all = str_join(notes, "; ");
	AUTO_FREE char *text = xasprintf("LimitRanger plugin set: %s", all);
	json_object_set_new(json_object_at(pod, "metadata.annotations"), ANNOTATION, json_string(text));
}

/* --- bounds ------------------------------------------------------------------------------------------------------- */

/* One bound on one resource. */
struct bound {
	const char *type, *resource, *enforced;
	const char *request, *limit; /* NULL: none */
};

static char *check_min(const struct bound *b)
{
	if (!b->request)
		return xasprintf("minimum %s usage per %s is %s.  No request is specified", b->resource, b->type, b->enforced);
	if (quantity_compare(b->request, b->enforced) < 0)
		return xasprintf("minimum %s usage per %s is %s, but request is %s", b->resource, b->type, b->enforced,
				 b->request);
	if (b->limit && quantity_compare(b->limit, b->enforced) < 0)
		return xasprintf("minimum %s usage per %s is %s, but limit is %s", b->resource, b->type, b->enforced, b->limit);
	return NULL;
}

static char *check_max(const struct bound *b)
{
	if (!b->limit)
		return xasprintf("maximum %s usage per %s is %s.  No limit is specified", b->resource, b->type, b->enforced);
	if (quantity_compare(b->limit, b->enforced) > 0)
		return xasprintf("maximum %s usage per %s is %s, but limit is %s", b->resource, b->type, b->enforced, b->limit);
	if (b->request && quantity_compare(b->request, b->enforced) > 0)
		return xasprintf("maximum %s usage per %s is %s, but request is %s", b->resource, b->type, b->enforced,
				 b->request);
	return NULL;
}

/* Claims have requests only. */
static char *check_max_request(const struct bound *b)
{
	if (!b->request)
		return xasprintf("maximum %s usage per %s is %s.  No request is specified", b->resource, b->type, b->enforced);
	if (quantity_compare(b->request, b->enforced) > 0)
		return xasprintf("maximum %s usage per %s is %s, but request is %s", b->resource, b->type, b->enforced,
				 b->request);
	return NULL;
}

static double amount(const char *text)
{
	int64_t milli = 0, whole = 0;
	quantity_parse_milli(text, &milli);
	quantity_parse(text, &whole);
	return milli == INT64_MAX ? (double)whole : (double)milli / 1000;
}

static char *check_ratio(const struct bound *b)
{
	if (!b->request || quantity_sign(b->request) == 0)
		return xasprintf("%s max limit to request ratio per %s is %s, but no request is specified or request is 0",
				 b->resource, b->type, b->enforced);
	if (!b->limit || quantity_sign(b->limit) == 0)
		return xasprintf("%s max limit to request ratio per %s is %s, but no limit is specified or limit is 0",
				 b->resource, b->type, b->enforced);
	double ratio = amount(b->limit) / amount(b->request);
	if (ratio > amount(b->enforced))
		return xasprintf("%s max limit to request ratio per %s is %s, but provided ratio is %f", b->resource, b->type,
				 b->enforced, ratio);
	return NULL;
}

static void apply_bounds(const json_t *item, const char *key, const json_t *requests, const json_t *limits,
			 char *(*check)(const struct bound *b), char ***ret)
{
	const json_t *bounds = json_object_get(item, key);
	AUTO_STRV char **names = sorted_keys(bounds);
	for (size_t i = 0; names && names[i]; i++) {
		struct bound b = { json_str_or(item, "type", ""), names[i], json_member(bounds, names[i]),
				   json_member(requests, names[i]), json_member(limits, names[i]) };
		AUTO_FREE char *why = check(&b);
		if (why && !strv_has(*ret, why))
			strv_add(ret, why);
	}
}

static void check_item(const json_t *item, const json_t *requests, const json_t *limits, char ***ret)
{
	apply_bounds(item, "min", requests, limits, check_min, ret);
	apply_bounds(item, "max", requests, limits, check_max, ret);
	apply_bounds(item, "maxLimitRequestRatio", requests, limits, check_ratio, ret);
}

void limit_plan_check_pod(const json_t *pod, const json_t *limit_range, char ***ret)
{
	static const char *const lists[] = { "spec.containers", "spec.initContainers" };
	const json_t *spec = json_object_get(pod, "spec");
	size_t i, k;
	json_t *item, *c;
	json_array_foreach(json_at(limit_range, "spec.limits"), i, item)
	{
		const char *type = json_str_or(item, "type", "");
		for (size_t l = 0; l < ARRAY_LEN(lists) && strcmp(type, "Container") == 0; l++)
			json_array_foreach(json_at(pod, lists[l]), k, c)
				check_item(item, json_at(c, "resources.requests"), json_at(c, "resources.limits"), ret);
		if (strcmp(type, "Pod") != 0)
			continue;
		AUTO_JSON *requests = pod_resources(spec, "requests", false), *limits = pod_resources(spec, "limits", false);
		check_item(item, requests, limits, ret);
	}
}

void limit_plan_check_claim(const json_t *claim, const json_t *limit_range, char ***ret)
{
	const json_t *requests = json_at(claim, "spec.resources.requests");
	size_t i;
	json_t *item;
	json_array_foreach(json_at(limit_range, "spec.limits"), i, item)
	{
		if (!str_eq(json_str_at(item, "type"), "PersistentVolumeClaim"))
			continue;
		apply_bounds(item, "min", requests, NULL, check_min, ret);
		apply_bounds(item, "max", requests, NULL, check_max_request, ret);
	}
}
