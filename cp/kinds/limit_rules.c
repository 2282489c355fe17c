/* Rules of limit ranges: what they default to, and which bounds fit each other. Nothing fails; what is wrong is noted. */
#include <stdlib.h>
#include <string.h>

#include "api/names.h"
#include "api/quantity.h"
#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/resource_name.h"

/* The five amounts of one resource in an item; NULL: none. */
struct amounts {
	const char *at, *name; /* the item's path, the resource */
	const json_t *min, *max, *request, *limit, *ratio;
};

static const char *text_of(const json_t *amount)
{
	return json_string_value(amount);
}

static bool above(const json_t *a, const json_t *b)
{
	return a && b && quantity_compare(text_of(a), text_of(b)) > 0;
}

/* Reports at member that low, which is called so, is above high. */
static void too_high(const struct amounts *a, const char *member, const json_t *shown, const char *low_name, const json_t *low,
		     const char *high_name, const json_t *high, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	if (above(low, high))
		field_invalid(errors, FIELD_PATH(p, "%s.%s[%s]", a->at, member, a->name), shown, "%s value %s is greater than %s value %s",
			      low_name, text_of(low), high_name, text_of(high));
}

/* How far a limit may be above its request: by less than all bounds allow. */
static void validate_ratio(const struct amounts *a, struct field_errors *errors)
{
	int64_t ratio = 0, low = 0, high = 0;
	char p[FIELD_PATH_MAX];
	if (!a->ratio)
		return;
	FIELD_PATH(p, "%s.maxLimitRequestRatio[%s]", a->at, a->name);
	if (quantity_compare(text_of(a->ratio), "1") < 0)
		field_invalid(errors, p, a->ratio, "ratio %s is less than 1", text_of(a->ratio));
	if (!a->min || !a->max || quantity_parse_milli(text_of(a->ratio), &ratio) < 0 ||
	    quantity_parse_milli(text_of(a->min), &low) < 0 || quantity_parse_milli(text_of(a->max), &high) < 0 || low <= 0)
		return;
	double bound = (double)high / (double)low;
	if ((double)ratio / 1000 > bound)
		field_invalid(errors, p, a->ratio, "ratio %s is greater than max/min = %f", text_of(a->ratio), bound);
}

static void validate_amounts(const struct amounts *a, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	too_high(a, "min", a->min, "min", a->min, "max", a->max, errors);
	too_high(a, "defaultRequest", a->request, "min", a->min, "default request", a->request, errors);
	too_high(a, "defaultRequest", a->request, "default request", a->request, "max", a->max, errors);
	too_high(a, "defaultRequest", a->request, "default request", a->request, "default limit", a->limit, errors);
	too_high(a, "default", a->min, "min", a->min, "default", a->limit, errors);
	too_high(a, "default", a->max, "default", a->limit, "max", a->max, errors);
	validate_ratio(a, errors);
	/* Resources that cannot be promised twice are requested as they are limited. */
	if (a->limit && a->request && !resource_name_may_overcommit(a->name) &&
	    quantity_compare(text_of(a->limit), text_of(a->request)) != 0)
		field_invalid(errors, FIELD_PATH(p, "%s.defaultRequest[%s]", a->at, a->name), a->request,
			      "default value %s must equal to defaultRequest value %s in %s", text_of(a->limit), text_of(a->request), a->name);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Each resource that the item names, in order. */
static void validate_resources(const json_t *limit, const char *at, struct field_errors *errors)
{
	static const char *const maps[] = { "max", "min", "default", "defaultRequest", "maxLimitRequestRatio" };
	bool pod = str_eq(json_str_at(limit, "type"), "Pod");
	AUTO_STRV char **names = NULL;
	const char *name;
	json_t *v;
	for (size_t i = 0; i < ARRAY_LEN(maps); i++)
		json_object_foreach(json_object_get(limit, maps[i]), name, v)
			if (!strv_has(names, name))
				strv_add(&names, name);
	if (names)
		qsort(names, strv_len(names), sizeof(*names), by_text);
	for (size_t i = 0; names && names[i]; i++) {
		struct amounts a = { .at = at, .name = names[i] };
		a.min = json_object_get(json_object_get(limit, "min"), names[i]);
		a.max = json_object_get(json_object_get(limit, "max"), names[i]);
		a.request = pod ? NULL : json_object_get(json_object_get(limit, "defaultRequest"), names[i]);
		a.limit = pod ? NULL : json_object_get(json_object_get(limit, "default"), names[i]);
		a.ratio = json_object_get(json_object_get(limit, "maxLimitRequestRatio"), names[i]);
		validate_amounts(&a, errors);
	}
}

/* What containers and pods are limited by is more than what other kinds are. */
static void validate_names(const json_t *limit, const char *at, const char *map, struct field_errors *errors)
{
	const char *type = json_str_or(limit, "type", ""), *name;
	bool of_pods = !strcmp(type, "Pod") || !strcmp(type, "Container");
	char p[FIELD_PATH_MAX];
	json_t *v;
	json_object_foreach(json_object_get(limit, map), name, v) {
		FIELD_PATH(p, "%s.%s[%s]", at, map, name);
		if (of_pods)
			resource_name_validate_container(name, p, errors);
		else
			resource_name_validate(name, p, errors);
	}
}

static void validate_limit(const json_t *limit, const char *at, struct field_errors *errors)
{
	static const char *const defaults[] = { "default", "defaultRequest" };
	char p[FIELD_PATH_MAX];
	const char *type = json_str_or(limit, "type", "");
	bool pod = !strcmp(type, "Pod");
	validate_names(limit, at, "max", errors);
	validate_names(limit, at, "min", errors);
	for (size_t i = 0; i < ARRAY_LEN(defaults); i++) {
		if (pod && json_object_size(json_object_get(limit, defaults[i])))
			field_forbidden(errors, FIELD_PATH(p, "%s.%s", at, defaults[i]), "may not be specified when `type` is 'Pod'");
		else
			validate_names(limit, at, defaults[i], errors);
	}
	if (!strcmp(type, "PersistentVolumeClaim") && !json_object_get(json_object_get(limit, "min"), "storage") &&
	    !json_object_get(json_object_get(limit, "max"), "storage"))
		field_required(errors, FIELD_PATH(p, "%s.limits", at),
			       "either minimum or maximum storage value is required, but neither was provided");
	validate_names(limit, at, "maxLimitRequestRatio", errors);
	validate_resources(limit, at, errors);
}

static void validate_type(const json_t *type, const char *path, struct field_errors *errors)
{
	static const char *const types[] = { "Container", "Pod", "PersistentVolumeClaim", NULL };
	const char *text = json_string_value(type) ? json_string_value(type) : "", *rules[NAME_CHECK_MAX];
	validate_name(text, path, name_check_qualified, errors);
	if (!name_check_qualified_all(text, rules) && !strchr(text, '/') && !strv_has((char *const *)types, text))
		field_invalid(errors, path, type, "must be a standard limit type or fully qualified");
}

static void limits_validate(const json_t *range, const json_t *old, struct field_errors *errors)
{
	AUTO_MAP *seen = map_new(NULL);
	char at[FIELD_PATH_MAX], p[FIELD_PATH_MAX];
	json_t *limit;
	size_t i;
	(void)old;
	json_array_foreach(json_at(range, "spec.limits"), i, limit) {
		const json_t *type = json_object_get(limit, "type");
		const char *text = json_str_or(limit, "type", "");
		FIELD_PATH(at, "spec.limits[%zu]", i);
		FIELD_PATH(p, "%s.type", at);
		validate_type(type, p, errors);
		if (map_has(seen, text))
			field_duplicate(errors, p, type);
		map_set(seen, text, limit);
		validate_limit(limit, at, errors);
	}
}

/* What to has not, from has. */
static void fill(json_t *limit, const char *to, const char *from)
{
	const char *name;
	json_t *v;
	json_object_foreach(json_object_get(limit, from), name, v)
		if (!json_object_get(json_object_get(limit, to), name))
			json_object_set(json_object_at(limit, to), name, v);
}

/* Containers get the most for a limit, the limit for a request, else the least. */
static void limits_set_defaults(json_t *range, const json_t *old)
{
	json_t *limit;
	size_t i;
	(void)old;
	json_array_foreach(json_at(range, "spec.limits"), i, limit) {
		if (!str_eq(json_str_at(limit, "type"), "Container"))
			continue;
		fill(limit, "default", "max");
		fill(limit, "defaultRequest", "default");
		fill(limit, "defaultRequest", "min");
	}
}

const struct kind_ops limitrange_ops = { .group = "", .kind = "LimitRange", .set_defaults = limits_set_defaults, .validate = limits_validate };
