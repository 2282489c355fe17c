/* Rules of limit ranges. */
#include <string.h>

#include "api/quantity.h"
#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/resource_name.h"

/* Reports, at low's place, that one bound is above another. */
static void validate_order(const json_t *limit, const char *at, const char *low, const char *high, const char *shown,
			   const char *fmt, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	const char *name;
	json_t *v;
	json_object_foreach(json_object_get(limit, low), name, v) {
		const char *a = json_string_value(v), *b = json_member(json_object_get(limit, high), name);
		if (!a || !b || quantity_compare(a, b) <= 0)
			continue;
		AUTO_FREE char *key = xasprintf("%s.%s[%s]", at, shown, name);
		AUTO_FREE char *text = xasprintf("%s value %s is greater than %s value %s", fmt, a,
						 !strcmp(high, "defaultRequest") ? "default request"
						 : !strcmp(high, "default") && !strcmp(low, "defaultRequest") ? "default limit"
													      : high, b);
		field_invalid(errors, FIELD_PATH(p, "%s", key), json_object_get(json_object_get(limit, shown), name), "%s", text);
	}
}

/* What containers and pods are limited by is more than what other kinds are. */
static void validate_limit_names(const json_t *limit, const char *at, struct field_errors *errors)
{
	static const char *const maps[] = { "max", "min", "default", "defaultRequest", "maxLimitRequestRatio" };
	const char *type = json_str_or(limit, "type", ""), *name;
	bool of_pods = !strcmp(type, "Pod") || !strcmp(type, "Container");
	char p[FIELD_PATH_MAX];
	json_t *v;
	for (size_t i = 0; i < ARRAY_LEN(maps); i++) {
		bool forbidden = !strcmp(type, "Pod") && str_has_prefix(maps[i], "default");
		json_object_foreach(forbidden ? NULL : json_object_get(limit, maps[i]), name, v) {
			FIELD_PATH(p, "%s.%s[%s]", at, maps[i], name);
			if (of_pods)
				resource_name_validate_container(name, p, errors);
			else
				resource_name_validate(name, p, errors);
		}
	}
}

/* How far a limit may be above its request: by less than all bounds allow. */
static void validate_ratio(const json_t *limit, const char *at, const char *name, const json_t *v, struct field_errors *errors)
{
	const char *text = json_string_value(v), *min = json_member(json_object_get(limit, "min"), name),
		   *max = json_member(json_object_get(limit, "max"), name);
	int64_t ratio = 0, low = 0, high = 0;
	char p[FIELD_PATH_MAX];
	FIELD_PATH(p, "%s.maxLimitRequestRatio[%s]", at, name);
	if (quantity_compare(text, "1") < 0)
		field_invalid(errors, p, v, "ratio %s is less than 1", text);
	if (!min || !max || quantity_parse_milli(text, &ratio) < 0 || quantity_parse_milli(min, &low) < 0 ||
	    quantity_parse_milli(max, &high) < 0 || low <= 0)
		return;
	double bound = (double)high / (double)low;
	if ((double)ratio / 1000 > bound)
		field_invalid(errors, p, v, "ratio %s is greater than max/min = %f", text, bound);
}

/* Resources that cannot be promised twice are requested as they are limited. */
static void validate_overcommit(const json_t *limit, const char *at, const char *name, const json_t *v, struct field_errors *errors)
{
	const json_t *request = json_object_get(json_object_get(limit, "defaultRequest"), name);
	const char *text = json_string_value(v), *requested = json_string_value(request);
	char p[FIELD_PATH_MAX];
	if (requested && !resource_name_may_overcommit(name) && quantity_compare(requested, text) != 0)
		field_invalid(errors, FIELD_PATH(p, "%s.defaultRequest[%s]", at, name), request, "default request %s must equal to default limit %s",
			      requested, text);
}

static void validate_limit(const json_t *limit, const char *at, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	static const char *const no[] = { "default", "defaultRequest" };
	const char *type = json_str_or(limit, "type", ""), *name;
	json_t *v;
	validate_limit_names(limit, at, errors);
	for (size_t i = 0; !strcmp(type, "Pod") && i < ARRAY_LEN(no); i++)
		if (json_object_size(json_object_get(limit, no[i])))
			field_forbidden(errors, FIELD_PATH(p, "%s.%s", at, no[i]), "may not be specified when `type` is 'Pod'");
	if (!strcmp(type, "PersistentVolumeClaim") && !json_object_get(json_object_get(limit, "min"), "storage") &&
	    !json_object_get(json_object_get(limit, "max"), "storage"))
		field_required(errors, FIELD_PATH(p, "%s.limits", at),
			       "either minimum or maximum storage value is required, but neither was provided");
	validate_order(limit, at, "min", "max", "min", "min", errors);
	validate_order(limit, at, "min", "defaultRequest", "defaultRequest", "min", errors);
	validate_order(limit, at, "defaultRequest", "max", "defaultRequest", "default request", errors);
	validate_order(limit, at, "defaultRequest", "default", "defaultRequest", "default request", errors);
	validate_order(limit, at, "min", "default", "default", "min", errors);
	validate_order(limit, at, "default", "max", "default", "default", errors);
	json_object_foreach(json_object_get(limit, "maxLimitRequestRatio"), name, v)
		validate_ratio(limit, at, name, v, errors);
	json_object_foreach(json_object_get(limit, "default"), name, v)
		validate_overcommit(limit, at, name, v, errors);
}

static void limits_validate(const json_t *range, const json_t *old, struct field_errors *errors)
{
	static const char *const types[] = { "Container", "Pod", "PersistentVolumeClaim", NULL };
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
		if (*text && !strchr(text, '/') && !strv_has((char *const *)types, text))
			field_invalid(errors, p, type, "must be a standard limit type or fully qualified");
		if (*text && map_has(seen, text))
			field_duplicate(errors, p, type);
		map_set(seen, text, limit);
		validate_limit(limit, at, errors);
	}
}

const struct kind_ops limitrange_ops = { .group = "", .kind = "LimitRange", .validate = limits_validate };
