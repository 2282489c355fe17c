/* Structural schemas as types. Purpose: a custom resource is decoded, pruned, defaulted, merged and applied by the same
 * engine as a built-in one. Happy path: each node of the schema becomes a type, each property a field, in order of
 * name; the root gets apiVersion, kind and metadata. Nothing fails. What always holds: the types live in one arena and
 * point into one copy of the document; both go with the crd_schema. */
#include "cp/schema/crd.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/schema/internal.h"
#include "cp/schema/rules.h"

struct crd_schema {
	struct arena arena;
	json_t *document;
	const struct type *type;
	const struct rules *rules;
	const struct type *metadata; /* the built-in one */
};

static const struct type any = {.class = TYPE_ANY, .custom = true, .has_defaults = false};
static const struct type text = {.class = TYPE_STRING};
static const struct type nothing_known = {.class = TYPE_OBJECT, .custom = true};

static const struct type *make(struct crd_schema *c, const json_t *schema, bool root);

static bool flag(const json_t *schema, const char *key)
{
	return json_is_true(json_object_get(schema, key));
}

static enum type_class scalar_class(const char *type)
{
	static const struct {
		const char *name;
		enum type_class class;
	} classes[] = {
	    {"string", TYPE_STRING}, {"integer", TYPE_INTEGER}, {"number", TYPE_NUMBER}, {"boolean", TYPE_BOOLEAN}};

	for (size_t i = 0; i < ARRAY_LEN(classes); i++)
		if (str_eq(classes[i].name, type))
			return classes[i].class;
	return TYPE_ANY;
}

static const char *const *list_keys(struct crd_schema *c, const json_t *schema)
{
	json_t *names = json_object_get(schema, "x-kubernetes-list-map-keys"), *name;
	const char **v;
	size_t i, n = 0;

	if (!json_array_size(names))
		return NULL;
	v = arena_alloc(&c->arena, (json_array_size(names) + 1) * sizeof(*v));
	json_array_foreach(names, i, name) if (json_is_string(name)) v[n++] = json_string_value(name);
	return v;
}

static enum list_type list_type(const json_t *schema)
{
	const char *s = json_member(schema, "x-kubernetes-list-type");

	return str_eq(s, "map") ? LIST_MAP : str_eq(s, "set") ? LIST_SET : LIST_ATOMIC;
}

/* What stands in the place of a property, an element or a value. */
static void make_field(struct crd_schema *c, const char *name, const json_t *schema, struct field *f)
{
	*f = (struct field){.name = name,
			    .type = make(c, schema, false),
			    .nullable = flag(schema, "nullable"),
			    .default_ = json_object_get(schema, "default"),
			    .list_type = list_type(schema),
			    .list_keys = list_keys(c, schema)};
}

static int by_name(const void *a, const void *b)
{
	const struct field *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static bool has_field(const struct field *v, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(v[i].name, name) == 0)
			return true;
	return false;
}

static json_t *default_of(const json_t *schema, const char *property)
{
	return json_object_get(json_object_get(json_object_get(schema, "properties"), property), "default");
}

/* The metadata of all objects, with the defaults that an embedded one declares. */
static const struct type *own_metadata(struct crd_schema *c, const json_t *declared)
{
	struct field *fields;
	struct type *t;
	bool defaults = false;

	for (size_t i = 0; i < c->metadata->n_fields; i++)
		defaults |= default_of(declared, c->metadata->fields[i].name) != NULL;
	if (!defaults)
		return c->metadata;
	t = arena_memdup(&c->arena, c->metadata, sizeof(*t));
	fields = arena_memdup(&c->arena, t->fields, t->n_fields * sizeof(*fields));
	for (size_t i = 0; i < t->n_fields; i++)
		fields[i].default_ = default_of(declared, fields[i].name);
	t->fields = fields;
	t->has_defaults = true;
	return t;
}

/* Objects have apiVersion, kind and metadata of their own at the root and where they are embedded. */
static size_t add_own_fields(struct crd_schema *c, const json_t *schema, bool root, struct field *v)
{
	const json_t *metadata = json_object_get(json_object_get(schema, "properties"), "metadata");
	size_t n = 0;

	v[n++] = (struct field){.name = "apiVersion", .type = &text, .default_ = default_of(schema, "apiVersion")};
	v[n++] = (struct field){.name = "kind", .type = &text, .default_ = default_of(schema, "kind")};
	if (c->metadata)
		v[n++] = (struct field){.name = "metadata",
					.type = root ? c->metadata : own_metadata(c, metadata),
					.default_ = root ? NULL : default_of(schema, "metadata")};
	return n;
}

static void make_fields(struct crd_schema *c, const json_t *schema, bool root, struct type *t)
{
	json_t *properties = json_object_get(schema, "properties"), *below;
	bool own = root || flag(schema, "x-kubernetes-embedded-resource");
	struct field *v = arena_alloc(&c->arena, (json_object_size(properties) + 4) * sizeof(*v));
	size_t n = own ? add_own_fields(c, schema, root, v) : 0, fixed = n;
	const char *name;

	json_object_foreach(properties, name, below)
	{
		if (!has_field(v, fixed, name))
			make_field(c, arena_strdup(&c->arena, name), below, &v[n++]);
	}
	qsort(v, n, sizeof(*v), by_name);
	t->fields = v;
	t->n_fields = n;
}

static void make_values(struct crd_schema *c, const json_t *schema, struct type *t)
{
	const json_t *values = json_object_get(schema, "additionalProperties");
	struct field *f;

	t->class = TYPE_MAP;
	if (!json_is_object(values)) {
		t->elem = &nothing_known;
		return;
	}
	f = arena_alloc(&c->arena, sizeof(*f));
	make_field(c, "", values, f);
	t->elem = f->type;
	t->elem_field = f;
}

static void make_list(struct crd_schema *c, const json_t *schema, struct type *t)
{
	const json_t *items = json_object_get(schema, "items");
	struct field *f;

	t->class = TYPE_LIST;
	if (!json_is_object(items)) {
		t->elem = &nothing_known;
		return;
	}
	f = arena_alloc(&c->arena, sizeof(*f));
	make_field(c, "", items, f);
	t->elem = f->type;
	t->elem_field = f;
}

static const struct type *make(struct crd_schema *c, const json_t *schema, bool root)
{
	const char *type = json_member(schema, "type");
	bool preserve = flag(schema, "x-kubernetes-preserve-unknown-fields"), open;
	const json_t *values = json_object_get(schema, "additionalProperties");
	struct type *t;

	open = json_is_object(values) || json_is_true(values);
	if (!root && !type && preserve && !json_object_size(json_object_get(schema, "properties")))
		return &any;
	t = arena_alloc(&c->arena, sizeof(*t));
	t->custom = true;
	t->has_defaults = true;
	t->bits = 64;
	t->preserve_unknown = preserve;
	t->atomic_map = str_eq(json_member(schema, "x-kubernetes-map-type"), "atomic");
	if (flag(schema, "x-kubernetes-int-or-string"))
		t->class = TYPE_INT_OR_STRING;
	else if (str_eq(type, "array"))
		make_list(c, schema, t);
	else if (!root && open && !json_object_size(json_object_get(schema, "properties")))
		make_values(c, schema, t);
	else if (root || !type || str_eq(type, "object"))
		make_fields(c, schema, root, t);
	else
		t->class = scalar_class(type);
	return t;
}

static void publish(struct crd_schema *c, struct type *t, const char *name)
{
	t->name = arena_strdup(&c->arena, name);
	t->published = c->document;
}

struct crd_schema *crd_schema_new(const struct schema *builtin, const json_t *openapi, bool preserve, const char *name)
{
	struct crd_schema *c = xcalloc(1, sizeof(*c));
	struct type *t;

	c->document = json_is_object(openapi) ? json_clone(openapi) : json_object();
	c->metadata = schema_type(builtin, "meta.v1.ObjectMeta");
	t = arena_memdup(&c->arena, make(c, c->document, true), sizeof(*t));
	t->preserve_unknown |= preserve || !json_is_object(openapi);
	publish(c, t, name);
	c->type = t;
	c->rules = rules_new(&c->arena, c->document);
	return c;
}

void crd_schema_free(struct crd_schema *c)
{
	if (!c)
		return;
	rules_done(c->rules);
	arena_done(&c->arena);
	json_decref(c->document);
	free(c);
}

const struct type *crd_schema_type(const struct crd_schema *c)
{
	return c->type;
}

const struct rules *crd_schema_rules(const struct crd_schema *c)
{
	return c->rules;
}
