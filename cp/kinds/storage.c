/* Rules of persistent volume claims, also where other kinds hold one. */
#include "cp/kinds/storage.h"

#include <string.h>

#include "api/names.h"
#include "api/quantity.h"
#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/error_order.h"
#include "cp/kinds/go_value.h"
#include "cp/kinds/gated_fields.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/rule.h"

#define BETA_CLASS "volume.beta.kubernetes.io/storage-class"

static const char *const access_modes[] = {"ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod", NULL};

void access_modes_validate(const json_t *spec, const char *path, const char *needed, struct field_errors *errors)
{
	const json_t *modes = json_object_get(spec, "accessModes");
	bool pod = false, others = false;
	char p[FIELD_PATH_MAX];
	json_t *mode;
	size_t i;

	rule_required(spec, path, "accessModes", needed, errors);
	FIELD_PATH(p, "%s.accessModes", path);
	json_array_foreach(modes, i, mode)
	{
		bool known = rule_is_one_of(json_string_value(mode), access_modes), is_pod = str_eq(json_string_value(mode), "ReadWriteOncePod");
		if (!known)
			field_not_supported(errors, p, mode, access_modes);
		pod |= is_pod;
		others |= known && !is_pod;
	}
	if (pod && others)
		field_forbidden(errors, p, "may not use ReadWriteOncePod with other access modes");
}

/* --- the spec -------------------------------------------------------------------------------------------------------- */

static void validate_source(const json_t *spec, const char *path, const char *key, struct field_errors *errors)
{
	const json_t *source = json_object_get(spec, key);
	const char *kind = json_str_or(source, "kind", "");
	AUTO_JSON *shown = json_string(kind);
	char p[FIELD_PATH_MAX];

	if (!source)
		return;
	FIELD_PATH(p, "%s.%s", path, key);
	rule_required(source, p, "name", NULL, errors);
	rule_required(source, p, "kind", NULL, errors);
	if (!*json_str_or(source, "apiGroup", "") && strcmp(kind, "PersistentVolumeClaim"))
		field_invalid(errors, p, shown, "must be 'PersistentVolumeClaim' when referencing the default apiGroup");
	rule_name(source, p, "apiGroup", name_check_subdomain, errors);
	rule_name(source, p, "namespace", name_check_label, errors);
}

static bool same_source(const json_t *a, const json_t *b)
{
	return !strcmp(json_str_or(a, "apiGroup", ""), json_str_or(b, "apiGroup", "")) &&
	       !strcmp(json_str_or(a, "kind", ""), json_str_or(b, "kind", "")) && !strcmp(json_str_or(a, "name", ""), json_str_or(b, "name", ""));
}

static void validate_sources(const json_t *spec, const char *path, struct field_errors *errors)
{
	const json_t *source = json_object_get(spec, "dataSource"), *ref = json_object_get(spec, "dataSourceRef");
	AUTO_JSON *shown = json_object(); /* the reference shows a path here, which has no text */

	validate_source(spec, path, "dataSource", errors);
	validate_source(spec, path, "dataSourceRef", errors);
	if (!source || !ref)
		return;
	if (*json_str_or(ref, "namespace", ""))
		field_invalid(errors, path, shown, "may not be specified when dataSourceRef.namespace is specified");
	else if (!same_source(source, ref))
		field_invalid(errors, path, shown, "must match dataSourceRef");
}

static void validate_size(const json_t *spec, const char *path, struct field_errors *errors)
{
	const json_t *size = json_object_get(json_at(spec, "resources.requests"), "storage");
	char p[FIELD_PATH_MAX];

	FIELD_PATH(p, "%s.resources[storage]", path);
	if (!size)
		field_required(errors, p, NULL);
	else if (quantity_sign(json_string_value(size)) <= 0)
		field_invalid(errors, p, size, "must be greater than zero");
}

void claim_spec_validate(const json_t *spec, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];

	access_modes_validate(spec, path, "at least 1 access mode is required", errors);
	label_selector_validate(json_object_get(spec, "selector"), FIELD_PATH(p, "%s.selector", path), errors);
	validate_size(spec, path, errors);
	rule_name(spec, path, "storageClassName", name_check_subdomain, errors);
	validate_sources(spec, path, errors);
	rule_name(spec, path, "volumeAttributesClassName", name_check_subdomain, errors);
}

void claim_template_validate(const json_t *template, const char *path, struct field_errors *errors)
{
	const json_t *meta = json_object_get(template, "metadata");
	char p[FIELD_PATH_MAX];
	const char *key;
	json_t *v;

	json_object_foreach(json_object_get(meta, "labels"), key, v)
	{
		FIELD_PATH(p, "%s.metadata.labels", path);
		validate_name(key, p, name_check_qualified, errors);
		validate_name(json_string_value(v), p, name_check_label_value, errors);
	}
	json_object_foreach((json_t *)meta, key, v) if (strcmp(key, "labels") && strcmp(key, "annotations") && !json_is_null(v))
	    field_forbidden(errors, FIELD_PATH(p, "%s.metadata.%s", path, key), "cannot be set");
	claim_spec_validate(json_object_get(template, "spec"), FIELD_PATH(p, "%s.spec", path), errors);
}

/* --- claims ---------------------------------------------------------------------------------------------------------- */

static void claim_set_defaults(json_t *pvc, const json_t *old)
{
	json_t *spec = json_object_get(pvc, "spec");

	gated_claim_drop(spec, json_object_get(old, "spec"));
	const json_t *source = json_object_get(spec, "dataSource"), *ref = json_object_get(spec, "dataSourceRef");
	/* Each says what the other says, unless the source is in another namespace. */
	if (source && !ref)
		json_object_set_new(spec, "dataSourceRef", json_clone(source));
	if (ref && !source && str_empty(json_str_at(ref, "namespace")))
		json_object_set_new(spec, "dataSource", json_clone(ref));
}

static void claim_prepare_create(json_t *pvc)
{
	json_object_set_new(pvc, "status", json_pack("{s:s}", "phase", "Pending"));
}

/* The new spec with what an update of old may change as it was. Owned. */
static json_t *fixed_part(const json_t *pvc, const json_t *old)
{
	json_t *spec = json_clone(json_object_get(pvc, "spec")), *requests = json_at(spec, "resources.requests");
	const json_t *was = json_object_get(old, "spec");
	const char *class = json_member(spec, "storageClassName"), *beta = json_member(json_at(old, "metadata.annotations"), BETA_CLASS);

	if (str_eq(json_str_at(old, "status.phase"), "Bound")) {
		if (requests)
			json_take_member(requests, json_at(was, "resources.requests"), "storage");
		if (json_object_get(spec, "volumeAttributesClassName"))
			json_take_member(spec, was, "volumeAttributesClassName");
	}
	if (str_empty(json_member(was, "volumeName")))
		json_take_member(spec, was, "volumeName");
	if (class && !json_object_get(was, "storageClassName") && (!beta || !strcmp(beta, class))) /* it may get one later */
		json_object_del(spec, "storageClassName");
	return spec;
}

static void validate_beta_class(const json_t *pvc, const json_t *old, struct field_errors *errors)
{
	const char *now = json_member(json_at(pvc, "metadata.annotations"), BETA_CLASS), *was = json_member(json_at(old, "metadata.annotations"), BETA_CLASS);
	now = now ? now : "";
	was = was ? was : "";
	bool upgraded = *was && !json_at(old, "spec.storageClassName") && str_eq(json_str_at(pvc, "spec.storageClassName"), was) && !*now;
	AUTO_JSON *shown = json_string(now);

	if (strcmp(now, was) && !upgraded)
		field_invalid(errors, "metadata.annotations." BETA_CLASS, shown, "field is immutable");
}

static void validate_class_update(const json_t *pvc, const json_t *old, struct field_errors *errors)
{
	static const char path[] = "spec.volumeAttributesClassName";
	const char *now = json_str_at(pvc, path), *was = json_str_at(old, path);

	if (was && !now)
		field_forbidden(errors, path, "update from non-nil value to nil is forbidden");
	else if (was && *was && !*now)
		field_forbidden(errors, path, "update from non-nil value to an empty string is forbidden");
}

static void claim_validate_update(const json_t *pvc, const json_t *old, struct field_errors *errors)
{
	AUTO_JSON *now = fixed_part(pvc, old);
	const json_t *before = json_object_get(old, "spec");
	const struct type *type = errors->schema ? schema_type(errors->schema, "core.v1.PersistentVolumeClaimSpec") : NULL;
	const char *size = json_member(json_at(pvc, "spec.resources.requests"), "storage"),
		   *was = json_member(json_at(old, "spec.resources.requests"), "storage"),
		   *real = json_member(json_at(old, "status.capacity"), "storage");
	AUTO_JSON *mode = json_clone(json_at(pvc, "spec.volumeMode"));

	validate_beta_class(pvc, old, errors);
	if (!json_equal(now, before)) {
		AUTO_FREE char *diff = type ? go_diff(type, before, now) : xstrdup("");
		field_forbidden(errors, "spec",
				"spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims%s%s",
				*diff ? "\n" : "", diff);
	}
	if (size && was && quantity_compare(size, was) < 0 && quantity_compare(size, real ? real : "0") <= 0)
		field_forbidden(errors, "spec.resources.requests.storage", "field can not be less than status.capacity");
	if (json_at(pvc, "spec.volumeMode") != json_at(old, "spec.volumeMode") && !json_equal(mode, json_at(old, "spec.volumeMode")))
		field_invalid(errors, "volumeMode", mode, "field is immutable");
	validate_class_update(pvc, old, errors);
}

static void claim_validate(const json_t *pvc, const json_t *old, struct field_errors *errors)
{
	static const char *const order[] = {"metadata", "spec.accessModes", "spec.selector", "spec.resources", "spec.storageClassName", "spec.volumeMode",
					    "spec.dataSource", "spec.dataSourceRef", "spec", "spec.volumeAttributesClassName", NULL};

	claim_spec_validate(json_object_get(pvc, "spec"), "spec", errors);
	errors_order(errors, "", order);
	if (!old)
		return;
	errors_repeat_body(errors); /* the reference looks at it twice */
	claim_validate_update(pvc, old, errors);
}

static void validate_resource_keys(const json_t *map, const char *path, struct field_errors *errors)
{
	static const char *const storage[] = {"storage", NULL};
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)map, key, v)
	{
		AUTO_JSON *shown = json_string(key);
		size_t before = errors->n;
		validate_name(key, path, name_check_qualified, errors);
		if (errors->n == before && (!strchr(key, '/') || strstr(key, "kubernetes.io/")) && strcmp(key, "storage"))
			field_not_supported(errors, path, shown, storage);
	}
}

static void validate_amounts(const json_t *map, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)map, key, v) if (quantity_sign(json_string_value(v)) < 0)
	    field_invalid(errors, FIELD_PATH(p, "%s[%s]", path, key), v, "must be a valid resource quantity");
}

static void claim_validate_status(const json_t *pvc, const json_t *old, struct field_errors *errors)
{
	static const char *const states[] = {"ControllerResizeInProgress", "ControllerResizeInfeasible", "NodeResizeInProgress",
					     "NodeResizeInfeasible", "NodeResizePending", NULL};
	const json_t *allocated = json_at(pvc, "status.allocatedResources"), *resizes = json_at(pvc, "status.allocatedResourceStatuses");
	const char *key;
	json_t *v;

	(void)old;
	validate_amounts(json_at(pvc, "status.capacity"), "status.capacity", errors);
	validate_resource_keys(resizes, "status.allocatedResourceStatus", errors);
	json_object_foreach((json_t *)resizes, key, v)
	{
		AUTO_JSON *shown = json_string(key);
		if (!rule_is_one_of(json_string_value(v), states))
			field_not_supported(errors, "status.allocatedResourceStatus", shown, states);
	}
	validate_resource_keys(allocated, "status.allocatedResources", errors);
	validate_amounts(allocated, "status.allocatedResources", errors);
}

const struct kind_ops persistentvolumeclaim_ops = {.group = "",
						   .kind = "PersistentVolumeClaim",
						   .set_defaults = claim_set_defaults,
						   .prepare_create = claim_prepare_create,
						   .prepare_update = kind_keep_status,
						   .prepare_status = kind_keep_spec,
						   .validate = claim_validate,
						   .warn = claim_warn,
						   .validate_status = claim_validate_status,
						   .has_status = true};
