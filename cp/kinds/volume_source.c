/* Rules of volume sources, of pods and of persistent volumes alike. One function a source that needs more than its table
 * says; a source without one has only the table's. */
#include <ctype.h>
#include <string.h>

#include "api/names.h"
#include "api/quantity.h"
#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/pod_rules.h"
#include "cp/kinds/rule.h"
#include "cp/kinds/storage.h"

enum { LUN_MAX = 255, DRIVER_NAME_MAX = 63, TENANT_MAX = 64 };

static void empty_dir(const json_t *v, const char *path, struct field_errors *errors)
{
	const char *size = json_member(v, "sizeLimit");
	char p[FIELD_PATH_MAX];

	if (size && quantity_sign(size) < 0)
		field_forbidden(errors, FIELD_PATH(p, "%s.sizeLimit", path), "SizeLimit field must be a valid resource quantity");
}

static void only_path_without_backsteps(const json_t *v, const char *path, struct field_errors *errors)
{
	rule_no_backsteps(v, path, "path", errors);
}

static void git_repo(const json_t *v, const char *path, struct field_errors *errors)
{
	rule_required(v, path, "repository", NULL, errors);
	rule_path_inside(v, path, "directory", errors);
}

static void nfs(const json_t *v, const char *path, struct field_errors *errors)
{
	AUTO_JSON *shown = json_string(json_str_or(v, "path", ""));
	char p[FIELD_PATH_MAX];

	if (*json_string_value(shown) != '/')
		field_invalid(errors, FIELD_PATH(p, "%s.path", path), shown, "must be an absolute path");
}

/* --- iSCSI ----------------------------------------------------------------------------------------------------------- */

static bool is_alnum(char c)
{
	return isalnum((unsigned char)c) != 0;
}

static bool all_alnum(const char *s, size_t n)
{
	size_t i = 0;

	while (is_alnum(s[i]))
		i++;
	return i == n && !s[n];
}

/* iqn.yyyy-mm.domain:name, anywhere in the text. */
static bool has_iqn(const char *s)
{
	static const char digits[] = "0123456789";

	for (; (s = strstr(s, "iqn.")); s++) {
		const char *at = s + 4;
		if (strspn(at, digits) < 4 || at[4] != '-' || strspn(at + 5, digits) != 2 || at[7] != '.')
			continue;
		at += 8;
		size_t n = 0;
		while (is_alnum(at[n]) || at[n] == '-' || at[n] == '.')
			n++;
		if (n && at[n] == ':' && at[n + 1] && !at[n + 1 + strcspn(at + n + 1, ",;*&$| \t\n\f\r")])
			return true;
	}
	return false;
}

/* An iqn, eui.16 letters or digits, naa.32 of them. */
static bool is_iscsi_name(const char *s)
{
	if (str_has_prefix(s, "eui"))
		return s[3] && all_alnum(s + 4, 16);
	if (str_has_prefix(s, "naa"))
		return s[3] && all_alnum(s + 4, 32);
	return has_iqn(s);
}

static void iscsi_name(const json_t *v, const char *key, const char *at, const char *kinds, struct field_errors *errors)
{
	const char *text = json_member(v, key);

	if (!text || !*text)
		return;
	if (strncmp(text, "iqn", 3) && strncmp(text, "eui", 3) && strncmp(text, "naa", 3))
		field_invalid(errors, at, json_object_get(v, key), "%s", kinds);
	else if (!is_iscsi_name(text))
		field_invalid(errors, at, json_object_get(v, key), "must be valid format");
}

static void iscsi_with(const json_t *v, const char *path, const char *kinds, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];

	iscsi_name(v, "iqn", FIELD_PATH(p, "%s.iqn", path), kinds, errors);
	rule_range(v, path, "lun", 0, LUN_MAX, errors);
	if ((json_bool_at(v, "chapAuthDiscovery", false) || json_bool_at(v, "chapAuthSession", false)) && !json_object_get(v, "secretRef"))
		field_required(errors, FIELD_PATH(p, "%s.secretRef", path), NULL);
	iscsi_name(v, "initiatorName", FIELD_PATH(p, "%s.initiatorname", path), kinds, errors);
}

static void iscsi(const json_t *v, const char *path, struct field_errors *errors)
{
	iscsi_with(v, path, "must be valid format starting with iqn, eui, or naa", errors);
}

void volume_iscsi_validate(const json_t *v, const char *path, struct field_errors *errors)
{
	iscsi_with(v, path, "must be valid format", errors);
}

static void fc(const json_t *v, const char *path, struct field_errors *errors)
{
	const json_t *names = json_object_get(v, "targetWWNs");
	size_t wwids = json_array_size(json_object_get(v, "wwids"));
	char p[FIELD_PATH_MAX];

	FIELD_PATH(p, "%s.targetWWNs", path);
	if (!json_array_size(names) && !wwids)
		field_required(errors, p, "must specify either targetWWNs or wwids, but not both");
	if (!json_array_size(names))
		return;
	if (wwids)
		field_invalid(errors, p, names, "targetWWNs and wwids can not be specified simultaneously");
	if (!json_object_get(v, "lun"))
		field_required(errors, FIELD_PATH(p, "%s.lun", path), "lun is required if targetWWNs is specified");
	rule_range(v, path, "lun", 0, LUN_MAX, errors);
}

static void partitions(const json_t *v, const char *path, struct field_errors *errors)
{
	const json_t *n = json_object_get(v, "partition");
	char p[FIELD_PATH_MAX];

	if (json_is_integer(n) && (json_integer_value(n) < 0 || json_integer_value(n) > 255))
		field_invalid(errors, FIELD_PATH(p, "%s.partition", path), n, "must be between 1 and 255, inclusive");
}

static void quobyte(const json_t *v, const char *path, struct field_errors *errors)
{
	static const char pairs[] = "must be a host:port pair or multiple pairs separated by commas";
	const char *registry = json_str_or(v, "registry", "");
	char p[FIELD_PATH_MAX];

	if (!*registry)
		return;
	if (strlen(json_str_or(v, "tenant", "")) > TENANT_MAX) {
		field_required(errors, FIELD_PATH(p, "%s.tenant", path), "must be a UUID and may not exceed a length of 64 characters");
		return;
	}
	AUTO_STRV char **hosts = str_split(registry, ',');
	for (size_t i = 0; hosts[i]; i++)
		if (!strrchr(hosts[i], ':'))
			field_invalid(errors, FIELD_PATH(p, "%s.registry", path), json_object_get(v, "registry"), pairs);
}

static void flocker(const json_t *v, const char *path, struct field_errors *errors)
{
	const char *name = json_str_or(v, "datasetName", ""), *uuid = json_str_or(v, "datasetUUID", "");
	AUTO_JSON *word = json_string("resource");
	char p[FIELD_PATH_MAX];

	if (!*name && !*uuid)
		field_required(errors, path, "one of datasetName and datasetUUID is required");
	if (*name && *uuid)
		field_invalid(errors, path, word, "datasetName and datasetUUID can not be specified simultaneously");
	if (strchr(name, '/'))
		field_invalid(errors, FIELD_PATH(p, "%s.datasetName", path), json_object_get(v, "datasetName"), "must not contain '/'");
}

static void flex(const json_t *v, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	const char *key;
	json_t *value;

	json_object_foreach(json_object_get(v, "options"), key, value)
	{
		AUTO_FREE char *space = xasprintf(".%.*s", (int)strcspn(key, "/"), key);
		AUTO_JSON *shown = json_string(key);
		for (char *c = space; *c; c++)
			*c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
		if (str_has_suffix(space, ".kubernetes.io") || str_has_suffix(space, ".k8s.io"))
			field_invalid(errors, FIELD_PATH(p, "%s.options[%s]", path, key), shown, "kubernetes.io and k8s.io namespaces are reserved");
	}
}

static void azure_disk(const json_t *v, const char *path, struct field_errors *errors)
{
	static const char *const managed[] = {
	    "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}", NULL};
	static const char *const blob[] = {"https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd", NULL};
	const char *uri = json_str_or(v, "diskURI", "");
	bool is_managed = !strcmp(json_str_or(v, "kind", ""), "Managed");
	AUTO_JSON *shown = json_string(uri);
	char p[FIELD_PATH_MAX];

	if (!str_has_prefix(uri, is_managed ? "/subscriptions/" : "https://"))
		field_not_supported(errors, FIELD_PATH(p, "%s.diskURI", path), shown, is_managed ? managed : blob);
}

static void storageos(const json_t *v, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];

	if (rule_required(v, path, "volumeName", NULL, errors))
		rule_name(v, path, "volumeName", name_check_label, errors);
	rule_name(v, path, "volumeNamespace", name_check_label, errors);
	if (json_object_get(v, "secretRef"))
		rule_required(json_object_get(v, "secretRef"), FIELD_PATH(p, "%s.secretRef", path), "name", NULL, errors);
}

static void scale_io(const json_t *v, const char *path, struct field_errors *errors)
{
	rule_required(v, path, "volumeName", NULL, errors);
}

static void cinder(const json_t *v, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];

	if (json_object_get(v, "secretRef"))
		rule_required(json_object_get(v, "secretRef"), FIELD_PATH(p, "%s.secretRef", path), "name", NULL, errors);
}

void csi_driver_name_validate(const json_t *v, const char *path, const char *key, struct field_errors *errors)
{
	const char *text = json_str_or(v, key, ""), *why;
	AUTO_FREE char *lower = xstrdup(text);
	AUTO_JSON *shown = json_string(text);
	char p[FIELD_PATH_MAX];

	FIELD_PATH(p, "%s%s%s", path, *path ? "." : "", key);
	for (char *c = lower; *c; c++)
		*c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
	if (!*text)
		field_required(errors, p, NULL);
	if (strlen(text) > DRIVER_NAME_MAX)
		field_too_long(errors, p, DRIVER_NAME_MAX);
	why = name_check_subdomain(lower);
	if (why)
		field_invalid(errors, p, shown, "%s", why);
}

static void csi(const json_t *v, const char *path, struct field_errors *errors)
{
	const json_t *secret = json_object_get(v, "nodePublishSecretRef");
	char p[FIELD_PATH_MAX];

	csi_driver_name_validate(v, path, "driver", errors);
	if (secret && rule_required(secret, FIELD_PATH(p, "%s.nodePublishSecretRef", path), "name", NULL, errors))
		rule_name(secret, path, "name", name_check_subdomain, errors);
}

static void glusterfs(const json_t *v, const char *path, struct field_errors *errors)
{
	const json_t *namespace = json_object_get(v, "endpointsNamespace");
	char p[FIELD_PATH_MAX];

	if (namespace && !json_string_length(namespace))
		field_invalid(errors, FIELD_PATH(p, "%s.endpointsNamespace", path), namespace,
			      "if the endpointnamespace is set, it must be a valid namespace name");
	rule_name(v, path, "endpointsNamespace", name_check_label, errors);
}

static void key_items(const json_t *v, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(v, "items"), i, item)
	    rule_path_not_reserved(item, FIELD_PATH(p, "%s.items[%zu]", path, i), "path", errors);
}

static const struct {
	const char *source;
	void (*check)(const json_t *v, const char *path, struct field_errors *errors);
} sources[] = {
    {"emptyDir", empty_dir}, {"hostPath", only_path_without_backsteps}, {"gitRepo", git_repo}, {"gcePersistentDisk", partitions},
    {"awsElasticBlockStore", partitions}, {"secret", key_items}, {"nfs", nfs}, {"iscsi", iscsi}, {"glusterfs", glusterfs},
    {"flocker", flocker}, {"cinder", cinder}, {"quobyte", quobyte}, {"fc", fc}, {"flexVolume", flex}, {"configMap", key_items},
    {"azureDisk", azure_disk}, {"storageos", storageos}, {"scaleIO", scale_io}, {"csi", csi}, {"local", only_path_without_backsteps},
};

void volume_source_validate(const char *source, const json_t *v, const char *path, struct field_errors *errors)
{
	for (size_t i = 0; i < ARRAY_LEN(sources); i++)
		if (!strcmp(sources[i].source, source))
			sources[i].check(v, path, errors);
}
