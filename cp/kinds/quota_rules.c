/* Rules of quotas. */
#include <string.h>

#include "api/names.h"
#include "api/quantity.h"
#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "cp/kinds/go_value.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/resource_name.h"

static const char *const quota_resources[] = {
	"cpu", "memory", "ephemeral-storage", "requests.cpu", "requests.memory", "requests.storage", "requests.ephemeral-storage",
	"limits.cpu", "limits.memory", "limits.ephemeral-storage", "pods", "resourcequotas", "services", "replicationcontrollers",
	"secrets", "configmaps", "persistentvolumeclaims", "services.nodeports", "services.loadbalancers", NULL };
static const char *const compute[] = { "pods", "cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory", NULL };
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

/* What a scope selects pods by says nothing of other things. */
static bool fits_scope(const char *scope, const char *resource)
{
	if (!is_in(quota_resources, resource))
		return true;
	if (!strcmp(scope, "BestEffort"))
		return !strcmp(resource, "pods");
	if (!strcmp(scope, "VolumeAttributesClass"))
		return !strcmp(resource, "persistentvolumeclaims") || !strcmp(resource, "requests.storage");
	return is_in(compute, resource);
}

/* Reports, at path, that a scope says nothing of some resource. */
static void validate_scope_fits(const json_t *spec, const char *scope, const char *path, const json_t *shown, struct field_errors *errors)
{
	json_t *amount;
	const char *resource;
	json_object_foreach(json_object_get(spec, "hard"), resource, amount)
		if (!fits_scope(scope, resource))
			field_invalid(errors, path, shown, "unsupported scope applied to resource");
}

static void validate_conflicts(const json_t *scope_names, const char *path, const json_t *shown, struct field_errors *errors)
{
	static const char *const pairs[][2] = { { "BestEffort", "NotBestEffort" }, { "Terminating", "NotTerminating" } };
	for (size_t p = 0; p < ARRAY_LEN(pairs); p++)
		if (json_has_text(scope_names, pairs[p][0]) && json_has_text(scope_names, pairs[p][1]))
			field_invalid(errors, path, shown, "conflicting scopes");
}

static void validate_scopes(const json_t *spec, struct field_errors *errors)
{
	const json_t *list = json_object_get(spec, "scopes");
	json_t *scope;
	size_t i;
	json_array_foreach(list, i, scope) {
		const char *text = json_string_value(scope);
		if (is_in(scopes, text))
			validate_scope_fits(spec, text, "spec.scopes", list, errors);
		else
			field_invalid(errors, "spec.scopes", list, "unsupported scope");
	}
	validate_conflicts(list, "spec.scopes", list, errors);
}

#define EXPRESSIONS "spec.scopeSelector.matchExpressions"

/* Which operators a scope takes, and which values an operator. */
static void validate_scope_operator(const json_t *expression, struct field_errors *errors)
{
	const char *scope = json_str_or(expression, "scopeName", ""), *op = json_str_or(expression, "operator", "");
	const json_t *values = json_object_get(expression, "values");
	bool valued = !strcmp(scope, "PriorityClass") || !strcmp(scope, "VolumeAttributesClass");
	AUTO_JSON *given = json_string(op);
	if (is_in(scopes, scope) && !valued && strcmp(op, "Exists"))
		field_invalid(errors, EXPRESSIONS ".operator", given,
			      "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, "
			      "ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity");
	if (!strcmp(op, "In") || !strcmp(op, "NotIn")) {
		if (!json_array_size(values))
			field_required(errors, EXPRESSIONS ".values", "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector");
	} else if (!strcmp(op, "Exists") || !strcmp(op, "DoesNotExist")) {
		if (json_array_size(values))
			field_invalid(errors, EXPRESSIONS ".values", values, "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector");
	} else {
		field_invalid(errors, EXPRESSIONS ".operator", given, "not a valid selector operator");
	}
}

static void validate_scope_selector(const json_t *spec, struct field_errors *errors)
{
	const json_t *selector = json_object_get(spec, "scopeSelector");
	const struct type *t = errors->schema ? schema_type(errors->schema, "core.v1.ScopeSelector") : NULL;
	AUTO_JSON *named = json_array(), *shown = t && selector ? go_value(t, selector) : json_incref((json_t *)selector);
	json_t *expression;
	size_t i;
	json_array_foreach(json_object_get(selector, "matchExpressions"), i, expression) {
		const char *scope = json_str_or(expression, "scopeName", "");
		AUTO_JSON *given = json_string(scope);
		if (is_in(scopes, scope))
			validate_scope_fits(spec, scope, EXPRESSIONS, shown, errors);
		else
			field_invalid(errors, EXPRESSIONS ".scopeName", given, "unsupported scope");
		validate_scope_operator(expression, errors);
		json_array_append(named, given);
	}
	const json_t *listed = json_object_get(spec, "scopes");
	AUTO_JSON *none = json_null();
	validate_conflicts(named, EXPRESSIONS, listed ? listed : none, errors);
}

static void validate_hard(const json_t *quota, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	const char *name;
	json_t *amount;
	json_object_foreach(json_at(quota, path), name, amount) {
		FIELD_PATH(p, "%s[%s]", path, name);
		validate_resource_name(name, p, errors);
		resource_amount_validate(name, amount, p, errors);
	}
}

static bool has_all(const json_t *a, const json_t *b)
{
	json_t *v;
	size_t i;
	json_array_foreach(b, i, v)
		if (!json_has_text(a, json_string_value(v)))
			return false;
	return true;
}

static bool same_scopes(const json_t *a, const json_t *b)
{
	return has_all(a, b) && has_all(b, a);
}

static void quota_validate(const json_t *quota, const json_t *old, struct field_errors *errors)
{
	validate_hard(quota, "spec.hard", errors);
	validate_scopes(json_object_get(quota, "spec"), errors);
	validate_scope_selector(json_object_get(quota, "spec"), errors);
	if (old && !same_scopes(json_at(quota, "spec.scopes"), json_at(old, "spec.scopes")))
		field_invalid(errors, "spec.scopes", json_at(quota, "spec.scopes"), "field is immutable");
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
