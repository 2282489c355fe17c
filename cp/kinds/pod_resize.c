/* Resources of running pods. Happy path: the containers are those that there are, in their order, and only what they and the pod as a
 * whole have of cpu and memory differs. Nothing fails; what may not change is told. */
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/pod_rules.h"

static const char *const lists[] = { "containers", "initContainers" };
static const char *const whats[] = { "requests", "limits" };

static const json_t *list_of(const json_t *pod, const char *list)
{
	return json_object_get(json_object_get(pod, "spec"), list);
}

/* --- what is taken of the new pod -------------------------------------------------------------------------------------- */

static bool same_names(const json_t *now, const json_t *was)
{
	bool same = json_array_size(now) == json_array_size(was);
	for (size_t i = 0; same && i < json_array_size(was); i++)
		same = str_eq(json_member(json_array_get(now, i), "name"), json_member(json_array_get(was, i), "name"));
	return same;
}

/* Containers that were added, dropped, moved or renamed stay as they are, for validation to tell of them. */
static void take_containers(json_t *pod, json_t *wanted, const char *list)
{
	json_t *old = json_object_get(json_object_get(pod, "spec"), list), *now = json_object_get(wanted, list), *c;
	size_t i;
	if (!same_names(now, old)) {
		json_take_member(json_object_get(pod, "spec"), wanted, list);
		return;
	}
	json_array_foreach(old, i, c) {
		json_take_member(c, json_array_get(now, i), "resources");
		json_take_member(c, json_array_get(now, i), "resizePolicy");
	}
}

void pod_resize_prepare(json_t *pod, const json_t *old)
{
	AUTO_JSON *wanted = json_clone(json_object_get(pod, "spec"));
	for (size_t l = 0; l < ARRAY_LEN(lists); l++)
		if (json_array_size(json_object_get(wanted, lists[l])) != json_array_size(list_of(old, lists[l])))
			return;
	pod_part_take_old(pod, old);
	json_take_member(json_object_get(pod, "spec"), wanted, "resources");
	for (size_t l = 0; l < ARRAY_LEN(lists); l++)
		take_containers(pod, wanted, lists[l]);
}

/* --- what may change ---------------------------------------------------------------------------------------------------- */

static const json_t *amounts_of(const json_t *holder, const char *what)
{
	return json_object_get(json_object_get(holder, "resources"), what);
}

/* now's amounts with cpu and memory as in old. Owned. */
static json_t *masked_amounts(const json_t *now, const json_t *old)
{
	static const char *const names[] = { "cpu", "memory" };
	json_t *copy = now ? json_copy((json_t *)now) : json_object();
	for (size_t n = 0; n < ARRAY_LEN(names); n++)
		json_take_member(copy, old, names[n]);
	return copy;
}

/* What now's resources would be with cpu and memory as in old; empty lists are left out. Owned. */
static json_t *masked_resources(const json_t *now, const json_t *old)
{
	json_t *masked = json_object();
	for (size_t w = 0; w < ARRAY_LEN(whats); w++) {
		AUTO_JSON *amounts = masked_amounts(amounts_of(now, whats[w]), amounts_of(old, whats[w]));
		if (json_object_size(amounts))
			json_object_set(masked, whats[w], amounts);
	}
	return masked;
}

/* old's resources without empty lists. Owned. */
static json_t *plain_resources(const json_t *old)
{
	json_t *resources = json_object_get(old, "resources"), *copy = resources ? json_copy(resources) : json_object();
	for (size_t w = 0; w < ARRAY_LEN(whats); w++)
		if (!json_object_size(json_object_get(copy, whats[w])))
			json_object_del(copy, whats[w]);
	return copy;
}

static bool same_but_resizable(const json_t *now, const json_t *old)
{
	AUTO_JSON *copy = json_copy((json_t *)now), *was = json_copy((json_t *)old);
	json_object_set_new(copy, "resources", masked_resources(now, old));
	json_object_set_new(was, "resources", plain_resources(old));
	return json_equal(copy, was);
}

/* Amounts may change, but not go. who: of whom the message is, with a blank behind it, or "". */
static void validate_removed(const json_t *now, const json_t *old, const char *path, const char *who, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	for (size_t w = 0; w < ARRAY_LEN(whats); w++) {
		const char *name;
		json_t *v;
		bool removed = false;
		json_object_foreach((json_t *)amounts_of(old, whats[w]), name, v)
			removed |= !json_object_get(amounts_of(now, whats[w]), name);
		if (removed)
			field_forbidden(errors, FIELD_PATH(p, "%s.resources.%s", path, whats[w]), "%sresource %s cannot be removed", who, whats[w]);
	}
}

static bool has_amounts(const json_t *spec)
{
	return json_object_size(amounts_of(spec, "requests")) || json_object_size(amounts_of(spec, "limits"));
}

/* What the pod as a whole has. */
static void validate_whole(const json_t *spec, const json_t *old, struct field_errors *errors)
{
	const json_t *claims = json_at(spec, "resources.claims");
	if (!has_amounts(spec) && !has_amounts(old))
		return;
	if (json_object_get(old, "resources") && !json_object_get(spec, "resources")) {
		field_forbidden(errors, "spec.resources", "pod-level resources cannot be removed");
		return;
	}
	validate_removed(spec, old, "spec", "pod-level ", errors);
	AUTO_JSON *now = masked_resources(spec, old), *was = plain_resources(old);
	if (claims)
		json_object_set(now, "claims", (json_t *)claims);
	if (!json_equal(now, was))
		field_forbidden(errors, "spec", "only cpu and memory resources are mutable at pod-level");
}

/* Returns whether the containers are those that there were, in their order. */
static bool validate_same_containers(const json_t *pod, const json_t *old, struct field_errors *errors)
{
	size_t before = errors->n, i;
	char p[FIELD_PATH_MAX];
	json_t *c;
	for (size_t l = 0; l < ARRAY_LEN(lists); l++) {
		const json_t *now = list_of(pod, lists[l]), *was = list_of(old, lists[l]);
		if (json_array_size(now) != json_array_size(was)) {
			field_forbidden(errors, FIELD_PATH(p, "spec.%s", lists[l]), "%s may not be added or removed on resize", lists[l]);
			continue;
		}
		json_array_foreach(was, i, c)
			if (!str_eq(json_member(json_array_get(now, i), "name"), json_member(c, "name")))
				field_forbidden(errors, FIELD_PATH(p, "spec.%s[%zu].name", lists[l], i), "%s may not be renamed or reordered on resize",
						lists[l]);
	}
	return errors->n == before;
}

static bool is_sidecar(const json_t *container)
{
	return str_eq(json_member(container, "restartPolicy"), "Always");
}

/* An init container, which runs once or beside the others. */
static void validate_init(const json_t *now, const json_t *old, const char *path, struct field_errors *errors)
{
	json_t *policy;
	size_t i;
	if (!same_but_resizable(now, old))
		field_forbidden(errors, path, "only cpu and memory resources for init or sidecar containers are mutable");
	if (is_sidecar(now) || json_equal(now, old))
		return;
	json_array_foreach(json_object_get(now, "resizePolicy"), i, policy)
		if (str_eq(json_member(policy, "restartPolicy"), "RestartContainer"))
			field_forbidden(errors, path, "non-sidecar init containers with a resize policy of RestartContainer cannot be resized");
}

static void validate_containers(const json_t *pod, const json_t *old, struct field_errors *errors)
{
	const json_t *inits = list_of(pod, lists[1]), *ordinary = list_of(pod, lists[0]);
	char p[FIELD_PATH_MAX];
	json_t *c;
	size_t i;
	json_array_foreach(list_of(old, lists[1]), i, c)
		validate_removed(json_array_get(inits, i), c, FIELD_PATH(p, "spec.initContainers[%zu]", i), "", errors);
	json_array_foreach(list_of(old, lists[0]), i, c)
		validate_removed(json_array_get(ordinary, i), c, FIELD_PATH(p, "spec.containers[%zu]", i), "", errors);
	json_array_foreach(list_of(old, lists[0]), i, c)
		if (!same_but_resizable(json_array_get(ordinary, i), c))
			field_forbidden(errors, "spec", "only cpu and memory resources are mutable");
	json_array_foreach(list_of(old, lists[1]), i, c)
		validate_init(json_array_get(inits, i), c, FIELD_PATH(p, "spec.initContainers[%zu]", i), errors);
}

/* A running container tells its resources where its node can resize. */
static bool is_supported(const json_t *pod)
{
	json_t *c;
	size_t i;
	json_array_foreach(json_at(pod, "status.containerStatuses"), i, c)
		if (json_at(c, "state.running"))
			return json_object_get(c, "resources") != NULL;
	return true;
}

void pod_resize_validate(const json_t *pod, const json_t *old, struct field_errors *errors)
{
	const char *class = pod_qos_class(json_object_get(old, "spec"));
	AUTO_JSON *before = json_string(json_str_or(old, "status.qosClass", class));
	if (pod_is_static(old) || str_eq(json_str_at(old, "spec.os.name"), "windows")) {
		field_forbidden(errors, "", "%s pods cannot be resized", pod_is_static(old) ? "static" : "windows");
		return;
	}
	pod_part_validate_spec(pod, errors);
	if (strcmp(pod_qos_class(json_object_get(pod, "spec")), json_string_value(before)))
		field_invalid(errors, "spec", before, "Pod QOS Class may not change as a result of resizing");
	if (!is_supported(old))
		field_forbidden(errors, "spec", "Pod running on node without support for resize");
	validate_whole(json_object_get(pod, "spec"), json_object_get(old, "spec"), errors);
	if (json_array_size(json_at(old, "status.nodeAllocatableResourceClaimStatuses")))
		field_forbidden(errors, "spec", "pods with node allocatable resource claims cannot be resized");
	if (validate_same_containers(pod, old, errors))
		validate_containers(pod, old, errors);
}
