/* Rules of roles and role bindings (rbac.authorization.k8s.io). */
#include <string.h>

#include "api/names.h"
#include "api/selector.h"
#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/error_order.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/rule.h"

#define RBAC "rbac.authorization.k8s.io"

static void validate_rule(const json_t *rule, const char *path, bool namespaced, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	const json_t *urls = json_object_get(rule, "nonResourceURLs");
	size_t groups = json_array_size(json_object_get(rule, "apiGroups")), resources = json_array_size(json_object_get(rule, "resources"));
	if (!json_array_size(json_object_get(rule, "verbs")))
		field_required(errors, FIELD_PATH(p, "%s.verbs", path), "verbs must contain at least one value");
	if (json_array_size(urls)) {
		if (namespaced)
			field_invalid(errors, FIELD_PATH(p, "%s.nonResourceURLs", path), urls, "namespaced rules cannot apply to non-resource URLs");
		if (groups || resources || json_array_size(json_object_get(rule, "resourceNames")))
			field_invalid(errors, FIELD_PATH(p, "%s.nonResourceURLs", path), urls,
				      "rules cannot apply to both regular resources and non-resource URLs");
		return;
	}
	if (!groups)
		field_required(errors, FIELD_PATH(p, "%s.apiGroups", path), "resource rules must supply at least one api group");
	if (!resources)
		field_required(errors, FIELD_PATH(p, "%s.resources", path), "resource rules must supply at least one resource");
}

static void validate_rules(const json_t *role, bool namespaced, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	json_t *rule;
	size_t i;
	json_array_foreach(json_object_get(role, "rules"), i, rule)
		validate_rule(rule, FIELD_PATH(p, "rules[%zu]", i), namespaced, errors);
}

static void role_validate(const json_t *role, const json_t *old, struct field_errors *errors)
{
	validate_rules(role, true, errors);
	if (old)
		errors_repeat_body(errors); /* the reference looks at it twice, at all kinds of this group */
}

static void aggregation_validate(const json_t *selector, const char *path, struct field_errors *errors)
{
	AUTO_SELECTOR *s = NULL;
	AUTO_JSON *none = json_null();
	label_selector_validate(selector, path, errors);
	if (selector_from_json(selector, &s, NULL) < 0)
		field_invalid(errors, path, none, "invalid label selector.");
}

static void clusterrole_validate(const json_t *role, const json_t *old, struct field_errors *errors)
{
	const json_t *aggregation = json_object_get(role, "aggregationRule"), *selectors = json_at(role, "aggregationRule.clusterRoleSelectors");
	char p[FIELD_PATH_MAX];
	json_t *selector;
	size_t i;
	validate_rules(role, false, errors);
	if (aggregation && !json_array_size(selectors))
		field_required(errors, "aggregationRule.clusterRoleSelectors", "at least one clusterRoleSelector required if aggregationRule is non-nil");
	json_array_foreach(selectors, i, selector)
		aggregation_validate(selector, FIELD_PATH(p, "aggregationRule.clusterRoleSelectors[%zu]", i), errors);
	if (old)
		errors_repeat_body(errors);
}

/* Users and groups are of the group of roles, accounts of the core. */
static void binding_set_defaults(json_t *binding, const json_t *old)
{
	json_t *subject;
	size_t i;
	(void)old;
	json_array_foreach(json_object_get(binding, "subjects"), i, subject) {
		const char *kind = json_str_or(subject, "kind", "");
		if (str_empty(json_str_at(subject, "apiGroup")) && (!strcmp(kind, "User") || !strcmp(kind, "Group")))
			json_object_set_new(subject, "apiGroup", json_string(RBAC));
	}
}

static void validate_group(const json_t *subject, const char *path, const char *wanted, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	const char *const supported[] = { wanted, NULL };
	const json_t *group = json_object_get(subject, "apiGroup");
	AUTO_JSON *none = json_string("");
	if (strcmp(json_str_or(subject, "apiGroup", ""), wanted))
		field_not_supported(errors, FIELD_PATH(p, "%s.apiGroup", path), group ? group : none, supported);
}

static void validate_subject(const json_t *subject, const char *path, bool namespaced, struct field_errors *errors)
{
	static const char *const kinds[] = { "ServiceAccount", "User", "Group", NULL };
	char p[FIELD_PATH_MAX];
	const char *kind = json_str_or(subject, "kind", "");
	if (str_empty(json_str_at(subject, "name")))
		field_required(errors, FIELD_PATH(p, "%s.name", path), NULL);
	if (!strcmp(kind, "ServiceAccount")) {
		rule_name(subject, path, "name", name_check_subdomain, errors);
		validate_group(subject, path, "", errors);
		if (!namespaced && str_empty(json_str_at(subject, "namespace")))
			field_required(errors, FIELD_PATH(p, "%s.namespace", path), NULL);
	} else if (!strcmp(kind, "User") || !strcmp(kind, "Group")) {
		validate_group(subject, path, RBAC, errors);
	} else {
		AUTO_JSON *v = json_string(kind);
		field_not_supported(errors, FIELD_PATH(p, "%s.kind", path), v, kinds);
	}
}

/* The words of the reference for an object value: Go's field names. Owned. */
static json_t *ref_value(const json_t *ref)
{
	return json_pack("{s:s, s:s, s:s}", "APIGroup", json_str_or(ref, "apiGroup", ""), "Kind", json_str_or(ref, "kind", ""), "Name",
			 json_str_or(ref, "name", ""));
}

static void validate_ref(const json_t *binding, bool namespaced, struct field_errors *errors)
{
	static const char *const both[] = { "Role", "ClusterRole", NULL }, *const one[] = { "ClusterRole", NULL };
	const json_t *ref = json_object_get(binding, "roleRef");
	const char *kind = json_str_or(ref, "kind", "");
	const char *const group[] = { RBAC, NULL };
	if (strcmp(json_str_or(ref, "apiGroup", ""), RBAC))
		field_not_supported(errors, "roleRef.apiGroup", json_object_get(ref, "apiGroup"), group);
	if (strcmp(kind, "ClusterRole") && (!namespaced || strcmp(kind, "Role"))) {
		AUTO_JSON *v = json_string(kind);
		field_not_supported(errors, "roleRef.kind", v, namespaced ? both : one);
	}
	rule_name(ref, "roleRef", "name", name_check_path_segment, errors);
}

static const char *const binding_order[] = {"roleRef.apiGroup",    "roleRef.kind",	 "roleRef.name",    "subjects[].name",
					    "subjects[].apiGroup", "subjects[].namespace", "subjects[].kind", NULL};

static void validate_binding(const json_t *binding, const json_t *old, bool namespaced, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	json_t *subject;
	size_t i;
	validate_ref(binding, namespaced, errors);
	json_array_foreach(json_object_get(binding, "subjects"), i, subject)
		validate_subject(subject, FIELD_PATH(p, "subjects[%zu]", i), namespaced, errors);
	errors_order(errors, "", binding_order);
	if (!old)
		return;
	errors_repeat_body(errors);
	if (!json_equal(json_object_get(binding, "roleRef"), json_object_get(old, "roleRef"))) {
		AUTO_JSON *v = ref_value(json_object_get(binding, "roleRef"));
		field_invalid(errors, "roleRef", v, "cannot change roleRef");
	}
}

static void rolebinding_validate(const json_t *binding, const json_t *old, struct field_errors *errors)
{
	validate_binding(binding, old, true, errors);
}

static void clusterrolebinding_validate(const json_t *binding, const json_t *old, struct field_errors *errors)
{
	validate_binding(binding, old, false, errors);
}

const struct kind_ops role_ops = { .group = RBAC, .kind = "Role", .validate = role_validate };
const struct kind_ops clusterrole_ops = { .group = RBAC, .kind = "ClusterRole", .validate = clusterrole_validate };
const struct kind_ops rolebinding_ops = { .group = RBAC, .kind = "RoleBinding", .set_defaults = binding_set_defaults,
					  .validate = rolebinding_validate };
const struct kind_ops clusterrolebinding_ops = { .group = RBAC, .kind = "ClusterRoleBinding", .set_defaults = binding_set_defaults,
						 .validate = clusterrolebinding_validate };
