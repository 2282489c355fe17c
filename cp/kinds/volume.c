/* Rules of persistent volumes, also of those inside attachments. */
#include <string.h>

#include "api/names.h"
#include "api/quantity.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/error_order.h"
#include "cp/kinds/go_value.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/pod_rules.h"
#include "cp/kinds/rule.h"
#include "cp/kinds/storage.h"

#define INLINE "may not be specified in the context of inline volumes"

/* In the order in which the reference looks at them. */
static const char *const sources[] = {
    "hostPath", "gcePersistentDisk", "awsElasticBlockStore", "glusterfs", "flocker", "nfs", "rbd", "quobyte", "cephfs", "iscsi", "cinder",
    "fc", "flexVolume", "azureFile", "vsphereVolume", "photonPersistentDisk", "portworxVolume", "azureDisk", "scaleIO", "local",
    "storageos", "csi"};

static void volume_set_defaults(json_t *pv, const json_t *old)
{
	json_t *spec = json_object_get(pv, "spec");

	(void)old;
	/* What the same sources have in pods. */
	static const struct {
		const char *source, *key, *value;
	} defaults[] = {{"rbd", "pool", "rbd"},	      {"rbd", "user", "admin"},		       {"rbd", "keyring", "/etc/ceph/keyring"},
			{"iscsi", "iscsiInterface", "default"}, {"scaleIO", "storageMode", "ThinProvisioned"}, {"scaleIO", "fsType", "xfs"}};
	for (size_t i = 0; i < ARRAY_LEN(defaults); i++) {
		json_t *source = json_object_get(spec, defaults[i].source);
		if (source)
			set_default(source, defaults[i].key, json_string(defaults[i].value));
	}
}

static void volume_prepare_create(json_t *pv)
{
	char now[RFC3339_MAX];

	json_object_set_new(pv, "status", json_pack("{s:s, s:s}", "phase", "Pending", "lastPhaseTransitionTime", rfc3339(clock_wall_ms(), now)));
}

/* --- the spec -------------------------------------------------------------------------------------------------------- */

static void validate_capacity(const json_t *spec, const char *path, struct field_errors *errors)
{
	static const char *const storage[] = {"storage", NULL};
	const json_t *capacity = json_object_get(spec, "capacity");
	AUTO_JSON *none = json_object();
	char p[FIELD_PATH_MAX];
	const char *name;
	json_t *v;

	rule_required(spec, path, "capacity", NULL, errors);
	FIELD_PATH(p, "%s.capacity", path);
	if (!json_object_get(capacity, "storage") || json_object_size(capacity) > 1)
		field_not_supported(errors, p, capacity ? capacity : none, storage);
	json_object_foreach((json_t *)capacity, name, v)
	{
		int64_t n = 0;
		FIELD_PATH(p, "%s.capacity[%s]", path, name);
		if (quantity_parse(json_string_value(v), &n) == 0 && n < 0) {
			AUTO_JSON *shown = json_integer(n);
			field_invalid(errors, p, shown, "must be a valid resource quantity");
		}
		if (quantity_sign(json_string_value(v)) <= 0)
			field_invalid(errors, p, v, "must be greater than zero");
	}
}

static void validate_inline(const json_t *spec, const char *path, struct field_errors *errors)
{
	static const char *const no[] = {"claimRef", "capacity", "nodeAffinity", "storageClassName"};

	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		rule_forbidden(spec, path, no[i], INLINE, errors);
	rule_required(spec, path, "csi", "has to be specified in the context of inline volumes", errors);
	if (strcmp(json_str_or(spec, "persistentVolumeReclaimPolicy", "Retain"), "Retain"))
		rule_forbidden(spec, path, "persistentVolumeReclaimPolicy", "may only be Retain in the context of inline volumes", errors);
	if (strcmp(json_str_or(spec, "volumeMode", "Filesystem"), "Filesystem"))
		rule_forbidden(spec, path, "volumeMode", "may not specify volumeMode other than Filesystem in the context of inline volumes", errors);
}

static void validate_secret_refs(const json_t *csi, const char *path, struct field_errors *errors)
{
	static const char *const refs[] = {"controllerPublishSecretRef", "controllerExpandSecretRef", "nodePublishSecretRef", "nodeExpandSecretRef"};
	char p[FIELD_PATH_MAX];

	for (size_t i = 0; i < ARRAY_LEN(refs); i++) {
		const json_t *ref = json_object_get(csi, refs[i]);
		if (!ref)
			continue;
		FIELD_PATH(p, "%s.%s", path, refs[i]);
		if (rule_required(ref, p, "name", NULL, errors))
			rule_name(ref, p, "name", name_check_subdomain, errors);
		if (rule_required(ref, p, "namespace", NULL, errors))
			rule_name(ref, p, "namespace", name_check_label, errors);
	}
}

/* Secrets of a volume are named with their namespace. */
static void validate_of_volume(const char *source, const json_t *v, const char *path, struct field_errors *errors)
{
	const json_t *secret = json_object_get(v, "secretRef");
	char p[FIELD_PATH_MAX];

	FIELD_PATH(p, "%s.secretRef", path);
	if (!strcmp(source, "csi"))
		validate_secret_refs(v, path, errors);
	if (secret && (!strcmp(source, "cinder") || !strcmp(source, "storageos")))
		rule_required(secret, p, "namespace", NULL, errors);
	if (secret && !strcmp(source, "iscsi"))
		rule_required(secret, p, "name", NULL, errors);
	if (!strcmp(source, "azureFile") && json_object_get(v, "secretNamespace"))
		rule_required(v, path, "secretNamespace", NULL, errors);
}

static void validate_sources(const json_t *spec, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX], to[FIELD_PATH_MAX];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
		const json_t *v = json_object_get(spec, sources[i]);
		if (!v)
			continue;
		FIELD_PATH(p, "%s.%s", path, sources[i]);
		if (n++ && strcmp(sources[i], "flexVolume")) {
			errors_drop_below(errors, p);
			field_forbidden(errors, FIELD_PATH(p, "%s.%s", path, strcmp(sources[i], "cephfs") ? sources[i] : "cephFS"),
					"may not specify more than 1 volume type");
			continue;
		}
		if (strcmp(sources[i], "iscsi"))
			volume_source_validate(sources[i], v, p, errors);
		else
			volume_iscsi_validate(v, p, errors);
		validate_of_volume(sources[i], v, p, errors);
		if (!strcmp(sources[i], "local") && !json_object_get(spec, "nodeAffinity"))
			field_required(errors, FIELD_PATH(p, "%s.nodeAffinity", path), "Local volume requires node affinity");
	}
	errors_rename(errors, FIELD_PATH(p, "%s.gcePersistentDisk", path), FIELD_PATH(to, "%s.persistentDisk", path));
	if (!n)
		field_required(errors, path, "must specify a volume type");
}

/* A path that is the root, whatever its slashes. */
static bool is_root(const char *path)
{
	return path && *path && strspn(path, "/.") == strlen(path) && !strstr(path, "...");
}

static void validate_class(const json_t *spec, const char *path, struct field_errors *errors)
{
	const char *class = json_member(spec, "volumeAttributesClassName");

	rule_name(spec, path, "storageClassName", name_check_subdomain, errors);
	if (!class)
		return;
	rule_required(spec, path, "volumeAttributesClassName", "an empty string is disallowed", errors);
	rule_name(spec, path, "volumeAttributesClassName", name_check_subdomain, errors);
	rule_required(spec, path, "csi", "has to be specified when using volumeAttributesClassName", errors);
}

void volume_spec_validate(const json_t *spec, const char *name, bool is_inline, const char *path, struct field_errors *errors)
{
	const json_t *affinity = json_object_get(spec, "nodeAffinity"), *iscsi = json_object_get(spec, "iscsi");
	char p[FIELD_PATH_MAX];

	access_modes_validate(spec, path, NULL, errors);
	if (is_inline)
		validate_inline(spec, path, errors);
	else
		validate_capacity(spec, path, errors);
	if (affinity && !is_inline) {
		FIELD_PATH(p, "%s.nodeAffinity", path);
		if (rule_required(affinity, p, "required", "must specify required node constraints", errors))
			node_selector_validate(json_object_get(affinity, "required"), FIELD_PATH(p, "%s.nodeAffinity.required", path), errors);
	}
	validate_sources(spec, path, errors);
	if (iscsi && json_object_get(iscsi, "initiatorName") && strlen(name) + 1 + strlen(json_str_or(iscsi, "targetPortal", "")) > 64)
		field_invalid(errors, FIELD_PATH(p, "%s.iscsi.targetportal", path), json_object_get(iscsi, "targetPortal"),
			      "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.");
	if (is_root(json_str_at(spec, "hostPath.path")) && !strcmp(json_str_or(spec, "persistentVolumeReclaimPolicy", ""), "Recycle"))
		field_forbidden(errors, FIELD_PATH(p, "%s.persistentVolumeReclaimPolicy", path), "may not be 'recycle' for a hostPath mount of '/'");
	if (!is_inline)
		validate_class(spec, path, errors);
}

/* --- volumes --------------------------------------------------------------------------------------------------------- */

/* The sources of a spec; an expansion secret may be added. Owned. */
static json_t *source_part(const json_t *spec, const json_t *old)
{
	json_t *part = json_object();

	for (size_t i = 0; i < ARRAY_LEN(sources); i++)
		if (json_object_get(spec, sources[i]))
			json_object_set_new(part, sources[i], json_clone(json_object_get(spec, sources[i])));
	if (json_at(part, "csi") && json_at(old, "csi") && !json_at(old, "csi.controllerExpandSecretRef"))
		json_del_at(part, "csi.controllerExpandSecretRef");
	return part;
}

static void volume_validate_update(const json_t *pv, const json_t *old, struct field_errors *errors)
{
	const json_t *spec = json_object_get(pv, "spec"), *was = json_object_get(old, "spec");
	AUTO_JSON *now = source_part(spec, was), *before = source_part(was, was);
	const struct type *type = errors->schema ? schema_type(errors->schema, "core.v1.PersistentVolumeSpec") : NULL;
	const json_t *affinity = json_object_get(spec, "nodeAffinity"), *affinity_before = json_object_get(was, "nodeAffinity");

	if (!json_equal(now, before)) {
		AUTO_FREE char *diff = type ? go_diff(type, before, now) : xstrdup("");
		field_forbidden(errors, "spec.persistentvolumesource", "spec.persistentvolumesource is immutable after creation%s%s", *diff ? "\n" : "", diff);
	}
	rule_unchanged(spec, was, "", "volumeMode", errors);
	if (affinity_before && !(affinity && json_equal(affinity, affinity_before)))
		field_invalid(errors, "nodeAffinity", affinity, "field is immutable, except for updating from beta label to GA");
	if (json_object_get(was, "volumeAttributesClassName") && !json_object_get(spec, "volumeAttributesClassName"))
		field_forbidden(errors, "spec.volumeAttributesClassName", "update from non-nil value to nil is forbidden");
}

static void volume_validate(const json_t *pv, const json_t *old, struct field_errors *errors)
{
	static const char *const order[] = {"metadata", "spec.accessModes", "spec.capacity", "spec.persistentVolumeReclaimPolicy", "spec.nodeAffinity", "spec",
					    "spec.nfs.server", "spec.nfs.path", "spec.rbd.monitors", "spec.rbd.image", "spec.iscsi.targetPortal", "spec.iscsi.iqn",
					    "spec.iscsi.lun", "spec.iscsi.secretRef", "spec.iscsi.initiatorname", "spec.csi.driver", "spec.csi.volumeHandle",
					    "spec.csi.controllerPublishSecretRef", "spec.csi.controllerExpandSecretRef", "spec.csi.nodePublishSecretRef",
					    "spec.csi.nodeExpandSecretRef",
					    "spec.storageClassName", "spec.volumeMode", "spec.volumeAttributesClassName", "spec.csi", NULL};

	volume_spec_validate(json_object_get(pv, "spec"), json_str_or(pv, "metadata.name", ""), false, "spec", errors);
	errors_order(errors, "", order);
	if (!old)
		return;
	errors_repeat_body(errors); /* the reference looks at it twice */
	volume_validate_update(pv, old, errors);
}

const struct kind_ops persistentvolume_ops = {.group = "",
					      .kind = "PersistentVolume",
					      .set_defaults = volume_set_defaults,
					      .prepare_create = volume_prepare_create,
					      .prepare_update = kind_keep_status,
					      .prepare_status = kind_keep_spec,
					      .validate = volume_validate,
					      .warn = volume_warn,
					      .has_status = true};
