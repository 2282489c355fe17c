/* Rules of disruption budgets. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/error_order.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/rule.h"

static void validate_amount(const json_t *budget, const char *path, struct field_errors *errors)
{
	count_or_percent(budget, path, errors);
	validate_at_most_all(budget, path, errors);
}

static json_t *or_null(const json_t *v)
{
	return v ? json_incref((json_t *)v) : json_null();
}

/* The spec in the reference's words: Go's field names. Owned. */
static json_t *spec_value(const json_t *spec)
{
	return json_pack("{s:o, s:o, s:o, s:o}", "MinAvailable", or_null(json_object_get(spec, "minAvailable")), "Selector",
			 or_null(json_object_get(spec, "selector")), "MaxUnavailable", or_null(json_object_get(spec, "maxUnavailable")),
			 "UnhealthyPodEvictionPolicy", or_null(json_object_get(spec, "unhealthyPodEvictionPolicy")));
}

static void budget_validate(const json_t *budget, const json_t *old, struct field_errors *errors)
{
	static const char *const order[] = { "spec.minAvailable", "spec.maxUnavailable", "spec.selector", "spec.unhealthyPodEvictionPolicy", NULL };
	const json_t *spec = json_object_get(budget, "spec");
	(void)old;
	if (json_object_get(spec, "minAvailable") && json_object_get(spec, "maxUnavailable")) {
		AUTO_JSON *v = spec_value(spec);
		field_invalid(errors, "spec", v, "minAvailable and maxUnavailable cannot be both set");
	}
	validate_amount(budget, "spec.minAvailable", errors);
	validate_amount(budget, "spec.maxUnavailable", errors);
	if (json_object_get(spec, "selector"))
		label_selector_validate(json_object_get(spec, "selector"), "spec.selector", errors);
	errors_order(errors, "", order);
}

static void budget_validate_status(const json_t *budget, const json_t *old, struct field_errors *errors)
{
	static const char *const counts[] = { "disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods" };
	char p[FIELD_PATH_MAX];
	(void)old;
	rule_conditions(json_at(budget, "status.conditions"), "status.conditions", errors);
	for (size_t i = 0; i < ARRAY_LEN(counts); i++)
		validate_not_negative(budget, FIELD_PATH(p, "status.%s", counts[i]), errors);
}

static void budget_prepare_create(json_t *budget)
{
	static const char *const zero[] = { "disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods" };
	json_t *status = json_object();
	for (size_t i = 0; i < ARRAY_LEN(zero); i++)
		json_object_set_new(status, zero[i], json_integer(0));
	json_object_set_new(budget, "status", status);
}

const struct kind_ops poddisruptionbudget_ops = {
	.group = "policy", .kind = "PodDisruptionBudget", .prepare_create = budget_prepare_create, .prepare_update = kind_keep_status,
	.prepare_status = kind_keep_spec, .validate = budget_validate, .validate_status = budget_validate_status, .has_status = true,
};
