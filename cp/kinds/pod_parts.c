/* Subresources of pods that write a part of the spec: ephemeral containers, and resources of running ones. */
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/pod_rules.h"

/* --- ephemeral containers -------------------------------------------------------------------------------------------- */

/* Everything but the managers, which the caller has brought up to date, and the part. */
static void take_old(json_t *pod, const json_t *old)
{
	json_t *managers = json_incref(json_at(pod, "metadata.managedFields"));
	json_t *revision = json_incref(json_at(pod, "metadata.resourceVersion"));
	AUTO_JSON *copy = json_clone(old);
	json_object_clear(pod);
	json_object_update(pod, copy);
	if (managers)
		json_set_at(pod, "metadata.managedFields", managers);
	if (revision)
		json_set_at(pod, "metadata.resourceVersion", revision);
}

static void ephemeral_prepare(json_t *pod, const json_t *old)
{
	json_t *list = json_incref(json_at(pod, "spec.ephemeralContainers"));
	take_old(pod, old);
	if (list)
		json_set_at(pod, "spec.ephemeralContainers", list);
	else
		json_del_at(pod, "spec.ephemeralContainers");
}

static void spec_validate(const json_t *pod, struct field_errors *errors)
{
	struct pod_rules r = { .spec = json_object_get(pod, "spec"), .path = "spec", .name = json_str_at(pod, "metadata.name"), .is_pod = true,
			       .errors = errors };
	pod_rules_validate(&r);
}

static bool is_static(const json_t *pod)
{
	return json_object_get(json_at(pod, "metadata.annotations"), "kubernetes.io/config.mirror");
}

static void ephemeral_validate(const json_t *pod, const json_t *old, struct field_errors *errors)
{
	const json_t *list = json_at(pod, "spec.ephemeralContainers");
	json_t *c;
	size_t i;
	if (is_static(old)) {
		field_forbidden(errors, "", "static pods do not support ephemeral containers");
		return;
	}
	spec_validate(pod, errors);
	json_array_foreach(json_at(old, "spec.ephemeralContainers"), i, c) {
		const char *name = json_str_or(c, "name", "");
		const json_t *now = json_find(list, "name", name);
		if (!now)
			field_forbidden(errors, "spec.ephemeralContainers", "existing ephemeral containers \"%s\" may not be removed\n", name);
		else if (!json_equal(now, c))
			field_forbidden(errors, "spec.ephemeralContainers", "existing ephemeral containers \"%s\" may not be changed\n", name);
	}
}

/* --- resize ----------------------------------------------------------------------------------------------------------- */

static const char *const lists[] = { "containers", "initContainers" };

static void take_resources(json_t *containers, const json_t *wanted)
{
	static const char *const fields[] = { "resources", "resizePolicy" };
	json_t *c;
	size_t i;
	json_array_foreach(containers, i, c) {
		const json_t *from = json_find(wanted, "name", json_str_or(c, "name", ""));
		for (size_t f = 0; from && f < ARRAY_LEN(fields); f++) {
			json_t *v = json_object_get(from, fields[f]);
			if (v)
				json_object_set(c, fields[f], v);
			else
				json_object_del(c, fields[f]);
		}
	}
}

static void resize_prepare(json_t *pod, const json_t *old)
{
	AUTO_JSON *wanted = json_clone(json_object_get(pod, "spec"));
	take_old(pod, old);
	for (size_t l = 0; l < ARRAY_LEN(lists); l++)
		take_resources(json_at(pod, l ? "spec.initContainers" : "spec.containers"), json_object_get(wanted, lists[l]));
}

static const json_t *amounts_of(const json_t *container, const char *what)
{
	return json_object_get(json_object_get(container, "resources"), what);
}

/* Amounts may change, but not go. */
static void validate_removed(const json_t *now, const json_t *old, const char *path, struct field_errors *errors)
{
	static const char *const whats[] = { "requests", "limits" };
	char p[FIELD_PATH_MAX];
	for (size_t w = 0; w < ARRAY_LEN(whats); w++) {
		const char *name;
		json_t *v;
		bool removed = false;
		json_object_foreach((json_t *)amounts_of(old, whats[w]), name, v)
			removed |= !json_object_get(amounts_of(now, whats[w]), name);
		if (removed)
			field_forbidden(errors, FIELD_PATH(p, "%s.resources.%s", path, whats[w]), "resource %s cannot be removed", whats[w]);
	}
}

/* Puts cpu and memory back to what they were, so that the rest can be compared; where there were no amounts there are none. */
static json_t *undo_resizable(const json_t *now, const json_t *old)
{
	static const char *const whats[] = { "requests", "limits" }, *const names[] = { "cpu", "memory" };
	json_t *copy = json_deep_copy(now), *resources = json_object_at(copy, "resources");
	for (size_t w = 0; w < ARRAY_LEN(whats); w++) {
		const json_t *was = amounts_of(old, whats[w]);
		if (!was) {
			json_object_del(resources, whats[w]);
			continue;
		}
		json_t *amounts = json_object_at(resources, whats[w]);
		for (size_t n = 0; n < ARRAY_LEN(names); n++) {
			if (json_object_get(was, names[n]))
				json_object_set(amounts, names[n], json_object_get(was, names[n]));
			else
				json_object_del(amounts, names[n]);
		}
	}
	json_object_del(resources, "claims");
	return copy;
}

static bool same_but_resizable(const json_t *now, const json_t *old)
{
	AUTO_JSON *copy = undo_resizable(now, old), *was = json_deep_copy(old);
	json_object_at(was, "resources");
	return json_equal(copy, was);
}

static bool is_sidecar(const json_t *container)
{
	return !strcmp(json_str_or(container, "restartPolicy", ""), "Always");
}

/* Visits each container of old with what it is to be. */
static void each_pair(const json_t *pod, const json_t *old, bool init,
		      void (*visit)(const json_t *now, const json_t *old, const char *path, bool init, struct field_errors *errors),
		      struct field_errors *errors)
{
	const char *list = init ? "initContainers" : "containers";
	const json_t *now = json_object_get(json_object_get(pod, "spec"), list);
	char p[FIELD_PATH_MAX];
	json_t *c;
	size_t i;
	json_array_foreach(json_object_get(json_object_get(old, "spec"), list), i, c)
		visit(json_array_get(now, i), c, FIELD_PATH(p, "spec.%s[%zu]", list, i), init, errors);
}

static void visit_removed(const json_t *now, const json_t *old, const char *path, bool init, struct field_errors *errors)
{
	if (!init || is_sidecar(old))
		validate_removed(now, old, path, errors);
}

/* The sidecars among init containers can be resized, the others not. */
static void visit_fixed(const json_t *now, const json_t *old, const char *path, bool init, struct field_errors *errors)
{
	(void)path;
	if (init && !is_sidecar(now)) {
		if (!json_equal(now, old))
			field_forbidden(errors, "spec", "resources for non-sidecar init containers are immutable");
	} else if (!same_but_resizable(now, old)) {
		field_forbidden(errors, "spec", init ? "only cpu and memory resources for sidecar containers are mutable"
						     : "only cpu and memory resources are mutable");
	}
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

static void resize_validate(const json_t *pod, const json_t *old, struct field_errors *errors)
{
	const char *class = pod_qos_class(json_object_get(pod, "spec"));
	AUTO_JSON *before = json_string(pod_qos_class(json_object_get(old, "spec")));
	if (is_static(old) || !strcmp(json_str_or(old, "spec.os.name", ""), "windows")) {
		field_forbidden(errors, "", "%s pods cannot be resized", is_static(old) ? "static" : "windows");
		return;
	}
	spec_validate(pod, errors);
	if (strcmp(class, json_string_value(before)))
		field_invalid(errors, "spec", before, "Pod QOS Class may not change as a result of resizing");
	if (!is_supported(old))
		field_forbidden(errors, "spec", "Pod running on node without support for resize");
	each_pair(pod, old, true, visit_removed, errors);
	each_pair(pod, old, false, visit_removed, errors);
	each_pair(pod, old, false, visit_fixed, errors);
	each_pair(pod, old, true, visit_fixed, errors);
}

const struct kind_part pod_parts[] = {
	{ "ephemeralcontainers", ephemeral_prepare, ephemeral_validate }, { "resize", resize_prepare, resize_validate }, { 0 } };
