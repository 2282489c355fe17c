/* Types as OpenAPI definitions.
 *
 * Happy path: from the type of a kind to everything that it refers to, each named type once, written in the dialect of
 * the document. Lists carry their type and keys, fields their patch strategy, kinds their group, version and kind: that
 * is what clients merge and look up by. Nothing fails. What always holds: every reference in a document has its
 * definition. */
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/schema/openapi_internal.h"
#include "cp/schema/openapi_words.h"

static json_t *type_value(struct openapi_document *d, const struct type *t, json_t *beside);

/* Types of custom resources are published under the name that they have. */
static char *published_name(const struct type *t)
{
	return t->published ? xstrdup(t->name) : openapi_name(t->name);
}

char *openapi_name(const char *type_name)
{
	static const struct {
		const char *prefix, *published;
	} packages[] = {
	    {"meta.", "io.k8s.apimachinery.pkg.apis.meta."},
	    {"api.resource.", "io.k8s.apimachinery.pkg.api.resource."},
	    {"util.intstr.", "io.k8s.apimachinery.pkg.util.intstr."},
	    {"runtime.", "io.k8s.apimachinery.pkg.runtime."},
	    {"version.", "io.k8s.apimachinery.pkg.version."},
	    {"apiextensions.", "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions."},
	    {"apiregistration.", "io.k8s.kube-aggregator.pkg.apis.apiregistration."},
	};

	for (size_t i = 0; i < ARRAY_LEN(packages); i++)
		if (str_has_prefix(type_name, packages[i].prefix))
			return xasprintf("%s%s", packages[i].published, type_name + strlen(packages[i].prefix));
	return xasprintf("io.k8s.api.%s", type_name);
}

json_t *openapi_gvk_json(const struct openapi_gvk *g)
{
	return json_pack("{s:s,s:s,s:s}", "group", g->group, "version", g->version, "kind", g->kind);
}

static json_t *reference(struct openapi_document *d, const char *published)
{
	AUTO_FREE char *path = xasprintf("%s%s", d->dialect->definitions, published);

	return json_pack("{s:s}", "$ref", path);
}

static json_t *text_type(const char *type, const char *format)
{
	json_t *o = json_pack("{s:s}", "type", type);

	if (format)
		json_object_set_new(o, "format", json_string(format));
	return o;
}

/* --- scalars ------------------------------------------------------------------------------------------------------ */

/* Scalars with a type of their own in Go have a definition of their own. other: what they may be beside text. */
static const struct scalar {
	enum type_class class;
	const char *name, *type, *format, *other;
} scalars[] = {
    {TYPE_STRING, NULL, "string", NULL, NULL},
    {TYPE_NUMBER, NULL, "number", "double", NULL},
    {TYPE_BOOLEAN, NULL, "boolean", NULL, NULL},
    {TYPE_BYTES, NULL, "string", "byte", NULL},
    {TYPE_INT_OR_STRING, "util.intstr.IntOrString", "string", "int-or-string", "integer"},
    {TYPE_QUANTITY, "api.resource.Quantity", "string", NULL, "number"},
    {TYPE_TIME, "meta.v1.Time", "string", "date-time", NULL},
    {TYPE_MICROTIME, "meta.v1.MicroTime", "string", "date-time", NULL},
    {TYPE_DURATION, "meta.v1.Duration", "string", NULL, NULL},
    {TYPE_ANY, "runtime.RawExtension", "object", NULL, NULL},
};

static const struct scalar *scalar_of(enum type_class class)
{
	for (size_t i = 0; i < ARRAY_LEN(scalars); i++)
		if (scalars[i].class == class)
			return &scalars[i];
	return NULL;
}

static json_t *named_scalar(struct openapi_document *d, const struct scalar *s, json_t *beside)
{
	AUTO_FREE char *name = openapi_name(s->name);

	if (!json_object_get(d->definitions, name))
		json_object_set_new(d->definitions, name,
				    s->other ? d->dialect->text_or(s->other, s->format)
					     : text_type(s->type, s->format));
	return d->dialect->reference(reference(d, name), beside);
}

static json_t *scalar_value(struct openapi_document *d, const struct type *t, json_t *beside)
{
	const struct scalar *s = scalar_of(t->class);
	json_t *o;

	if (s && s->name)
		return named_scalar(d, s, beside);
	o = s ? text_type(s->type, s->format) : text_type("integer", t->bits == 64 ? "int64" : "int32");
	json_object_update(o, beside);
	json_decref(beside);
	return o;
}

/* --- fields ------------------------------------------------------------------------------------------------------- */

/* The value of a field that is there even when nobody set it; NULL where absence is a value of its own. */
static json_t *zero(const struct type *t)
{
	switch (t->class) {
	case TYPE_OBJECT:
		return json_object();
	case TYPE_STRING:
		return json_string("");
	case TYPE_INTEGER:
		return json_integer(0);
	case TYPE_BOOLEAN:
		return json_false();
	default:
		return NULL;
	}
}

static bool is_published_required(const struct field *f)
{
	static const enum type_class plain[] = {TYPE_STRING, TYPE_INTEGER, TYPE_NUMBER, TYPE_BOOLEAN};
	bool always = false;

	if (f->published != PUBLISHED_BY_RULE)
		return f->published == PUBLISHED_REQUIRED;
	for (size_t i = 0; i < ARRAY_LEN(plain); i++)
		always |= f->always && f->type->class == plain[i];
	return f->required || always;
}

static void add_list_type(json_t *o, const struct field *f)
{
	static const char *const names[] = {[LIST_ATOMIC] = "atomic", [LIST_SET] = "set", [LIST_MAP] = "map"};

	if (f->type->class != TYPE_LIST)
		return;
	json_object_set_new(o, "x-kubernetes-list-type", json_string(names[f->list_type]));
	for (size_t i = 0; f->list_type == LIST_MAP && f->list_keys && f->list_keys[i]; i++)
		json_array_append_new(json_array_at(o, "x-kubernetes-list-map-keys"), json_string(f->list_keys[i]));
}

static void add_patch(json_t *o, const struct field *f)
{
	static const char *const strategies[] = {
	    NULL,
	    [PATCH_MERGE] = "merge",
	    [PATCH_RETAIN_KEYS] = "retainKeys",
	    [PATCH_MERGE | PATCH_RETAIN_KEYS] = "merge,retainKeys",
	};

	if (f->patch && f->patch < ARRAY_LEN(strategies))
		json_object_set_new(o, "x-kubernetes-patch-strategy", json_string(strategies[f->patch]));
	else if (f->patch_replaces)
		json_object_set_new(o, "x-kubernetes-patch-strategy", json_string("replace"));
	if (f->patch_key)
		json_object_set_new(o, "x-kubernetes-patch-merge-key", json_string(f->patch_key));
}

static json_t *enum_value(const struct field *f)
{
	json_t *a = json_array();

	for (size_t i = 0; f->enum_[i]; i++)
		json_array_append_new(a, json_string(f->enum_[i]));
	return a;
}

static bool has_metadata(const struct type *t)
{
	for (size_t i = 0; i < t->n_fields; i++)
		if (strcmp(t->fields[i].name, "metadata") == 0)
			return true;
	return false;
}

static void add_words(json_t *beside, const char *type, const char *field)
{
	const char *words = openapi_words(type, field);

	if (words)
		json_object_set_new(beside, "description", json_string(words));
}

/* The value of a field of t. */
static json_t *field_value(struct openapi_document *d, const struct type *t, const struct field *f)
{
	json_t *beside = json_object(), *o;

	if (t->name)
		add_words(beside, t->name, f->name);
	if (has_metadata(t))
		add_words(beside, NULL, f->name);
	if (d->dialect->with_defaults && f->default_)
		json_object_set_new(beside, "default", json_clone(f->default_));
	else if (d->dialect->with_defaults && f->always)
		json_object_set_new(beside, "default", zero(f->type)); /* a NULL value sets nothing */
	if (f->type->class == TYPE_MAP && f->type->atomic_map)
		json_object_set_new(beside, "x-kubernetes-map-type", json_string("atomic"));
	if (f->granular)
		json_object_set_new(beside, "x-kubernetes-map-type", json_string("granular"));
	add_list_type(beside, f);
	add_patch(beside, f);
	if (f->enum_ && f->type->class != TYPE_LIST)
		json_object_set_new(beside, "enum", enum_value(f));
	o = type_value(d, f->type, beside);
	if (f->enum_ && f->type->class == TYPE_LIST)
		json_object_set_new(json_object_get(o, "items"), "enum", enum_value(f));
	return o;
}

/* --- types -------------------------------------------------------------------------------------------------------- */

/* Types with kind and apiVersion that are bodies or answers, but no resources. */
static const struct {
	const char *type;
	struct openapi_gvk gvk;
} bodies[] = {
    {"meta.v1.Status", {"", "v1", "Status"}},
    {"meta.v1.APIGroup", {"", "v1", "APIGroup"}},
    {"meta.v1.APIGroupList", {"", "v1", "APIGroupList"}},
    {"meta.v1.APIResourceList", {"", "v1", "APIResourceList"}},
    {"meta.v1.APIVersions", {"", "v1", "APIVersions"}},
    {"autoscaling.v1.Scale", {"autoscaling", "v1", "Scale"}},
    {"policy.v1.Eviction", {"policy", "v1", "Eviction"}},
    {"authentication.v1.TokenRequest", {"authentication.k8s.io", "v1", "TokenRequest"}},
};

static void add_gvk(json_t *o, const char *group, const char *version, const char *kind)
{
	json_t *list = json_array_at(o, "x-kubernetes-group-version-kind"), *gvk, *have;
	size_t i;

	gvk = openapi_gvk_json(&(struct openapi_gvk){group, version, kind});
	json_array_foreach(list, i, have)
	{
		if (json_equal(have, gvk)) {
			json_decref(gvk);
			return;
		}
	}
	json_array_append_new(list, gvk);
}

/* Options are the same in every group and version. */
static void add_everywhere(const struct schema *s, json_t *o, const char *kind)
{
	const struct kind *k;

	add_gvk(o, "", "v1", kind);
	for (size_t i = 0; (k = schema_kind_nth(s, i)); i++)
		add_gvk(o, k->group, k->version, kind);
}

static void add_gvks(const struct schema *s, json_t *o, const struct type *t)
{
	const struct kind *k;

	for (size_t i = 0; (k = schema_kind_nth(s, i)); i++)
		if (k->type == t)
			add_gvk(o, k->group, k->version, k->kind);
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
		if (strcmp(bodies[i].type, t->name) == 0)
			add_gvk(o, bodies[i].gvk.group, bodies[i].gvk.version, bodies[i].gvk.kind);
	if (strcmp(t->name, "meta.v1.DeleteOptions") == 0)
		add_everywhere(s, o, "DeleteOptions");
}

static json_t *object_value(struct openapi_document *d, const struct type *t)
{
	json_t *o = t->class == TYPE_ANY ? json_object() : json_pack("{s:s}", "type", "object");

	for (size_t i = 0; i < t->n_fields; i++) {
		const struct field *f = &t->fields[i];
		/* Managed fields are the one free-form value with a name of its own. */
		bool fields_v1 = f->type->class == TYPE_ANY && strcmp(f->name, "fieldsV1") == 0;

		json_object_set_new(json_object_at(o, "properties"), f->name,
				    fields_v1 ? openapi_named_ref(d, "meta.v1.FieldsV1") : field_value(d, t, f));
		if (is_published_required(f))
			json_array_append_new(json_array_at(o, "required"), json_string(f->name));
	}
	if (t->atomic_map)
		json_object_set_new(o, "x-kubernetes-map-type", json_string("atomic"));
	if (t->preserve_unknown)
		json_object_set_new(o, "x-kubernetes-preserve-unknown-fields", json_true());
	return o;
}

json_t *openapi_type_ref(struct openapi_document *d, const struct type *t)
{
	AUTO_FREE char *name = published_name(t);

	if (!json_object_get(d->definitions, name)) {
		json_t *o;

		/* Taken before the walk goes on: types refer to themselves. */
		json_object_set_new(d->definitions, name, json_object());
		o = t->published ? openapi_custom_value(d, t) : object_value(d, t);
		add_gvks(d->schema, o, t);
		json_object_set_new(d->definitions, name, o);
	}
	return reference(d, name);
}

/* Elements and values stand where Go has a value, not a pointer: they have defaults, too. */
static json_t *element(struct openapi_document *d, const struct type *t)
{
	json_t *beside = json_object();

	if (d->dialect->with_defaults)
		json_object_set_new(beside, "default", zero(t));
	return type_value(d, t, beside);
}

/* Declared in a table, not a scalar that every table knows. */
static bool is_named(const struct type *t)
{
	return (t->class == TYPE_OBJECT || t->class == TYPE_ANY) && t->name && strchr(t->name, '.');
}

/* A type where it stands, with what else there is to say about it (taken). */
static json_t *type_value(struct openapi_document *d, const struct type *t, json_t *beside)
{
	json_t *o;

	if (is_named(t))
		return d->dialect->reference(openapi_type_ref(d, t), beside);
	if (t->class == TYPE_OBJECT)
		o = object_value(d, t);
	else if (t->class == TYPE_LIST)
		o = json_pack("{s:s,s:o}", "type", "array", "items", element(d, t->elem));
	else if (t->class == TYPE_MAP)
		o = json_pack("{s:s,s:o}", "type", "object", "additionalProperties", element(d, t->elem));
	else
		return scalar_value(d, t, beside);
	json_object_update(o, beside);
	json_decref(beside);
	return o;
}

json_t *openapi_named_ref(struct openapi_document *d, const char *name)
{
	const struct type *t = schema_type(d->schema, name);
	AUTO_FREE char *published = openapi_name(name);

	if (t)
		return openapi_type_ref(d, t);
	if (!json_object_get(d->definitions, published))
		json_object_set_new(d->definitions, published, text_type("object", NULL));
	return reference(d, published);
}

json_t *openapi_list_ref(struct openapi_document *d, const struct kind *k)
{
	const char *dot = strrchr(k->type->name, '.');
	AUTO_FREE char *type = xasprintf("%.*s.%s", (int)(dot - k->type->name), k->type->name, k->list_kind);
	AUTO_FREE char *name = k->custom ? xstrdup(type) : openapi_name(type);
	json_t *o, *properties, *meta;

	if (json_object_get(d->definitions, name))
		return reference(d, name);
	o = json_pack("{s:s,s:{},s:[s]}", "type", "object", "properties", "required", "items");
	properties = json_object_get(o, "properties");
	meta = openapi_named_ref(d, "meta.v1.ListMeta");
	json_object_set_new(properties, "apiVersion", text_type("string", NULL));
	json_object_set_new(properties, "items", json_pack("{s:s,s:o}", "type", "array", "items", element(d, k->type)));
	json_object_set_new(properties, "kind", text_type("string", NULL));
	json_object_set_new(
	    properties, "metadata",
	    d->dialect->reference(meta, d->dialect->with_defaults ? json_pack("{s:{}}", "default") : json_object()));
	add_gvk(o, k->group, k->version, k->list_kind);
	json_object_set_new(d->definitions, name, o);
	return reference(d, name);
}
