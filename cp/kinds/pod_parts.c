/* Subresources of pods that write a part of the spec: ephemeral containers; the resources of running ones are in pod_resize.c. */
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/pod_rules.h"

/* --- ephemeral containers -------------------------------------------------------------------------------------------- */

/* Everything but the managers, which the caller has brought up to date, and the part. */
void pod_part_take_old(json_t *pod, const json_t *old)
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
	pod_part_take_old(pod, old);
	if (list)
		json_set_at(pod, "spec.ephemeralContainers", list);
	else
		json_del_at(pod, "spec.ephemeralContainers");
}

void pod_part_validate_spec(const json_t *pod, struct field_errors *errors)
{
	struct pod_rules r = { .spec = json_object_get(pod, "spec"), .path = "spec", .name = json_str_at(pod, "metadata.name"), .is_pod = true,
			       .errors = errors };
	pod_rules_validate(&r);
}

bool pod_is_static(const json_t *pod)
{
	return json_object_get(json_at(pod, "metadata.annotations"), "kubernetes.io/config.mirror");
}

static void ephemeral_validate(const json_t *pod, const json_t *old, struct field_errors *errors)
{
	const json_t *list = json_at(pod, "spec.ephemeralContainers");
	json_t *c;
	size_t i;
	if (pod_is_static(old)) {
		field_forbidden(errors, "", "static pods do not support ephemeral containers");
		return;
	}
	pod_part_validate_spec(pod, errors);
	json_array_foreach(json_at(old, "spec.ephemeralContainers"), i, c) {
		const char *name = json_str_or(c, "name", "");
		const json_t *now = json_find(list, "name", name);
		if (!now)
			field_forbidden(errors, "spec.ephemeralContainers", "existing ephemeral containers \"%s\" may not be removed\n", name);
		else if (!json_equal(now, c))
			field_forbidden(errors, "spec.ephemeralContainers", "existing ephemeral containers \"%s\" may not be changed\n", name);
	}
}

const struct kind_part pod_parts[] = {
	{ "ephemeralcontainers", ephemeral_prepare, ephemeral_validate }, { "resize", pod_resize_prepare, pod_resize_validate }, { 0 } };
