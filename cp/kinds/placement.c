/* Validation of where a pod may go: node selector, tolerations, affinity, topology spread. */
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/pod_rules.h"
#include "cp/kinds/rule.h"

static void validate_toleration(const json_t *t, const char *path, struct field_errors *errors)
{
	const char *key = json_str_or(t, "key", ""), *op = json_str_or(t, "operator", ""), *effect = json_str_or(t, "effect", ""),
		   *value = json_str_or(t, "value", ""), *why;
	AUTO_JSON *op_shown = json_string(op), *effect_shown = json_string(effect), *value_shown = json_string(value);
	char p[FIELD_PATH_MAX];

	FIELD_PATH(p, "%s.operator", path);
	if (!*key && strcmp(op, "Exists"))
		field_invalid(errors, p, op_shown, "operator must be Exists when `key` is empty, which means \"match all values and all keys\"");
	if (json_object_get(t, "tolerationSeconds") && strcmp(effect, "NoExecute")) {
		FIELD_PATH(p, "%s.effect", path);
		field_invalid(errors, p, effect_shown, "effect must be 'NoExecute' when `tolerationSeconds` is set");
		FIELD_PATH(p, "%s.operator", path);
	}
	if (!strcmp(op, "Exists")) {
		if (*value)
			field_invalid(errors, p, value_shown, "value must be empty when `operator` is 'Exists'");
	} else if ((!*op || !strcmp(op, "Equal")) && (why = name_check_label_value(value))) {
		field_invalid(errors, p, value_shown, "%s", why);
	}
}

void tolerations_validate(const json_t *tolerations, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	json_t *t;
	size_t i;

	json_array_foreach(tolerations, i, t) validate_toleration(t, FIELD_PATH(p, "%s[%zu]", path, i), errors);
}

/* --- node selectors -------------------------------------------------------------------------------------------------- */

static void validate_requirement(const json_t *x, const char *path, bool values_checked, struct field_errors *errors)
{
	const json_t *values = json_object_get(x, "values");
	const char *op = json_str_or(x, "operator", ""), *why;
	AUTO_JSON *shown = json_string(op);
	size_t n = json_array_size(values), i;
	char p[FIELD_PATH_MAX];
	json_t *v;

	FIELD_PATH(p, "%s.values", path);
	if (!strcmp(op, "In") || !strcmp(op, "NotIn")) {
		if (!n)
			field_required(errors, p, "must be specified when `operator` is 'In' or 'NotIn'");
	} else if (!strcmp(op, "Exists") || !strcmp(op, "DoesNotExist")) {
		if (n)
			field_forbidden(errors, p, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
	} else if (!strcmp(op, "Gt") || !strcmp(op, "Lt")) {
		if (n != 1)
			field_required(errors, p, "must be specified single value when `operator` is 'Lt' or 'Gt'");
	} else {
		field_invalid(errors, FIELD_PATH(p, "%s.operator", path), shown, "not a valid selector operator");
	}
	validate_name(json_member(x, "key"), FIELD_PATH(p, "%s.key", path), name_check_qualified, errors);
	json_array_foreach(values, i, v) if (values_checked && (why = name_check_label_value(json_string_value(v))))
	    field_invalid(errors, FIELD_PATH(p, "%s.values[%zu]", path, i), v, "%s", why);
}

/* The one field by which nodes are selected is their name. */
static void validate_field_requirement(const json_t *x, const char *path, struct field_errors *errors)
{
	const json_t *values = json_object_get(x, "values");
	const char *op = json_str_or(x, "operator", ""), *key = json_str_or(x, "key", ""), *why;
	AUTO_JSON *op_shown = json_string(op), *key_shown = json_string(key);
	char p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;

	if (strcmp(op, "In") && strcmp(op, "NotIn"))
		field_invalid(errors, FIELD_PATH(p, "%s.operator", path), op_shown, "not a valid selector operator");
	else if (json_array_size(values) != 1)
		field_required(errors, FIELD_PATH(p, "%s.values", path), "must be only one value when `operator` is 'In' or 'NotIn' for node field selector");
	if (strcmp(key, "metadata.name")) {
		field_invalid(errors, FIELD_PATH(p, "%s.key", path), key_shown, "not a valid field selector key");
		return;
	}
	json_array_foreach(values, i, v) if ((why = name_check_subdomain(json_string_value(v))))
	    field_invalid(errors, FIELD_PATH(p, "%s.values[%zu]", path, i), v, "%s", why);
}

static void validate_node_term(const json_t *term, const char *path, bool values_checked, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	json_t *x;
	size_t i;

	json_array_foreach(json_object_get(term, "matchExpressions"), i, x)
	    validate_requirement(x, FIELD_PATH(p, "%s.matchExpressions[%zu]", path, i), values_checked, errors);
	json_array_foreach(json_object_get(term, "matchFields"), i, x)
	    validate_field_requirement(x, FIELD_PATH(p, "%s.matchFields[%zu]", path, i), errors);
}

void node_selector_validate(const json_t *selector, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	json_t *term;
	size_t i;

	json_array_foreach(json_object_get(selector, "nodeSelectorTerms"), i, term)
	    validate_node_term(term, FIELD_PATH(p, "%s.nodeSelectorTerms[%zu]", path, i), true, errors);
}

static void validate_node_affinity(const json_t *affinity, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	json_t *term;
	size_t i;

	node_selector_validate(json_object_get(affinity, "requiredDuringSchedulingIgnoredDuringExecution"),
			       FIELD_PATH(p, "%s.requiredDuringSchedulingIgnoredDuringExecution", path), errors);
	json_array_foreach(json_object_get(affinity, "preferredDuringSchedulingIgnoredDuringExecution"), i, term)
	    validate_node_term(json_object_get(term, "preference"),
			       FIELD_PATH(p, "%s.preferredDuringSchedulingIgnoredDuringExecution[%zu].preference", path, i), false, errors);
}

static void validate_label_keys(const json_t *term, const char *path, const char *key, struct field_errors *errors)
{
	const json_t *keys = json_object_get(term, key);
	char p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;

	if (!json_array_size(keys))
		return;
	if (!json_object_get(term, "labelSelector")) {
		field_forbidden(errors, FIELD_PATH(p, "%s.%s", path, key), "must not be specified when labelSelector is not set");
		return;
	}
	json_array_foreach(keys, i, v)
	    validate_name(json_string_value(v), FIELD_PATH(p, "%s.%s[%zu]", path, key, i), name_check_qualified, errors);
}

/* Where in keys a key stands last; the number of keys: nowhere. */
static size_t last_place(const json_t *keys, const char *key)
{
	size_t n = json_array_size(keys);

	for (size_t i = n; i-- > 0;)
		if (str_eq(json_string_value(json_array_get(keys, i)), key))
			return i;
	return n;
}

/* What is selected by a pod's own value cannot be selected by another one, too. A new pod's selector has those values already, so
 * that a key which stands there twice was there before. The reference names the term, not the list. */
static void validate_repeated_keys(const json_t *term, const char *path, struct field_errors *errors)
{
	const json_t *keys = json_object_get(term, "matchLabelKeys"), *selector = json_object_get(term, "labelSelector");
	AUTO_MAP *seen = map_new(NULL);
	char p[FIELD_PATH_MAX];
	const char *key;
	json_t *v;
	size_t i;

	json_object_foreach(json_object_get(selector, "matchLabels"), key, v) map_set(seen, key, v);
	json_array_foreach(json_object_get(selector, "matchExpressions"), i, v)
	{
		key = json_str_or(v, "key", "");
		size_t at = last_place(keys, key);
		if (at < json_array_size(keys) && map_has(seen, key))
			field_invalid(errors, FIELD_PATH(p, "%s[%zu]", path, at), json_object_get(v, "key"),
				      "exists in both matchLabelKeys and labelSelector");
		map_set(seen, key, v);
	}
}

static void validate_key_lists(const json_t *term, const char *path, struct field_errors *errors)
{
	const json_t *other = json_object_get(term, "mismatchLabelKeys");
	char p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;

	validate_label_keys(term, path, "matchLabelKeys", errors);
	validate_label_keys(term, path, "mismatchLabelKeys", errors);
	validate_repeated_keys(term, path, errors);
	json_array_foreach(json_object_get(term, "matchLabelKeys"), i, v) if (json_has_text(other, json_string_value(v)))
	    field_invalid(errors, FIELD_PATH(p, "%s.matchLabelKeys[%zu]", path, i), v, "exists in both matchLabelKeys and mismatchLabelKeys");
}

static void validate_pod_term(const json_t *term, const char *path, struct field_errors *errors)
{
	const json_t *labels = json_object_get(term, "labelSelector"), *spaces = json_object_get(term, "namespaceSelector");
	const char *key = json_str_or(term, "topologyKey", "");
	char p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;

	label_selector_validate(labels, FIELD_PATH(p, "%s.labelSelector", path), errors);
	label_selector_validate(spaces, FIELD_PATH(p, "%s.namespaceSelector", path), errors);
	json_array_foreach(json_object_get(term, "namespaces"), i, v)
	    validate_name(json_string_value(v), FIELD_PATH(p, "%s.namespace", path), name_check_label, errors);
	validate_key_lists(term, path, errors);
	FIELD_PATH(p, "%s.topologyKey", path);
	if (!*key)
		field_required(errors, p, "can not be empty");
	validate_name(key, p, name_check_qualified, errors);
}

static void validate_pod_terms(const json_t *affinity, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	json_t *t;
	size_t i;

	json_array_foreach(json_object_get(affinity, "requiredDuringSchedulingIgnoredDuringExecution"), i, t)
	    validate_pod_term(t, FIELD_PATH(p, "%s.requiredDuringSchedulingIgnoredDuringExecution[%zu]", path, i), errors);
	json_array_foreach(json_object_get(affinity, "preferredDuringSchedulingIgnoredDuringExecution"), i, t)
	    validate_pod_term(json_object_get(t, "podAffinityTerm"),
			      FIELD_PATH(p, "%s.preferredDuringSchedulingIgnoredDuringExecution[%zu].podAffinityTerm", path, i), errors);
}

/* --- topology spread ------------------------------------------------------------------------------------------------- */

static bool same_spread(const json_t *a, const json_t *b)
{
	return !strcmp(json_str_or(a, "topologyKey", ""), json_str_or(b, "topologyKey", "")) &&
	       !strcmp(json_str_or(a, "whenUnsatisfiable", ""), json_str_or(b, "whenUnsatisfiable", ""));
}

static void validate_spread(const json_t *all, size_t at, const char *path, struct field_errors *errors)
{
	const json_t *t = json_array_get(all, at), *domains = json_object_get(t, "minDomains");
	const char *when = json_str_or(t, "whenUnsatisfiable", "");
	AUTO_FREE char *pair = xasprintf("{%s, %s}", json_str_or(t, "topologyKey", ""), when);
	AUTO_JSON *shown = json_string(pair);
	char p[FIELD_PATH_MAX];

	for (size_t i = at + 1; i < json_array_size(all); i++)
		if (same_spread(t, json_array_get(all, i))) {
			field_duplicate(errors, FIELD_PATH(p, "%s.{topologyKey, whenUnsatisfiable}", path), shown);
			break;
		}
	if (domains && strcmp(when, "DoNotSchedule"))
		field_invalid(errors, FIELD_PATH(p, "%s.minDomains", path), domains,
			      "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not %s", when);
	validate_key_lists(t, path, errors);
	label_selector_validate(json_object_get(t, "labelSelector"), FIELD_PATH(p, "%s.labelSelector", path), errors);
}

void pod_placement_validate(const struct pod_rules *r)
{
	const json_t *affinity = json_object_get(r->spec, "affinity"), *spread = json_object_get(r->spec, "topologySpreadConstraints");
	char p[FIELD_PATH_MAX];

	validate_node_affinity(json_object_get(affinity, "nodeAffinity"), FIELD_PATH(p, "%s.affinity.nodeAffinity", r->path), r->errors);
	validate_pod_terms(json_object_get(affinity, "podAffinity"), FIELD_PATH(p, "%s.affinity.podAffinity", r->path), r->errors);
	validate_pod_terms(json_object_get(affinity, "podAntiAffinity"), FIELD_PATH(p, "%s.affinity.podAntiAffinity", r->path), r->errors);
	for (size_t i = 0; i < json_array_size(spread); i++)
		validate_spread(spread, i, FIELD_PATH(p, "%s.topologySpreadConstraints[%zu]", r->path, i), r->errors);
	tolerations_validate(json_object_get(r->spec, "tolerations"), FIELD_PATH(p, "%s.tolerations", r->path), r->errors);
}
