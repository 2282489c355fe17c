/* Rules of the bindings of admission policies: which policy, with which parameters, for what. */
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "cp/kinds/admission_rules.h"
#include "cp/kinds/error_order.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/rule.h"

#define ADMISSION "admissionregistration.k8s.io"

static void validate_param_ref(const json_t *ref, struct field_errors *errors)
{
	static const char path[] = "spec.paramRef", both[] = "name and selector are mutually exclusive";
	static const char *const actions[] = {"Deny", "Allow", NULL};
	const json_t *selector = json_object_get(ref, "selector");
	bool named = *json_str_or(ref, "name", "");

	if (!ref)
		return;
	rule_name(ref, path, "name", name_check_path_segment, errors);
	if (named && selector)
		field_forbidden(errors, "spec.paramRef.name", "%s", both);
	if (selector)
		label_selector_validate(selector, "spec.paramRef.selector", errors);
	if (named && selector)
		field_forbidden(errors, "spec.paramRef.selector", "%s", both);
	if (!named && !selector)
		field_required(errors, path, "one of name or selector must be specified");
	if (rule_required(ref, path, "parameterNotFoundAction", NULL, errors))
		rule_word(ref, path, "parameterNotFoundAction", actions, errors);
}

static void validate_actions(const json_t *actions, struct field_errors *errors)
{
	static const char *const words[] = {"Audit", "Deny", "Warn", NULL};
	static const char path[] = "spec.validationActions";
	AUTO_MAP *seen = map_new(NULL);
	char p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;

	json_array_foreach(actions, i, v)
	{
		FIELD_PATH(p, "%s[%zu]", path, i);
		if (!rule_is_one_of(json_string_value(v), words))
			field_not_supported(errors, p, v, words);
		if (map_has(seen, json_string_value(v)))
			field_duplicate(errors, p, v);
		map_set(seen, json_string_value(v), v);
	}
	if (map_has(seen, "Deny") && map_has(seen, "Warn"))
		field_invalid(errors, path, actions,
			      "must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers "
			      "serves no purpose)");
	if (!json_array_size(actions))
		field_required(errors, path, "at least one validation action is required");
}

#define MATCH "spec.matchResources."
#define MATCH_RULE(list)                                                                                                                \
	list "[].resourceNames", list "[].operations", list "[].apiGroups", list "[].apiVersions", list "[].resources", list "[].scope"

static const char *const order[] = {"spec.policyName",
				    "spec.paramRef",
				    MATCH "matchPolicy",
				    MATCH "namespaceSelector",
				    MATCH "objectSelector",
				    MATCH_RULE(MATCH "resourceRules"),
				    MATCH_RULE(MATCH "excludeResourceRules"),
				    "spec.matchResources",
				    "spec.validationActions",
				    NULL};

static void binding_validate(const json_t *binding, const json_t *old, struct field_errors *errors)
{
	const json_t *spec = json_object_get(binding, "spec");

	(void)old;
	if (rule_required(spec, "spec", "policyName", NULL, errors))
		rule_name(spec, "spec", "policyName", name_check_subdomain, errors);
	validate_param_ref(json_object_get(spec, "paramRef"), errors);
	match_resources_validate(json_object_get(spec, "matchResources"), "spec.matchResources", errors);
	if (str_eq(json_str_at(binding, "kind"), "ValidatingAdmissionPolicyBinding"))
		validate_actions(json_object_get(spec, "validationActions"), errors);
	else
		mutating_operations_validate(json_object_get(spec, "matchResources"), "spec.matchResources", errors);
	errors_order(errors, "", order);
}

const struct kind_ops validatingpolicybinding_ops = {.group = ADMISSION,
						     .kind = "ValidatingAdmissionPolicyBinding",
						     .validate = binding_validate};
const struct kind_ops mutatingpolicybinding_ops = {.group = ADMISSION, .kind = "MutatingAdmissionPolicyBinding", .validate = binding_validate};
