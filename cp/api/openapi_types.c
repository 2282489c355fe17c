/* Types as OpenAPI definitions. Purpose: clients validate, explain and merge by what the server publishes. Happy path:
 * walk from a kind's type to all it refers to, each named type once. Nothing fails. Lists carry their type and keys,
 * fields their patch strategy, kinds their group, version and kind. */
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/api/openapi.h"

char *openapi_name(const char *type_name)
{
	static const struct {
		const char *prefix, *published;
	} packages[] = {
		{ "meta.", "io.k8s.apimachinery.pkg.apis.meta." },
		{ "apiextensions.", "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions." },
		{ "apiregistration.", "io.k8s.kube-aggregator.pkg.apis.apiregistration." },
	};
	for (size_t i = 0; i < ARRAY_LEN(packages); i++)
		if (str_has_prefix(type_name, packages[i].prefix))
			return xasprintf("%s%s", packages[i].published, type_name + strlen(packages[i].prefix));
	return xasprintf("io.k8s.api.%s", type_name);
}

static json_t *type_value(json_t *definitions, const struct schema *s, const struct type *t, enum openapi_version v);

static json_t *scalar(const struct type *t)
{
	static const struct {
		enum type_class class;
		const char *type, *format;
	} table[] = {
		{ TYPE_STRING, "string", NULL },       { TYPE_NUMBER, "number", "double" },   { TYPE_BOOLEAN, "boolean", NULL },
		{ TYPE_INT_OR_STRING, "string", "int-or-string" }, { TYPE_QUANTITY, "string", NULL }, { TYPE_TIME, "string", "date-time" },
		{ TYPE_MICROTIME, "string", "date-time" }, { TYPE_DURATION, "string", NULL },      { TYPE_BYTES, "string", "byte" },
	};
	json_t *o = json_object();
	if (t->class == TYPE_INTEGER) {
		json_object_set_new(o, "type", json_string("integer"));
		json_object_set_new(o, "format", json_string(t->bits == 64 ? "int64" : "int32"));
		return o;
	}
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (table[i].class != t->class)
			continue;
		json_object_set_new(o, "type", json_string(table[i].type));
		if (table[i].format)
			json_object_set_new(o, "format", json_string(table[i].format));
	}
	return o;
}

/* What stands where a field or element has a named type. */
static json_t *reference(json_t *definitions, const struct schema *s, const struct type *t, enum openapi_version v)
{
	AUTO_FREE char *name = openapi_name(t->name);
	AUTO_FREE char *path = xasprintf("#/%s/%s", v == OPENAPI_V2 ? "definitions" : "components/schemas", name);
	openapi_add_type(definitions, s, t, v);
	json_t *ref = json_pack("{s:s}", "$ref", path);
	/* Version 3 allows nothing beside a reference, but in allOf. */
	return v == OPENAPI_V2 ? ref : json_pack("{s:[o]}", "allOf", ref);
}

static void add_list_type(json_t *o, const struct field *f)
{
	static const char *const names[] = { "atomic", "set", "map" };
	if (f->type->class != TYPE_LIST)
		return;
	json_object_set_new(o, "x-kubernetes-list-type", json_string(names[f->list_type]));
	for (size_t i = 0; f->list_type == LIST_MAP && f->list_keys && f->list_keys[i]; i++)
		json_array_append_new(json_array_at(o, "x-kubernetes-list-map-keys"), json_string(f->list_keys[i]));
}

static json_t *field_value(json_t *definitions, const struct schema *s, const struct field *f, enum openapi_version v)
{
	static const char *const strategies[] = { NULL, "merge", "retainKeys", "merge,retainKeys" };
	json_t *o = type_value(definitions, s, f->type, v);
	if (f->default_ && v == OPENAPI_V3)
		json_object_set_new(o, "default", json_deep_copy(f->default_));
	add_list_type(o, f);
	if (f->patch && f->patch < ARRAY_LEN(strategies))
		json_object_set_new(o, "x-kubernetes-patch-strategy", json_string(strategies[f->patch]));
	if (f->patch_key)
		json_object_set_new(o, "x-kubernetes-patch-merge-key", json_string(f->patch_key));
	for (size_t i = 0; f->enum_ && f->enum_[i]; i++)
		json_array_append_new(json_array_at(o, "enum"), json_string(f->enum_[i]));
	return o;
}

static json_t *object_value(json_t *definitions, const struct schema *s, const struct type *t, enum openapi_version v)
{
	json_t *o = json_pack("{s:s}", "type", "object");
	for (size_t i = 0; i < t->n_fields; i++) {
		const struct field *f = &t->fields[i];
		json_object_set_new(json_object_at(o, "properties"), f->name, field_value(definitions, s, f, v));
		if (f->required)
			json_array_append_new(json_array_at(o, "required"), json_string(f->name));
	}
	if (t->atomic_map)
		json_object_set_new(o, "x-kubernetes-map-type", json_string("atomic"));
	if (t->preserve_unknown)
		json_object_set_new(o, "x-kubernetes-preserve-unknown-fields", json_true());
	return o;
}

static json_t *type_value(json_t *definitions, const struct schema *s, const struct type *t, enum openapi_version v)
{
	if (t->class == TYPE_OBJECT)
		return t->name ? reference(definitions, s, t, v) : object_value(definitions, s, t, v);
	if (t->class == TYPE_LIST)
		return json_pack("{s:s,s:o}", "type", "array", "items", type_value(definitions, s, t->elem, v));
	if (t->class == TYPE_MAP)
		return json_pack("{s:s,s:o}", "type", "object", "additionalProperties", type_value(definitions, s, t->elem, v));
	if (t->class == TYPE_ANY)
		return json_pack("{s:s,s:b}", "type", "object", "x-kubernetes-preserve-unknown-fields", 1);
	return scalar(t);
}

void openapi_add_type(json_t *definitions, const struct schema *s, const struct type *t, enum openapi_version v)
{
	AUTO_FREE char *name = openapi_name(t->name);
	if (json_object_get(definitions, name))
		return;
	/* Taken before the walk goes on: types refer to themselves. */
	json_object_set_new(definitions, name, json_object());
	json_t *o = object_value(definitions, s, t, v);
	const struct kind *k;
	for (size_t i = 0; (k = schema_kind_nth(s, i)); i++)
		if (k->type == t)
			json_array_append_new(json_array_at(o, "x-kubernetes-group-version-kind"),
					      json_pack("{s:s,s:s,s:s}", "group", k->group, "version", k->version, "kind", k->kind));
	json_object_set_new(definitions, name, o);
}
