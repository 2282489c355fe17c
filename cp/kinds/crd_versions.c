/* Rules of the versions of a CustomResourceDefinition: schemas, subresources, columns, selectable fields. Purpose: each version can
 * be served by itself. Happy path: a part that all versions have in the same words is checked once. Pure; nothing fails. */
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/crd_rules.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/rule.h"
#include "cp/schema/crd.h"

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

enum { SELECTABLE_MAX = 8 };

static void check_selectable_one(const json_t *schema, const json_t *field, const char *at, struct field_errors *errors)
{
	static const char *const types[] = {"string", "integer", "boolean", NULL};
	const char *path = json_string_value(field);
	const json_t *found = NULL;
	AUTO_FREE char *why = crd_find_field(schema, path, false, &found);

	if (why) {
		field_invalid(errors, at, field, "is an invalid path: %s", why);
		return;
	}
	if (!strcmp(path, ".metadata") || str_has_prefix(path, ".metadata."))
		field_invalid(errors, at, field, "must not point to fields in metadata");
	if (!rule_is_one_of(json_str_or(found, "type", ""), types))
		field_invalid(errors, at, field,
			      "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.");
}

static void check_selectable(const json_t *version, const char *base, const char *where, struct field_errors *errors)
{
	const json_t *fields = json_object_get(version, "selectableFields"), *schema = json_at(version, "schema.openAPIV3Schema");
	AUTO_STRV char **seen = NULL;
	AUTO_JSON *none = json_string("");
	size_t i, before;
	json_t *f;

	if (json_array_size(fields) && !json_is_object(schema)) {
		field_invalid(errors, base, none, "selectableFields may only be set when %s included", where);
		return;
	}
	json_array_foreach(fields, i, f)
	{
		PATH(at, "%s[%zu]", base, i);
		PATH(path_at, "%s[%zu].jsonPath", base, i);
		const char *path = json_str_or(f, "jsonPath", "");
		before = errors->n;
		if (!rule_required(f, at, "jsonPath", NULL, errors))
			continue;
		check_selectable_one(schema, json_object_get(f, "jsonPath"), path_at, errors);
		if (errors->n > before && strstr(errors->v[before].message, "is an invalid path"))
			continue;
		if (strv_has(seen, path))
			field_duplicate(errors, path_at, json_object_get(f, "jsonPath"));
		else
			strv_add(&seen, path);
	}
	if (strv_len(seen) > SELECTABLE_MAX)
		field_too_many(errors, base, strv_len(seen), SELECTABLE_MAX);
}

/* --- warnings that a version brings -------------------------------------------------------------------------------- */

/* The place of the first character that cannot be printed; -1: there is none. */
static long unprintable_at(const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c; c++)
		if (*c < ' ' || *c == 0x7f)
			return (long)(c - (const unsigned char *)text);
	return -1;
}

static void check_warning(const json_t *version, const char *base, struct field_errors *errors)
{
	enum { WARNING_MAX = 256 };
	const json_t *warning = json_object_get(version, "deprecationWarning");
	const char *text = json_string_value(warning);
	PATH(at, "%s.deprecationWarning", base);

	if (!text)
		return;
	if (!json_bool_at(version, "deprecated", false)) {
		field_invalid(errors, at, warning, "can only be set for deprecated versions");
		return;
	}
	long strange = unprintable_at(text);
	if (strlen(text) > WARNING_MAX)
		field_invalid(errors, at, warning, "must be <= %d characters long", WARNING_MAX);
	if (!*text)
		field_invalid(errors, at, warning, "must not be an empty string");
	if (strange >= 0)
		field_invalid(errors, at, warning, "must only contain printable UTF-8 characters; non-printable character found at index %ld", strange);
}

/* --- all ------------------------------------------------------------------------------------------------------------ */

static bool has_status(const json_t *version)
{
	return json_at(version, "subresources.status") != NULL;
}

static void check_schema(const json_t *version, const char *path, bool status, struct field_errors *errors)
{
	const json_t *schema = json_at(version, "schema.openAPIV3Schema");

	if (json_is_object(schema))
		crd_check_schema(schema, path, status, errors);
}

static void check_version(const json_t *versions, size_t i, struct field_errors *errors)
{
	const json_t *v = json_array_get(versions, i);
	PATH(base, "spec.versions[%zu]", i);
	PATH(schema_at, "%s.schema.openAPIV3Schema", base);
	PATH(sub_at, "%s.subresources", base);
	PATH(columns_at, "%s.additionalPrinterColumns", base);
	PATH(fields_at, "%s.selectableFields", base);
	PATH(name_at, "%s.name", base);

	validate_name(json_str_or(v, "name", ""), name_at, name_check_label_1035, errors);
	check_warning(v, base, errors);
	if (!is_shared(versions, "schema"))
		check_schema(v, schema_at, has_status(v), errors);
	if (!is_shared(versions, "subresources"))
		check_subresources(json_object_get(v, "subresources"), sub_at, errors);
	if (!is_shared(versions, "additionalPrinterColumns"))
		check_columns(json_object_get(v, "additionalPrinterColumns"), columns_at, errors);
	if (!is_shared(versions, "selectableFields") || !is_shared(versions, "schema"))
		check_selectable(v, fields_at, "version.schema.openAPIV3Schema is not", errors);
}

static bool has_defaults(const json_t *schema)
{
	const char *key;
	json_t *below;

	if (!json_is_object(schema))
		return false;
	if (json_object_get(schema, "default") || has_defaults(json_object_get(schema, "items")) ||
	    has_defaults(json_object_get(schema, "additionalProperties")))
		return true;
	json_object_foreach(json_object_get(schema, "properties"), key, below) if (has_defaults(below)) return true;
	return false;
}

/* Every version has a schema, and one that fills in defaults prunes. */
static void check_schemas_there(const json_t *spec, struct field_errors *errors)
{
	bool defaults = false;
	size_t i;
	json_t *v;

	json_array_foreach(json_object_get(spec, "versions"), i, v)
	{
		const json_t *schema = json_at(v, "schema.openAPIV3Schema");
		PATH(at, "spec.versions[%zu].schema.openAPIV3Schema", i);
		if (!json_is_object(schema))
			field_required(errors, at, NULL);
		defaults |= has_defaults(schema);
	}
	if (defaults && json_bool_at(spec, "preserveUnknownFields", false))
		field_invalid(errors, "spec.preserveUnknownFields", json_true(), "must be false in order to use defaults in the schema");
}

void crd_versions_validate(const json_t *spec, struct field_errors *errors)
{
	const json_t *versions = json_object_get(spec, "versions");
	AUTO_STRV char **seen = NULL;
	size_t i, stored = 0;
	bool unique = true;
	json_t *v;

	check_schemas_there(spec, errors);
	json_array_foreach(versions, i, v)
	{
		const char *name = json_str_or(v, "name", "");
		check_version(versions, i, errors);
		stored += json_bool_at(v, "storage", false);
		unique = unique && !strv_has(seen, name);
		strv_add(&seen, name);
	}
	if (!unique)
		bad_versions(versions, "must contain unique version names", errors);
	if (stored != 1)
		bad_versions(versions, "must have exactly one version marked as storage version", errors);
}

void crd_shared_validate(const json_t *spec, struct field_errors *errors)
{
	const json_t *versions = json_object_get(spec, "versions"), *first = json_array_get(versions, 0);
	bool status = false;
	size_t i;
	json_t *v;

	json_array_foreach(versions, i, v) status |= has_status(v);
	if (is_shared(versions, "schema"))
		check_schema(first, "spec.validation.openAPIV3Schema", status, errors);
	if (is_shared(versions, "subresources"))
		check_subresources(json_object_get(first, "subresources"), "spec.subresources", errors);
	if (is_shared(versions, "additionalPrinterColumns"))
		check_columns(json_object_get(first, "additionalPrinterColumns"), "spec.additionalPrinterColumns", errors);
	if (is_shared(versions, "selectableFields") && is_shared(versions, "schema"))
		check_selectable(first, "spec.selectableFields", "validations.schema is", errors);
}
