/* Subresources of pods that write a part of the spec: ephemeral containers, and resources of running ones. */
#include <string.h>

#include "api/quantity.h"
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
	AUTO_JSON *copy = json_deep_copy(old);
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
	AUTO_JSON *wanted = json_deep_copy(json_object_get(pod, "spec"));
	take_old(pod, old);
	for (size_t l = 0; l < ARRAY_LEN(lists); l++)
		take_resources(json_at(pod, l ? "spec.initContainers" : "spec.containers"), json_object_get(wanted, lists[l]));
}

static bool is_resizable(const char *resource)
{
	return !strcmp(resource, "cpu") || !strcmp(resource, "memory");
}

/* Amounts may change, but not go; those of other resources may not even change. */
static void validate_amounts(const json_t *now, const json_t *old, const char *path, const char *what, struct field_errors *errors)
{
	const char *name;
	json_t *v;
	bool removed = false, other = false;
	json_object_foreach((json_t *)old, name, v) {
		const char *amount = json_member(now, name);
		removed |= !amount;
		other |= amount && !is_resizable(name) && quantity_compare(amount, json_string_value(v));
	}
	json_object_foreach((json_t *)now, name, v)
		other |= !is_resizable(name) && !json_object_get(old, name);
	if (removed)
		field_forbidden(errors, path, "resource %s cannot be removed", what);
	if (other)
		field_forbidden(errors, "spec", "only cpu and memory resources are mutable");
}

/* The sidecars among init containers can be resized, the others not. */
static void validate_init(const json_t *now, const json_t *old, struct field_errors *errors)
{
	if (strcmp(json_str_or(old, "restartPolicy", ""), "Always") && !json_equal(now, old))
		field_forbidden(errors, "spec", "resources for non-sidecar init containers are immutable");
}

static void resize_validate(const json_t *pod, const json_t *old, struct field_errors *errors)
{
	static const char *const whats[] = { "requests", "limits" };
	char p[FIELD_PATH_MAX];
	const char *class = pod_qos_class(json_object_get(pod, "spec"));
	AUTO_JSON *before = json_string(pod_qos_class(json_object_get(old, "spec")));
	if (is_static(old) || !strcmp(json_str_or(old, "spec.os.name", ""), "windows")) {
		field_forbidden(errors, "", "%s pods cannot be resized", is_static(old) ? "static" : "windows");
		return;
	}
	spec_validate(pod, errors);
	if (errors->n)
		return;
	if (strcmp(class, json_string_value(before)))
		field_invalid(errors, "spec", before, "Pod QOS Class may not change as a result of resizing");
	for (size_t l = 0; l < ARRAY_LEN(lists); l++) {
		const json_t *containers = json_object_get(json_object_get(pod, "spec"), lists[l]);
		json_t *c;
		size_t i;
		json_array_foreach(json_object_get(json_object_get(old, "spec"), lists[l]), i, c) {
			const json_t *now = json_array_get(containers, i);
			if (l == 1)
				validate_init(now, c, errors);
			for (size_t w = 0; w < ARRAY_LEN(whats); w++)
				validate_amounts(json_object_get(json_object_get(now, "resources"), whats[w]),
						 json_object_get(json_object_get(c, "resources"), whats[w]),
						 FIELD_PATH(p, "spec.%s[%zu].resources.%s", lists[l], i, whats[w]), whats[w], errors);
		}
	}
}

const struct kind_part pod_parts[] = {
	{ "ephemeralcontainers", ephemeral_prepare, ephemeral_validate }, { "resize", resize_prepare, resize_validate }, { 0 } };
