/* Protection of storage in use: finalizers put on and taken off; pure, nothing can fail. */
#include "cp/controllers/protection_plan.h"

#include <stdlib.h>

#include "base/json.h"
#include "cp/controllers/object.h"

/* What is protected, and by which finalizer. */
static const struct protected {
	const char *group, *plural, *finalizer;
} claims_of_pods = { "", "persistentvolumeclaims", PROTECTION_CLAIM }, bound_volumes = { "", "persistentvolumes", PROTECTION_VOLUME },
  attributes = { "storage.k8s.io", "volumeattributesclasses", PROTECTION_ATTRIBUTES };

static void patch(const json_t *o, const struct protected *p, bool wanted, struct plan *plan)
{
	json_t *old = json_at(o, "metadata.finalizers");
	AUTO_JSON *kept = json_without_text(old, p->finalizer);
	AUTO_FREE char *path = object_path(p->group, "v1", object_ns(o), p->plural, object_name(o));
	if (wanted)
		json_array_append_new(kept, json_string(p->finalizer));
	plan_merge(plan, path, json_pack("{s:{s:s, s:s, s:O}}", "metadata", "uid", object_uid(o), "resourceVersion",
					 json_str_or(o, "metadata.resourceVersion", ""), "finalizers", kept))
	    ->flags |= PLAN_ABSENT_OK;
}

/* Generic ephemeral volumes are claims that bear the pod's name and the volume's. */
static bool uses(const json_t *pod, const json_t *claim)
{
	size_t i;
	json_t *v;
	json_array_foreach(json_at(pod, "spec.volumes"), i, v)
	{
		const char *name = json_str_at(v, "persistentVolumeClaim.claimName");
		AUTO_FREE char *own = json_object_get(v, "ephemeral") ? xasprintf("%s-%s", object_name(pod), json_str_or(v, "name", "")) : NULL;
		if (str_eq(name ? name : own, object_name(claim)))
			return true;
	}
	return false;
}

void protection_claim_plan(const json_t *claim, const json_t *pods, struct plan *plan)
{
	bool has = object_has_finalizer(claim, PROTECTION_CLAIM);
	size_t i;
	json_t *pod;
	if (!object_deleting(claim)) {
		if (!has)
			patch(claim, &claims_of_pods, true, plan);
		return;
	}
	json_array_foreach(pods, i, pod)
	{
		if (!str_empty(json_str_at(pod, "spec.nodeName")) && uses(pod, claim))
			return;
	}
	if (has)
		patch(claim, &claims_of_pods, false, plan);
}

void protection_volume_plan(const json_t *volume, struct plan *plan)
{
	bool has = object_has_finalizer(volume, PROTECTION_VOLUME);
	if (!object_deleting(volume) && !has)
		patch(volume, &bound_volumes, true, plan);
	if (object_deleting(volume) && has && !str_eq(json_str_at(volume, "status.phase"), "Bound"))
		patch(volume, &bound_volumes, false, plan);
}

static bool is_named(const json_t *objects, const char *name)
{
	static const char *const paths[] = { "spec.volumeAttributesClassName", "status.currentVolumeAttributesClassName",
					     "status.modifyVolumeStatus.targetVolumeAttributesClassName" };
	size_t i;
	json_t *o;
	json_array_foreach(objects, i, o)
	{
		for (size_t k = 0; k < ARRAY_LEN(paths); k++)
			if (str_eq(json_str_at(o, paths[k]), name))
				return true;
	}
	return false;
}

void protection_attributes_plan(const json_t *class, const json_t *claims, const json_t *volumes, struct plan *plan)
{
	bool has = object_has_finalizer(class, PROTECTION_ATTRIBUTES), used = is_named(claims, object_name(class)) || is_named(volumes, object_name(class));
	if (!object_deleting(class) && !has)
		patch(class, &attributes, true, plan);
	if (object_deleting(class) && has && !used)
		patch(class, &attributes, false, plan);
}
