/* StorageObjectInUseProtection and PersistentVolumeClaimResize. Purpose: volumes and claims do not go while they are in
 * use, and grow only where their class allows it. Happy path: a new claim, volume or class of attributes gets its finalizer; an update does not
 * ask for more. Fails with 403 for growth that is not provided for. */
#include <string.h>

#include "api/quantity.h"
#include "base/mem.h"
#include "cp/admission/plugin.h"

static json_t *protect(struct admit *a)
{
	const char *finalizer = admit_is_kind(a, "", "PersistentVolume")	    ? "kubernetes.io/pv-protection"
				: admit_is_kind(a, "", "PersistentVolumeClaim") ? "kubernetes.io/pvc-protection"
										    : "kubernetes.io/vac-protection";
	json_t *list = json_array_at(a->object, "metadata.finalizers");
	if (!json_has_text(list, finalizer))
		json_array_append_new(list, json_string(finalizer));
	return NULL;
}

static json_t *check_growth(struct admit *a)
{
	const char *now = json_member(json_at(a->object, "spec.resources.requests"), "storage");
	const char *before = json_member(json_at(a->old, "spec.resources.requests"), "storage");
	const char *name = json_str_or(a->object, "spec.storageClassName", "");
	if (!now || !before || quantity_compare(now, before) <= 0)
		return NULL;
	if (!str_eq(json_str_at(a->old, "status.phase"), "Bound"))
		return admit_forbidden(a, "Only bound persistent volume claims can be expanded");
	AUTO_JSON *class = *name ? admission_get(a->n, "storage.k8s.io", "v1", "storageclasses", "", name) : NULL;
	if (!json_bool_at(class, "allowVolumeExpansion", false))
		return admit_forbidden(a,
				       "only dynamically provisioned pvc can be resized and the storageclass that provisions the "
				       "pvc must support resize");
	return NULL;
}

static const char *const protected[] = { "PersistentVolume", "PersistentVolumeClaim", "storage.k8s.io/VolumeAttributesClass", NULL };
const struct admit_plugin storage_in_use_plugin = {
	.name = "StorageObjectInUseProtection",
	.ops = ADMIT_CREATE,
	.kinds = protected,
	.mutate = protect,
};

static const char *const claims[] = { "PersistentVolumeClaim", NULL };
const struct admit_plugin claim_resize_plugin = {
	.name = "PersistentVolumeClaimResize",
	.ops = ADMIT_UPDATE,
	.kinds = claims,
	.validate = check_growth,
};
