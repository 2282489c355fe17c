/* Rules of CustomResourceDefinition. Purpose: what a definition has to be before anything is served by it. Happy path:
 * names and conversion are filled in, the status starts with the storage version, group, names, versions (crd_versions.c) and
 * conversion (crd_conversion.c) pass. What always holds: exactly one version is stored, and status.storedVersions names every version that was. */
#include <stdlib.h>
#include <string.h>

#include "api/names.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "cp/kinds/crd_names.h"
#include "cp/kinds/crd_rules.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/rule.h"
#include "cp/schema/crd.h"

#define APPROVED "api-approved.kubernetes.io"
#define POLICY "https://github.com/kubernetes/enhancements/pull/1111"

/* --- defaults and status ------------------------------------------------------------------------------------------ */

static char *lower(const char *s)
{
	char *copy = xstrdup(s);

	for (char *p = copy; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p += 'a' - 'A';
	return copy;
}

static void crd_set_defaults(json_t *obj, const json_t *old)
{
	json_t *names = json_object_at(obj, "spec.names"), *service;
	const char *kind = json_str_or(names, "kind", "");
	AUTO_FREE char *singular = lower(kind), *list = xasprintf("%sList", kind);

	(void)old;
	if (str_empty(json_member(names, "singular")))
		json_object_set_new(names, "singular", json_string(singular));
	if (*kind && str_empty(json_member(names, "listKind")))
		json_object_set_new(names, "listKind", json_string(list));
	if (!json_at(obj, "spec.conversion"))
		json_set_str(obj, "spec.conversion.strategy", "None");
	service = json_at(obj, "spec.conversion.webhook.clientConfig.service");
	if (service && !json_object_get(service, "port"))
		json_object_set_new(service, "port", json_integer(443));
}

/* The storage version is among those that were stored. */
static void note_stored(json_t *obj)
{
	json_t *stored = json_at(obj, "status.storedVersions"), *version;
	size_t i;

	if (!json_is_array(stored))
		json_set_at(obj, "status.storedVersions", stored = json_array());
	json_array_foreach(json_at(obj, "spec.versions"), i, version)
	{
		const char *name = json_str_or(version, "name", "");
		if (!json_bool_at(version, "storage", false))
			continue;
		if (!json_has_text(stored, name))
			json_array_append_new(stored, json_string(name));
		return;
	}
}

static void crd_prepare_create(json_t *obj)
{
	json_object_set_new(obj, "status",
			    json_pack("{s:n,s:{s:s,s:s},s:[]}", "conditions", "acceptedNames", "plural", "", "kind", "",
				      "storedVersions"));
	note_stored(obj);
}

static void crd_prepare_update(json_t *obj, const json_t *old)
{
	json_t *status = json_object_get(old, "status");

	if (status)
		json_object_set_new(obj, "status", json_clone(status));
	note_stored(obj);
}

static void crd_mark_deleted(json_t *obj, int64_t now_ms)
{
	json_t *finalizers = json_array_at(obj, "metadata.finalizers");

	if (!json_has_text(finalizers, CRD_FINALIZER))
		json_array_append_new(finalizers, json_string(CRD_FINALIZER));
	crd_set_condition(obj, "Terminating", "True", "InstanceDeletionPending",
			  "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon", now_ms);
}

/* --- names -------------------------------------------------------------------------------------------------------- */

static void check_label(const json_t *names, const char *key, const char *base, bool mixed_case, struct field_errors *errors)
{
	const char *value = json_member(names, key);
	AUTO_FREE char *plain = mixed_case ? lower(value ? value : "") : xstrdup(value ? value : "");
	const char *why = *plain ? name_check_label_1035(plain) : NULL;
	PATH(at, "%s.%s", base, key);

	if (why)
		field_invalid(errors, at, json_object_get(names, key), "%s%s",
			      mixed_case ? "may have mixed case, but should otherwise match: " : "", why);
}

static void check_labels(const json_t *names, const char *key, const char *base, struct field_errors *errors)
{
	size_t i;
	json_t *s;

	json_array_foreach(json_object_get(names, key), i, s)
	{
		const char *why = json_is_string(s) ? name_check_label_1035(json_string_value(s)) : NULL;
		PATH(at, "%s.%s[%zu]", base, key, i);
		if (why)
			field_invalid(errors, at, s, "%s", why);
	}
}

static void check_names(const json_t *names, const char *base, struct field_errors *errors)
{
	const char *kind = json_str_or(names, "kind", "");
	PATH(at, "%s.listKind", base);

	check_label(names, "plural", base, false, errors);
	check_label(names, "singular", base, false, errors);
	check_label(names, "kind", base, true, errors);
	check_label(names, "listKind", base, true, errors);
	check_labels(names, "shortNames", base, errors);
	if (*kind && strcmp(kind, json_str_or(names, "listKind", "")) == 0)
		field_invalid(errors, at, json_object_get(names, "listKind"), "kind and listKind may not be the same");
	check_labels(names, "categories", base, errors);
}

static void check_required_names(const json_t *names, struct field_errors *errors)
{
	static const char *const required[] = {"plural", "singular", "kind", "listKind"};

	for (size_t i = 0; i < ARRAY_LEN(required); i++) {
		PATH(at, "spec.names.%s", required[i]);
		if (!*json_str_or(names, required[i], ""))
			field_required(errors, at, NULL);
	}
}

static void check_group(const json_t *obj, struct field_errors *errors)
{
	const char *group = json_str_or(obj, "spec.group", ""), *why = *group ? name_check_subdomain(group) : NULL;

	if (!*group)
		field_required(errors, "spec.group", NULL);
	else if (why)
		field_invalid(errors, "spec.group", json_at(obj, "spec.group"), "%s", why);
	else if (!strchr(group, '.'))
		field_invalid(errors, "spec.group", json_at(obj, "spec.group"), "should be a domain with at least one dot");
}

enum approval { APPROVAL_MISSING, APPROVAL_BYPASSED, APPROVAL_GIVEN, APPROVAL_INVALID };

static enum approval approval_of(const json_t *obj)
{
	const char *text = json_member(json_at(obj, "metadata.annotations"), APPROVED), *host = text ? strstr(text, "://") : NULL;

	if (str_empty(text))
		return APPROVAL_MISSING;
	if (str_has_prefix(text, "unapproved"))
		return APPROVAL_BYPASSED;
	return host && host > text && host[3] && host[3] != '/' ? APPROVAL_GIVEN : APPROVAL_INVALID;
}

/* What was not approved before may stay so. */
static void check_approval(const json_t *obj, const json_t *old, struct field_errors *errors)
{
	static const char at[] = "metadata.annotations[" APPROVED "]";
	enum approval approval = approval_of(obj);

	if (!crd_group_is_protected(json_str_or(obj, "spec.group", "")) || (old && approval == approval_of(old)))
		return;
	if (approval == APPROVAL_MISSING)
		field_required(errors, at, "protected groups must have approval annotation \"" APPROVED "\", see " POLICY);
	else if (approval == APPROVAL_INVALID)
		field_invalid(errors, at, json_object_get(json_at(obj, "metadata.annotations"), APPROVED),
			      "protected groups must have approval annotation \"" APPROVED
			      "\" with either a URL or a reason starting with \"unapproved\", see " POLICY);
}

/* --- all ---------------------------------------------------------------------------------------------------------- */

static void check_stored(const json_t *obj, struct field_errors *errors)
{
	static const char at[] = "status.storedVersions";
	const json_t *stored = json_at(obj, at), *versions = json_at(obj, "spec.versions");
	AUTO_STRV char **names = NULL;
	size_t i;
	json_t *v;

	if (!json_array_size(stored)) {
		field_invalid(errors, at, NULL, "must have at least one stored version");
		return;
	}
	json_array_foreach(versions, i, v)
	{
		const char *name = json_str_or(v, "name", "");
		strv_add(&names, name);
		if (json_bool_at(v, "storage", false) && !json_has_text(stored, name))
			field_invalid(errors, at, stored, "must have the storage version %s", name);
	}
	json_array_foreach(stored, i, v)
	{
		const char *name = json_string_value(v);
		PATH(one, "%s[%zu]", at, i);
		if (!strv_has(names, name))
			field_invalid(errors, one, v,
				      "missing from spec.versions; %s was previously a storage version, and must remain in spec.versions until a "
				      "storage migration ensures no data remains persisted in %s and removes %s from status.storedVersions",
				      name, name, name);
	}
}

static void check_unchanged(const json_t *obj, const json_t *old, struct field_errors *errors)
{
	if (crd_is_established(old)) {
		validate_immutable(obj, old, "spec.scope", errors);
		validate_immutable(obj, old, "spec.names.kind", errors);
	}
	validate_immutable(obj, old, "spec.group", errors);
	validate_immutable(obj, old, "spec.names.plural", errors);
}

static void check_name(const json_t *obj, struct field_errors *errors)
{
	PATH(wanted, "%s.%s", json_str_or(obj, "spec.names.plural", ""), json_str_or(obj, "spec.group", ""));

	if (!str_eq(json_str_at(obj, "metadata.name"), wanted))
		field_invalid(errors, "metadata.name", json_at(obj, "metadata.name"),
			      "must be spec.names.plural+\".\"+spec.group");
}

static void check_preserving(const json_t *obj, const json_t *old, struct field_errors *errors)
{
	static const char at[] = "spec.preserveUnknownFields";

	if (json_bool_at(obj, at, false) && !json_bool_at(old, at, false))
		field_invalid(errors, at, json_at(obj, at),
			      "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead");
}

static void crd_validate(const json_t *obj, const json_t *old, struct field_errors *errors)
{
	static const char *const scopes[] = {"Cluster", "Namespaced", NULL};
	const json_t *spec = json_object_get(obj, "spec");

	if (!old)
		check_name(obj, errors);
	check_group(obj, errors);
	if (rule_required(spec, "spec", "scope", NULL, errors))
		rule_word(spec, "spec", "scope", scopes, errors);
	crd_versions_validate(spec, errors);
	check_required_names(json_object_get(spec, "names"), errors);
	check_names(json_object_get(spec, "names"), "spec.names", errors);
	crd_shared_validate(spec, errors);
	crd_conversion_validate(spec, crd_is_established(old) ? json_object_get(old, "spec") : NULL, errors);
	if (old)
		check_unchanged(obj, old, errors);
	check_names(json_at(obj, "status.acceptedNames"), "status.acceptedNames", errors);
	check_stored(obj, errors);
	check_approval(obj, old, errors);
	check_preserving(obj, old, errors);
}

static void crd_validate_status(const json_t *obj, const json_t *old, struct field_errors *errors)
{
	(void)old;
	check_names(json_at(obj, "status.acceptedNames"), "status.acceptedNames", errors);
}

static void unknown_formats(const json_t *obj, char ***formats)
{
	const json_t *versions = json_at(obj, "spec.versions");
	json_t *v;
	size_t i;

	json_array_foreach(versions, i, v) crd_unknown_formats(json_at(v, "schema.openAPIV3Schema"), formats);
}

static void crd_warn(const json_t *obj, const json_t *old, char ***warnings)
{
	AUTO_STRV char **now = NULL, **before = NULL;

	unknown_formats(obj, &now);
	unknown_formats(old, &before);
	for (size_t i = 0; now && now[i]; i++) {
		PATH(text, "unrecognized format \"%s\"", now[i]);
		if (!strv_has(before, now[i]) && !strv_has(*warnings, text))
			strv_add(warnings, text);
	}
}

const struct kind_ops crd_ops = {
    .group = "apiextensions.k8s.io",
    .kind = "CustomResourceDefinition",
    .set_defaults = crd_set_defaults,
    .prepare_create = crd_prepare_create,
    .prepare_update = crd_prepare_update,
    .prepare_status = kind_keep_spec,
    .validate = crd_validate,
    .validate_status = crd_validate_status,
    .warn = crd_warn,
    .mark_deleted = crd_mark_deleted,
    .has_status = true,
};
