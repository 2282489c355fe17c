/* Annotations of pods that say the same as a field: what they may hold, and that both agree. */
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/pod_rules.h"

#define SECCOMP_POD "seccomp.security.alpha.kubernetes.io/pod"
#define SECCOMP_CONTAINER "container.seccomp.security.alpha.kubernetes.io/"
#define APPARMOR_CONTAINER "container.apparmor.security.beta.kubernetes.io/"

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
	AUTO_JSON *shown = json_string(value);
	char p[FIELD_PATH_MAX];

	if (strcmp(value, "runtime/default") && strcmp(value, "docker/default") && strcmp(value, "unconfined") && !str_has_prefix(value, "localhost/"))
		field_invalid(r->errors, FIELD_PATH(p, "%s.%s", path, key), shown, "must be a valid seccomp profile");
}

void pod_annotations_validate(const json_t *meta, const struct pod_rules *r)
{
	const json_t *annotations = json_object_get(meta, "annotations"), *profile = json_at(r->spec, "securityContext.seccompProfile");
	const char *of_pod = json_member(annotations, SECCOMP_POD), *key;
	char path[FIELD_PATH_MAX], p[FIELD_PATH_MAX];
	json_t *v;

	if (r->is_pod)
		FIELD_PATH(path, "metadata.annotations");
	else
		FIELD_PATH(path, "%.*s.annotations", (int)(strlen(r->path) - strlen(".spec")), r->path);
	json_object_foreach((json_t *)annotations, key, v)
	{
		const char *text = json_string_value(v);
		if (text && str_has_prefix(key, APPARMOR_CONTAINER))
			validate_apparmor_annotation(r, key, text, path);
		else if (text && (!strcmp(key, SECCOMP_POD) || str_has_prefix(key, SECCOMP_CONTAINER)))
			validate_seccomp_annotation(r, key, text, path);
	}
	if (of_pod && profile)
		validate_match(of_pod, profile, &seccomp, FIELD_PATH(p, "%s.securityContext.seccompProfile", r->path), r->errors);
	if (json_object_size(annotations))
		pod_each_container(r, match_container, (void *)annotations);
}
