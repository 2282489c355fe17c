/* Rules of persistent volumes, claims and storage classes. */
#include <string.h>

#include "api/quantity.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"

static const char *const access_modes[] = { "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod", NULL };

static void add_finalizer(json_t *obj, const char *name)
{
	json_t *list = json_array_at(obj, "metadata.finalizers"), *item;
	size_t i;
	json_array_foreach(list, i, item)
		if (str_eq(json_string_value(item), name))
			return;
	json_array_append_new(list, json_string(name));
}

static void validate_modes(const json_t *modes, struct field_errors *errors)
{
	json_t *mode;
	size_t i;
	if (!json_array_size(modes))
		field_required(errors, "spec.accessModes", "at least 1 access mode is required");
	json_array_foreach(modes, i, mode)
		if (!strv_has((char *const *)access_modes, json_string_value(mode) ? json_string_value(mode) : ""))
			field_not_supported(errors, "spec.accessModes", mode, access_modes);
	if (json_array_size(modes) > 1) {
		AUTO_FREE char *all = json_text(modes);
		if (strstr(all, "\"ReadWriteOncePod\""))
			field_forbidden(errors, "spec.accessModes", "may not use ReadWriteOncePod with other access modes");
	}
}

/* --- volumes ----------------------------------------------------------------------------------------------------------- */

static void volume_prepare_create(json_t *pv)
{
	char now[RFC3339_MAX];
	json_object_set_new(pv, "status", json_pack("{s:s, s:s}", "phase", "Pending", "lastPhaseTransitionTime",
						    rfc3339(clock_wall_ms(), now)));
	add_finalizer(pv, "kubernetes.io/pv-protection");
}

static size_t count_sources(const json_t *spec)
{
	static const char *const others[] = { "capacity", "accessModes", "claimRef", "persistentVolumeReclaimPolicy", "storageClassName",
					      "mountOptions", "volumeMode", "nodeAffinity", "volumeAttributesClassName" };
	const char *key;
	json_t *value;
	size_t n = 0;
	json_object_foreach((json_t *)spec, key, value) {
		bool source = true;
		for (size_t i = 0; i < ARRAY_LEN(others); i++)
			source &= strcmp(key, others[i]) != 0;
		n += source;
	}
	return n;
}

static void volume_validate(const json_t *pv, const json_t *old, struct field_errors *errors)
{
	static const char *const storage[] = { "storage", NULL };
	const json_t *spec = json_object_get(pv, "spec"), *capacity = json_object_get(spec, "capacity");
	AUTO_JSON *none = json_object();
	(void)old;
	validate_modes(json_object_get(spec, "accessModes"), errors);
	if (!json_object_size(capacity))
		field_required(errors, "spec.capacity", NULL);
	if (!json_object_get(capacity, "storage") || json_object_size(capacity) > 1)
		field_not_supported(errors, "spec.capacity", capacity ? capacity : none, storage);
	size_t sources = count_sources(spec);
	if (!sources)
		field_required(errors, "spec", "must specify a volume type");
	else if (sources > 1)
		field_forbidden(errors, "spec", "may not specify more than 1 volume type");
}

const struct kind_ops persistentvolume_ops = { .group = "", .kind = "PersistentVolume", .prepare_create = volume_prepare_create,
					       .prepare_update = kind_keep_status, .prepare_status = kind_keep_spec,
					       .validate = volume_validate, .has_status = true };

/* --- claims ------------------------------------------------------------------------------------------------------------ */

static void claim_prepare_create(json_t *pvc)
{
	json_object_set_new(pvc, "status", json_pack("{s:s}", "phase", "Pending"));
	add_finalizer(pvc, "kubernetes.io/pvc-protection");
}

static json_t *claim_fixed_part(const json_t *pvc)
{
	json_t *spec = json_deep_copy(json_object_get(pvc, "spec"));
	json_del_at(spec, "resources.requests");
	json_object_del(spec, "volumeAttributesClassName");
	json_object_del(spec, "volumeName");
	return spec;
}

static void claim_validate_update(const json_t *pvc, const json_t *old, struct field_errors *errors)
{
	AUTO_JSON *now = claim_fixed_part(pvc), *before = claim_fixed_part(old);
	bool bound = !str_empty(json_str_at(old, "spec.volumeName"));
	const char *size = json_member(json_at(pvc, "spec.resources.requests"), "storage"),
		   *was = json_member(json_at(old, "spec.resources.requests"), "storage");
	if (!json_equal(now, before) || (bound && !json_equal(json_at(pvc, "spec.volumeName"), json_at(old, "spec.volumeName"))))
		field_forbidden(errors, "spec",
				"spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims");
	if (size && was && quantity_compare(size, was) < 0)
		field_forbidden(errors, "spec.resources.requests.storage", "field can not be less than status.capacity");
}

static void claim_validate(const json_t *pvc, const json_t *old, struct field_errors *errors)
{
	validate_modes(json_at(pvc, "spec.accessModes"), errors);
	if (!json_object_get(json_at(pvc, "spec.resources.requests"), "storage"))
		field_required(errors, "spec.resources[storage]", NULL);
	if (json_at(pvc, "spec.selector"))
		label_selector_validate(json_at(pvc, "spec.selector"), "spec.selector", errors);
	if (old)
		claim_validate_update(pvc, old, errors);
}

const struct kind_ops persistentvolumeclaim_ops = { .group = "", .kind = "PersistentVolumeClaim", .prepare_create = claim_prepare_create,
						    .prepare_update = kind_keep_status, .prepare_status = kind_keep_spec,
						    .validate = claim_validate, .has_status = true };

static void class_validate(const json_t *class, const json_t *old, struct field_errors *errors)
{
	static const char *const fixed[] = { "provisioner", "parameters", "reclaimPolicy", "volumeBindingMode" };
	for (size_t i = 0; old && i < ARRAY_LEN(fixed); i++)
		if (!json_equal(json_object_get(class, fixed[i]), json_object_get(old, fixed[i])) &&
		    (json_object_get(class, fixed[i]) || json_object_get(old, fixed[i])))
			field_forbidden(errors, fixed[i], "updates to %s are forbidden.", fixed[i]);
}

const struct kind_ops storageclass_ops = { .group = "storage.k8s.io", .kind = "StorageClass", .validate = class_validate };
