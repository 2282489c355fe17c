/* Rules of quotas and limit ranges. */
#include <string.h>

#include "api/names.h"
#include "api/quantity.h"
#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"

/* --- quotas ----------------------------------------------------------------------------------------------------------- */

static const char *const quota_resources[] = {
	"cpu", "memory", "ephemeral-storage", "requests.cpu", "requests.memory", "requests.storage", "requests.ephemeral-storage",
	"limits.cpu", "limits.memory", "limits.ephemeral-storage", "pods", "resourcequotas", "services", "replicationcontrollers",
	"secrets", "configmaps", "persistentvolumeclaims", "services.nodeports", "services.loadbalancers", NULL };
static const char *const counted[] = { "pods", "resourcequotas", "services", "replicationcontrollers", "secrets", "configmaps",
				       "persistentvolumeclaims", "services.nodeports", "services.loadbalancers", NULL };
static const char *const scopes[] = { "Terminating", "NotTerminating", "BestEffort", "NotBestEffort", "PriorityClass",
				      "CrossNamespacePodAffinity", "VolumeAttributesClass", NULL };

static bool is_in(const char *const *words, const char *word)
{
	return strv_has((char *const *)words, word);
}

static bool is_huge_page(const char *name)
{
	return str_has_prefix(name, "hugepages-") || str_has_prefix(name, "requests.hugepages-");
}

static void validate_resource_name(const char *name, const char *path, struct field_errors *errors)
{
	AUTO_JSON *v = json_string(name);
	validate_name(name, path, name_check_qualified, errors);
	if (strchr(name, '/') || is_huge_page(name) || is_in(quota_resources, name))
		return;
	if (strcmp(name, "storage"))
		field_invalid(errors, path, v, "must be a standard resource type or fully qualified");
	field_invalid(errors, path, v, "must be a standard resource for quota");
}

static void validate_amount(const char *name, const json_t *v, const char *path, struct field_errors *errors)
{
	int64_t milli = 0;
	if (!json_is_string(v) || quantity_parse_milli(json_string_value(v), &milli) < 0)
		return;
	if (milli < 0)
		field_invalid(errors, path, v, "must be greater than or equal to 0");
	if (milli % 1000 && (is_in(counted, name) || str_has_prefix(name, "count/")))
		field_invalid(errors, path, v, "must be an integer");
}

/* What a scope selects pods by says nothing of other things. */
static bool fits_scope(const char *scope, const char *resource)
{
	if (!is_in(quota_resources, resource))
		return true;
	if (!strcmp(scope, "BestEffort"))
		return !strcmp(resource, "pods");
	if (!strcmp(scope, "VolumeAttributesClass"))
		return !strcmp(resource, "persistentvolumeclaims") || !strcmp(resource, "requests.storage");
	return !strcmp(resource, "pods") || strstr(resource, "cpu") || strstr(resource, "memory") || strstr(resource, "ephemeral-storage");
}

static bool holds(const json_t *list, const char *word)
{
	json_t *v;
	size_t i;
	json_array_foreach(list, i, v)
		if (str_eq(json_string_value(v), word))
			return true;
	return false;
}

static void validate_scopes(const json_t *spec, struct field_errors *errors)
{
	static const char *const pairs[][2] = { { "BestEffort", "NotBestEffort" }, { "Terminating", "NotTerminating" } };
	const json_t *list = json_object_get(spec, "scopes");
	json_t *scope, *amount;
	const char *resource;
	size_t i;
	json_array_foreach(list, i, scope) {
		const char *text = json_string_value(scope);
		if (!is_in(scopes, text)) {
			field_invalid(errors, "spec.scopes", list, "unsupported scope");
			continue;
		}
		json_object_foreach(json_object_get(spec, "hard"), resource, amount)
			if (!fits_scope(text, resource))
				field_invalid(errors, "spec.scopes", list, "unsupported scope applied to resource");
	}
	for (size_t p = 0; p < ARRAY_LEN(pairs); p++)
		if (holds(list, pairs[p][0]) && holds(list, pairs[p][1]))
			field_invalid(errors, "spec.scopes", list, "conflicting scopes");
}

static void validate_hard(const json_t *quota, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	const char *name;
	json_t *amount;
	json_object_foreach(json_at(quota, path), name, amount) {
		FIELD_PATH(p, "%s[%s]", path, name);
		validate_resource_name(name, p, errors);
		validate_amount(name, amount, p, errors);
	}
}

static void quota_validate(const json_t *quota, const json_t *old, struct field_errors *errors)
{
	validate_hard(quota, "spec.hard", errors);
	validate_scopes(json_object_get(quota, "spec"), errors);
	if (old)
		validate_immutable(quota, old, "spec.scopes", errors);
}

static void quota_validate_status(const json_t *quota, const json_t *old, struct field_errors *errors)
{
	(void)old;
	validate_hard(quota, "status.hard", errors);
	validate_hard(quota, "status.used", errors);
}

const struct kind_ops resourcequota_ops = {
	.group = "", .kind = "ResourceQuota", .prepare_create = kind_empty_status, .prepare_update = kind_keep_status,
	.prepare_status = kind_keep_spec, .validate = quota_validate, .validate_status = quota_validate_status, .has_status = true,
};

/* --- limit ranges ------------------------------------------------------------------------------------------------------ */

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

static void validate_limit(const json_t *limit, const char *at, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	static const char *const no[] = { "default", "defaultRequest" };
	const char *type = json_str_or(limit, "type", ""), *name;
	json_t *v;
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
		if (quantity_compare(json_string_value(v), "1") < 0)
			field_invalid(errors, FIELD_PATH(p, "%s.maxLimitRequestRatio[%s]", at, name), v, "ratio %s is less than 1",
				      json_string_value(v));
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
		if (*text && !strchr(text, '/') && !is_in(types, text))
			field_invalid(errors, p, type, "must be a standard limit type or fully qualified");
		if (*text && map_has(seen, text))
			field_duplicate(errors, p, type);
		map_set(seen, text, limit);
		validate_limit(limit, at, errors);
	}
}

const struct kind_ops limitrange_ops = { .group = "", .kind = "LimitRange", .validate = limits_validate };
