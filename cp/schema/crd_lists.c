/* What schemas of definitions say about lists, maps and expressions: which kind of list, by which keys, with which rules. Pure;
 * nothing fails. */
#include <stdlib.h>
#include <string.h>

#include "cp/schema/crd_internal.h"

/* A keyword that only makes sense with a type. Returns whether it stands with it. */
static bool check_needs_type(const json_t *schema, const char *path, const char *key, const char *type, struct field_errors *errors)
{
	PATH(why, "must be %s if %s is specified", type, key);

	if (!has(schema, key) || strcmp(type_of(schema), type) == 0)
		return has(schema, key);
	if (*type_of(schema))
		refuse(errors, path, "type", schema, why);
	else
		require(errors, path, "type", why);
	return false;
}

static void check_word(const json_t *schema, const char *path, const char *key, const char *const *words, struct field_errors *errors)
{
	const char *word = json_member(schema, key);
	PATH(at, "%s.%s", path, key);

	if (word && !strv_has((char *const *)words, word))
		field_not_supported(errors, at, json_object_get(schema, key), words);
}

/* Elements of a set are compared as a whole. */
static void check_set_items(const json_t *schema, const char *path, struct field_errors *errors)
{
	static const char why[] = "must be atomic as item of a list with x-kubernetes-list-type=set";
	const json_t *items = json_object_get(schema, "items"), *list = json_object_get(items, "x-kubernetes-list-type");
	const char *type = type_of(items);
	PATH(list_at, "%s.items.x-kubernetes-list-type", path);
	PATH(map_at, "%s.items.x-kubernetes-map-type", path);

	if (!strcmp(type, "array") && list && !str_eq(json_string_value(list), "atomic"))
		field_invalid(errors, list_at, list, "%s", why);
	else if (!strcmp(type, "object") && !str_eq(json_member(items, "x-kubernetes-map-type"), "atomic"))
		field_invalid(errors, map_at, list, "%s", why);
}

static void check_keys(const json_t *schema, const char *path, struct field_errors *errors)
{
	const json_t *items = json_object_get(schema, "items"), *keys = json_object_get(schema, "x-kubernetes-list-map-keys");
	AUTO_STRV char **seen = NULL;
	json_t *key;
	size_t i;

	json_array_foreach(keys, i, key)
	{
		const char *name = json_string_value(key) ? json_string_value(key) : "";
		const json_t *property = json_object_get(json_object_get(items, "properties"), name);
		PATH(at, "%s.items.properties[%s].type", path, name);
		AUTO_JSON *object = json_string("object");
		if (!property)
			refuse(errors, path, "x-kubernetes-list-map-keys", schema, "entries must all be names of item properties");
		else if (strcmp(type_of(property), "object") == 0 || strcmp(type_of(property), "array") == 0)
			field_invalid(errors, at, object, "must be a scalar type if parent array's x-kubernetes-list-type is map");
		if (strv_has(seen, name))
			refuse(errors, path, "x-kubernetes-list-map-keys", schema, "must not contain duplicate entries");
		strv_add(&seen, name);
	}
}

static void check_map_list(const json_t *schema, const char *path, struct field_errors *errors)
{
	const json_t *items = json_object_get(schema, "items");
	PATH(type_at, "%s.items.type", path);
	AUTO_JSON *shown = json_string(type_of(items));

	if (!json_array_size(json_object_get(schema, "x-kubernetes-list-map-keys")))
		require(errors, path, "x-kubernetes-list-map-keys", "must not be empty if x-kubernetes-list-type is map");
	if (!items)
		require(errors, path, "items", "must have a schema if x-kubernetes-list-type is map");
	else if (!json_is_object(items))
		refuse(errors, path, "items", schema, "must only have a single schema if x-kubernetes-list-type is map");
	else if (strcmp(type_of(items), "object") != 0)
		field_invalid(errors, type_at, shown, "must be object if parent array's x-kubernetes-list-type is map");
	else
		check_keys(schema, path, errors);
}

/* Elements and their keys are there. */
static void check_no_nulls(const json_t *schema, const char *path, const char *list, struct field_errors *errors)
{
	const json_t *items = json_object_get(schema, "items");
	PATH(why, "cannot be nullable when x-kubernetes-list-type is %s", list);
	json_t *key;
	size_t i;

	if (!json_is_object(items))
		return;
	if (flag(items, "nullable"))
		forbid(errors, path, "items.nullable", why);
	if (!str_eq(list, "map"))
		return;
	json_array_foreach(json_object_get(schema, "x-kubernetes-list-map-keys"), i, key)
	{
		const char *name = json_string_value(key) ? json_string_value(key) : "";
		const json_t *property = json_object_get(json_object_get(items, "properties"), name);
		PATH(at, "%s.items.properties[%s]", path, name);
		if (!property)
			continue;
		if (!json_has_text(json_object_get(items, "required"), name) && !json_object_get(property, "default"))
			require(errors, at, "default",
				"this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property");
		if (flag(property, "nullable"))
			forbid(errors, at, "nullable", "this property is in x-kubernetes-list-map-keys, so it cannot be nullable");
	}
}

void crd_check_lists(const json_t *schema, const char *path, struct field_errors *errors)
{
	static const char why[] = "must be map if x-kubernetes-list-map-keys is non-empty";
	static const char *const map_types[] = {"atomic", "granular", NULL}, *const list_types[] = {"atomic", "set", "map", NULL};
	const char *list = json_member(schema, "x-kubernetes-list-type");

	check_needs_type(schema, path, "x-kubernetes-map-type", "object", errors);
	check_word(schema, path, "x-kubernetes-map-type", map_types, errors);
	if (check_needs_type(schema, path, "x-kubernetes-list-type", "array", errors) && str_eq(list, "set"))
		check_set_items(schema, path, errors);
	check_word(schema, path, "x-kubernetes-list-type", list_types, errors);
	if (has(schema, "x-kubernetes-list-map-keys") && !list)
		require(errors, path, "x-kubernetes-list-type", why);
	else if (has(schema, "x-kubernetes-list-map-keys") && strcmp(list, "map") != 0)
		refuse(errors, path, "x-kubernetes-list-type", schema, why);
	if (str_eq(list, "map"))
		check_map_list(schema, path, errors);
	if (str_eq(list, "map") || str_eq(list, "set"))
		check_no_nulls(schema, path, list, errors);
}

/* --- expressions ------------------------------------------------------------------------------------------------------ */

#define BLANKS " \t\r\n\v\f"

static bool is_blank(const char *text)
{
	return !text[strspn(text, BLANKS)];
}

/* Within the text; those around it do not count. */
static bool has_line_break(const char *text)
{
	const char *line = strpbrk(text + strspn(text, BLANKS), "\r\n");

	return line && !is_blank(line);
}

static void check_message(const json_t *x, const char *path, struct field_errors *errors)
{
	const char *rule = json_str_or(x, "rule", ""), *message = json_str_or(x, "message", "");

	if (is_blank(rule))
		require(errors, path, "rule", "rule is not specified");
	else if (*message && is_blank(message))
		refuse(errors, path, "message", x, "message must be non-empty if specified");
	else if (has_line_break(message))
		refuse(errors, path, "message", x, "message must not contain line breaks");
	else if (has_line_break(rule) && is_blank(message))
		require(errors, path, "message", "message must be specified if rule contains line breaks");
}

static void check_field_path(const json_t *schema, const json_t *x, const char *path, struct field_errors *errors)
{
	const char *field = json_str_or(x, "fieldPath", "");
	const json_t *found;

	if (!*field)
		return;
	if (is_blank(field))
		refuse(errors, path, "fieldPath", x, "fieldPath must be non-empty if specified");
	if (strpbrk(field, "\r\n"))
		refuse(errors, path, "fieldPath", x, "fieldPath must not contain line breaks");
	AUTO_FREE char *why = crd_find_field(schema, field, true, &found);
	if (why)
		refuse(errors, path, "fieldPath", x, "fieldPath must be a valid path");
}

void crd_check_expressions(const json_t *schema, const char *path, struct field_errors *errors)
{
	static const char *const reasons[] = {"FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired", NULL};
	json_t *x;
	size_t i;

	json_array_foreach(json_object_get(schema, "x-kubernetes-validations"), i, x)
	{
		PATH(at, "%s.x-kubernetes-validations[%zu]", path, i);
		const char *expression = json_str_or(x, "messageExpression", "");
		check_message(x, at, errors);
		if (*expression && is_blank(expression))
			require(errors, at, "messageExpression", "messageExpression must be non-empty if specified");
		check_word(x, at, "reason", reasons, errors);
		check_field_path(schema, x, at, errors);
	}
}
