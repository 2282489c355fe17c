/* Rules of admission policies, as stored objects: expressions are kept, not compiled. */
#include <ctype.h>
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
enum { ANNOTATIONS_MAX = 20, VALUE_EXPRESSION_MAX = 5 * 1024 };
#define BLANKS " \t\r\n\v\f"

static bool is_blank(const char *text)
{
	return strspn(text, BLANKS) == strlen(text);
}

/* A text that holds more than blanks. */
static void validate_filled(const json_t *obj, const char *path, const char *key, const char *why, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];

	if (is_blank(json_str_or(obj, key, "")))
		field_required(errors, FIELD_PATH(p, "%s.%s", path, key), why);
}

static void validate_param_kind(const json_t *kind, struct field_errors *errors)
{
	static const char path[] = "spec.paramKind";
	const char *version = json_str_or(kind, "apiVersion", ""), *slash = strchr(version, '/'), *name = json_str_or(kind, "kind", ""), *why;
	AUTO_FREE char *group = xstrndup(version, slash ? (size_t)(slash - version) : 0), *lower = xstrdup(name);

	if (!kind)
		return;
	bool versioned = rule_required(kind, path, "apiVersion", NULL, errors);
	const char *short_version = slash ? slash + 1 : version;
	if (versioned && strchr(short_version, '/')) {
		field_invalid(errors, "spec.paramKind.apiVersion", json_object_get(kind, "apiVersion"), "unexpected GroupVersion string: %s", version);
	} else if (versioned) {
		if (*group)
			validate_name(group, "spec.paramKind.apiVersion", name_check_subdomain, errors);
		if (!*short_version)
			field_invalid(errors, "spec.paramKind.apiVersion", json_object_get(kind, "apiVersion"), "version must be specified");
		else
			validate_name(short_version, "spec.paramKind.apiVersion", name_check_label_1035, errors);
	}
	for (char *c = lower; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	if (rule_required(kind, path, "kind", NULL, errors) && (why = name_check_label_1035(lower)))
		field_invalid(errors, "spec.paramKind.kind", json_object_get(kind, "kind"), "may have mixed case, but should otherwise match: %s", why);
}

static bool is_identifier(const char *text)
{
	static const char *const reserved[] = {"true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function",
					       "if", "import", "let", "loop", "package", "namespace", "return", "var", "void", "while", NULL};
	size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");

	return *text && !isdigit((unsigned char)*text) && n == strlen(text) && !rule_is_one_of(text, reserved);
}

static void validate_variables(const json_t *variables, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX], at[FIELD_PATH_MAX];
	json_t *v;
	size_t i;

	json_array_foreach(variables, i, v)
	{
		const char *name = json_str_or(v, "name", "");
		FIELD_PATH(p, "spec.variables[%zu]", i);
		validate_filled(v, p, "name", "name is not specified", errors);
		if (!is_blank(name) && !is_identifier(name))
			field_invalid(errors, FIELD_PATH(at, "%s.name", p), json_object_get(v, "name"), "name is not a valid CEL identifier");
		validate_filled(v, p, "expression", "expression is not specified", errors);
	}
}

#define MATCH_RULE(list)                                                                                                                \
	list "[].resourceNames", list "[].operations", list "[].apiGroups", list "[].apiVersions", list "[].resources", list "[].scope"

static const char *const order[] = {"spec.failurePolicy",
				    "spec.paramKind",
				    "spec.matchConstraints.matchPolicy",
				    "spec.matchConstraints.namespaceSelector",
				    "spec.matchConstraints.objectSelector",
				    MATCH_RULE("spec.matchConstraints.resourceRules"),
				    MATCH_RULE("spec.matchConstraints.excludeResourceRules"),
				    "spec.matchConstraints.resourceRules",
				    "spec.matchConstraints",
				    "spec.matchConditions[].expression",
				    "spec.matchConditions[].name",
				    "spec.variables",
				    "spec.validations",
				    "spec.auditAnnotations",
				    "spec.mutations",
				    "spec.reinvocationPolicy",
				    NULL};

static void validate_policy(const json_t *spec, struct field_errors *errors)
{
	const json_t *match = json_object_get(spec, "matchConstraints");

	validate_param_kind(json_object_get(spec, "paramKind"), errors);
	if (!match) {
		field_required(errors, "spec.matchConstraints", NULL);
	} else {
		match_resources_validate(match, "spec.matchConstraints", errors);
		rule_required(match, "spec.matchConstraints", "resourceRules", NULL, errors);
	}
	match_conditions_validate(json_object_get(spec, "matchConditions"), "spec.matchConditions", errors);
	validate_variables(json_object_get(spec, "variables"), errors);
}

/* --- validating ------------------------------------------------------------------------------------------------------ */

/* Within the text; those around it do not count. */
static bool has_line_break(const char *text)
{
	const char *start = text + strspn(text, BLANKS), *line = strpbrk(start, "\r\n");

	return line && !is_blank(line);
}

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
	else if (message && has_line_break(message))
		field_invalid(errors, p, json_object_get(v, "message"), "message must not contain line breaks");
	if (json_object_get(v, "reason"))
		rule_word(v, path, "reason", reasons, errors);
}

static void validate_annotation(const json_t *a, const char *policy, const char *path, struct field_errors *errors)
{
	const char *key = json_str_or(a, "key", "");
	AUTO_FREE char *full = xasprintf("%s/%s", policy, key), *long_ = xasprintf("must not exceed %d bytes in length", VALUE_EXPRESSION_MAX);
	AUTO_JSON *shown = json_string(key);
	char p[FIELD_PATH_MAX];

	FIELD_PATH(p, "%s.key", path);
	if (*policy)
		validate_name(full, p, name_check_qualified, errors);
	else
		field_invalid(errors, p, shown, "requires metadata.name be non-empty");
	validate_filled(a, path, "valueExpression", "valueExpression is not specified", errors);
	if (strlen(json_str_or(a, "valueExpression", "")) > VALUE_EXPRESSION_MAX)
		field_required(errors, FIELD_PATH(p, "%s.valueExpression", path), long_);
}

static void validate_annotations(const json_t *policy, const json_t *list, struct field_errors *errors)
{
	AUTO_MAP *keys = map_new(NULL);
	char p[FIELD_PATH_MAX];
	json_t *a;
	size_t i;

	if (json_array_size(list) > ANNOTATIONS_MAX)
		field_invalid(errors, "spec.auditAnnotations", list, "must not have more than %d auditAnnotations", ANNOTATIONS_MAX);
	json_array_foreach(list, i, a)
	{
		const char *key = json_str_or(a, "key", "");
		validate_annotation(a, json_str_or(policy, "metadata.name", ""), FIELD_PATH(p, "spec.auditAnnotations[%zu]", i), errors);
		if (map_has(keys, key))
			field_duplicate(errors, FIELD_PATH(p, "spec.auditAnnotations[%zu].key", i), json_object_get(a, "key"));
		map_set(keys, key, a);
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
	errors_order(errors, "", order);
}

/* What the type checker says of expressions, and conditions. */
static void validating_validate_status(const json_t *policy, const json_t *old, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;

	(void)old;
	json_array_foreach(json_at(policy, "status.typeChecking.expressionWarnings"), i, v)
	{
		FIELD_PATH(p, "status.typeChecking.expressionWarnings[%zu]", i);
		rule_required(v, p, "warning", NULL, errors);
		validate_filled(v, p, "fieldRef", NULL, errors);
	}
	rule_conditions(json_at(policy, "status.conditions"), "status.conditions", errors);
}

/* --- mutating -------------------------------------------------------------------------------------------------------- */

static const struct patch {
	const char *type, *field, *other;
} patches[] = {{"ApplyConfiguration", "applyConfiguration", "jsonPatch"}, {"JSONPatch", "jsonPatch", "applyConfiguration"}};

static void validate_patch(const json_t *m, const struct patch *patch, const char *path, struct field_errors *errors)
{
	AUTO_FREE char *needed = xasprintf("must be specified when patchType is %s", patch->type), *name = xasprintf("{%s}", patch->other);
	AUTO_JSON *shown = json_string(name);
	char p[FIELD_PATH_MAX];

	FIELD_PATH(p, "%s.%s", path, patch->field);
	if (!json_object_get(m, patch->field))
		field_required(errors, p, needed);
	else
		validate_filled(json_object_get(m, patch->field), p, "expression", NULL, errors);
	if (json_object_get(m, patch->other))
		field_invalid(errors, FIELD_PATH(p, "%s.%s", path, patch->other), shown, "must not be specified when patchType is %s", patch->type);
}

static void validate_mutation(const json_t *m, const char *path, struct field_errors *errors)
{
	static const char *const types[] = {"ApplyConfiguration", "JSONPatch", NULL};
	const char *type = json_str_or(m, "patchType", "");

	if (!*type)
		return; /* the table asks for it */
	for (size_t k = 0; k < ARRAY_LEN(patches); k++)
		if (!strcmp(type, patches[k].type)) {
			validate_patch(m, &patches[k], path, errors);
			return;
		}
	rule_word(m, path, "patchType", types, errors);
}

static void mutating_validate(const json_t *policy, const json_t *old, struct field_errors *errors)
{
	static const char *const again[] = {"Never", "IfNeeded", NULL};
	const json_t *spec = json_object_get(policy, "spec");
	char p[FIELD_PATH_MAX];
	json_t *m;
	size_t i;

	(void)old;
	validate_policy(spec, errors);
	mutating_operations_validate(json_object_get(spec, "matchConstraints"), "spec.matchConstraints", errors);
	rule_required(spec, "spec", "mutations", "mutations must contain at least one item", errors);
	json_array_foreach(json_object_get(spec, "mutations"), i, m) validate_mutation(m, FIELD_PATH(p, "spec.mutations[%zu]", i), errors);
	if (rule_required(spec, "spec", "reinvocationPolicy", NULL, errors))
		rule_word(spec, "spec", "reinvocationPolicy", again, errors);
	errors_order(errors, "", order);
}

const struct kind_ops validatingpolicy_ops = {.group = ADMISSION,
					      .kind = "ValidatingAdmissionPolicy",
					      .prepare_create = kind_empty_status,
					      .prepare_update = kind_keep_status,
					      .prepare_status = kind_keep_spec,
					      .validate = validating_validate,
					      .validate_status = validating_validate_status,
					      .has_status = true, .status_keeps_meta = true};
const struct kind_ops mutatingpolicy_ops = {.group = ADMISSION, .kind = "MutatingAdmissionPolicy", .validate = mutating_validate};
