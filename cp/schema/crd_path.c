/* What is asked of schemas of definitions: where a path like ".spec.labels['a.b']" leads to, what pruning would take from a value,
 * which formats nobody knows. Nothing fails but by words about the path. */
#include <string.h>

#include "cp/schema/crd_internal.h"
#include "cp/schema/rules.h"

/* The next piece of a path: a delimiter, a text in quotes, or letters up to a delimiter. Returns its length. */
static size_t piece(const char *at)
{
	if (strchr(".[]", *at))
		return *at ? 1 : 0;
	if (*at != '\'')
		return strcspn(at, ".[]");
	for (size_t i = 1; at[i]; i++)
		if (at[i] == '\'' && at[i - 1] != '\\')
			return i + 1;
	return strlen(at);
}

/* What name leads to from *schema. */
static bool step(const json_t **schema, const char *name, size_t n)
{
	AUTO_FREE char *key = xstrndup(name, n);
	const json_t *properties = json_object_get(*schema, "properties"), *values = json_object_get(*schema, "additionalProperties");

	*schema = properties ? json_object_get(properties, key) : values;
	return *schema != NULL;
}

char *crd_find_field(const json_t *schema, const char *path, bool brackets, const json_t **ret)
{
	const char *at = path;

	while (*at) {
		bool bracket = *at == '[';
		if (*at != '.' && !bracket)
			return xasprintf("expected [ or . but got: %.*s", (int)piece(at), at);
		if (bracket && !brackets)
			return xstrdup("array notation is not allowed");
		size_t n = piece(++at);
		if (!n)
			return xstrdup("unexpected end of JSON path");
		bool quoted = n > 1 && *at == '\'' && at[n - 1] == '\'';
		if (bracket && !quoted)
			return xasprintf("expected single quoted string but got %.*s", (int)n, at);
		if (!step(&schema, bracket ? at + 1 : at, bracket ? n - 2 : n))
			return xstrdup("does not refer to a valid field");
		at += n;
		if (bracket && *at != ']')
			return *at ? xasprintf("expected ] but got %.*s", (int)piece(at), at) : xstrdup("unexpected end of JSON path");
		at += bracket;
	}
	*ret = schema;
	return NULL;
}

bool crd_has_unknown(const json_t *schema, const json_t *value)
{
	const json_t *properties = json_object_get(schema, "properties"), *values = json_object_get(schema, "additionalProperties");
	const char *key;
	json_t *v;
	size_t i;

	if (!json_is_object(schema))
		return false;
	json_array_foreach(value, i, v) if (crd_has_unknown(json_object_get(schema, "items"), v)) return true;
	json_object_foreach((json_t *)value, key, v)
	{
		const json_t *below = json_object_get(properties, key);
		bool own = flag(schema, "x-kubernetes-embedded-resource") &&
			   (!strcmp(key, "kind") || !strcmp(key, "apiVersion") || !strcmp(key, "metadata"));
		if (!below && !values && !own && !flag(schema, "x-kubernetes-preserve-unknown-fields"))
			return true;
		if (!own && crd_has_unknown(below ? below : values, v))
			return true;
	}
	return false;
}

/* Numbers have formats that say nothing about texts. */
static void note_format(const json_t *schema, char ***formats)
{
	const char *format = json_str_or(schema, "format", ""), *type = type_of(schema);

	if (*format && strcmp(type, "number") && strcmp(type, "integer") && !rules_format_known(format))
		strv_add(formats, format);
}

void crd_unknown_formats(const json_t *openapi, char ***formats)
{
	static const char *const lists[] = {"allOf", "anyOf", "oneOf"};
	const char *key;
	json_t *below;
	size_t n;

	if (!json_is_object(openapi))
		return;
	note_format(openapi, formats);
	crd_unknown_formats(json_object_get(openapi, "items"), formats);
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		json_array_foreach(json_object_get(openapi, lists[i]), n, below) crd_unknown_formats(below, formats);
	crd_unknown_formats(json_object_get(openapi, "not"), formats);
	json_object_foreach(json_object_get(openapi, "properties"), key, below) crd_unknown_formats(below, formats);
	crd_unknown_formats(json_object_get(openapi, "additionalProperties"), formats);
}
