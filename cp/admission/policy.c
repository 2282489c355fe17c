/* ValidatingAdmissionPolicy and MutatingAdmissionPolicy. Purpose: policies are stored, and where one would have to judge a
 * request, the request hears that its language cannot be run here. Happy path: no binding, or none that fits. A policy that
 * fits counts as one whose expression failed: failurePolicy Fail refuses by the binding's actions (422, a warning, an audit
 * annotation), Ignore lets pass with a warning. */
#include <string.h>

#include "base/mem.h"
#include "cp/admission/hook_match.h"
#include "cp/admission/plugin.h"

#define GROUP "admissionregistration.k8s.io"
#define NO_CEL "CEL expressions are not supported by this server yet"

/* MatchResources; NULL fits everything. */
static bool constraints_fit(const struct admit *a, const json_t *m)
{
	const json_t *rules = json_object_get(m, "resourceRules");
	bool equivalent = hook_is_equivalent(m);
	if (!m)
		return true;
	if (json_array_size(rules) && !hook_rules_kind(a, rules, equivalent))
		return false;
	if (hook_rules_kind(a, json_object_get(m, "excludeResourceRules"), equivalent))
		return false;
	return hook_selects(a, m);
}

/* The first expression of a policy, for the message. */
static const char *expression_of(const json_t *policy)
{
	static const char *const lists[] = { "spec.matchConditions", "spec.validations", "spec.auditAnnotations", "spec.mutations" };
	static const char *const members[] = { "expression", "valueExpression", "applyConfiguration.expression",
					       "jsonPatch.expression" };
	for (size_t l = 0; l < ARRAY_LEN(lists); l++)
		for (size_t m = 0; m < ARRAY_LEN(members); m++) {
			const char *text = json_str_at(json_array_get(json_at(policy, lists[l]), 0), members[m]);
			if (text)
				return text;
		}
	return "";
}

static bool acts(const json_t *binding, const char *action)
{
	return json_has_text(json_at(binding, "spec.validationActions"), action);
}

static json_t *refuse(const struct admit *a, const char *why)
{
	json_t *s = admit_forbidden(a, "%s", why);
	json_object_set_new(s, "reason", json_string("Invalid"));
	json_object_set_new(s, "code", json_integer(422));
	status_add_cause(s, NULL, why, NULL);
	return s;
}

static json_t *judge(const struct admit *a, const json_t *policy, const json_t *binding, const char *word)
{
	const char *name = json_str_or(policy, "metadata.name", ""), *bound = json_str_or(binding, "metadata.name", "");
	bool validating = strcmp(word, "ValidatingAdmissionPolicy") == 0;
	AUTO_FREE char *result = xasprintf("expression '%s' resulted in error: " NO_CEL, expression_of(policy));
	AUTO_FREE char *why = xasprintf("%s '%s' with binding '%s' denied request: %s", word, name, bound, result);
	AUTO_FREE char *warning = xasprintf("%s '%s' with binding '%s' was not applied: " NO_CEL, word, name, bound);
	if (str_eq(json_str_at(policy, "spec.failurePolicy"), "Ignore")) {
		admit_warn(a, warning);
		return NULL;
	}
	if (!validating || acts(binding, "Deny"))
		return refuse(a, why);
	if (acts(binding, "Warn")) {
		AUTO_FREE char *text = xasprintf("Validation failed for %s '%s' with binding '%s': %s", word, name, bound, result);
		admit_warn(a, text);
	}
	if (acts(binding, "Audit"))
		admit_annotate(a, "validation.policy.admission.k8s.io/validation_failure", why);
	return NULL;
}

static json_t *apply(const struct admit *a, const char *policies, const char *bindings, const char *word)
{
	struct bucket *b = admission_bucket(a->n, GROUP, "v1", bindings);
	if (!b || !bucket_len(b) || hook_is_exempt(a))
		return NULL;
	AUTO_JSON *list = admission_list(a->n, GROUP, "v1", bindings, "");
	json_t *status = NULL, *binding;
	size_t i;
	json_array_foreach(list, i, binding)
	{
		AUTO_JSON *policy = admission_get(a->n, GROUP, "v1", policies, "", json_str_or(binding, "spec.policyName", ""));
		if (policy && !status && constraints_fit(a, json_at(policy, "spec.matchConstraints")) &&
		    constraints_fit(a, json_at(binding, "spec.matchResources")))
			status = judge(a, policy, binding, word);
	}
	return status;
}

static json_t *mutate(struct admit *a)
{
	return apply(a, "mutatingadmissionpolicies", "mutatingadmissionpolicybindings", "MutatingAdmissionPolicy");
}

static json_t *validate(struct admit *a)
{
	return apply(a, "validatingadmissionpolicies", "validatingadmissionpolicybindings", "ValidatingAdmissionPolicy");
}

#define ALL_OPS (ADMIT_CREATE | ADMIT_UPDATE | ADMIT_DELETE | ADMIT_CONNECT)

const struct admit_plugin mutating_policy_plugin = {
	.name = "MutatingAdmissionPolicy",
	.ops = ADMIT_CREATE | ADMIT_UPDATE,
	.subresources = true,
	.mutate = mutate,
};
const struct admit_plugin validating_policy_plugin = {
	.name = "ValidatingAdmissionPolicy",
	.ops = ALL_OPS,
	.subresources = true,
	.validate = validate,
};
