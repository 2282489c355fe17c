/* Taints and tolerations: pure matching; nothing can fail. */
#include "cp/controllers/toleration.h"

#include "base/json.h"

bool toleration_tolerates(const json_t *toleration, const json_t *taint)
{
	const char *effect = json_member(toleration, "effect"), *key = json_member(toleration, "key");
	const char *op = json_member(toleration, "operator"), *value = json_str_or(taint, "value", "");
	if (!str_empty(effect) && !str_eq(effect, json_member(taint, "effect")))
		return false;
	if (!str_empty(key) && !str_eq(key, json_member(taint, "key")))
		return false;
	if (str_empty(op) || str_eq(op, "Equal"))
		return !str_empty(key) && str_eq(json_str_or(toleration, "value", ""), value);
	int64_t mine, theirs;
	if (str_eq(op, "Exists"))
		return true;
	if (str_to_i64(json_str_or(toleration, "value", ""), &mine) < 0 || str_to_i64(value, &theirs) < 0)
		return false;
	return (str_eq(op, "Lt") && theirs < mine) || (str_eq(op, "Gt") && theirs > mine);
}

bool tolerations_tolerate(const json_t *tolerations, const json_t *taint)
{
	size_t i;
	json_t *t;
	json_array_foreach(tolerations, i, t)
	{
		if (toleration_tolerates(t, taint))
			return true;
	}
	return false;
}
