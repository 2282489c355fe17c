/* Rules of horizontal pod autoscalers. */
#include <string.h>

#include "api/names.h"
#include "api/quantity.h"
#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/error_order.h"
#include "cp/kinds/hpa_convert.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/resource_name.h"
#include "cp/kinds/rule.h"

enum { WINDOW_MAX = 3600, PERIOD_MAX = 1800 };

/* Policies of one direction where they are not given. */
static void rules_set_defaults(json_t *rules, const char *policies)
{
	set_default(rules, "selectPolicy", json_string("Max"));
	if (!json_object_get(rules, "policies"))
		json_object_set_new(rules, "policies", json_loads(policies, 0, NULL));
}

static bool is_v1(const json_t *hpa)
{
	return !strcmp(json_str_or(hpa, "apiVersion", ""), "autoscaling/v1");
}

/* What the default metric of v2 is in v1, where no annotation has others. */
static void v1_set_defaults(json_t *hpa)
{
	const char *text = json_member(json_at(hpa, "metadata.annotations"), "autoscaling.alpha.kubernetes.io/metrics");
	AUTO_JSON *others = text ? json_loads(text, 0, NULL) : NULL;
	if (!json_is_array(others) || !json_array_size(others))
		set_default(json_object_get(hpa, "spec"), "targetCPUUtilizationPercentage", json_integer(80));
}

static void hpa_set_defaults(json_t *hpa, const json_t *old)
{
	json_t *spec = json_object_get(hpa, "spec"), *behavior = json_object_get(spec, "behavior");
	(void)old;
	if (!spec)
		return;
	set_default(spec, "minReplicas", json_integer(1));
	if (is_v1(hpa)) {
		v1_set_defaults(hpa);
		return;
	}
	if (!json_array_size(json_object_get(spec, "metrics")))
		json_object_set_new(spec, "metrics",
				    json_pack("[{s:s, s:{s:s, s:{s:s, s:i}}}]", "type", "Resource", "resource", "name", "cpu", "target",
					      "type", "Utilization", "averageUtilization", 80));
	if (!behavior)
		return;
	rules_set_defaults(json_object_at(behavior, "scaleUp"),
			   "[{\"type\":\"Pods\",\"value\":4,\"periodSeconds\":15},{\"type\":\"Percent\",\"value\":100,\"periodSeconds\":15}]");
	set_default(json_object_get(behavior, "scaleUp"), "stabilizationWindowSeconds", json_integer(0));
	rules_set_defaults(json_object_at(behavior, "scaleDown"), "[{\"type\":\"Percent\",\"value\":100,\"periodSeconds\":15}]");
}

static void hpa_prepare_create(json_t *hpa)
{
	if (is_v1(hpa))
		json_object_set_new(hpa, "status", json_pack("{s:i, s:i}", "currentReplicas", 0, "desiredReplicas", 0));
	else
		json_object_set_new(hpa, "status", json_pack("{s:i, s:n}", "desiredReplicas", 0, "currentMetrics"));
}

static void validate_reference(const json_t *ref, const char *path, struct field_errors *errors)
{
	if (rule_required(ref, path, "kind", NULL, errors))
		rule_name(ref, path, "kind", name_check_path_segment, errors);
	if (rule_required(ref, path, "name", NULL, errors))
		rule_name(ref, path, "name", name_check_path_segment, errors);
}

/* Why a version of an API is none that another object can be of; NULL: it is one. Owned. */
static char *version_problem(const char *version, bool core_too)
{
	const char *slash = strchr(version, '/');
	bool none = !*version || !strcmp(version, "/");
	if (slash && !none && strchr(slash + 1, '/'))
		return xasprintf("unexpected GroupVersion string: %s", version);
	return !core_too && (none || !slash || slash == version) ? xstrdup("apiVersion must specify API group") : NULL;
}

static void validate_version(const json_t *ref, const char *path, bool core_too, struct field_errors *errors)
{
	const char *version = json_str_or(ref, "apiVersion", "");
	AUTO_FREE char *why = version_problem(version, core_too);
	AUTO_JSON *shown = json_string(version);
	char p[FIELD_PATH_MAX];
	if (why)
		field_invalid(errors, FIELD_PATH(p, "%s.apiVersion", path), shown, "%s", why);
}

/* What was named before, in whatever version, may go on to be. */
static void validate_scale_target(const json_t *target, const json_t *before, struct field_errors *errors)
{
	static const char path[] = "spec.scaleTargetRef";
	const char *kind = json_str_or(target, "kind", "");
	validate_reference(target, path, errors);
	if (before && !strcmp(json_str_or(before, "apiVersion", ""), json_str_or(target, "apiVersion", "")) &&
	    !strcmp(json_str_or(before, "kind", ""), kind))
		return;
	validate_version(target, path, !strcmp(kind, "ReplicationController"), errors);
}

/* --- metrics --------------------------------------------------------------------------------------------------------- */

static void validate_target(const json_t *target, const char *path, struct field_errors *errors)
{
	static const char *const types[] = { "Utilization", "Value", "AverageValue", NULL };
	static const char *const amounts[] = { "value", "averageValue" };
	const char *type = json_str_or(target, "type", "");
	AUTO_JSON *shown = json_string(type);
	char p[FIELD_PATH_MAX];
	if (!rule_is_one_of(type, types))
		field_invalid(errors, FIELD_PATH(p, "%s.type", path), shown, "must be either Utilization, Value, or AverageValue");
	for (size_t i = 0; i < ARRAY_LEN(amounts); i++) {
		const json_t *v = json_object_get(target, amounts[i]);
		if (v && quantity_sign(json_string_value(v)) <= 0)
			field_invalid(errors, FIELD_PATH(p, "%s.%s", path, amounts[i]), v, "must be positive");
	}
}

/* Which members of a target a kind of source needs, and which it may not have together. */
static const struct source_rule {
	const char *type, *source;
	const char *one, *other; /* one of them is needed */
	const char *missing_at, *missing;
	const char *both; /* NULL: they may stand together; else told at "other" */
} source_rules[] = {
	/* In the order in which the reference looks at them. */
	{ "Object", "object", "value", "averageValue", "averageValue", "must set either a target value or averageValue", NULL },
	{ "External", "external", "averageValue", "value", "averageValue",
	  "must set either a target value for metric or a per-pod target", "may not set both a target value for metric and a per-pod target" },
	{ "Pods", "pods", "averageValue", "averageValue", "averageValue", "must specify a positive target averageValue", NULL },
	{ "Resource", "resource", "averageUtilization", "averageValue", "averageUtilization",
	  "must set either a target raw value or a target utilization", "may not set both a target raw value and a target utilization" },
	{ "ContainerResource", "containerResource", "averageUtilization", "averageValue", "averageUtilization",
	  "must set either a target raw value or a target utilization", "may not set both a target raw value and a target utilization" },
};

static void validate_source(const struct source_rule *r, const json_t *source, const char *path, struct field_errors *errors)
{
	const json_t *target = json_object_get(source, "target"), *one = json_object_get(target, r->one),
		     *other = json_object_get(target, r->other), *metric = json_object_get(source, "metric");
	char p[FIELD_PATH_MAX];
	if (json_object_get(source, "describedObject")) {
		FIELD_PATH(p, "%s.describedObject", path);
		validate_reference(json_object_get(source, "describedObject"), p, errors);
		validate_version(json_object_get(source, "describedObject"), p, true, errors);
	}
	if (metric)
		rule_name(metric, FIELD_PATH(p, "%s.metric", path), "name", name_check_path_segment, errors);
	if (!strcmp(r->type, "ContainerResource") && json_string_length(json_object_get(source, "name")))
		resource_name_validate_container(json_member(source, "name"), FIELD_PATH(p, "%s.name", path), errors);
	validate_target(target, FIELD_PATH(p, "%s.target", path), errors);
	if (!one && !other)
		field_required(errors, FIELD_PATH(p, "%s.target.%s", path, r->missing_at), r->missing);
	if (one && other && r->both)
		field_forbidden(errors, FIELD_PATH(p, "%s.target.%s", path, r->other), "%s", r->both);
}

static void validate_metric(const json_t *metric, const char *path, struct field_errors *errors)
{
	static const char *const types[] = { "ContainerResource", "External", "Object", "Pods", "Resource", NULL };
	const char *type = json_str_or(metric, "type", "");
	size_t present = 0;
	char p[FIELD_PATH_MAX];
	rule_word(metric, path, "type", types, errors);
	for (size_t i = 0; i < ARRAY_LEN(source_rules); i++) {
		const struct source_rule *r = &source_rules[i];
		const json_t *source = json_object_get(metric, r->source);
		FIELD_PATH(p, "%s.%s", path, r->source);
		present += source != NULL;
		if (source && present == 1)
			validate_source(r, source, p, errors);
		if (!source && !strcmp(r->type, type))
			field_required(errors, p, "must populate information for the given metric source");
	}
	if (!rule_is_one_of(type, types)) { /* the reference says so twice */
		AUTO_FIELD_ERRORS again = {.schema = errors->schema};
		rule_word(metric, path, "type", types, &again);
		field_errors_again(errors, &again);
	}
	for (size_t i = 0; present > 1 && i < ARRAY_LEN(source_rules); i++)
		if (strcmp(source_rules[i].type, type))
			rule_forbidden(metric, path, source_rules[i].source, "must populate the given metric source only", errors);
}

/* --- behavior -------------------------------------------------------------------------------------------------------- */

static void validate_above_zero(const json_t *policy, const char *path, const char *key, struct field_errors *errors)
{
	AUTO_JSON *shown = json_integer(json_int_at(policy, key, 0));
	char p[FIELD_PATH_MAX];
	if (json_integer_value(shown) <= 0)
		field_invalid(errors, FIELD_PATH(p, "%s.%s", path, key), shown, "must be greater than zero");
}

static void validate_rules(const json_t *rules, const char *path, struct field_errors *errors)
{
	static const char *const types[] = { "Percent", "Pods", NULL }, *const selects[] = { "Disabled", "Max", "Min", NULL };
	const json_t *window = json_object_get(rules, "stabilizationWindowSeconds"), *tolerance = json_object_get(rules, "tolerance");
	char p[FIELD_PATH_MAX];
	json_t *policy;
	size_t i;
	FIELD_PATH(p, "%s.stabilizationWindowSeconds", path);
	if (window && json_integer_value(window) < 0)
		field_invalid(errors, p, window, "must be greater than or equal to zero");
	if (window && json_integer_value(window) > WINDOW_MAX)
		field_invalid(errors, p, window, "must be less than or equal to %d", WINDOW_MAX);
	rule_word(rules, path, "selectPolicy", selects, errors);
	rule_required(rules, path, "policies", "must specify at least one Policy", errors);
	json_array_foreach(json_object_get(rules, "policies"), i, policy) {
		FIELD_PATH(p, "%s.policies[%zu]", path, i);
		rule_word(policy, p, "type", types, errors);
		validate_above_zero(policy, p, "value", errors);
		validate_above_zero(policy, p, "periodSeconds", errors);
		if (json_int_at(policy, "periodSeconds", 0) > PERIOD_MAX)
			field_invalid(errors, FIELD_PATH(p, "%s.policies[%zu].periodSeconds", path, i), json_object_get(policy, "periodSeconds"),
				      "must be less than or equal to %d", PERIOD_MAX);
	}
	if (tolerance && quantity_sign(json_string_value(tolerance)) < 0)
		field_invalid(errors, FIELD_PATH(p, "%s.tolerance", path), tolerance, "must be greater than or equal to 0");
}

/* To none at all only where it was so before, by what is not measured at the pods themselves. */
static void validate_counts(const json_t *hpa, const json_t *old, struct field_errors *errors)
{
	const json_t *max = json_at(hpa, "spec.maxReplicas"), *min = json_at(hpa, "spec.minReplicas");
	int64_t least = json_int_at(hpa, "spec.minReplicas", 1), most = json_integer_value(max), bound = json_int_at(old, "spec.minReplicas", 1) == 0 ? 0 : 1;
	AUTO_JSON *zero = json_integer(most);
	if (least < bound)
		field_invalid(errors, "spec.minReplicas", min, "must be greater than or equal to %lld", (long long)bound);
	if (!most)
		field_required(errors, "spec.maxReplicas", "must be set and greater than 0");
	else if (most < 1)
		field_invalid(errors, "spec.maxReplicas", max, "must be greater than or equal to 1");
	if (most < least)
		field_invalid(errors, "spec.maxReplicas", max ? max : zero, "must be greater than or equal to `minReplicas`");
}

static void validate_metrics(const json_t *hpa, struct field_errors *errors)
{
	bool outside = false;
	char p[FIELD_PATH_MAX];
	json_t *metric;
	size_t i;
	json_array_foreach(json_at(hpa, "spec.metrics"), i, metric) {
		const char *type = json_str_or(metric, "type", "");
		validate_metric(metric, FIELD_PATH(p, "spec.metrics[%zu]", i), errors);
		outside |= !strcmp(type, "Object") || !strcmp(type, "External");
	}
	if (json_int_at(hpa, "spec.minReplicas", 1) == 0 && !outside)
		field_forbidden(errors, "spec.metrics", "must specify at least one Object or External metric to support scaling to zero replicas");
}

/* What v1 says in its own way is judged as v2 has it, members of metrics included. */
static json_t *as_v2(const json_t *hpa, struct field_errors *errors)
{
	json_t *copy = json_clone(hpa);
	const struct type *t = errors->schema ? schema_type(errors->schema, "autoscaling.v2.HorizontalPodAutoscalerSpec") : NULL;
	hpa_v1_to_v2(copy);
	if (t)
		schema_validate_type(t, json_object_get(copy, "spec"), "spec", errors);
	return copy;
}

static void hpa_validate(const json_t *given, const json_t *old, struct field_errors *errors)
{
	static const char *const directions[] = { "scaleUp", "scaleDown" };
	static const char *const order[] = { "metadata", "spec.minReplicas", "spec.maxReplicas", "spec.scaleTargetRef", "spec.metrics[].type",
					     "spec.metrics[]", "spec.behavior", NULL };
	AUTO_JSON *converted = is_v1(given) ? as_v2(given, errors) : NULL;
	const json_t *hpa = converted ? converted : given, *behavior = json_at(hpa, "spec.behavior");
	char p[FIELD_PATH_MAX];
	validate_counts(hpa, old, errors);
	validate_scale_target(json_at(hpa, "spec.scaleTargetRef"), json_at(old, "spec.scaleTargetRef"), errors);
	validate_metrics(hpa, errors);
	for (size_t i = 0; i < ARRAY_LEN(directions); i++)
		if (json_object_get(behavior, directions[i]))
			validate_rules(json_object_get(behavior, directions[i]), FIELD_PATH(p, "spec.behavior.%s", directions[i]), errors);
	errors_order(errors, "", order);
}

static void hpa_validate_status(const json_t *hpa, const json_t *old, struct field_errors *errors)
{
	(void)old;
	validate_not_negative(hpa, "status.currentReplicas", errors);
	validate_not_negative(hpa, "status.desiredReplicas", errors);
}

const struct kind_ops horizontalpodautoscaler_ops = {
	.group = "autoscaling", .kind = "HorizontalPodAutoscaler", .set_defaults = hpa_set_defaults, .prepare_create = hpa_prepare_create,
	.prepare_update = kind_keep_status, .prepare_status = kind_keep_spec, .validate = hpa_validate, .validate_status = hpa_validate_status, .has_status = true,
};
