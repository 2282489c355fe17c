/* Schemas of custom resources as they are published. Purpose: what a definition brought, with what every object has, in words
 * that clients of either version of OpenAPI understand. Happy path: shorthands are spelled out, embedded objects and the root get
 * their own members; for version 2 all goes that it has no word for. Nothing fails. */
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/schema/openapi_internal.h"
#include "cp/schema/openapi_words.h"

/* Calls fn for a schema and all that are below it, parents first. */
static void each_schema(json_t *schema, void (*fn)(json_t *schema))
{
	const char *key;
	json_t *below;

	fn(schema);
	json_object_foreach(json_object_get(schema, "properties"), key, below) each_schema(below, fn);
	if (json_is_object(below = json_object_get(schema, "items")))
		each_schema(below, fn);
	if (json_is_object(below = json_object_get(schema, "additionalProperties")))
		each_schema(below, fn);
}

static bool is_set(const json_t *schema, const char *key)
{
	return json_is_true(json_object_get(schema, key));
}

/* --- what both versions show -------------------------------------------------------------------------------------- */

/* What x-kubernetes-int-or-string stands for, where the schema does not say it itself. */
static void spell_out(json_t *schema)
{
	AUTO_JSON *either = json_pack("[{s:s},{s:s}]", "type", "integer", "type", "string");
	const json_t *any = json_object_get(schema, "anyOf"), *all = json_object_get(schema, "allOf");

	json_object_del(schema, "example");
	if (!is_set(schema, "x-kubernetes-int-or-string") || json_equal(any, either) ||
	    json_equal(json_object_get(json_array_get(all, 0), "anyOf"), either))
		return;
	if (json_array_size(any))
		json_array_insert_new(json_array_at(schema, "allOf"), 0, json_pack("{s:O}", "anyOf", either));
	else
		json_object_set(schema, "anyOf", either);
}

/* --- version 2 ------------------------------------------------------------------------------------------------------ */

static bool is_required(const json_t *schema, const char *name)
{
	return !is_set(json_object_get(json_object_get(schema, "properties"), name), "nullable");
}

/* A property that may be null is none that has to be there, as nobody can say so. */
static void relax_required(json_t *schema)
{
	json_t *all = json_array(), *name;
	size_t i;

	if (!is_set(json_object_get(schema, "additionalProperties"), "nullable"))
		json_array_foreach(json_object_get(schema, "required"), i, name)
		{
			if (is_required(schema, json_string_value(name)))
				json_array_append(all, name);
		}
	if (json_array_size(all))
		json_object_set(schema, "required", all);
	else
		json_object_del(schema, "required");
	json_decref(all);
}

/* What may be null has no type; kubectl knows no untyped value with members, and no list without items. */
static void to_v2(json_t *schema)
{
	static const char *const gone[] = {"allOf", "anyOf", "oneOf", "not"};
	bool nullable = is_set(schema, "nullable"), open = is_set(schema, "x-kubernetes-preserve-unknown-fields");

	for (size_t i = 0; i < ARRAY_LEN(gone); i++)
		json_object_del(schema, gone[i]);
	if (nullable || open) {
		json_object_del(schema, "items");
		json_object_del(schema, "properties");
	}
	json_object_del(schema, "nullable");
	const char *type = json_str_or(schema, "type", "");
	if (nullable || (open && !strcmp(type, "object")) || (!strcmp(type, "array") && !json_object_get(schema, "items")))
		json_object_del(schema, "type");
	relax_required(schema);
}

/* --- what every object has ------------------------------------------------------------------------------------------ */

static void set_texts(json_t *properties)
{
	static const char *const texts[] = {"apiVersion", "kind"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		json_object_set_new(properties, texts[i], json_pack("{s:s,s:s*}", "type", "string", "description", openapi_words(NULL, texts[i])));
}

static void add_own(struct openapi_document *d, json_t *schema)
{
	json_t *properties = json_object_at(schema, "properties");
	json_t *beside = json_pack("{s:s*}", "description", openapi_words(NULL, "metadata"));

	set_texts(properties);
	json_object_set_new(properties, "metadata", d->dialect->reference(openapi_named_ref(d, "meta.v1.ObjectMeta"), beside));
}

/* Objects within objects; kubectl of version 2 would refuse unknown fields where it knows some. */
static void add_embedded(struct openapi_document *d, json_t *schema)
{
	static const char *const required[] = {"kind", "apiVersion"};
	const char *key;
	json_t *below;

	json_object_foreach(json_object_get(schema, "properties"), key, below) add_embedded(d, below);
	if (json_is_object(below = json_object_get(schema, "items")))
		add_embedded(d, below);
	if (json_is_object(below = json_object_get(schema, "additionalProperties")))
		add_embedded(d, below);
	if (!is_set(schema, "x-kubernetes-embedded-resource") ||
	    (d->dialect->only_closed && is_set(schema, "x-kubernetes-preserve-unknown-fields")))
		return;
	add_own(d, schema);
	for (size_t i = 0; i < ARRAY_LEN(required); i++)
		if (!json_has_text(json_object_get(schema, "required"), required[i]))
			json_array_append_new(json_array_at(schema, "required"), json_string(required[i]));
}

json_t *openapi_custom_value(struct openapi_document *d, const struct type *t)
{
	bool open = is_set(t->published, "x-kubernetes-preserve-unknown-fields") || !json_object_size(t->published);
	json_t *o;

	if (d->dialect->only_closed && open)
		return json_pack("{s:s}", "type", "object");
	o = json_clone(t->published);
	each_schema(o, spell_out);
	if (d->dialect->only_closed)
		each_schema(o, to_v2);
	add_embedded(d, o);
	add_own(d, o);
	return o;
}
