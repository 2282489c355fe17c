/* Rules of CustomResourceDefinition. Purpose: what a definition has to be before anything is served by it. Happy path:
 * names and conversion are filled in, the status starts with the storage version, group, names, versions and schemas
 * pass. What always holds: exactly one version is stored, and status.storedVersions names every version that was. */
#include <stdlib.h>
#include <string.h>

#include "api/names.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "cp/kinds/crd_names.h"
#include "cp/kinds/kinds.h"
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
		json_object_set_new(obj, "status", json_deep_copy(status));
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

#define PATH(name, ...) AUTO_FREE char *name = xasprintf(__VA_ARGS__)

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

static void check_approval(const json_t *obj, struct field_errors *errors)
{
	static const char at[] = "metadata.annotations[" APPROVED "]";
	json_t *value = json_object_get(json_at(obj, "metadata.annotations"), APPROVED);
	const char *text = json_string_value(value);

	if (!crd_group_is_protected(json_str_or(obj, "spec.group", "")))
		return;
	if (str_empty(text))
		field_required(errors, at, "protected groups must have approval annotation \"" APPROVED "\", see " POLICY);
	else if (!str_has_prefix(text, "unapproved") && !strstr(text, "://"))
		field_invalid(errors, at, value,
			      "protected groups must have approval annotation \"" APPROVED
			      "\" with either a URL or a reason starting with \"unapproved\", see " POLICY);
}

/* --- versions ----------------------------------------------------------------------------------------------------- */

static const char *bool_text(const json_t *version, const char *key)
{
	return json_bool_at(version, key, false) ? "true" : "false";
}

/* The versions as errors show them: what all versions share is not in them. */
static void bad_versions(const json_t *versions, const char *why, struct field_errors *errors)
{
	AUTO_STR text = STR_INIT;
	size_t i;
	json_t *v;

	json_array_foreach(versions, i, v)
	{
		str_add(&text, i ? ",{\"Name\":" : "{\"Name\":");
		str_add_json(&text, json_str_or(v, "name", ""));
		str_addf(&text, ",\"Served\":%s,\"Storage\":%s,\"Deprecated\":%s,\"DeprecationWarning\":",
			 bool_text(v, "served"), bool_text(v, "storage"), bool_text(v, "deprecated"));
		if (json_member(v, "deprecationWarning"))
			str_add_json(&text, json_member(v, "deprecationWarning"));
		else
			str_add(&text, "null");
		str_add(&text, ",\"Schema\":null,\"Subresources\":null,\"AdditionalPrinterColumns\":null,"
			       "\"SelectableFields\":null}");
	}
	field_add(errors, "FieldValueInvalid", "spec.versions", "Invalid value: [%s]: %s", str_text(&text), why);
}

static void check_version_names(const json_t *versions, struct field_errors *errors)
{
	AUTO_STRV char **seen = NULL;
	size_t i, stored = 0;
	bool unique = true;
	json_t *v;

	json_array_foreach(versions, i, v)
	{
		const char *name = json_str_or(v, "name", ""), *why = name_check_label_1035(name);
		PATH(at, "spec.versions[%zu].name", i);
		AUTO_JSON *shown = json_string(name);
		if (why)
			field_invalid(errors, at, shown, "%s", why);
		stored += json_bool_at(v, "storage", false);
		unique = unique && !strv_has(seen, name);
		strv_add(&seen, name);
	}
	if (!unique)
		bad_versions(versions, "must contain unique version names", errors);
	if (stored != 1)
		bad_versions(versions, "must have exactly one version marked as storage version", errors);
}

/* Whether all versions have the same value there: errors then speak of it as the definition's own. */
static bool is_shared(const json_t *versions, const char *key)
{
	size_t i;
	json_t *v, *first = json_object_get(json_array_get(versions, 0), key);

	json_array_foreach(versions, i, v)
	{
		json_t *value = json_object_get(v, key);
		if (value != first && !(value && first && json_equal(value, first)))
			return false;
	}
	return true;
}

static void check_path(const json_t *path, const char *at, const char *below, struct field_errors *errors)
{
	const char *text = json_string_value(path);

	if (str_empty(text))
		field_required(errors, at, NULL);
	else if (*text != '.')
		field_invalid(errors, at, path, "must be a simple json path starting with .");
	else if (below && (!str_has_prefix(text, below) || text[strlen(below)] != '.'))
		field_invalid(errors, at, path, "should be a json path under %s", below);
}

static void check_subresources(const json_t *sub, const char *base, struct field_errors *errors)
{
	static const struct {
		const char *key, *below;
		bool required;
	} paths[] = {{"specReplicasPath", ".spec", true},
		     {"statusReplicasPath", ".status", true},
		     {"labelSelectorPath", NULL, false}};
	json_t *scale = json_object_get(sub, "scale");

	for (size_t i = 0; scale && i < ARRAY_LEN(paths); i++) {
		json_t *path = json_object_get(scale, paths[i].key);
		PATH(at, "%s.scale.%s", base, paths[i].key);
		if (paths[i].required || json_string_length(path))
			check_path(path, at, paths[i].below, errors);
	}
	const char *selector = json_member(scale, "labelSelectorPath");
	PATH(at, "%s.scale.labelSelectorPath", base);
	if (!str_empty(selector) && *selector == '.' && !str_has_prefix(selector, ".status.") &&
	    !str_has_prefix(selector, ".spec."))
		field_invalid(errors, at, json_object_get(scale, "labelSelectorPath"),
			      "should be a json path under either .spec or .status");
}

static void check_column(const json_t *column, const char *base, struct field_errors *errors)
{
	static const char *const types[] = {"boolean", "date", "integer", "number", "string", NULL};
	static const char *const formats[] = {"byte",  "date",  "date-time", "double", "float",
					      "int32", "int64", "password",  NULL};
	const char *type = json_str_or(column, "type", ""), *format = json_str_or(column, "format", "");
	PATH(name_at, "%s.name", base);
	PATH(type_at, "%s.type", base);
	PATH(format_at, "%s.format", base);
	PATH(path_at, "%s.JSONPath", base);

	if (!*json_str_or(column, "name", ""))
		field_required(errors, name_at, NULL);
	if (!*type)
		field_required(errors, type_at, "must be one of boolean,date,integer,number,string");
	else if (!strv_has((char *const *)types, type))
		field_invalid(errors, type_at, json_object_get(column, "type"),
			      "must be one of boolean,date,integer,number,string");
	if (*format && !strv_has((char *const *)formats, format))
		field_invalid(errors, format_at, json_object_get(column, "format"),
			      "must be one of byte,date,date-time,double,float,int32,int64,password");
	check_path(json_object_get(column, "jsonPath"), path_at, NULL, errors);
}

static void check_columns(const json_t *columns, const char *base, struct field_errors *errors)
{
	size_t i;
	json_t *column;

	json_array_foreach(columns, i, column)
	{
		PATH(at, "%s[%zu]", base, i);
		check_column(column, at, errors);
	}
}

/* A selectable field is a scalar that the schema has at the path. */
static bool is_selectable(const json_t *schema, const char *path)
{
	AUTO_STRV char **names = str_split(path + (*path == '.'), '.');
	static const char *const types[] = {"string", "integer", "boolean", NULL};

	for (size_t i = 0; names && names[i] && schema; i++)
		schema = json_object_get(json_object_get(schema, "properties"), names[i]);
	return schema && names && strv_has((char *const *)types, json_str_or(schema, "type", ""));
}

#define MAX_SELECTABLE 8

static void check_selectable(const json_t *version, const char *base, struct field_errors *errors)
{
	json_t *fields = json_object_get(version, "selectableFields"), *f;
	const json_t *schema = json_at(version, "schema.openAPIV3Schema");
	AUTO_STRV char **seen = NULL;
	size_t i;

	if (json_array_size(fields) > MAX_SELECTABLE)
		field_too_many(errors, base, json_array_size(fields), MAX_SELECTABLE);
	json_array_foreach(fields, i, f)
	{
		const char *path = json_str_or(f, "jsonPath", "");
		PATH(at, "%s[%zu].jsonPath", base, i);
		if (!*path)
			field_required(errors, at, NULL);
		else if (strv_has(seen, path))
			field_duplicate(errors, at, json_object_get(f, "jsonPath"));
		else if (*path != '.' || strpbrk(path, "[]") || str_has_prefix(path, ".metadata"))
			field_invalid(errors, at, json_object_get(f, "jsonPath"), "is an invalid path: must be a simple path "
										   "to a field outside of metadata");
		else if (!is_selectable(schema, path))
			field_invalid(errors, at, json_object_get(f, "jsonPath"),
				      "is an invalid path: does not refer to a valid field of type string, boolean or "
				      "integer in the schema");
		strv_add(&seen, path);
	}
}

static void check_schema(const json_t *version, const char *path, struct field_errors *errors)
{
	const json_t *schema = json_at(version, "schema.openAPIV3Schema");

	if (json_is_object(schema))
		crd_check_schema(schema, path, errors);
}

static void check_shared(const json_t *versions, struct field_errors *errors)
{
	const json_t *first = json_array_get(versions, 0);

	if (is_shared(versions, "schema"))
		check_schema(first, "spec.validation.openAPIV3Schema", errors);
	if (is_shared(versions, "subresources"))
		check_subresources(json_object_get(first, "subresources"), "spec.subresources", errors);
	if (is_shared(versions, "additionalPrinterColumns"))
		check_columns(json_object_get(first, "additionalPrinterColumns"), "spec.additionalPrinterColumns", errors);
	if (is_shared(versions, "selectableFields"))
		check_selectable(first, "spec.selectableFields", errors);
}

static void check_versions(const json_t *versions, struct field_errors *errors)
{
	size_t i;
	json_t *v;

	json_array_foreach(versions, i, v)
	{
		PATH(schema_at, "spec.versions[%zu].schema.openAPIV3Schema", i);
		PATH(sub_at, "spec.versions[%zu].subresources", i);
		PATH(columns_at, "spec.versions[%zu].additionalPrinterColumns", i);
		PATH(fields_at, "spec.versions[%zu].selectableFields", i);
		PATH(warning_at, "spec.versions[%zu].deprecationWarning", i);
		if (!json_is_object(json_at(v, "schema.openAPIV3Schema")))
			field_required(errors, schema_at, NULL);
		if (json_object_get(v, "deprecationWarning") && !json_bool_at(v, "deprecated", false))
			field_invalid(errors, warning_at, json_object_get(v, "deprecationWarning"),
				      "can only be set for deprecated versions");
		if (!is_shared(versions, "schema"))
			check_schema(v, schema_at, errors);
		if (!is_shared(versions, "subresources"))
			check_subresources(json_object_get(v, "subresources"), sub_at, errors);
		if (!is_shared(versions, "additionalPrinterColumns"))
			check_columns(json_object_get(v, "additionalPrinterColumns"), columns_at, errors);
		if (!is_shared(versions, "selectableFields"))
			check_selectable(v, fields_at, errors);
	}
	check_shared(versions, errors);
}

/* --- conversion --------------------------------------------------------------------------------------------------- */

static void check_webhook(const json_t *conversion, struct field_errors *errors)
{
	static const char at[] = "spec.conversion.webhookClientConfig";
	const json_t *config = json_at(conversion, "webhook.clientConfig"),
		     *versions = json_at(conversion, "webhook.conversionReviewVersions");
	const char *url = json_member(config, "url");

	if (!config)
		field_required(errors, at, "required when strategy is set to Webhook");
	else if (!url == !json_object_get(config, "service"))
		field_required(errors, at, "exactly one of url or service is required");
	else if (url && !str_has_prefix(url, "https://"))
		field_invalid(errors, "spec.conversion.webhookClientConfig.url", json_object_get(config, "url"),
			      "'https' is the only allowed URL scheme; desired format: https://host[/path]");
	if (!json_array_size(versions))
		field_required(errors, "spec.conversion.conversionReviewVersions", NULL);
	else if (!json_has_text(versions, "v1") && !json_has_text(versions, "v1beta1"))
		field_invalid(errors, "spec.conversion.conversionReviewVersions", versions,
			      "must include at least one of v1, v1beta1");
}

static void check_conversion(const json_t *conversion, struct field_errors *errors)
{
	static const char *const strategies[] = {"None", "Webhook", NULL};
	const char *strategy = json_str_or(conversion, "strategy", "");

	if (!conversion)
		return;
	if (!*strategy)
		field_required(errors, "spec.conversion.strategy", NULL);
	else if (!strv_has((char *const *)strategies, strategy))
		field_not_supported(errors, "spec.conversion.strategy", json_object_get(conversion, "strategy"), strategies);
	else if (strcmp(strategy, "Webhook") == 0)
		check_webhook(conversion, errors);
	else if (json_at(conversion, "webhook.clientConfig"))
		field_forbidden(errors, "spec.conversion.webhookClientConfig",
				"should not be set when strategy is not set to Webhook");
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
		PATH(one, "%s[%zu]", at, i);
		if (!strv_has(names, json_string_value(v)))
			field_invalid(errors, one, v, "must appear in spec.versions");
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

static void crd_validate(const json_t *obj, const json_t *old, struct field_errors *errors)
{
	static const char *const scopes[] = {"Cluster", "Namespaced", NULL};
	const json_t *versions = json_at(obj, "spec.versions"), *scope = json_at(obj, "spec.scope");

	if (!old)
		check_name(obj, errors);
	check_group(obj, errors);
	if (!json_string_length(scope))
		field_required(errors, "spec.scope", NULL);
	else if (!strv_has((char *const *)scopes, json_string_value(scope)))
		field_not_supported(errors, "spec.scope", scope, scopes);
	if (!old && json_bool_at(obj, "spec.preserveUnknownFields", false))
		field_invalid(errors, "spec.preserveUnknownFields", json_at(obj, "spec.preserveUnknownFields"),
			      "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in "
			      "spec.versions[*].schema instead");
	check_version_names(versions, errors);
	check_required_names(json_at(obj, "spec.names"), errors);
	check_names(json_at(obj, "spec.names"), "spec.names", errors);
	check_versions(versions, errors);
	check_conversion(json_at(obj, "spec.conversion"), errors);
	check_stored(obj, errors);
	if (old)
		check_unchanged(obj, old, errors);
	else
		check_approval(obj, errors);
}

static void crd_validate_status(const json_t *obj, const json_t *old, struct field_errors *errors)
{
	(void)old;
	check_names(json_at(obj, "status.acceptedNames"), "status.acceptedNames", errors);
	check_stored(obj, errors);
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
    .mark_deleted = crd_mark_deleted,
    .has_status = true,
};
