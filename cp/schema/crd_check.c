/* The rules for schemas of CustomResourceDefinitions. Purpose: tell everything that is wrong with a schema before anything is served
 * by it. Happy path: structure first (crd_structure.c), defaults if there is one, then every keyword of every node. Nothing fails. */
#include <string.h>

#include "cp/schema/crd_internal.h"
#include "cp/schema/rules.h"

/* Where in a schema a node is. */
struct place {
	const char *no_default; /* why there may be no defaults; NULL: there may */
	bool in_meta;		/* below kind, apiVersion or metadata of an object of its own */
};

static void check_node(const json_t *schema, const char *path, bool root, struct place p, struct field_errors *errors);

/* --- what stands in the node itself -------------------------------------------------------------------------------- */

static void check_type_name(const json_t *schema, const char *path, struct field_errors *errors)
{
	static const char *const types[] = {"array", "boolean", "integer", "number", "object", "string", NULL};
	PATH(at, "%s.type", path);

	if (*type_of(schema) && !strv_has((char *const *)types, type_of(schema)))
		field_not_supported(errors, at, json_object_get(schema, "type"), types);
}

static void check_keywords(const json_t *schema, const char *path, struct place p, struct field_errors *errors)
{
	static const char *const keywords[] = {"id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref"};

	check_type_name(schema, path, errors);
	if (json_object_get(schema, "default") && p.no_default) {
		PATH(why, "must not be set %s", p.no_default);
		forbid(errors, path, "default", why);
	}
	for (size_t i = 0; i < ARRAY_LEN(keywords); i++) {
		PATH(why, "%s is not supported", keywords[i]);
		if (has(schema, keywords[i]) && *json_str_or(schema, keywords[i], "?"))
			forbid(errors, path, keywords[i], why);
	}
	if (strcmp(type_of(schema), "null") == 0)
		forbid(errors, path, "type", "type cannot be set to null, use nullable as an alternative");
	if (json_is_array(json_object_get(schema, "items")))
		forbid(errors, path, "items", "items must be a schema object and not an array");
	if (p.in_meta && flag(schema, "x-kubernetes-embedded-resource"))
		forbid(errors, path, "x-kubernetes-embedded-resource", "must not be used inside of resource meta");
	if (flag(schema, "uniqueItems"))
		forbid(errors, path, "uniqueItems", "uniqueItems cannot be set to true since the runtime complexity becomes quadratic");
}

/* --- what is below it ------------------------------------------------------------------------------------------------ */

static void check_values(const json_t *schema, const char *path, struct place p, struct field_errors *errors)
{
	const json_t *values = json_object_get(schema, "additionalProperties");

	if (has(schema, "properties") && values && !json_is_true(values))
		forbid(errors, path, "additionalProperties", "additionalProperties and properties are mutual exclusive");
	if (p.in_meta)
		p.no_default = "inside additionalProperties applying to object metadata";
	PATH(at, "%s.additionalProperties", path);
	if (json_is_object(values))
		check_node(values, at, false, p, errors);
	else if (values && !json_is_boolean(values))
		field_invalid(errors, at, values, "boolean or JSON schema expected");
}

static void check_properties(const json_t *schema, const char *path, bool root, struct place p, struct field_errors *errors)
{
	static const char *const meta[] = {"metadata", "kind", "apiVersion", NULL};
	const char *key;
	json_t *below;

	json_object_foreach(json_object_get(schema, "properties"), key, below)
	{
		bool own = (root || flag(schema, "x-kubernetes-embedded-resource")) && strv_has((char *const *)meta, key);
		struct place inner = p;
		PATH(at, "%s.properties[%s]", path, key);
		PATH(why, "in top-level %s", key);
		inner.in_meta |= own;
		if (own && root)
			inner.no_default = why;
		check_node(below, at, false, inner, errors);
	}
}

static void check_junctors(const json_t *schema, const char *path, struct place p, struct field_errors *errors)
{
	static const char *const lists[] = {"allOf", "oneOf", "anyOf"};
	PATH(not_at, "%s.not", path);
	json_t *below = json_object_get(schema, "not");
	size_t n;

	if (json_is_object(below))
		check_node(below, not_at, false, p, errors);
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		json_array_foreach(json_object_get(schema, lists[i]), n, below)
		{
			PATH(at, "%s.%s[%zu]", path, lists[i], n);
			check_node(below, at, false, p, errors);
		}
}

static void check_node(const json_t *schema, const char *path, bool root, struct place p, struct field_errors *errors)
{
	const json_t *items = json_object_get(schema, "items");
	PATH(items_at, "%s.items", path);

	check_keywords(schema, path, p, errors);
	check_values(schema, path, p, errors);
	check_properties(schema, path, root, p, errors);
	check_junctors(schema, path, p, errors);
	if (json_is_object(items))
		check_node(items, items_at, false, p, errors);
	if (json_is_false(json_object_get(schema, "x-kubernetes-preserve-unknown-fields")))
		refuse(errors, path, "x-kubernetes-preserve-unknown-fields", schema, "must be true or undefined");
	crd_check_lists(schema, path, errors);
	crd_check_expressions(schema, path, errors);
}

/* --- defaults -------------------------------------------------------------------------------------------------------- */

static void check_default(const json_t *schema, const char *path, struct field_errors *errors)
{
	const json_t *value = json_object_get(schema, "default");
	struct arena arena = {0};
	PATH(at, "%s.default", path);

	if (!value || (json_is_null(value) && flag(schema, "nullable")))
		return;
	if (crd_has_unknown(schema, value))
		field_invalid(errors, at, value, "must not have unknown fields");
	const struct rules *r = rules_new(&arena, schema);
	rules_check(r, value, NULL, at, errors);
	rules_done(r);
	arena_done(&arena);
}

/* Those of the node and of what is below it; maps may have none below. */
static void check_defaults(const json_t *schema, const char *path, struct field_errors *errors)
{
	const json_t *items = json_object_get(schema, "items");
	PATH(items_at, "%s.items", path);
	const char *key;
	json_t *below;

	check_default(schema, path, errors);
	if (json_is_object(items))
		check_defaults(items, items_at, errors);
	json_object_foreach(json_object_get(schema, "properties"), key, below)
	{
		PATH(at, "%s.properties[%s]", path, key);
		check_defaults(below, at, errors);
	}
}

/* --- the root -------------------------------------------------------------------------------------------------------- */

/* With a status of its own, only what does not say more than the types of its members. */
static void check_status_root(const json_t *openapi, const char *path, struct field_errors *errors)
{
	static const char *const allowed[] = {"description", "type",	  "format",   "title",	     "maximum",	 "exclusiveMaximum", "minimum",
					      "exclusiveMinimum", "maxLength", "minLength", "pattern", "maxItems", "minItems", "uniqueItems",
					      "multipleOf", "required", "items", "properties", "externalDocs", "example",
					      "x-kubernetes-preserve-unknown-fields", "x-kubernetes-validations", NULL};
	PATH(at, "%s.type", path);
	const char *key;
	json_t *value;

	if (*type_of(openapi) && strcmp(type_of(openapi), "object") != 0) {
		field_invalid(errors, at, json_object_get(openapi, "type"),
			      "only \"object\" is allowed as the type at the root of the schema if the status subresource is enabled");
		return;
	}
	json_object_foreach((json_t *)openapi, key, value) if (!strv_has((char *const *)allowed, key) && !value_is_empty(value))
	{
		field_invalid(errors, path, openapi,
			      "only [Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength MinLength "
			      "Pattern MaxItems MinItems UniqueItems MultipleOf Required Items Properties ExternalDocs Example "
			      "XPreserveUnknownFields XValidations] fields are allowed at the root of the schema if the status subresource "
			      "is enabled");
		return;
	}
}

/* Whether the document can become a structural schema at all; what keeps it from that is told by its keywords. */
static bool is_convertible(const json_t *schema)
{
	static const char *const never[] = {"id", "$schema", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref"};
	static const char *const single[] = {"additionalProperties", "items", "not"}, *const lists[] = {"allOf", "anyOf", "oneOf"};
	const char *key;
	json_t *below;
	size_t n;

	for (size_t i = 0; i < ARRAY_LEN(never); i++)
		if (has(schema, never[i]) && *json_str_or(schema, never[i], "?"))
			return false;
	if (json_is_array(json_object_get(schema, "items")))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(single); i++)
		if (json_is_object(below = json_object_get(schema, single[i])) && !is_convertible(below))
			return false;
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		json_array_foreach(json_object_get(schema, lists[i]), n, below) if (!is_convertible(below)) return false;
	json_object_foreach(json_object_get(schema, "properties"), key, below) if (!is_convertible(below)) return false;
	return true;
}

void crd_check_schema(const json_t *openapi, const char *path, bool has_status, struct field_errors *errors)
{
	struct place root = {0};
	AUTO_JSON *none = json_string("");
	size_t before = errors->n;

	if (has_status)
		check_status_root(openapi, path, errors);
	if (flag(openapi, "nullable"))
		forbid(errors, path, "nullable", "nullable cannot be true at the root");
	bool convertible = is_convertible(openapi);
	if (convertible && crd_check_structure(openapi, path, errors))
		check_defaults(openapi, path, errors);
	check_node(openapi, path, true, root, errors);
	if (!convertible && errors->n == before)
		field_invalid(errors, path, none, "OpenAPI 'schema' is not supported");
}
