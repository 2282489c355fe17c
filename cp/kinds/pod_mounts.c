/* Rules of a container's mounts and raw devices. */
#include <string.h>

#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/pod_rules.h"
#include "cp/kinds/rule.h"

static const json_t *volume_named(const struct pod_rules *r, const char *name)
{
	return json_find(r->volumes, "name", name);
}

static void validate_propagation(const json_t *mount, const json_t *container, const char *list, struct field_errors *errors)
{
	const char *mode = json_str_or(mount, "mountPropagation", "None"), *recursive = json_str_or(mount, "recursiveReadOnly", "Disabled");
	static const char *const modes[] = {"Bidirectional", "HostToContainer", "None", NULL}, *const depths[] = {"Disabled", "Enabled", "IfPossible", NULL};
	char p[FIELD_PATH_MAX];

	/* The reference names the list here, not the mount. */
	if (json_object_get(mount, "mountPropagation"))
		rule_word(mount, list, "mountPropagation", modes, errors);
	if (json_object_get(mount, "recursiveReadOnly"))
		rule_word(mount, list, "recursiveReadOnly", depths, errors);
	if (!strcmp(mode, "Bidirectional") && !json_bool_at(container, "securityContext.privileged", false))
		field_forbidden(errors, FIELD_PATH(p, "%s.mountPropagation", list),
				"Bidirectional mount propagation is available only to privileged containers");
	if (strcmp(recursive, "Enabled") && strcmp(recursive, "IfPossible"))
		return;
	FIELD_PATH(p, "%s.recursiveReadOnly", list);
	if (!json_bool_at(mount, "readOnly", false))
		field_forbidden(errors, p, "may only be specified when readOnly is true");
	if (strcmp(mode, "None"))
		field_forbidden(errors, p, "may only be specified when mountPropagation is None or not specified");
}

static void validate_sub_paths(const json_t *mount, const char *list, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];

	rule_path_inside(mount, list, "subPath", errors);
	if (!*json_str_or(mount, "subPathExpr", ""))
		return;
	if (*json_str_or(mount, "subPath", ""))
		field_invalid(errors, FIELD_PATH(p, "%s.subPathExpr", path), json_object_get(mount, "subPathExpr"),
			      "subPathExpr and subPath are mutually exclusive");
	rule_path_inside(mount, list, "subPathExpr", errors);
}

static void validate_mount(const struct pod_rules *r, const json_t *mount, const json_t *container, const char *list,
			   const char *path, struct map *paths)
{
	const json_t *devices = json_object_get(container, "volumeDevices");
	const char *name = json_str_or(mount, "name", ""), *at = json_str_or(mount, "mountPath", "");
	char p[FIELD_PATH_MAX];

	rule_required(mount, path, "name", NULL, r->errors);
	if (!volume_named(r, name))
		field_not_found(r->errors, FIELD_PATH(p, "%s.name", path), json_object_get(mount, "name"));
	rule_required(mount, path, "mountPath", NULL, r->errors);
	if (map_has(paths, at))
		field_invalid(r->errors, FIELD_PATH(p, "%s.mountPath", path), json_object_get(mount, "mountPath"), "must be unique");
	map_set(paths, at, (void *)mount);
	if (json_find(devices, "name", name))
		field_invalid(r->errors, FIELD_PATH(p, "%s.name", path), json_object_get(mount, "name"), "must not already exist in volumeDevices");
	if (json_find(devices, "devicePath", at))
		field_invalid(r->errors, FIELD_PATH(p, "%s.mountPath", path), json_object_get(mount, "mountPath"),
			      "must not already exist as a path in volumeDevices");
	validate_sub_paths(mount, list, path, r->errors);
	validate_propagation(mount, container, list, r->errors);
}

static void validate_device(const struct pod_rules *r, const json_t *device, const json_t *container, const char *path,
			    struct map *names, struct map *paths)
{
	const json_t *mounts = json_object_get(container, "volumeMounts"), *name = json_object_get(device, "name"),
		     *at = json_object_get(device, "devicePath"), *volume = volume_named(r, json_str_or(device, "name", ""));
	const char *text = json_str_or(device, "name", ""), *where = json_str_or(device, "devicePath", "");
	char np[FIELD_PATH_MAX], dp[FIELD_PATH_MAX];

	FIELD_PATH(np, "%s.name", path);
	FIELD_PATH(dp, "%s.devicePath", path);
	if (map_has(names, text))
		field_invalid(r->errors, np, name, "must be unique");
	if (!volume)
		field_not_found(r->errors, np, name);
	else if (!json_object_get(volume, "persistentVolumeClaim") && !json_object_get(volume, "ephemeral"))
		field_invalid(r->errors, np, name, "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode");
	if (map_has(paths, where))
		field_invalid(r->errors, dp, at, "must be unique");
	AUTO_STRV char **parts = str_split(where, '/');
	if (strv_has(parts, ".."))
		field_invalid(r->errors, dp, at, "can not contain backsteps ('..')");
	if (json_find(mounts, "name", text))
		field_invalid(r->errors, np, name, "must not already exist in volumeMounts");
	if (json_find(mounts, "mountPath", where))
		field_invalid(r->errors, dp, at, "must not already exist as a path in volumeMounts");
	map_set(names, text, (void *)device);
	map_set(paths, where, (void *)device);
}

void pod_mounts_validate(const struct pod_rules *r, const json_t *container, const char *path)
{
	AUTO_MAP *mounts = map_new(NULL), *names = map_new(NULL), *devices = map_new(NULL);
	char list[FIELD_PATH_MAX], p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;

	FIELD_PATH(list, "%s.volumeMounts", path);
	json_array_foreach(json_object_get(container, "volumeMounts"), i, v)
	    validate_mount(r, v, container, list, FIELD_PATH(p, "%s.volumeMounts[%zu]", path, i), mounts);
	json_array_foreach(json_object_get(container, "volumeDevices"), i, v)
	    validate_device(r, v, container, FIELD_PATH(p, "%s.volumeDevices[%zu]", path, i), names, devices);
}
