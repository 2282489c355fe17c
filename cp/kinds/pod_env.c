/* Rules of a container's environment, and of references to fields and resources of its pod. */
#include <ctype.h>
#include <string.h>

#include "api/names.h"
#include "api/quantity.h"
#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/pod_rules.h"
#include "cp/kinds/rule.h"

static const char *const env_fields[] = {"metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName",
					 "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP",
					 "status.podIPs", NULL};
static const char *const volume_fields[] = {"metadata.annotations", "metadata.labels", "metadata.name",
					    "metadata.namespace", "metadata.uid", NULL};
/* What the reference can convert at all. */
static const char *const known_fields[] = {"metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace",
					   "metadata.uid", "spec.nodeName", "spec.restartPolicy", "spec.serviceAccountName",
					   "spec.schedulerName", "status.phase", "status.hostIP", "status.hostIPs",
					   "status.podIP", "status.podIPs", NULL};
static const char *const resources[] = {"limits.cpu", "limits.ephemeral-storage", "limits.memory",
					"requests.cpu", "requests.ephemeral-storage", "requests.memory", NULL};

/* metadata.labels['key'] */
static void validate_subscript(const json_t *ref, const char *path, struct field_errors *errors)
{
	const char *text = json_str_or(ref, "fieldPath", "");
	char p[FIELD_PATH_MAX];
	const char *open = strchr(text, '[');
	AUTO_FREE char *base = xstrndup(text, (size_t)(open - text));
	AUTO_FREE char *key = xstrndup(open + 2, strlen(open) - 4);

	for (char *c = key; *c && !strcmp(base, "metadata.annotations"); c++)
		*c = (char)tolower((unsigned char)*c);
	if (!strcmp(base, "metadata.labels") || !strcmp(base, "metadata.annotations"))
		validate_name(key, path, name_check_qualified, errors);
	else
		field_invalid(errors, FIELD_PATH(p, "%s.fieldPath", path), json_object_get(ref, "fieldPath"),
			      "error converting fieldPath: field label does not support subscript: %s", text);
}

void pod_field_ref_validate(const json_t *ref, const char *path, bool volume, struct field_errors *errors)
{
	const char *text = json_str_or(ref, "fieldPath", ""), *open = strchr(text, '['), *version = json_str_or(ref, "apiVersion", "v1");
	char p[FIELD_PATH_MAX];

	FIELD_PATH(p, "%s.fieldPath", path);
	if (!*text) {
		field_required(errors, p, NULL);
		return;
	}
	if (strcmp(version, "v1")) {
		field_invalid(errors, p, json_object_get(ref, "fieldPath"), "error converting fieldPath: unsupported pod version: %s", version);
	} else if (open && strlen(open) > 4 && open[1] == '\'' && str_has_suffix(open, "']")) {
		validate_subscript(ref, path, errors);
	} else if (!rule_is_one_of(text, known_fields)) {
		field_invalid(errors, p, json_object_get(ref, "fieldPath"), "error converting fieldPath: field label not supported: %s", text);
	} else if (!rule_is_one_of(text, volume ? volume_fields : env_fields)) {
		field_not_supported(errors, p, json_object_get(ref, "fieldPath"), volume ? volume_fields : env_fields);
	}
}

/* The units in which a resource may be given; NULL: any. */
static const char *divisor_words(const char *resource)
{
	static const struct {
		const char *end, *words;
	} kinds[] = {{".memory", "memory"}, {".ephemeral-storage", "local ephemeral storage"}};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (str_has_suffix(resource, kinds[i].end))
			return kinds[i].words;
	return strstr(resource, ".hugepages-") ? "hugepages" : NULL;
}

static void validate_divisor(const json_t *ref, const char *resource, const char *path, struct field_errors *errors)
{
	static const char *const cpu[] = {"1m", "1", NULL};
	static const char *const bytes[] = {"1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei", NULL};
	const char *divisor = json_str_or(ref, "divisor", "0"), *words = divisor_words(resource);
	char p[FIELD_PATH_MAX];

	FIELD_PATH(p, "%s.divisor", path);
	if (!quantity_sign(divisor))
		return;
	if (str_has_suffix(resource, ".cpu") && !rule_is_one_of(divisor, cpu))
		field_invalid(errors, p, json_object_get(ref, "resource"), "only divisor's values 1m and 1 are supported with the cpu resource");
	else if (words && !rule_is_one_of(divisor, bytes))
		field_invalid(errors, p, json_object_get(ref, "resource"),
			      "only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are supported with the %s resource",
			      words);
}

void pod_resource_ref_validate(const json_t *ref, const char *path, bool volume, struct field_errors *errors)
{
	const char *resource = json_str_or(ref, "resource", "");
	char p[FIELD_PATH_MAX];

	if (volume && !*json_str_or(ref, "containerName", ""))
		field_required(errors, FIELD_PATH(p, "%s.containerName", path), NULL);
	else if (!*resource)
		field_required(errors, FIELD_PATH(p, "%s.resource", path), NULL);
	else if (!rule_is_one_of(resource, resources) && !str_has_prefix(resource, "limits.hugepages-") &&
		 !str_has_prefix(resource, "requests.hugepages-"))
		field_not_supported(errors, FIELD_PATH(p, "%s.resource", path), json_object_get(ref, "resource"), resources);
	validate_divisor(ref, resource, path, errors);
}

/* A key of a config map or secret; an empty name is no name, too. */
static void validate_key_ref(const json_t *ref, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];

	if (!ref)
		return;
	validate_name(json_str_or(ref, "name", ""), FIELD_PATH(p, "%s.name", path), name_check_subdomain, errors);
	rule_name(ref, path, "key", name_check_config_key, errors);
}

static void validate_file_ref(const json_t *ref, const char *path, struct field_errors *errors)
{
	if (!ref)
		return;
	rule_name(ref, path, "key", name_check_env, errors);
	rule_name(ref, path, "volumeName", name_check_label, errors);
	rule_no_backsteps(ref, path, "path", errors);
}

/* A file with variables is in a volume that the pod's own containers fill. */
static void validate_file_volume(const struct pod_rules *r, const json_t *ref, const char *path)
{
	const json_t *name = json_object_get(ref, "volumeName");
	const json_t *volume = json_find(json_object_get(r->spec, "volumes"), "name", json_str_or(ref, "volumeName", ""));

	if (!volume)
		field_not_found(r->errors, path, name);
	else if (!json_object_get(volume, "emptyDir"))
		field_invalid(r->errors, path, name, "referenced volume must be of type emptyDir");
}

void pod_env_files_validate(const struct pod_rules *r)
{
	static const char *const lists[] = {"initContainers", "containers", "ephemeralContainers"};
	char p[FIELD_PATH_MAX];
	json_t *c, *e;
	size_t i, k;

	for (size_t l = 0; l < ARRAY_LEN(lists); l++)
		json_array_foreach(json_object_get(r->spec, lists[l]), i, c) json_array_foreach(json_object_get(c, "env"), k, e)
		{
			const json_t *ref = json_object_get(json_object_get(e, "valueFrom"), "fileKeyRef");
			if (ref)
				validate_file_volume(r, ref, FIELD_PATH(p, "%s.%s[%zu].env[%zu].valueFrom.fileKeyRef.volumeName", r->path, lists[l], i, k));
		}
}

static void validate_value_from(const json_t *e, const char *path, struct field_errors *errors)
{
	const json_t *from = json_object_get(e, "valueFrom");
	size_t n = json_object_size(from);
	char p[FIELD_PATH_MAX];
	AUTO_JSON *none = json_string("");

	if (!from)
		return;
	if (json_object_get(from, "fieldRef"))
		pod_field_ref_validate(json_object_get(from, "fieldRef"), FIELD_PATH(p, "%s.fieldRef", path), false, errors);
	if (json_object_get(from, "resourceFieldRef"))
		pod_resource_ref_validate(json_object_get(from, "resourceFieldRef"), FIELD_PATH(p, "%s.resourceFieldRef", path), false, errors);
	validate_key_ref(json_object_get(from, "configMapKeyRef"), FIELD_PATH(p, "%s.configMapKeyRef", path), errors);
	validate_key_ref(json_object_get(from, "secretKeyRef"), FIELD_PATH(p, "%s.secretKeyRef", path), errors);
	validate_file_ref(json_object_get(from, "fileKeyRef"), FIELD_PATH(p, "%s.fileKeyRef", path), errors);
	if (!n)
		field_invalid(errors, path, none, "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`");
	else if (*json_str_or(e, "value", ""))
		field_invalid(errors, path, none, "may not be specified when `value` is not empty");
	else if (n > 1)
		field_invalid(errors, path, none, "may not have more than one field specified at a time");
}

static void validate_env_from(const json_t *from, const char *list, size_t i, struct field_errors *errors)
{
	static const char *const sources[] = {"configMapRef", "secretRef"};
	char p[FIELD_PATH_MAX];
	AUTO_JSON *none = json_string("");
	int n = 0;

	for (size_t s = 0; s < ARRAY_LEN(sources); s++) {
		const json_t *ref = json_object_get(from, sources[s]);
		if (!ref)
			continue;
		n++;
		FIELD_PATH(p, "%s[%zu].%s", list, i, sources[s]);
		if (rule_required(ref, p, "name", NULL, errors))
			rule_name(ref, p, "name", name_check_subdomain, errors);
	}
	if (!n)
		field_invalid(errors, list, none, "must specify one of: `configMapRef` or `secretRef`");
	else if (n > 1)
		field_invalid(errors, list, none, "may not have more than one field specified at a time");
}

void pod_env_validate(const json_t *container, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	json_t *e;
	size_t i;

	json_array_foreach(json_object_get(container, "env"), i, e)
	    validate_value_from(e, FIELD_PATH(p, "%s.env[%zu].valueFrom", path, i), errors);
	json_array_foreach(json_object_get(container, "envFrom"), i, e)
	    validate_env_from(e, FIELD_PATH(p, "%s.envFrom", path), i, errors);
}
