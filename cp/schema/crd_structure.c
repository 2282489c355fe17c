/* Structural schemas. Purpose: refuse what could not be pruned, defaulted and published without guessing (apiextensions: structural
 * schemas). Happy path: walk the document for types and what only may stand below junctors, then look that all that values speak of
 * is there. Nothing fails. What always holds: errors are sorted, so that the same document gives the same answer. */
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/schema/crd_internal.h"
#include "cp/schema/go_regexp.h"

enum level { LEVEL_ROOT, LEVEL_ITEM, LEVEL_FIELD };

static void check_nested(const json_t *schema, const char *path, bool skip_types, struct field_errors *errors);

/* anyOf: [{type: integer}, {type: string}], the one place where types may stand below a junctor. */
static bool is_int_or_string(const json_t *any_of)
{
	AUTO_JSON *pattern = json_pack("[{s:s},{s:s}]", "type", "integer", "type", "string");

	return json_equal(any_of, pattern);
}

static void check_pattern(const json_t *schema, const char *path, struct field_errors *errors)
{
	const char *pattern = json_member(schema, "pattern");
	PCRE2_SIZE offset;
	PCRE2_UCHAR words[120] = "";
	int code;

	if (str_empty(pattern))
		return;
	AUTO_FREE char *go = go_regexp_error(pattern);
	if (go) {
		PATH(why, "must be a valid regular expression, but isn't: error parsing regexp: %s", go);
		refuse(errors, path, "pattern", schema, why);
		return;
	}
	pcre2_code *re = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_UTF, &code, &offset, NULL);
	if (re) {
		pcre2_code_free(re);
		return;
	}
	pcre2_get_error_message(code, words, sizeof(words));
	PATH(why, "must be a valid regular expression, but isn't: error parsing regexp: %s at offset %zu: `%s`", (char *)words,
	     (size_t)offset, pattern);
	refuse(errors, path, "pattern", schema, why);
}

/* Value validation of a node: its junctors and pattern. first_all_of: the first allOf may hold types in its anyOf. */
static void check_values(const json_t *schema, const char *path, bool skip_any_of, bool first_all_of,
			 struct field_errors *errors)
{
	static const char *const lists[] = {"anyOf", "allOf", "oneOf"};
	json_t *below;
	size_t n;

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		json_array_foreach(json_object_get(schema, lists[i]), n, below)
		{
			PATH(at, "%s.%s[%zu]", path, lists[i], n);
			if (i || !skip_any_of)
				check_nested(below, at, i == 1 && n == 0 && first_all_of, errors);
		}
	if ((below = json_object_get(schema, "not"))) {
		PATH(at, "%s.not", path);
		check_nested(below, at, false, errors);
	}
	check_pattern(schema, path, errors);
}

/* Below a junctor only values may be restricted: no structure may be there that is not known outside. */
static void check_nested(const json_t *schema, const char *path, bool skip_types, struct field_errors *errors)
{
	static const struct {
		const char *key, *why;
	} forbidden[] = {
	    {"type", "must be empty to be structural"},
	    {"additionalProperties", "must be undefined to be structural"},
	    {"default", "must be undefined to be structural"},
	    {"title", "must be empty to be structural"},
	    {"description", "must be empty to be structural"},
	    {"nullable", "must be false to be structural"},
	    {"externalDocs", "must be undefined to be structural"},
	    {"x-kubernetes-preserve-unknown-fields", "must be false to be structural"},
	    {"x-kubernetes-embedded-resource", "must be false to be structural"},
	    {"x-kubernetes-int-or-string", "must be false to be structural"},
	    {"x-kubernetes-list-map-keys", "must be empty to be structural"},
	    {"x-kubernetes-list-type", "must be undefined to be structural"},
	    {"x-kubernetes-map-type", "must be undefined to be structural"},
	    {"x-kubernetes-validations", "must be empty to be structural"},
	};
	const char *key;
	json_t *below;

	check_values(schema, path, skip_types && is_int_or_string(json_object_get(schema, "anyOf")), false, errors);
	if (json_is_object(below = json_object_get(schema, "items"))) {
		PATH(at, "%s.items", path);
		check_nested(below, at, false, errors);
	}
	json_object_foreach(json_object_get(schema, "properties"), key, below)
	{
		PATH(at, "%s.properties[%s]", path, key);
		check_nested(below, at, false, errors);
		if (strcmp(key, "metadata") == 0)
			field_forbidden(errors, at, "must not be specified in a nested context");
	}
	for (size_t i = 0; i < ARRAY_LEN(forbidden); i++) {
		const json_t *v = json_object_get(schema, forbidden[i].key);
		if (v && !json_is_false(v) && !json_is_null(v) && !(json_is_string(v) && !json_string_length(v)))
			forbid(errors, path, forbidden[i].key, forbidden[i].why);
	}
}

static void check_metadata(const json_t *metadata, const char *path, bool strict, enum level level,
			   struct field_errors *errors)
{
	static const char *const allowed[] = {"name", "generateName", NULL}, *const parts[] = {"type", "properties", "default", NULL};
	const char *key;
	json_t *value;
	bool fine = true;

	if (strict && strcmp(type_of(metadata), "object") != 0) {
		PATH(at, "%s.type", path);
		AUTO_JSON *shown = json_string(type_of(metadata));
		field_invalid(errors, at, shown, "must be object");
	}
	if (level != LEVEL_ROOT)
		return;
	json_object_foreach((json_t *)metadata, key, value) if (!strv_has((char *const *)parts, key)) fine = false;
	json_object_foreach(json_object_get(metadata, "properties"), key, value) if (!strv_has((char *const *)allowed, key))
	    fine = false;
	if (!fine)
		field_forbidden(
		    errors, path,
		    "must not specify anything other than name and generateName, but metadata is implicitly specified");
}

static void check_type_there(const json_t *schema, const char *path, enum level level, struct field_errors *errors)
{
	static const char *const why[] = {[LEVEL_ROOT] = "must not be empty at the root",
					  [LEVEL_ITEM] = "must not be empty for specified array items",
					  [LEVEL_FIELD] = "must not be empty for specified object fields"};
	const char *type = type_of(schema);
	bool embedded = flag(schema, "x-kubernetes-embedded-resource");

	if (embedded && strcmp(type, "object") != 0) {
		if (*type)
			refuse(errors, path, "type", schema, "must be object if x-kubernetes-embedded-resource is true");
		else
			require(errors, path, "type", "must be object if x-kubernetes-embedded-resource is true");
	} else if (!*type && !flag(schema, "x-kubernetes-int-or-string") &&
		   !flag(schema, "x-kubernetes-preserve-unknown-fields")) {
		require(errors, path, "type", why[level]);
	}
	if (level == LEVEL_ROOT && *type && strcmp(type, "object") != 0)
		refuse(errors, path, "type", schema, "must be object at the root");
}

static void check_extensions(const json_t *schema, const char *path, struct field_errors *errors)
{
	bool either = flag(schema, "x-kubernetes-int-or-string"), embedded = flag(schema, "x-kubernetes-embedded-resource");

	if (either && flag(schema, "x-kubernetes-preserve-unknown-fields"))
		refuse(errors, path, "x-kubernetes-preserve-unknown-fields", schema,
		       "must be false if x-kubernetes-int-or-string is true");
	if (either && embedded)
		refuse(errors, path, "x-kubernetes-embedded-resource", schema,
		       "must be false if x-kubernetes-int-or-string is true");
	if (embedded && json_object_get(schema, "additionalProperties"))
		forbid(errors, path, "additionalProperties", "must not be used if x-kubernetes-embedded-resource is set");
	if (embedded && !flag(schema, "x-kubernetes-preserve-unknown-fields") && !has(schema, "properties"))
		require(errors, path, "properties",
			"must not be empty if x-kubernetes-embedded-resource is true without "
			"x-kubernetes-preserve-unknown-fields");
}

/* kind, apiVersion and metadata of whatever is an object of its own. */
static void check_own_fields(const json_t *schema, const char *path, enum level level, struct field_errors *errors)
{
	static const char *const texts[] = {"kind", "apiVersion"};
	json_t *properties = json_object_get(schema, "properties"), *metadata = json_object_get(properties, "metadata");
	bool own = level == LEVEL_ROOT || flag(schema, "x-kubernetes-embedded-resource");

	for (size_t i = 0; own && i < ARRAY_LEN(texts); i++) {
		const json_t *p = json_object_get(properties, texts[i]);
		PATH(at, "%s.properties[%s].type", path, texts[i]);
		AUTO_JSON *shown = json_string(type_of(p));
		if (p && strcmp(type_of(p), "string") != 0)
			field_invalid(errors, at, shown, "must be string");
	}
	if (metadata) {
		PATH(at, "%s.properties[metadata]", path);
		check_metadata(metadata, at, own, level, errors);
	}
}

static void check_structure(const json_t *schema, const char *path, enum level level, struct field_errors *errors)
{
	json_t *items = json_object_get(schema, "items"), *values = json_object_get(schema, "additionalProperties"), *below;
	bool either = flag(schema, "x-kubernetes-int-or-string");
	const char *key;

	if (strcmp(type_of(schema), "array") == 0 && !json_is_object(items))
		require(errors, path, "items", "must be specified");
	if (json_is_object(items)) {
		PATH(at, "%s.items", path);
		check_structure(items, at, LEVEL_ITEM, errors);
	}
	json_object_foreach(json_object_get(schema, "properties"), key, below)
	{
		PATH(at, "%s.properties[%s]", path, key);
		check_structure(below, at, LEVEL_FIELD, errors);
	}
	if (values && level == LEVEL_ROOT)
		forbid(errors, path, "additionalProperties", "must not be used at the root");
	if (json_is_object(values)) {
		PATH(at, "%s.additionalProperties", path);
		check_structure(values, at, LEVEL_FIELD, errors);
	}
	check_extensions(schema, path, errors);
	check_values(schema, path, either && is_int_or_string(json_object_get(schema, "anyOf")), either, errors);
	check_type_there(schema, path, level, errors);
	check_own_fields(schema, path, level, errors);
}

/* --- completeness: what values speak of is there ------------------------------------------------------------------ */

static void check_known(const json_t *values, const json_t *schema, const char *values_path, const char *path,
			struct field_errors *errors);

static void check_known_one(const json_t *values, const json_t *schema, const char *values_path, const char *path,
			    struct field_errors *errors)
{
	PATH(why, "because it is defined in %s", values_path);

	if (!json_is_object(schema))
		field_required(errors, path, why);
	else
		check_known(values, schema, values_path, path, errors);
}

static void check_known(const json_t *values, const json_t *schema, const char *values_path, const char *path,
			struct field_errors *errors)
{
	static const char *const lists[] = {"allOf", "anyOf", "oneOf"};
	json_t *below;
	const char *key;
	size_t n;

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		json_array_foreach(json_object_get(values, lists[i]), n, below)
		{
			PATH(at, "%s.%s[%zu]", values_path, lists[i], n);
			check_known(below, schema, at, path, errors);
		}
	if (json_is_object(below = json_object_get(values, "not"))) {
		PATH(at, "%s.not", values_path);
		check_known(below, schema, at, path, errors);
	}
	if (values == schema)
		return;
	if (json_is_object(below = json_object_get(values, "items"))) {
		PATH(at, "%s.items", values_path);
		PATH(there, "%s.items", path);
		check_known_one(below, json_object_get(schema, "items"), at, there, errors);
	}
	json_object_foreach(json_object_get(values, "properties"), key, below)
	{
		PATH(at, "%s.properties[%s]", values_path, key);
		PATH(there, "%s.properties[%s]", path, key);
		check_known_one(below, json_object_get(json_object_get(schema, "properties"), key), at, there, errors);
	}
}

/* For the node and all below it that is not under a junctor. */
static void check_completeness(const json_t *schema, const char *path, struct field_errors *errors)
{
	static const char *const single[] = {"additionalProperties", "items"};
	const char *key;
	json_t *below;

	check_known(schema, schema, path, path, errors);
	json_object_foreach(json_object_get(schema, "properties"), key, below)
	{
		PATH(at, "%s.properties[%s]", path, key);
		check_completeness(below, at, errors);
	}
	for (size_t i = 0; i < ARRAY_LEN(single); i++) {
		PATH(at, "%s.%s", path, single[i]);
		if (json_is_object(below = json_object_get(schema, single[i])))
			check_completeness(below, at, errors);
	}
}

static int by_text(const void *a, const void *b)
{
	const struct field_error *x = a, *y = b;
	PATH(left, "%s: %s", x->field, x->message);
	PATH(right, "%s: %s", y->field, y->message);

	return strcmp(left, right);
}

bool crd_check_structure(const json_t *openapi, const char *path, struct field_errors *errors)
{
	AUTO_FIELD_ERRORS found = {0};

	check_structure(openapi, path, LEVEL_ROOT, &found);
	check_completeness(openapi, path, &found);
	if (found.n)
		qsort(found.v, found.n, sizeof(*found.v), by_text);
	for (size_t i = 0; i < found.n; i++)
		field_add(errors, found.v[i].reason, found.v[i].field, "%s", found.v[i].message);
	return !found.n;
}
