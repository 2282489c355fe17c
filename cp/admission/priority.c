/* Priority. Purpose: a pod's class becomes its number and its right to preempt. Happy path: the class that the pod names,
 * or the default one, is there. Fails with 403 for a class that is not, for numbers that contradict it, and for a second
 * default class. */
#include <string.h>

#include "base/mem.h"
#include "cp/admission/plugin.h"

#define GROUP "scheduling.k8s.io"

/* The default with the lowest value, should there be several. Returns owned, NULL when there is none. */
static json_t *default_class(const struct admit *a)
{
	AUTO_JSON *all = admission_peek_list(a->n, GROUP, "v1", "priorityclasses", "");
	json_t *best = NULL, *c;
	size_t i;
	json_array_foreach(all, i, c)
	{
		if (json_bool_at(c, "globalDefault", false) &&
		    (!best || json_int_at(c, "value", 0) < json_int_at(best, "value", 0)))
			best = c;
	}
	return json_incref(best);
}

static json_t *apply_class(const struct admit *a, json_t *spec, int64_t value, const char *policy)
{
	const json_t *given = json_object_get(spec, "priority");
	const char *given_policy = json_str_at(spec, "preemptionPolicy");
	if (given && json_integer_value(given) != value)
		return admit_forbidden(a,
				       "the integer value of priority (%lld) must not be provided in pod spec; priority admission "
				       "controller computed %lld from the given PriorityClass name",
				       (long long)json_integer_value(given), (long long)value);
	if (given_policy && policy && strcmp(given_policy, policy) != 0)
		return admit_forbidden(a,
				       "the string value of PreemptionPolicy (%s) must not be provided in pod spec; priority "
				       "admission controller computed %s from the given PriorityClass name",
				       given_policy, policy);
	json_set_int(spec, "priority", value);
	if (policy)
		json_set_str(spec, "preemptionPolicy", policy);
	return NULL;
}

static void keep(json_t *spec, const json_t *old, const char *key)
{
	json_t *value = json_object_get(old, key);
	if (value && !json_object_get(spec, key))
		json_object_set(spec, key, value);
}

static json_t *mutate(struct admit *a)
{
	json_t *spec = json_object_get(a->object, "spec");
	const char *name = json_str_at(spec, "priorityClassName");
	if (!admit_is_kind(a, "", "Pod") || !spec)
		return NULL;
	if (a->op == ADMIT_UPDATE) {
		keep(spec, json_object_get(a->old, "spec"), "priority");
		keep(spec, json_object_get(a->old, "spec"), "preemptionPolicy");
		return NULL;
	}
	AUTO_JSON *class = str_empty(name) ? default_class(a)
					   : json_incref((json_t *)admission_peek(a->n, GROUP, "v1", "priorityclasses", "", name));
	if (!class && !str_empty(name))
		return admit_forbidden(a, "no PriorityClass with name %s was found", name);
	if (!class)
		return apply_class(a, spec, 0, "PreemptLowerPriority");
	if (str_empty(name))
		json_object_set(spec, "priorityClassName", json_at(class, "metadata.name"));
	return apply_class(a, spec, json_int_at(class, "value", 0), json_str_at(class, "preemptionPolicy"));
}

static json_t *validate(struct admit *a)
{
	if (!admit_is_kind(a, GROUP, "PriorityClass") || !json_bool_at(a->object, "globalDefault", false))
		return NULL;
	AUTO_JSON *now = default_class(a);
	const char *name = json_str_or(now, "metadata.name", "");
	if (!now || (a->op == ADMIT_UPDATE && str_eq(name, json_str_at(a->object, "metadata.name"))))
		return NULL;
	return admit_forbidden(a, "PriorityClass %s is already marked as default. Only one default can exist", name);
}

static const char *const kinds[] = { "Pod", GROUP "/PriorityClass", NULL };
const struct admit_plugin priority_plugin = {
	.name = "Priority",
	.ops = ADMIT_CREATE | ADMIT_UPDATE,
	.kinds = kinds,
	.mutate = mutate,
	.validate = validate,
};
