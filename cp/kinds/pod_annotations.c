/* Annotations of pods that say the same as a field: what they may hold, and that both agree. */
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/pod_rules.h"
#include "cp/kinds/rule.h"

#define SECCOMP_POD "seccomp.security.alpha.kubernetes.io/pod"
#define SECCOMP_CONTAINER "container.seccomp.security.alpha.kubernetes.io/"
#define APPARMOR_CONTAINER "container.apparmor.security.beta.kubernetes.io/"
#define MIRROR "kubernetes.io/config.mirror"
#define DELETION_COST "controller.kubernetes.io/pod-deletion-cost"

/* What an annotation and a field of one kind of profile say. */
struct profile_words {
	const char *what; /* seccomp, apparmor: as in the message */
	const char *field, *default_, *old_default, *local;
};
static const struct profile_words seccomp = {"seccomp", "seccompProfile", "runtime/default", "docker/default", "localhost/"};
static const struct profile_words apparmor = {"apparmor", "appArmorProfile", "runtime/default", "runtime/default", "localhost/"};

/* Whether the annotation names the type of the profile; path is the profile's. */
static void validate_match(const char *annotation, const json_t *profile, const struct profile_words *w, const char *path,
			   struct field_errors *errors)
{
	const char *type = json_str_or(profile, "type", "");
	bool same = true;
	char p[FIELD_PATH_MAX];

	if (!strcmp(type, "Unconfined"))
		same = !strcmp(annotation, "unconfined");
	else if (!strcmp(type, "RuntimeDefault"))
		same = !strcmp(annotation, w->default_) || !strcmp(annotation, w->old_default);
	else if (!strcmp(type, "Localhost"))
		same = str_has_prefix(annotation, w->local);
	if (!same)
		field_forbidden(errors, FIELD_PATH(p, "%s.type", path), "%s type in annotation and field must match", w->what);
	else if (!strcmp(type, "Localhost") && strcmp(annotation + strlen(w->local), json_str_or(profile, "localhostProfile", "")))
		field_forbidden(errors, FIELD_PATH(p, "%s.localhostProfile", path), "%s profile in annotation and field must match", w->what);
}

static void match_container(const struct pod_rules *r, const json_t *container, const char *path, void *arg)
{
	const json_t *annotations = arg, *own = json_object_get(container, "securityContext");
	const json_t *shared = json_object_get(json_object_get(r->spec, "securityContext"), apparmor.field);
	const char *name = json_str_or(container, "name", "");
	AUTO_FREE char *seccomp_key = xasprintf(SECCOMP_CONTAINER "%s", name), *apparmor_key = xasprintf(APPARMOR_CONTAINER "%s", name);
	const char *seccomp_value = json_member(annotations, seccomp_key), *apparmor_value = json_member(annotations, apparmor_key);
	const json_t *profile = json_object_get(own, seccomp.field);
	char p[FIELD_PATH_MAX];

	if (seccomp_value && profile)
		validate_match(seccomp_value, profile, &seccomp, FIELD_PATH(p, "%s.securityContext.seccompProfile", path), r->errors);
	profile = json_object_get(own, apparmor.field) ? json_object_get(own, apparmor.field) : shared;
	if (apparmor_value && profile && strcmp(json_str_or(r->spec, "os.name", ""), "windows"))
		validate_match(apparmor_value, profile, &apparmor, FIELD_PATH(p, "%s.securityContext.appArmorProfile", path), r->errors);
}

static void has_name(const struct pod_rules *r, const json_t *container, const char *path, void *arg)
{
	const char **name = arg;

	(void)r;
	(void)path;
	if (*name && !strcmp(json_str_or(container, "name", ""), *name))
		*name = NULL; /* found */
}

static void validate_apparmor_annotation(const struct pod_rules *r, const char *key, const char *value, const char *path)
{
	const char *name = key + strlen(APPARMOR_CONTAINER), *missing = name;
	AUTO_JSON *name_shown = json_string(name), *value_shown = json_string(value);
	char p[FIELD_PATH_MAX];

	FIELD_PATH(p, "%s[%s]", path, key);
	pod_each_container(r, has_name, &missing);
	if (missing)
		field_invalid(r->errors, p, name_shown, "container not found");
	if (*value && strcmp(value, "runtime/default") && strcmp(value, "unconfined") && !str_has_prefix(value, "localhost/"))
		field_invalid(r->errors, p, value_shown, "invalid AppArmor profile name: \"%s\"", value);
}

static void validate_seccomp_annotation(const struct pod_rules *r, const char *key, const char *value, const char *path)
{
	static const char local[] = "localhost/";
	AUTO_JSON *shown = json_string(value), *file = json_string(str_has_prefix(value, local) ? value + strlen(local) : "");
	char p[FIELD_PATH_MAX];

	FIELD_PATH(p, "%s.%s", path, key);
	if (str_has_prefix(value, local))
		rule_path_inside_at(file, p, r->errors);
	else if (strcmp(value, "runtime/default") && strcmp(value, "docker/default") && strcmp(value, "unconfined"))
		field_invalid(r->errors, p, shown, "must be a valid seccomp profile");
}

/* What a scheduler should give up first, as a number of 32 bits in its shortest form. */
static bool is_cost(const char *text)
{
	int64_t n = 0;
	bool begins = *text == '-' || !strcmp(text, "0") || (*text >= '1' && *text <= '9');

	return begins && str_to_i64(text, &n) == 0 && n >= INT32_MIN && n <= INT32_MAX;
}

static void validate_others(const struct pod_rules *r, const json_t *annotations, const char *path)
{
	const json_t *mirror = json_object_get(annotations, MIRROR), *cost = json_object_get(annotations, DELETION_COST);
	char p[FIELD_PATH_MAX];

	if (mirror && !*json_str_or(r->spec, "nodeName", ""))
		field_invalid(r->errors, FIELD_PATH(p, "%s[%s]", path, MIRROR), mirror, "must set spec.nodeName if mirror pod annotation is set");
	if (cost && !is_cost(json_string_value(cost)))
		field_invalid(r->errors, FIELD_PATH(p, "%s[%s]", path, DELETION_COST), cost, "must be a 32bit integer");
}

void pod_annotations_validate(const json_t *meta, const struct pod_rules *r)
{
	const json_t *annotations = json_object_get(meta, "annotations");
	char path[FIELD_PATH_MAX];
	const char *key;
	json_t *v;

	if (r->is_pod)
		FIELD_PATH(path, "metadata.annotations");
	else
		FIELD_PATH(path, "%.*s.annotations", (int)(strlen(r->path) - strlen(".spec")), r->path);
	validate_others(r, annotations, path);
	json_object_foreach((json_t *)annotations, key, v)
	{
		const char *text = json_string_value(v);
		if (text && str_has_prefix(key, APPARMOR_CONTAINER))
			validate_apparmor_annotation(r, key, text, path);
		else if (text && (!strcmp(key, SECCOMP_POD) || str_has_prefix(key, SECCOMP_CONTAINER)))
			validate_seccomp_annotation(r, key, text, path);
	}
}

void pod_annotations_match_validate(const json_t *meta, const struct pod_rules *r)
{
	const json_t *annotations = json_object_get(meta, "annotations"), *profile = json_at(r->spec, "securityContext.seccompProfile");
	const char *of_pod = json_member(annotations, SECCOMP_POD);
	char p[FIELD_PATH_MAX];

	if (of_pod && profile)
		validate_match(of_pod, profile, &seccomp, FIELD_PATH(p, "%s.securityContext.seccompProfile", r->path), r->errors);
	if (json_object_size(annotations))
		pod_each_container(r, match_container, (void *)annotations);
}

/* The words for an annotation that may not be touched. */
static const char *fixed_words(const char *key)
{
	if (str_has_prefix(key, APPARMOR_CONTAINER))
		return "AppArmor annotations";
	return !strcmp(key, MIRROR) ? "mirror pod annotation" : NULL;
}

void pod_annotations_update_validate(const json_t *pod, const json_t *old, struct field_errors *errors)
{
	const json_t *now = json_at(pod, "metadata.annotations"), *was = json_at(old, "metadata.annotations");
	char p[FIELD_PATH_MAX];
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)was, key, v) if (fixed_words(key) && !str_eq(json_member(now, key), json_string_value(v)))
	    field_forbidden(errors, FIELD_PATH(p, "metadata.annotations[%s]", key), "may not remove or update %s", fixed_words(key));
	json_object_foreach((json_t *)now, key, v) if (fixed_words(key) && !json_object_get(was, key))
	    field_forbidden(errors, FIELD_PATH(p, "metadata.annotations[%s]", key), "may not add %s", fixed_words(key));
}

/* --- AppArmor ---------------------------------------------------------------------------------------------------------- */

/* The profile that an annotation names. Returns owned, NULL: none. */
static json_t *profile_of(const char *value)
{
	static const char local[] = "localhost/";

	if (!strcmp(value, "unconfined"))
		return json_pack("{s:s}", "type", "Unconfined");
	if (!strcmp(value, "runtime/default"))
		return json_pack("{s:s}", "type", "RuntimeDefault");
	return str_has_prefix(value, local) && value[strlen(local)]
		   ? json_pack("{s:s, s:s}", "type", "Localhost", "localhostProfile", value + strlen(local))
		   : NULL;
}

static const char *annotation_of(const json_t *pod, const json_t *container)
{
	AUTO_FREE char *key = xasprintf(APPARMOR_CONTAINER "%s", json_str_or(container, "name", ""));

	return json_member(json_at(pod, "metadata.annotations"), key);
}

static void take_profile(const struct pod_rules *r, const json_t *container, const char *path, void *arg)
{
	const char *value = annotation_of(arg, container);
	AUTO_JSON *profile = value ? profile_of(value) : NULL;
	const json_t *shared = json_at(r->spec, "securityContext.appArmorProfile");

	(void)path;
	if (profile && !json_at(container, "securityContext.appArmorProfile") && !(shared && json_equal(profile, shared)))
		json_object_set(json_object_at((json_t *)container, "securityContext"), "appArmorProfile", profile);
}

void pod_profiles_from_annotations(json_t *pod)
{
	struct pod_rules r = {.spec = json_object_get(pod, "spec"), .path = "spec"};

	if (strcmp(json_str_or(r.spec, "os.name", ""), "windows"))
		pod_each_container(&r, take_profile, pod);
}

struct profiles_told {
	const json_t *pod;
	char ***warnings;
};

static void tell_profile(const struct pod_rules *r, const json_t *container, const char *path, void *arg)
{
	struct profiles_told *told = arg;
	const char *value = annotation_of(told->pod, container);
	AUTO_JSON *profile = value ? profile_of(value) : NULL;
	const json_t *own = json_at(container, "securityContext.appArmorProfile");
	AUTO_FREE char *text = xasprintf("metadata.annotations[" APPARMOR_CONTAINER "%s]: deprecated since v1.30; use the \"appArmorProfile\" field instead",
					 json_str_or(container, "name", ""));

	(void)r;
	(void)path;
	if (value && (profile ? own && json_equal(own, profile) : !own))
		strv_add(told->warnings, text);
}

void pod_profiles_warn(const json_t *pod, char ***warnings)
{
	struct pod_rules r = {.spec = json_object_get(pod, "spec"), .path = "spec"};
	struct profiles_told told = {.pod = pod, .warnings = warnings};

	if (strcmp(json_str_or(r.spec, "os.name", ""), "windows"))
		pod_each_container(&r, tell_profile, &told);
}
