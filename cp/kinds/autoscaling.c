/* Rules of horizontal pod autoscalers. */
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"

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

/* What the default metric of v2 is in v1. */
static void v1_set_defaults(json_t *hpa)
{
	if (!json_object_get(json_at(hpa, "metadata.annotations"), "autoscaling.alpha.kubernetes.io/metrics"))
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

static void validate_target(const json_t *target, struct field_errors *errors)
{
	const json_t *version = json_object_get(target, "apiVersion");
	AUTO_JSON *none = json_string("");
	if (str_empty(json_str_at(target, "kind")))
		field_required(errors, "spec.scaleTargetRef.kind", NULL);
	if (str_empty(json_str_at(target, "name")))
		field_required(errors, "spec.scaleTargetRef.name", NULL);
	if (str_empty(json_string_value(version)))
		field_invalid(errors, "spec.scaleTargetRef.apiVersion", version ? version : none, "apiVersion must specify API group");
}

static void hpa_validate(const json_t *hpa, const json_t *old, struct field_errors *errors)
{
	const json_t *max = json_at(hpa, "spec.maxReplicas");
	int64_t least = json_int_at(hpa, "spec.minReplicas", 1), most = json_int_at(hpa, "spec.maxReplicas", 0);
	(void)old;
	if (least < 1)
		field_invalid(errors, "spec.minReplicas", json_at(hpa, "spec.minReplicas"), "must be greater than or equal to 1");
	if (most < 1)
		field_invalid(errors, "spec.maxReplicas", max, "must be greater than 0");
	else if (most < least)
		field_invalid(errors, "spec.maxReplicas", max, "must be greater than or equal to `minReplicas`");
	validate_target(json_at(hpa, "spec.scaleTargetRef"), errors);
}

const struct kind_ops horizontalpodautoscaler_ops = {
	.group = "autoscaling", .kind = "HorizontalPodAutoscaler", .set_defaults = hpa_set_defaults, .prepare_create = hpa_prepare_create,
	.prepare_update = kind_keep_status, .prepare_status = kind_keep_spec, .validate = hpa_validate, .has_status = true,
};
