/* Validation of where a pod may go: node selector, tolerations, affinity, topology spread. */
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"

static void validate_tolerations(const json_t *spec, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	size_t i;
	json_t *t;
	json_array_foreach(json_object_get(spec, "tolerations"), i, t) {
		const char *key = json_str_or(t, "key", ""), *op = json_str_or(t, "operator", "Equal");
		if (*key)
			validate_name(key, FIELD_PATH(p, "%s.tolerations[%zu].key", path, i), name_check_qualified, errors);
		FIELD_PATH(p, "%s.tolerations[%zu].operator", path, i);
		if (!*key && strcmp(op, "Exists")) {
			AUTO_JSON *v = json_string(op);
			field_invalid(errors, p, v, "operator must be Exists when `key` is empty, which means \"match all values and all keys\"");
		}
		if (!strcmp(op, "Exists") && !str_empty(json_member(t, "value")))
			field_invalid(errors, p, json_object_get(t, "value"), "value must be empty when `operator` is 'Exists'");
		if (json_object_get(t, "tolerationSeconds") && strcmp(json_str_or(t, "effect", ""), "NoExecute")) {
			AUTO_JSON *v = json_string(json_str_or(t, "effect", ""));
			field_invalid(errors, FIELD_PATH(p, "%s.tolerations[%zu].effect", path, i), v, "effect must be 'NoExecute' when `tolerationSeconds` is set");
		}
	}
}

static void validate_requirement(const json_t *x, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	const char *op = json_str_or(x, "operator", "");
	size_t n = json_array_size(json_object_get(x, "values"));
	FIELD_PATH(p, "%s.values", path);
	if ((!strcmp(op, "In") || !strcmp(op, "NotIn")) && !n)
		field_required(errors, p, "must be specified when `operator` is 'In' or 'NotIn'");
	else if ((!strcmp(op, "Exists") || !strcmp(op, "DoesNotExist")) && n)
		field_forbidden(errors, p, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
	else if ((!strcmp(op, "Gt") || !strcmp(op, "Lt")) && n != 1)
		field_required(errors, p, "must be specified single value when `operator` is 'Lt' or 'Gt'");
	validate_name(json_member(x, "key"), FIELD_PATH(p, "%s.key", path), name_check_qualified, errors);
}

static void validate_node_terms(const json_t *terms, const char *path, struct field_errors *errors)
{
	size_t i, j;
	json_t *term, *x;
	json_array_foreach(terms, i, term)
		json_array_foreach(json_object_get(term, "matchExpressions"), j, x) {
			char p[FIELD_PATH_MAX];
			validate_requirement(x, FIELD_PATH(p, "%s[%zu].matchExpressions[%zu]", path, i, j), errors);
		}
}

static void validate_node_affinity(const json_t *affinity, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	const json_t *required = json_object_get(affinity, "requiredDuringSchedulingIgnoredDuringExecution");
	const json_t *terms = json_object_get(required, "nodeSelectorTerms");
	FIELD_PATH(p, "%s.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms", path);
	if (required && !json_array_size(terms))
		field_required(errors, p, "must have at least one node selector term");
	validate_node_terms(terms, p, errors);
	size_t i;
	json_t *w;
	json_array_foreach(json_object_get(affinity, "preferredDuringSchedulingIgnoredDuringExecution"), i, w) {
		int64_t weight = json_int_at(w, "weight", 0);
		FIELD_PATH(p, "%s.preferredDuringSchedulingIgnoredDuringExecution[%zu].weight", path, i);
		if (weight < 1 || weight > 100)
			field_invalid(errors, p, json_object_get(w, "weight"), "must be in the range 1-100");
	}
}

static void validate_pod_terms(const json_t *affinity, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	size_t i;
	json_t *t;
	json_array_foreach(json_object_get(affinity, "requiredDuringSchedulingIgnoredDuringExecution"), i, t) {
		const char *key = json_str_or(t, "topologyKey", "");
		char at[FIELD_PATH_MAX];
		FIELD_PATH(at, "%s.requiredDuringSchedulingIgnoredDuringExecution[%zu]", path, i);
		FIELD_PATH(p, "%s.topologyKey", at);
		if (!*key)
			field_required(errors, p, "can not be empty");
		validate_name(key, p, name_check_qualified, errors);
		label_selector_validate(json_object_get(t, "labelSelector"), FIELD_PATH(p, "%s.labelSelector", at), errors);
	}
}

static void validate_spread(const json_t *spec, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	size_t i;
	json_t *t;
	json_array_foreach(json_object_get(spec, "topologySpreadConstraints"), i, t) {
		const char *key = json_str_or(t, "topologyKey", "");
		if (json_int_at(t, "maxSkew", 0) <= 0)
			field_invalid(errors, FIELD_PATH(p, "%s.topologySpreadConstraints[%zu].maxSkew", path, i), json_object_get(t, "maxSkew"), "must be greater than zero");
		FIELD_PATH(p, "%s.topologySpreadConstraints[%zu].topologyKey", path, i);
		if (!*key)
			field_required(errors, p, "can not be empty");
		else
			validate_name(key, p, name_check_qualified, errors);
	}
}

void placement_validate(const json_t *pod_spec, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	const char *key;
	json_t *v;
	json_object_foreach(json_object_get(pod_spec, "nodeSelector"), key, v) {
		validate_name(key, FIELD_PATH(p, "%s.nodeSelector", path), name_check_qualified, errors);
		validate_name(json_string_value(v), FIELD_PATH(p, "%s.nodeSelector", path), name_check_label_value, errors);
	}
	validate_tolerations(pod_spec, path, errors);
	const json_t *affinity = json_object_get(pod_spec, "affinity");
	validate_node_affinity(json_object_get(affinity, "nodeAffinity"), FIELD_PATH(p, "%s.affinity.nodeAffinity", path), errors);
	validate_pod_terms(json_object_get(affinity, "podAffinity"), FIELD_PATH(p, "%s.affinity.podAffinity", path), errors);
	validate_pod_terms(json_object_get(affinity, "podAntiAffinity"), FIELD_PATH(p, "%s.affinity.podAntiAffinity", path), errors);
	validate_spread(pod_spec, path, errors);
}
