/* Node selectors: pure matching; nothing can fail, an expression that is none matches nothing. */
#include "cp/controllers/node_affinity.h"

#include "base/json.h"

static bool compare_numbers(const json_t *values, const char *value, bool greater)
{
	int64_t have, bound;
	const char *text = json_string_value(json_array_get(values, 0));
	if (!value || !text || str_to_i64(value, &have) < 0 || str_to_i64(text, &bound) < 0)
		return false;
	return greater ? have > bound : have < bound;
}

static bool requirement(const json_t *expression, const char *value)
{
	const char *op = json_member(expression, "operator");
	const json_t *values = json_object_get(expression, "values");
	if (str_eq(op, "In"))
		return json_has_text(values, value);
	if (str_eq(op, "NotIn"))
		return !json_has_text(values, value);
	if (str_eq(op, "Exists"))
		return value != NULL;
	if (str_eq(op, "DoesNotExist"))
		return value == NULL;
	return (str_eq(op, "Gt") || str_eq(op, "Lt")) && compare_numbers(values, value, str_eq(op, "Gt"));
}

bool node_affinity_term(const json_t *term, const json_t *labels, const char *name)
{
	const json_t *expressions = json_object_get(term, "matchExpressions"), *fields = json_object_get(term, "matchFields");
	size_t i;
	json_t *e;
	if (!json_array_size(expressions) && !json_array_size(fields))
		return false;
	json_array_foreach(expressions, i, e)
	{
		if (!requirement(e, json_member(labels, json_str_or(e, "key", ""))))
			return false;
	}
	json_array_foreach(fields, i, e)
	{
		if (!str_eq(json_member(e, "key"), "metadata.name") || !requirement(e, name))
			return false;
	}
	return true;
}

bool node_affinity_matches(const json_t *node_selector, const json_t *affinity, const json_t *labels, const char *name)
{
	const char *key;
	json_t *value, *term;
	json_object_foreach((json_t *)node_selector, key, value)
	{
		if (!str_eq(json_member(labels, key), json_string_value(value)))
			return false;
	}
	const json_t *required = json_at(affinity, "nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution");
	if (!required)
		return true;
	size_t i;
	json_array_foreach(json_object_get(required, "nodeSelectorTerms"), i, term)
	{
		if (node_affinity_term(term, labels, name))
			return true;
	}
	return false;
}
