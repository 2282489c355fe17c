/* Rules of admission policies and their bindings, as stored objects: expressions are kept, not compiled. */
#include <ctype.h>
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "cp/kinds/admission_rules.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/rule.h"

#define ADMISSION "admissionregistration.k8s.io"
enum { ANNOTATIONS_MAX = 20 };

static bool is_blank(const char *text)
{
	return strspn(text, " \t\r\n\v\f") == strlen(text);
}

/* A text that holds more than blanks. */
static void validate_filled(const json_t *obj, const char *path, const char *key, const char *why, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];

	if (is_blank(json_str_or(obj, key, "")))
		field_required(errors, FIELD_PATH(p, "%s.%s", path, key), why);
}

static void validate_match(const json_t *match, const char *path, struct field_errors *errors)
{
	static const char *const lists[] = {"resourceRules", "excludeResourceRules"};
	char p[FIELD_PATH_MAX];
	json_t *rule;
	size_t i;

	label_selector_validate(json_object_get(match, "namespaceSelector"), FIELD_PATH(p, "%s.namespaceSelector", path), errors);
	label_selector_validate(json_object_get(match, "objectSelector"), FIELD_PATH(p, "%s.objectSelector", path), errors);
	for (size_t l = 0; l < ARRAY_LEN(lists); l++)
		json_array_foreach(json_object_get(match, lists[l]), i, rule)
		    admission_rule_validate(rule, FIELD_PATH(p, "%s.%s[%zu]", path, lists[l], i), errors);
}

static void validate_param_kind(const json_t *kind, struct field_errors *errors)
{
	static const char path[] = "spec.paramKind";
	const char *version = json_str_or(kind, "apiVersion", ""), *slash = strchr(version, '/'), *name = json_str_or(kind, "kind", ""), *why;
	AUTO_FREE char *group = xstrndup(version, slash ? (size_t)(slash - version) : 0), *lower = xstrdup(name);

	if (!kind)
		return;
	if (!rule_required(kind, path, "apiVersion", NULL, errors))
		return;
	if (slash && strchr(slash + 1, '/'))
		field_invalid(errors, "spec.paramKind.apiVersion", json_object_get(kind, "apiVersion"), "unexpected GroupVersion string: %s", version);
	else if (*group)
		validate_name(group, "spec.paramKind.apiVersion", name_check_subdomain, errors);
	if (!slash || !strchr(slash + 1, '/'))
		validate_name(slash ? slash + 1 : version, "spec.paramKind.apiVersion", name_check_label_1035, errors);
	for (char *c = lower; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	if (rule_required(kind, path, "kind", NULL, errors) && (why = name_check_label_1035(lower)))
		field_invalid(errors, "spec.paramKind.kind", json_object_get(kind, "kind"), "may have mixed case, but should otherwise match: %s", why);
}

static bool is_identifier(const char *text)
{
	size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");

	return *text && !isdigit((unsigned char)*text) && n == strlen(text);
}

static void validate_variables(const json_t *variables, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;

	json_array_foreach(variables, i, v)
	{
		const char *name = json_str_or(v, "name", "");
		FIELD_PATH(p, "spec.variables[%zu]", i);
		validate_filled(v, p, "name", "name is not specified", errors);
		validate_filled(v, p, "expression", "expression is not specified", errors);
		if (!is_blank(name) && !is_identifier(name))
			field_invalid(errors, FIELD_PATH(p, "spec.variables[%zu].name", i), json_object_get(v, "name"), "name is not a valid CEL identifier");
	}
}

static void validate_policy(const json_t *spec, struct field_errors *errors)
{
	const json_t *match = json_object_get(spec, "matchConstraints");

	validate_param_kind(json_object_get(spec, "paramKind"), errors);
	if (!match) {
		field_required(errors, "spec.matchConstraints", NULL);
	} else {
		validate_match(match, "spec.matchConstraints", errors);
		rule_required(match, "spec.matchConstraints", "resourceRules", NULL, errors);
	}
	match_conditions_validate(json_object_get(spec, "matchConditions"), "spec.matchConditions", errors);
	validate_variables(json_object_get(spec, "variables"), errors);
}

/* --- validating ------------------------------------------------------------------------------------------------------ */

static void validate_validation(const json_t *v, const char *path, struct field_errors *errors)
{
	static const char *const reasons[] = {"Forbidden", "Invalid", "RequestEntityTooLarge", NULL};
	const char *message = json_member(v, "message"), *expression = json_member(v, "messageExpression");
	char p[FIELD_PATH_MAX];

	validate_filled(v, path, "expression", "expression is not specified", errors);
	if (expression && *expression && is_blank(expression))
		field_invalid(errors, FIELD_PATH(p, "%s.messageExpression", path), json_object_get(v, "messageExpression"), "must be non-empty if specified");
	FIELD_PATH(p, "%s.message", path);
	if (message && *message && is_blank(message))
		field_invalid(errors, p, json_object_get(v, "message"), "message must be non-empty if specified");
	else if (message && strchr(message, '\n'))
		field_invalid(errors, p, json_object_get(v, "message"), "message must not contain line breaks");
	if (json_object_get(v, "reason"))
		rule_word(v, path, "reason", reasons, errors);
}

static void validate_annotations(const json_t *policy, const json_t *list, struct field_errors *errors)
{
	AUTO_MAP *keys = map_new(NULL);
	const char *name = json_str_or(policy, "metadata.name", "");
	char p[FIELD_PATH_MAX];
	json_t *a;
	size_t i;

	if (json_array_size(list) > ANNOTATIONS_MAX)
		field_invalid(errors, "spec.auditAnnotations", list, "must not have more than %d auditAnnotations", ANNOTATIONS_MAX);
	json_array_foreach(list, i, a)
	{
		const char *key = json_str_or(a, "key", "");
		AUTO_FREE char *full = xasprintf("%s/%s", name, key);
		FIELD_PATH(p, "spec.auditAnnotations[%zu].key", i);
		if (*name && *key)
			validate_name(full, p, name_check_qualified, errors);
		if (map_has(keys, key))
			field_duplicate(errors, p, json_object_get(a, "key"));
		map_set(keys, key, a);
		FIELD_PATH(p, "spec.auditAnnotations[%zu]", i);
		validate_filled(a, p, "valueExpression", "valueExpression is not specified", errors);
	}
}

static void validating_validate(const json_t *policy, const json_t *old, struct field_errors *errors)
{
	static const char why[] = "validations or auditAnnotations must contain at least one item";
	const json_t *spec = json_object_get(policy, "spec"), *list = json_object_get(spec, "validations"),
		     *annotations = json_object_get(spec, "auditAnnotations");
	char p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;

	(void)old;
	validate_policy(spec, errors);
	if (!json_array_size(list) && !json_array_size(annotations)) {
		field_required(errors, "spec.validations", why);
		field_required(errors, "spec.auditAnnotations", why);
	}
	json_array_foreach(list, i, v) validate_validation(v, FIELD_PATH(p, "spec.validations[%zu]", i), errors);
	validate_annotations(policy, annotations, errors);
}

/* --- mutating -------------------------------------------------------------------------------------------------------- */

static void mutating_validate(const json_t *policy, const json_t *old, struct field_errors *errors)
{
	static const char *const types[] = {"ApplyConfiguration", "JSONPatch", NULL}, *const again[] = {"IfNeeded", "Never", NULL};
	static const struct {
		const char *type, *field, *other;
	} patches[] = {{"ApplyConfiguration", "applyConfiguration", "jsonPatch"}, {"JSONPatch", "jsonPatch", "applyConfiguration"}};
	const json_t *spec = json_object_get(policy, "spec");
	char p[FIELD_PATH_MAX], at[FIELD_PATH_MAX];
	json_t *m;
	size_t i;

	(void)old;
	validate_policy(spec, errors);
	rule_required(spec, "spec", "mutations", "mutations must contain at least one item", errors);
	if (rule_required(spec, "spec", "reinvocationPolicy", NULL, errors))
		rule_word(spec, "spec", "reinvocationPolicy", again, errors);
	json_array_foreach(json_object_get(spec, "mutations"), i, m)
	{
		const char *type = json_str_or(m, "patchType", "");
		FIELD_PATH(p, "spec.mutations[%zu]", i);
		if (*type)
			rule_word(m, p, "patchType", types, errors);
		for (size_t k = 0; k < ARRAY_LEN(patches); k++) {
			if (strcmp(type, patches[k].type))
				continue;
			rule_forbidden(m, p, patches[k].other, "must be specified only when patchType names it", errors);
			if (!json_object_get(m, patches[k].field))
				field_required(errors, FIELD_PATH(at, "%s.%s", p, patches[k].field), "must be specified when patchType names it");
			else
				validate_filled(json_object_get(m, patches[k].field), FIELD_PATH(at, "%s.%s", p, patches[k].field), "expression",
						"expression is not specified", errors);
		}
	}
}

/* --- bindings -------------------------------------------------------------------------------------------------------- */

static void validate_param_ref(const json_t *ref, struct field_errors *errors)
{
	static const char path[] = "spec.paramRef";
	static const char *const actions[] = {"Allow", "Deny", NULL};
	const char *name = json_str_or(ref, "name", "");
	const json_t *selector = json_object_get(ref, "selector");

	if (!ref)
		return;
	if (!*name && !selector)
		field_required(errors, path, "one of name or selector must be specified");
	if (*name)
		rule_name(ref, path, "name", name_check_path_segment, errors);
	if (*name && selector)
		field_forbidden(errors, "spec.paramRef.name", "name and selector are mutually exclusive");
	if (selector)
		label_selector_validate(selector, "spec.paramRef.selector", errors);
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

static void binding_validate(const json_t *binding, const json_t *old, struct field_errors *errors)
{
	const json_t *spec = json_object_get(binding, "spec");

	(void)old;
	if (rule_required(spec, "spec", "policyName", NULL, errors))
		rule_name(spec, "spec", "policyName", name_check_subdomain, errors);
	validate_param_ref(json_object_get(spec, "paramRef"), errors);
	validate_match(json_object_get(spec, "matchResources"), "spec.matchResources", errors);
	if (str_eq(json_str_at(binding, "kind"), "ValidatingAdmissionPolicyBinding"))
		validate_actions(json_object_get(spec, "validationActions"), errors);
}

const struct kind_ops validatingpolicy_ops = {.group = ADMISSION,
					      .kind = "ValidatingAdmissionPolicy",
					      .prepare_create = kind_empty_status,
					      .prepare_update = kind_keep_status,
					      .prepare_status = kind_keep_spec,
					      .validate = validating_validate,
					      .has_status = true};
const struct kind_ops mutatingpolicy_ops = {.group = ADMISSION, .kind = "MutatingAdmissionPolicy", .validate = mutating_validate};
const struct kind_ops validatingpolicybinding_ops = {.group = ADMISSION,
						     .kind = "ValidatingAdmissionPolicyBinding",
						     .validate = binding_validate};
const struct kind_ops mutatingpolicybinding_ops = {.group = ADMISSION, .kind = "MutatingAdmissionPolicyBinding", .validate = binding_validate};
