/* Rules of a pod's volumes: one source each, and the sources that only pods have. */
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "base/map.h"
#include "cp/kinds/error_order.h"
#include "cp/kinds/go_value.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/pod_rules.h"
#include "cp/kinds/rule.h"
#include "cp/kinds/storage.h"

/* In the order in which the reference looks at them: of two, the later one is too many. */
static const char *const sources[] = {
    "emptyDir", "hostPath", "gitRepo", "gcePersistentDisk", "awsElasticBlockStore", "secret", "nfs", "iscsi", "glusterfs", "flocker",
    "persistentVolumeClaim", "rbd", "cinder", "cephfs", "quobyte", "downwardAPI", "fc", "flexVolume", "configMap", "azureFile",
    "vsphereVolume", "photonPersistentDisk", "portworxVolume", "azureDisk", "storageos", "projected", "scaleIO", "csi", "ephemeral",
    "image"};

/* --- files of the pod's own fields ----------------------------------------------------------------------------------- */

/* The reference names the source, not the item. */
static void validate_file(const json_t *file, const char *path, struct field_errors *errors)
{
	const json_t *field = json_object_get(file, "fieldRef"), *resource = json_object_get(file, "resourceFieldRef");
	const json_t *mode = json_object_get(file, "mode");
	AUTO_JSON *word = json_string("resource");
	char p[FIELD_PATH_MAX];

	rule_required(file, path, "path", NULL, errors);
	rule_path_not_reserved(file, path, "path", errors);
	if (field)
		pod_field_ref_validate(field, FIELD_PATH(p, "%s.fieldRef", path), true, errors);
	if (field && resource)
		field_invalid(errors, path, word, "fieldRef and resourceFieldRef can not be specified simultaneously");
	else if (resource)
		pod_resource_ref_validate(resource, FIELD_PATH(p, "%s.resourceFieldRef", path), true, errors);
	else if (!field)
		field_required(errors, path, "one of fieldRef and resourceFieldRef is required");
	if (mode && (json_integer_value(mode) < 0 || json_integer_value(mode) > 0777))
		field_invalid(errors, FIELD_PATH(p, "%s.mode", path), mode, "must be a number between 0 and 0777 (octal), both inclusive");
}

/* --- projections ----------------------------------------------------------------------------------------------------- */

struct projection {
	const char *path; /* of the volume's source */
	struct map *files;
	struct field_errors *errors;
};

static void take_file(struct projection *v, const char *file, const char *shown)
{
	AUTO_JSON *value = json_string(shown);

	if (*file && map_has(v->files, file))
		field_invalid(v->errors, v->path, value, "conflicting duplicate paths");
	map_set(v->files, file, v);
}

static void project_keys(struct projection *v, const json_t *source, const char *path)
{
	json_t *item;
	size_t i;

	rule_required(source, path, "name", NULL, v->errors);
	volume_source_validate("secret", source, path, v->errors);
	json_array_foreach(json_object_get(source, "items"), i, item)
	    take_file(v, json_str_or(item, "path", ""), json_str_or(source, "name", ""));
}

static void project_fields(struct projection *v, const json_t *source, const char *path)
{
	json_t *file;
	size_t i;

	json_array_foreach(json_object_get(source, "items"), i, file)
	{
		validate_file(file, path, v->errors);
		take_file(v, json_str_or(file, "path", ""), json_str_or(file, "path", ""));
	}
}

static void project_token(struct projection *v, const json_t *source, const char *path)
{
	const json_t *seconds = json_object_get(source, "expirationSeconds");
	char p[FIELD_PATH_MAX];

	FIELD_PATH(p, "%s.expirationSeconds", path);
	if (seconds && json_integer_value(seconds) < 600)
		field_invalid(v->errors, p, seconds, "may not specify a duration less than 10 minutes");
	if (seconds && json_integer_value(seconds) > 1LL << 32)
		field_invalid(v->errors, p, seconds, "may not specify a duration larger than 2^32 seconds");
	if (rule_required(source, v->path, "path", NULL, v->errors))
		rule_path_not_reserved(source, v->path, "path", v->errors);
}

/* "example.com:thing" goes with the signer "example.com/...": a name with colons has the signer's before the last. */
static void validate_bundle_name(const json_t *source, const char *path, struct field_errors *errors)
{
	const char *name = json_str_or(source, "name", ""), *colon = strrchr(name, ':'), *why = name_check_subdomain(colon ? colon + 1 : name);
	char p[FIELD_PATH_MAX];

	if (why)
		field_invalid(errors, FIELD_PATH(p, "%s.name", path), json_object_get(source, "name"), "not a valid clustertrustbundlename: %s", why);
}

static void project_bundle(struct projection *v, const json_t *source, const char *path)
{
	const char *name = json_member(source, "name"), *signer = json_member(source, "signerName");
	const json_t *selector = json_object_get(source, "labelSelector");
	char p[FIELD_PATH_MAX];

	if (name && signer) {
		field_invalid(v->errors, path, source, "only one of name and signerName may be used");
	} else if (name) {
		rule_required(source, path, "name", "must be a valid object name", v->errors);
		validate_bundle_name(source, path, v->errors);
		if (selector)
			field_invalid(v->errors, FIELD_PATH(p, "%s.labelSelector", path), selector, "labelSelector must be unset if name is specified");
	} else if (signer) {
		rule_required(source, path, "signerName", "must be a valid signer name", v->errors);
		if (selector)
			label_selector_validate(selector, FIELD_PATH(p, "%s.labelSelector", path), v->errors);
	} else {
		field_required(v->errors, path, "either name or signerName must be specified");
	}
	rule_required(source, path, "path", NULL, v->errors);
	rule_path_not_reserved(source, path, "path", v->errors);
	take_file(v, json_str_or(source, "path", ""), json_str_or(source, "path", ""));
}

static void project_certificate(struct projection *v, const json_t *source, const char *path)
{
	static const char *const keys[] = {"RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519", NULL};
	static const char *const files[] = {"credentialBundlePath", "keyPath", "certificateChainPath"};
	const json_t *seconds = json_object_get(source, "maxExpirationSeconds");
	char p[FIELD_PATH_MAX];
	size_t given = 0;

	rule_required(source, path, "signerName", NULL, v->errors);
	rule_word(source, path, "keyType", keys, v->errors);
	if (seconds && (json_integer_value(seconds) < 3600 || json_integer_value(seconds) > 91 * 86400))
		field_invalid(v->errors, FIELD_PATH(p, "%s.maxExpirationSeconds", path), seconds, "%s",
			      json_integer_value(seconds) < 3600 ? "if provided, maxExpirationSeconds must be >= 3600"
								 : "if provided, maxExpirationSeconds must be <= 7862400");
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		const char *file = json_str_or(source, files[i], "");
		given += *file != '\0';
		rule_path_not_reserved(source, path, files[i], v->errors);
		take_file(v, file, file);
	}
	if (!given)
		field_required(v->errors, path, "specify at least one of credentialBundlePath, keyPath, and certificateChainPath");
}

static const struct {
	const char *source;
	void (*check)(struct projection *v, const json_t *source, const char *path);
} projections[] = {{"secret", project_keys},	       {"configMap", project_keys},	       {"downwardAPI", project_fields},
		   {"serviceAccountToken", project_token}, {"clusterTrustBundle", project_bundle}, {"podCertificate", project_certificate}};

static void validate_projected(const struct pod_rules *r, const json_t *volume, const char *path)
{
	AUTO_MAP *files = map_new(NULL);
	struct projection v = {.path = path, .files = files, .errors = r->errors};
	char p[FIELD_PATH_MAX];
	json_t *source;
	size_t i;

	json_array_foreach(json_object_get(volume, "sources"), i, source)
	{
		for (size_t k = 0; k < ARRAY_LEN(projections); k++) {
			const json_t *one = json_object_get(source, projections[k].source);
			if (one)
				projections[k].check(&v, one, FIELD_PATH(p, "%s.sources[%zu].%s", path, i, projections[k].source));
		}
		if (json_object_size(source) > 1)
			field_forbidden(r->errors, FIELD_PATH(p, "%s.sources[%zu]", path, i), "may not specify more than 1 volume type per source");
	}
}

/* --- what else only pods have ---------------------------------------------------------------------------------------- */

/* A claim is made for it, named by pod and volume. */
static void validate_ephemeral(const struct pod_rules *r, const json_t *source, const json_t *volume, const char *path, const char *at)
{
	const json_t *template = json_object_get(source, "volumeClaimTemplate");
	const char *name = json_str_or(volume, "name", "");
	AUTO_FREE char *claim = xasprintf("%s-%s", r->name ? r->name : "", name);
	const char *why = r->name && *r->name && *name ? name_check_subdomain(claim) : NULL;
	char p[FIELD_PATH_MAX];

	if (template)
		claim_template_validate(template, FIELD_PATH(p, "%s.volumeClaimTemplate", path), r->errors);
	if (why)
		field_invalid(r->errors, FIELD_PATH(p, "%s.name", at), json_object_get(volume, "name"), "PVC name \"%s\": %s", claim, why);
}

static void validate_image(const struct pod_rules *r, const json_t *image, const char *path)
{
	static const char *const policies[] = {"Always", "IfNotPresent", "Never", NULL};

	if (r->is_pod)
		rule_required(image, path, "reference", NULL, r->errors);
	if (json_object_get(image, "pullPolicy"))
		rule_word(image, path, "pullPolicy", policies, r->errors);
}

static void validate_source(const struct pod_rules *r, const char *source, const json_t *volume, const char *at)
{
	const json_t *v = json_object_get(volume, source);
	char path[FIELD_PATH_MAX];
	json_t *file;
	size_t i;

	FIELD_PATH(path, "%s.%s", at, source);
	volume_source_validate(source, v, path, r->errors);
	if (!strcmp(source, "projected"))
		validate_projected(r, v, path);
	else if (!strcmp(source, "ephemeral"))
		validate_ephemeral(r, v, volume, path, at);
	else if (!strcmp(source, "downwardAPI"))
		json_array_foreach(json_object_get(v, "items"), i, file) validate_file(file, path, r->errors);
	else if (!strcmp(source, "image"))
		validate_image(r, v, path);
}

/* Some sources have another name in the error that there are too many. */
static const char *name_of_second(const char *source)
{
	if (!strcmp(source, "cephfs"))
		return "cephFS";
	return !strcmp(source, "downwardAPI") ? "downwarAPI" : source;
}

/* A bit for each of the sources that a volume has. */
static uint64_t given_sources(const json_t *volume)
{
	_Static_assert(ARRAY_LEN(sources) <= 64, "a bit for each");
	uint64_t given = 0;
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)volume, key, v) for (size_t s = 0; s < ARRAY_LEN(sources); s++)
	{
		if (*key == *sources[s] && !strcmp(key, sources[s]))
			given |= (uint64_t)1 << s;
	}
	return given;
}

static void validate_volume(const struct pod_rules *r, const json_t *volume, const char *at)
{
	static const char too_long[] = "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.";
	enum { PORTAL_MAX = 64 };
	const json_t *iscsi = json_object_get(volume, "iscsi");
	uint64_t given = given_sources(volume);
	char p[FIELD_PATH_MAX], to[FIELD_PATH_MAX];
	int n = 0;

	for (size_t s = 0; s < ARRAY_LEN(sources); s++) {
		if (!(given >> s & 1))
			continue;
		if (n++) {
			errors_drop_below(r->errors, FIELD_PATH(p, "%s.%s", at, sources[s]));
			field_forbidden(r->errors, FIELD_PATH(p, "%s.%s", at, name_of_second(sources[s])), "may not specify more than 1 volume type");
		} else
			validate_source(r, sources[s], volume, at);
	}
	errors_rename(r->errors, FIELD_PATH(p, "%s.gcePersistentDisk", at), FIELD_PATH(to, "%s.persistentDisk", at));
	if (json_object_get(iscsi, "initiatorName") &&
	    strlen(json_str_or(volume, "name", "")) + 1 + strlen(json_str_or(iscsi, "targetPortal", "")) > PORTAL_MAX)
		field_invalid(r->errors, FIELD_PATH(p, "%s.name", at), json_object_get(volume, "name"), too_long);
	if (!n)
		field_required(r->errors, at, "must specify a volume type");
}

/* A claim that is made for this pod cannot be named by another of its volumes. */
static void validate_claim_names(const struct pod_rules *r, const json_t *volumes)
{
	AUTO_MAP *made = map_new(NULL);
	char p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;

	json_array_foreach(volumes, i, v)
	{
		AUTO_FREE char *claim = xasprintf("%s-%s", r->name, json_str_or(v, "name", ""));
		if (json_object_get(v, "ephemeral"))
			map_set(made, claim, v);
	}
	json_array_foreach(volumes, i, v)
	{
		const json_t *claim = json_at(v, "persistentVolumeClaim.claimName");
		if (claim && map_has(made, json_string_value(claim)))
			field_invalid(r->errors, FIELD_PATH(p, "%s.volumes[%zu].persistentVolumeClaim.claimName", r->path, i), claim,
				      "must not reference a PVC that gets created for an ephemeral volume");
	}
}

static void validate_accounts(const struct pod_rules *r, const json_t *volumes)
{
	char p[FIELD_PATH_MAX];
	json_t *v, *source;
	size_t i, k;

	if (!r->is_pod || *json_str_or(r->spec, "serviceAccountName", ""))
		return;
	json_array_foreach(volumes, i, v) json_array_foreach(json_at(v, "projected.sources"), k, source)
	    rule_forbidden(source, FIELD_PATH(p, "%s.volumes[%zu].projected.sources[%zu]", r->path, i, k), "serviceAccountToken",
			   "must not be specified when serviceAccountName is not set", r->errors);
}

json_t *pod_volumes_validate(const struct pod_rules *r)
{
	const json_t *volumes = json_object_get(r->spec, "volumes");
	json_t *right = json_array(), *v;
	char p[FIELD_PATH_MAX];
	size_t i;

	json_array_foreach(volumes, i, v)
	{
		validate_volume(r, v, FIELD_PATH(p, "%s.volumes[%zu]", r->path, i));
		if (!errors_has_below(r->errors, p))
			json_array_append(right, v);
	}
	json_array_foreach(r->claims, i, v)
	    json_array_append_new(right, json_pack("{s:s, s:{}}", "name", json_str_or(v, "metadata.name", ""), "persistentVolumeClaim"));
	if (r->name && *r->name)
		validate_claim_names(r, volumes);
	validate_accounts(r, volumes);
	return right;
}
