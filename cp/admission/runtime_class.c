/* RuntimeClass. Purpose: what a pod's class costs and where it can run. Happy path: the class that it names is there; its
 * overhead, node selector and tolerations become the pod's. Fails with 403 for a class that is not there, and for an
 * overhead or selector of the pod's own that contradicts it. */
#include <string.h>

#include "base/mem.h"
#include "cp/admission/plugin.h"

static const json_t *class_name(const struct admit *a)
{
	return json_at(a->object, "spec.runtimeClassName");
}

static json_t *not_found(const struct admit *a)
{
	return admit_forbidden(a, "pod rejected: RuntimeClass \"%s\" not found", json_string_value(class_name(a)));
}

static json_t *set_overhead(struct admit *a, const json_t *class)
{
	json_t *fixed = json_at(class, "overhead.podFixed"), *own = json_at(a->object, "spec.overhead");
	if (!json_object_size(fixed))
		return NULL;
	if (json_object_size(own) && !json_equal(own, fixed))
		return admit_forbidden(a, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
	json_set_at(a->object, "spec.overhead", json_clone(fixed));
	return NULL;
}

/* Whether what wide tolerates holds all that narrow does. */
static bool tolerates_as_much(const json_t *wide, const json_t *narrow)
{
	const char *key = json_str_or(wide, "key", ""), *op = json_str_or(wide, "operator", ""), *effect = json_str_or(wide, "effect", "");
	const json_t *seconds = json_object_get(wide, "tolerationSeconds"), *other = json_object_get(narrow, "tolerationSeconds");
	bool exists = strcmp(op, "Exists") == 0;
	if (json_equal(wide, narrow))
		return true;
	if (strcmp(key, json_str_or(narrow, "key", "")) != 0 && (*key || !exists))
		return false;
	if (*effect && strcmp(effect, json_str_or(narrow, "effect", "")) != 0)
		return false;
	if (strcmp(effect, "NoExecute") == 0 && seconds && (!other || json_integer_value(other) > json_integer_value(seconds)))
		return false;
	return exists || ((!*op || strcmp(op, "Equal") == 0) && strcmp(op, json_str_or(narrow, "operator", "")) == 0 &&
			  strcmp(json_str_or(wide, "value", ""), json_str_or(narrow, "value", "")) == 0);
}

/* Whether the i-th of all goes without saying: of two equal ones the first stays. */
static bool is_redundant(const json_t *all, size_t i)
{
	const json_t *t = json_array_get(all, i);
	size_t k;
	json_t *other;
	json_array_foreach(all, k, other)
	{
		if (k != i && tolerates_as_much(other, t) && !(k > i && json_equal(other, t)))
			return true;
	}
	return false;
}

/* Adds more to the pod's tolerations; those that others hold are left out. */
static void merge_tolerations(json_t *spec, const json_t *more)
{
	AUTO_JSON *all = json_array(), *merged = json_array();
	json_t *own = json_object_get(spec, "tolerations"), *t;
	size_t i;
	if (own)
		json_array_extend(all, own);
	if (more)
		json_array_extend(all, (json_t *)more);
	json_array_foreach(all, i, t)
	{
		if (!is_redundant(all, i))
			json_array_append(merged, t);
	}
	if (json_array_size(merged))
		json_object_set(spec, "tolerations", merged);
}

static json_t *set_scheduling(struct admit *a, const json_t *class)
{
	json_t *selector = json_at(class, "scheduling.nodeSelector"), *v;
	const char *key;
	if (json_object_size(selector)) {
		json_t *own = json_object_at(a->object, "spec.nodeSelector");
		json_object_foreach(selector, key, v)
		{
			const json_t *now = json_object_get(own, key);
			if (now && !json_equal(now, v))
				return admit_forbidden(a, "conflict: runtimeClass.scheduling.nodeSelector[%s] = %s; "
							  "pod.spec.nodeSelector[%s] = %s",
						       key, json_string_value(v), key, json_string_value(now));
			json_object_set(own, key, v);
		}
	}
	if (json_object_get(class, "scheduling"))
		merge_tolerations(json_object_at(a->object, "spec"), json_at(class, "scheduling.tolerations"));
	return NULL;
}

static json_t *mutate(struct admit *a)
{
	const char *name = json_string_value(class_name(a));
	if (!name)
		return NULL;
	AUTO_JSON *class = admission_get(a->n, "node.k8s.io", "v1", "runtimeclasses", "", name);
	if (!class)
		return not_found(a);
	json_t *status = set_overhead(a, class);
	return status ? status : set_scheduling(a, class);
}

static json_t *validate(struct admit *a)
{
	const char *name = json_string_value(class_name(a));
	const json_t *own = json_at(a->object, "spec.overhead");
	AUTO_JSON *class = name ? admission_get(a->n, "node.k8s.io", "v1", "runtimeclasses", "", name) : NULL;
	if (name && !class)
		return not_found(a);
	const json_t *fixed = json_at(class, "overhead.podFixed");
	if (json_object_size(own) && !json_object_size(fixed))
		return admit_forbidden(a, "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead");
	if (json_object_size(fixed) && !(own && json_equal(own, fixed)))
		return admit_forbidden(a, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
	return NULL;
}

static const char *const kinds[] = { "Pod", NULL };
const struct admit_plugin runtime_class_plugin = {
	.name = "RuntimeClass",
	.ops = ADMIT_CREATE,
	.kinds = kinds,
	.mutate = mutate,
	.validate = validate,
};
