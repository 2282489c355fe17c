/* What an update of a pod may change: images, a deadline that comes nearer, more tolerations, fewer scheduling gates; and, as
 * long as gates hold it, where it may run. Everything else has to be as it was, and the error shows what differs. */
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/go_value.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/pod_rules.h"

static const char *const container_lists[] = { "containers", "initContainers" };

/* Puts what an update may change back to the old state, so that the rest can be compared. */
static void undo_allowed(json_t *spec, const json_t *old)
{
	static const char *const fields[] = { "activeDeadlineSeconds", "tolerations", "ephemeralContainers", "schedulingGates" };
	for (size_t l = 0; l < ARRAY_LEN(container_lists); l++) {
		const json_t *before = json_object_get(old, container_lists[l]);
		size_t i;
		json_t *c;
		json_array_foreach(json_object_get(spec, container_lists[l]), i, c) {
			json_t *image = json_object_get(json_array_get(before, i), "image");
			if (image)
				json_object_set(c, "image", image);
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		json_take_member(spec, old, fields[i]);
	if (json_int_at(old, "terminationGracePeriodSeconds", 0) < 0 && json_int_at(spec, "terminationGracePeriodSeconds", 0) == 1)
		json_take_member(spec, old, "terminationGracePeriodSeconds");
}

/* The seconds of a toleration may change. */
static bool has_toleration(const json_t *list, const json_t *one)
{
	AUTO_JSON *wanted = json_copy((json_t *)one);
	size_t i;
	json_t *t;
	json_object_del(wanted, "tolerationSeconds");
	json_array_foreach(list, i, t) {
		AUTO_JSON *copy = json_copy(t);
		json_object_del(copy, "tolerationSeconds");
		if (json_equal(copy, wanted))
			return true;
	}
	return false;
}

static void validate_tolerations(const json_t *spec, const json_t *old, struct field_errors *errors)
{
	size_t i;
	json_t *t;
	json_array_foreach(json_object_get(old, "tolerations"), i, t)
		if (!has_toleration(json_object_get(spec, "tolerations"), t)) {
			field_forbidden(errors, "spec.tolerations", "existing toleration can not be modified except its tolerationSeconds");
			return;
		}
}

static void validate_gates(const json_t *spec, const json_t *old, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	size_t i;
	json_t *gate;
	json_array_foreach(json_object_get(spec, "schedulingGates"), i, gate) {
		const char *name = json_str_or(gate, "name", "");
		if (!json_find(json_object_get(old, "schedulingGates"), "name", name))
			field_forbidden(errors, FIELD_PATH(p, "spec.schedulingGates[%zu].name", i),
					"only deletion is allowed, but found new scheduling gate '%s'", name);
	}
}

/* Whether now has all that was, in order, and perhaps more behind it. */
static bool only_adds(const json_t *now, const json_t *was, const char *key)
{
	const json_t *a = json_object_get(now, key), *b = json_object_get(was, key);
	bool same = json_array_size(a) >= json_array_size(b);
	for (size_t i = 0; same && i < json_array_size(b); i++)
		same = json_equal(json_array_get(a, i), json_array_get(b, i));
	return same;
}

static bool is_bare(const json_t *term)
{
	return !json_array_size(json_object_get(term, "matchExpressions")) && !json_array_size(json_object_get(term, "matchFields"));
}

static void validate_terms(const json_t *spec, const json_t *old, struct field_errors *errors)
{
#define TERMS "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
	const json_t *now = json_at(spec, TERMS), *was = json_at(old, TERMS);
	char p[FIELD_PATH_MAX];
	if (!json_array_size(was))
		return;
	if (json_array_size(now) != json_array_size(was)) {
		field_invalid(errors, "spec." TERMS, now ? now : json_null(), "no additions/deletions to non-empty NodeSelectorTerms list are allowed");
		return;
	}
	for (size_t i = 0; i < json_array_size(was); i++) {
		const json_t *a = json_array_get(now, i), *b = json_array_get(was, i);
		if ((is_bare(b) && !is_bare(a)) || !only_adds(a, b, "matchExpressions") || !only_adds(a, b, "matchFields"))
			field_invalid(errors, FIELD_PATH(p, "spec." TERMS "[%zu]", i), a, "only additions are allowed (no mutations or deletions)");
	}
}

/* A pod that waits for its gates may be narrowed down; what that changed is put back in copy. */
static void validate_gated(json_t *copy, const json_t *old, struct field_errors *errors)
{
	const json_t *selector = json_object_get(copy, "nodeSelector");
	const char *key;
	json_t *v;
	if (!json_array_size(json_object_get(old, "schedulingGates")))
		return;
	json_object_foreach(json_object_get(old, "nodeSelector"), key, v)
		if (!str_eq(json_member(selector, key), json_string_value(v))) {
			AUTO_JSON *none = json_null();
			field_invalid(errors, "spec.nodeSelector", selector ? selector : none,
				      "only additions to spec.nodeSelector are allowed (no mutations or deletions)");
			break;
		}
	json_take_member(copy, old, "nodeSelector");
	validate_terms(copy, old, errors);
	json_t *affinity = json_object_at(copy, "affinity");
	json_take_member(affinity, json_object_get(old, "affinity"), "nodeAffinity");
	if (!json_object_size(affinity) && !json_object_get(old, "affinity"))
		json_object_del(copy, "affinity");
}

/* Returns whether the rest should be looked at. */
static bool validate_containers(const json_t *spec, const json_t *old, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	for (size_t l = 0; l < ARRAY_LEN(container_lists); l++)
		if (json_array_size(json_object_get(spec, container_lists[l])) != json_array_size(json_object_get(old, container_lists[l]))) {
			field_forbidden(errors, FIELD_PATH(p, "spec.%s", container_lists[l]), "pod updates may not add or remove containers");
			return false;
		}
	return true;
}

static bool validate_deadline(const json_t *spec, const json_t *old, struct field_errors *errors)
{
	const json_t *now = json_object_get(spec, "activeDeadlineSeconds"), *was = json_object_get(old, "activeDeadlineSeconds");
	if (now && (json_integer_value(now) < 0 || json_integer_value(now) > INT32_MAX)) {
		field_invalid(errors, "spec.activeDeadlineSeconds", now, "must be between 0 and 2147483647, inclusive");
		return false;
	}
	if (!now && was)
		field_invalid(errors, "spec.activeDeadlineSeconds", json_null(), "must not update from a positive integer to nil value");
	if (!now || !was || json_integer_value(now) <= json_integer_value(was))
		return true;
	field_invalid(errors, "spec.activeDeadlineSeconds", now, "must be less than or equal to previous value");
	return false;
}

/* A copy down to what the functions above put back. */
static json_t *shallow_copy(const json_t *spec)
{
	json_t *copy = json_copy((json_t *)spec), *affinity = json_object_get(spec, "affinity");
	for (size_t l = 0; l < ARRAY_LEN(container_lists); l++) {
		json_t *list = json_copy(json_object_get(spec, container_lists[l])), *c;
		size_t i;
		json_array_foreach(list, i, c)
			json_array_set_new(list, i, json_copy(c));
		if (list)
			json_object_set_new(copy, container_lists[l], list);
	}
	if (affinity)
		json_object_set_new(copy, "affinity", json_copy(affinity));
	return copy;
}

void pod_update_validate(const json_t *pod, const json_t *old_pod, struct field_errors *errors)
{
	const json_t *spec = json_object_get(pod, "spec"), *old = json_object_get(old_pod, "spec");
	if (spec == old || !validate_containers(spec, old, errors) || !validate_deadline(spec, old, errors))
		return;
	validate_tolerations(spec, old, errors);
	validate_gates(spec, old, errors);
	AUTO_JSON *copy = shallow_copy(spec);
	undo_allowed(copy, old);
	validate_gated(copy, old, errors);
	if (json_equal(copy, old))
		return;
	const struct type *type = errors->schema ? schema_type(errors->schema, "core.v1.PodSpec") : NULL;
	AUTO_FREE char *diff = type ? go_diff(type, old, copy) : xstrdup("");
	field_forbidden(errors, "spec",
			"pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
			"`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
			"`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)%s%s",
			*diff ? "\n" : "", diff);
}
