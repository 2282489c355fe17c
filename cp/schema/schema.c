/* The loaded schema: kinds and types by name.
 *
 * schema_load_builtin() reads the tables that are compiled in; lookups are map accesses. Only a broken table can make
 * loading fail. What always holds: everything handed out lives until schema_free() and never changes. */
#include "cp/schema/schema.h"

#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "base/mem.h"
#include "cp/schema/internal.h"

extern const char schema_tables_text[];

int schema_load_text(const char *text, struct schema **ret, struct err *e)
{
	AUTO_SCHEMA *s = xcalloc(1, sizeof(*s));
	int r;

	s->types = map_new(NULL);
	s->by_plural = map_new(NULL);
	s->by_kind = map_new(NULL);
	s->literals = json_array();
	r = table_read(s, text, e);
	if (r < 0)
		return r;
	*ret = TAKE(s);
	return 0;
}

int schema_load_builtin(struct schema **ret, struct err *e)
{
	return schema_load_text(schema_tables_text, ret, e);
}

void schema_free(struct schema *s)
{
	if (!s)
		return;
	map_free(s->types);
	map_free(s->by_plural);
	map_free(s->by_kind);
	json_decref(s->literals);
	free(s->kinds);
	arena_done(&s->arena);
	free(s);
}

void schema_free_ptr(struct schema **s)
{
	schema_free(*s);
	*s = NULL;
}

static void index_kind(struct schema *s, const struct kind *k, bool enter)
{
	AUTO_FREE char *plural = xasprintf("%s/%s/%s", k->group, k->version, k->plural);
	AUTO_FREE char *kind = xasprintf("%s/%s/%s", k->group, k->version, k->kind);

	if (enter) {
		map_set(s->by_plural, plural, (void *)k);
		map_set(s->by_kind, kind, (void *)k);
		return;
	}
	if (map_get(s->by_plural, plural) == k)
		map_remove(s->by_plural, plural);
	if (map_get(s->by_kind, kind) == k)
		map_remove(s->by_kind, kind);
}

void schema_add_kind(struct schema *s, const struct kind *k)
{
	s->kinds = xreallocarray(s->kinds, s->n_kinds + 1, sizeof(*s->kinds));
	s->kinds[s->n_kinds++] = k;
	index_kind(s, k, true);
}

void schema_remove_kind(struct schema *s, const struct kind *k)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_kinds; i++)
		if (s->kinds[i] != k)
			s->kinds[n++] = s->kinds[i];
	s->n_kinds = n;
	index_kind(s, k, false);
}

static const struct kind *find_in(const struct map *m, const char *group, const char *version, const char *name)
{
	char key[512]; /* longer than names may be: what is cut off is not there */

	format_to(key, sizeof(key), "%s/%s/%s", group ? group : "", version, name);
	return map_get(m, key);
}

const struct kind *schema_find(const struct schema *s, const char *group, const char *version, const char *plural)
{
	return find_in(s->by_plural, group, version, plural);
}

const struct kind *schema_find_kind(const struct schema *s, const char *group, const char *version, const char *kind)
{
	return find_in(s->by_kind, group, version, kind);
}

const struct kind *schema_kind_nth(const struct schema *s, size_t n)
{
	return n < s->n_kinds ? s->kinds[n] : NULL;
}

const struct type *schema_type(const struct schema *s, const char *name)
{
	return map_get(s->types, name);
}

const struct field *type_field(const struct type *t, const char *name)
{
	for (size_t i = 0; i < t->n_fields; i++)
		if (field_is_named(&t->fields[i], name))
			return &t->fields[i];
	return NULL;
}

const struct field *type_field_from(const struct type *t, const char *name, size_t *hint)
{
	for (size_t n = 0, i = *hint; n < t->n_fields; n++, i++) {
		i = i < t->n_fields ? i : 0;
		if (field_is_named(&t->fields[i], name)) {
			*hint = i + 1;
			return &t->fields[i];
		}
	}
	return NULL;
}

static const struct type *innermost(const struct type *t)
{
	while (t && (t->class == TYPE_LIST || t->class == TYPE_MAP))
		t = t->elem;
	return t;
}

const struct type *type_at(const struct type *t, const char *path)
{
	AUTO_STRV char **names = str_split(path, '.');

	for (size_t i = 0; t && names && names[i]; i++) {
		const struct type *below = innermost(t);
		const struct field *f = below->class == TYPE_OBJECT ? type_field(below, names[i]) : NULL;

		t = f ? f->type : NULL;
	}
	return t;
}
