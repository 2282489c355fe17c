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

static json_t *set_scheduling(struct admit *a, const json_t *class)
{
	json_t *selector = json_at(class, "scheduling.nodeSelector"), *t, *v;
	const char *key;
	size_t i, k;
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
	json_array_foreach(json_at(class, "scheduling.tolerations"), i, t)
	{
		json_t *list = json_array_at(a->object, "spec.tolerations");
		bool there = false;
		json_array_foreach(list, k, v) there |= json_equal(v, t);
		if (!there)
			json_array_append(list, t);
	}
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
