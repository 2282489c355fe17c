/* Reads tables: kinds and types in a line-based text (docs/formats/schema-tables.md) into one schema.
 *
 * The text is walked once, line by line. A line at the margin opens a kind or a type, an indented one adds to it. Types
 * may be named before they are declared: the first mention makes them, the end checks that each one was declared. Every
 * error is -EINVAL with "table:line: why" and can only be a mistake in a table. What always holds after success: each
 * kind has a type, each field a type with a class, and lists with keys have elements with fields of these names. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/schema/internal.h"
#include "cp/schema/table.h"

#define MAX_FIELDS 128

/* Scalars by their names in tables. */
static const struct type scalars[] = {
    {.name = "string", .class = TYPE_STRING},
    {.name = "int32", .class = TYPE_INTEGER, .bits = 32},
    {.name = "int64", .class = TYPE_INTEGER, .bits = 64},
    {.name = "number", .class = TYPE_NUMBER},
    {.name = "bool", .class = TYPE_BOOLEAN},
    {.name = "bytes", .class = TYPE_BYTES},
    {.name = "quantity", .class = TYPE_QUANTITY},
    {.name = "time", .class = TYPE_TIME},
    {.name = "microtime", .class = TYPE_MICROTIME},
    {.name = "duration", .class = TYPE_DURATION},
    {.name = "int-or-string", .class = TYPE_INT_OR_STRING},
    {.name = "any", .class = TYPE_ANY, .preserve_unknown = true},
};

static int bad(struct table_reader *t, const char *why, const char *what)
{
	return err_set(t->e, -EINVAL, "%s:%d: %s%s%s", t->table ? t->table : "text", t->line, why, what ? ": " : "",
		       what ? what : "");
}

/* The next word of the line: up to a blank that is not inside quotes, brackets or braces. NULL at the end. */
static char *next_word(char **at)
{
	char *p = *at + strspn(*at, " \t"), *start = p;
	bool quoted = false;
	int depth = 0;

	if (!*p)
		return NULL;
	for (; *p && (quoted || depth || (*p != ' ' && *p != '\t')); p++) {
		if (quoted && *p == '\\' && p[1])
			p++;
		else if (*p == '"')
			quoted = !quoted;
		else if (!quoted)
			depth += (*p == '{' || *p == '[' || *p == '(') - (*p == '}' || *p == ']' || *p == ')');
	}
	if (*p)
		*p++ = '\0';
	*at = p;
	return start;
}

/* The remaining words as a NULL-terminated vector in the arena. */
static const char *const *words_left(struct table_reader *t, char *at)
{
	const char *words[MAX_FIELDS + 1];
	size_t n = 0;
	char *word;

	while (n < MAX_FIELDS && (word = next_word(&at)))
		words[n++] = arena_strdup(&t->s->arena, strcmp(word, "\"\"") ? word : "");
	words[n] = NULL;
	return arena_memdup(&t->s->arena, words, (n + 1) * sizeof(*words));
}

/* --- types -------------------------------------------------------------------------------------------------------- */

static struct type *named_type(struct table_reader *t, const char *name)
{
	struct type *type = map_get(t->s->types, name);

	if (type)
		return type;
	type = arena_alloc(&t->s->arena, sizeof(*type));
	type->name = arena_strdup(&t->s->arena, name);
	type->class = TYPE_OBJECT;
	map_set(t->s->types, name, type);
	return type;
}

/* A list or map of elem; equal ones are shared. */
static const struct type *wrapped_type(struct table_reader *t, enum type_class class, const struct type *elem)
{
	AUTO_FREE char *key = xasprintf(class == TYPE_LIST ? "[]%s" : "map[%s]", elem->name);
	struct type *type = map_get(t->s->types, key);

	if (type)
		return type;
	type = arena_alloc(&t->s->arena, sizeof(*type));
	*type = (struct type){.name = arena_strdup(&t->s->arena, key), .class = class, .elem = elem};
	map_set(t->s->types, key, type);
	return type;
}

static const struct type *type_by_text(struct table_reader *t, char *text)
{
	const struct type *elem;
	size_t n = strlen(text);
	AUTO_FREE char *name = NULL;

	if (str_has_prefix(text, "[]")) {
		elem = type_by_text(t, text + 2);
		return elem ? wrapped_type(t, TYPE_LIST, elem) : NULL;
	}
	if (str_has_prefix(text, "map[") && text[n - 1] == ']') {
		text[n - 1] = '\0';
		elem = type_by_text(t, text + 4);
		return elem ? wrapped_type(t, TYPE_MAP, elem) : NULL;
	}
	for (size_t i = 0; i < ARRAY_LEN(scalars); i++)
		if (!strcmp(scalars[i].name, text))
			return &scalars[i];
	if (!isupper((unsigned char)*text) && !strchr(text, '.'))
		return NULL;
	name = strchr(text, '.') ? xstrdup(text) : xasprintf("%s.%s", t->package, text);
	return named_type(t, name);
}

/* Moves the fields gathered so far into the open type. */
static int close_type(struct table_reader *t)
{
	if (!t->type)
		return 0;
	t->type->fields = arena_memdup(&t->s->arena, t->fields, t->n_fields * sizeof(*t->fields));
	t->type->n_fields = t->n_fields;
	t->type = NULL;
	t->n_fields = 0;
	return 0;
}

static int open_type(struct table_reader *t, char *at)
{
	AUTO_FREE char *full = NULL;
	char *name = next_word(&at), *word;

	if (!name)
		return bad(t, "a type needs a name", NULL);
	full = xasprintf("%s.%s", t->package, name);
	if (map_has(t->declared, full))
		return bad(t, "declared twice", full);
	map_set(t->declared, full, t);
	t->type = named_type(t, full);
	while ((word = next_word(&at))) {
		if (!strcmp(word, "atomic"))
			t->type->atomic_map = true;
		else if (!strcmp(word, "preserve"))
			t->type->preserve_unknown = true;
		else if (!strcmp(word, "any"))
			t->type->class = TYPE_ANY;
		else if (strcmp(word, "object"))
			return bad(t, "unknown attribute of a type", word);
	}
	return 0;
}

static int add_field(struct table_reader *t, char *at)
{
	struct field *f;
	char *name = next_word(&at), *type = next_word(&at), *word;
	int r;

	if (!name || !type)
		return bad(t, "a field needs a name and a type", name);
	if (t->n_fields == MAX_FIELDS)
		return bad(t, "too many fields", name);
	f = &t->fields[t->n_fields++];
	*f = (struct field){.name = arena_strdup(&t->s->arena, name), .type = type_by_text(t, type)};
	if (!f->type)
		return bad(t, "unknown type", type);
	while ((word = next_word(&at))) {
		r = table_field_attribute(t, f, word);
		if (r < 0)
			return bad(t, "not a field's attribute", word);
	}
	f->omit_empty = !f->always && !t->keep && f->type->class != TYPE_OBJECT && f->type->class != TYPE_ANY &&
			f->type->class != TYPE_QUANTITY && f->type->class != TYPE_INT_OR_STRING;
	t->keep = false;
	return 0;
}

/* --- kinds -------------------------------------------------------------------------------------------------------- */

static int open_kind(struct table_reader *t, char *at)
{
	char *name = next_word(&at);

	if (!name)
		return bad(t, "a kind needs a name", NULL);
	t->kind = arena_alloc(&t->s->arena, sizeof(*t->kind));
	t->kind->kind = arena_strdup(&t->s->arena, name);
	t->kind->group = "";
	t->kind->name_format = "dns-subdomain";
	return 0;
}

static int close_kind(struct table_reader *t)
{
	struct schema *s = t->s;
	struct kind *k = t->kind;
	AUTO_FREE char *plural = NULL, *kind = NULL, *list = NULL;

	if (!k)
		return 0;
	t->kind = NULL;
	if (!k->version || !k->plural || !k->type || !k->verbs)
		return bad(t, "a kind needs version, plural, verbs and type", k->kind);
	plural = xasprintf("%s/%s/%s", k->group, k->version, k->plural);
	kind = xasprintf("%s/%s/%s", k->group, k->version, k->kind);
	if (map_has(s->by_plural, plural))
		return bad(t, "declared twice", plural);
	if (!k->list_kind) {
		list = xasprintf("%sList", k->kind);
		k->list_kind = arena_strdup(&s->arena, list);
	}
	map_set(s->by_plural, plural, k);
	map_set(s->by_kind, kind, k);
	s->kinds = xreallocarray(s->kinds, s->n_kinds + 1, sizeof(*s->kinds));
	s->kinds[s->n_kinds++] = k;
	return 0;
}

/* "label=path" says where a field is that is called otherwise in selectors. */
static void read_selectable(struct table_reader *t, const char *const *words)
{
	const char *labels[MAX_FIELDS + 1], *paths[MAX_FIELDS + 1];
	size_t n = 0;

	for (; words[n]; n++) {
		const char *is = strchr(words[n], '=');
		AUTO_FREE char *label = xstrndup(words[n], is ? (size_t)(is - words[n]) : strlen(words[n]));

		labels[n] = arena_strdup(&t->s->arena, label);
		paths[n] = is ? is + 1 : labels[n];
	}
	labels[n] = paths[n] = NULL;
	t->kind->field_labels = arena_memdup(&t->s->arena, labels, (n + 1) * sizeof(*labels));
	t->kind->field_paths = arena_memdup(&t->s->arena, paths, (n + 1) * sizeof(*paths));
}

static int kind_text(struct table_reader *t, const char *key, char *at)
{
	struct kind *k = t->kind;
	const struct {
		const char *key;
		const char **one;
	} texts[] = {{"group", &k->group},   {"version", &k->version},   {"list", &k->list_kind},
		     {"plural", &k->plural}, {"singular", &k->singular}, {"name", &k->name_format},
		     {"stored-as", &k->stored_version}};
	const struct {
		const char *key;
		const char *const **many;
	} lists[] = {{"short", &k->short_names},
		     {"categories", &k->categories},
		     {"verbs", &k->verbs},
		     {"subresources", &k->subresources}};
	const char *const *words = words_left(t, at);

	if (!words[0])
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		if (!strcmp(texts[i].key, key)) {
			*texts[i].one = words[0];
			return 0;
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		if (!strcmp(lists[i].key, key)) {
			*lists[i].many = words;
			return 0;
		}
	}
	if (!strcmp(key, "selectable")) {
		read_selectable(t, words);
		return 0;
	}
	if (strcmp(key, "storage") || !words[1])
		return -EINVAL;
	k->storage_prefix = words[0];
	k->storage_version_hash = words[1];
	return 0;
}

static int add_to_kind(struct table_reader *t, char *at)
{
	char *key = next_word(&at), *value;
	int r = 0;

	if (!strcmp(key, "scope")) {
		value = next_word(&at);
		if (!value || (strcmp(value, "namespaced") && strcmp(value, "cluster")))
			return bad(t, "scope is namespaced or cluster", value);
		t->kind->namespaced = !strcmp(value, "namespaced");
	} else if (!strcmp(key, "type")) {
		value = next_word(&at);
		t->kind->type = value ? type_by_text(t, value) : NULL;
	} else if (!strcmp(key, "generation")) {
		value = next_word(&at);
		const char *more = next_word(&at);
		bool ok = str_eq(value, "counted") && (!more || !strcmp(more, "labels") || !strcmp(more, "annotations") || !strcmp(more, "late"));
		if (!ok && (more || !str_eq(value, "fixed")))
			return bad(t, "generation is counted (labels, annotations, late), fixed, or left out", value);
		t->kind->counts_generation = true;
		t->kind->counts_labels = str_eq(more, "labels");
		t->kind->counts_annotations = str_eq(more, "annotations");
		t->kind->generation_late = str_eq(more, "late");
		t->kind->generation_fixed = !ok;
	} else {
		r = kind_text(t, key, at);
	}
	return r < 0 ? bad(t, "not a kind's attribute", key) : 0;
}

/* --- the text ----------------------------------------------------------------------------------------------------- */

static int close_block(struct table_reader *t)
{
	int r = close_kind(t);

	return r < 0 ? r : close_type(t);
}

static int read_margin(struct table_reader *t, char *line)
{
	char *at = line, *word = next_word(&at), *name;
	int r = close_block(t);

	if (r < 0)
		return r;
	if (!strcmp(word, "kind"))
		return open_kind(t, at);
	if (!strcmp(word, "type"))
		return open_type(t, at);
	name = next_word(&at);
	if (!name)
		return bad(t, "a name is missing", word);
	if (!strcmp(word, "package")) {
		t->package = arena_strdup(&t->s->arena, name);
	} else if (!strcmp(word, "table")) {
		t->table = arena_strdup(&t->s->arena, name);
		t->line = 0;
	} else {
		return bad(t, "neither kind, type nor package", word);
	}
	return 0;
}

static int read_line(struct table_reader *t, char *line)
{
	char *text = line + strspn(line, " \t");

	if (!*text || *text == '#')
		return 0;
	if (text == line)
		return read_margin(t, line);
	if (t->kind)
		return add_to_kind(t, text);
	if (t->type)
		return add_field(t, text);
	return bad(t, "indented, but nothing is open", text);
}

/* Whether something in t, or directly below what is already known, can be filled in. */
static bool has_defaults_now(const struct type *t)
{
	if (t->class == TYPE_LIST || t->class == TYPE_MAP)
		return t->elem->has_defaults;
	for (size_t i = 0; i < t->n_fields; i++) {
		const struct field *f = &t->fields[i];

		if (f->default_ || f->always || f->fill || f->type->has_defaults)
			return true;
	}
	return false;
}

/* Types may contain themselves, so the answer spreads upwards until nothing changes. */
static void find_defaults(struct map *types)
{
	const char *name;
	struct type *type;
	bool changed = true;

	while (changed) {
		changed = false;
		for (size_t at = 0; map_next(types, &at, &name, &type);) {
			if (type->has_defaults || !has_defaults_now(type))
				continue;
			type->has_defaults = changed = true;
		}
	}
}

static int check_keys(struct table_reader *t, const struct type *type, const struct field *f)
{
	const struct type *elem = f->type->elem;

	if ((f->list_type != LIST_ATOMIC || f->unique) && f->type->class != TYPE_LIST)
		return err_set(t->e, -EINVAL, "%s.%s: list attributes on something else", type->name, f->name);
	for (size_t i = 0; f->list_keys && f->list_keys[i]; i++)
		if (elem->class != TYPE_OBJECT || !type_field(elem, f->list_keys[i]))
			return err_set(t->e, -EINVAL, "%s.%s: no element field %s", type->name, f->name,
				       f->list_keys[i]);
	if (f->patch_key &&
	    (f->type->class != TYPE_LIST || elem->class != TYPE_OBJECT || !type_field(elem, f->patch_key)))
		return err_set(t->e, -EINVAL, "%s.%s: no element field %s to patch by", type->name, f->name,
			       f->patch_key);
	return 0;
}

/* A field whose members are owned one by one has a type of its own, which is known only when all types are. */
static void loosen(struct table_reader *t, const struct type *type)
{
	for (size_t i = 0; i < type->n_fields; i++) {
		struct field *f = (struct field *)&type->fields[i];

		if (!f->granular || f->type->class != TYPE_OBJECT)
			continue;
		struct type *own = arena_memdup(&t->s->arena, f->type, sizeof(*f->type));
		own->atomic_map = false;
		f->type = own;
	}
}

static int check_types(struct table_reader *t)
{
	const char *name;
	struct type *type;
	size_t at = 0;
	int r;

	while (map_next(t->s->types, &at, &name, &type)) {
		if (type->class == TYPE_OBJECT && !map_has(t->declared, name))
			return err_set(t->e, -EINVAL, "type %s is used but not declared", name);
		for (size_t i = 0; i < type->n_fields; i++) {
			r = check_keys(t, type, &type->fields[i]);
			if (r < 0)
				return r;
		}
	}
	find_defaults(t->s->types);
	for (at = 0; map_next(t->s->types, &at, &name, &type);)
		loosen(t, type);
	return 0;
}

int table_read(struct schema *s, const char *text, struct err *e)
{
	AUTO_MAP *declared = map_new(NULL);
	AUTO_FREE struct field *fields = xcalloc(MAX_FIELDS, sizeof(*fields));
	AUTO_FREE char *copy = xstrdup(text);
	struct table_reader t = {.s = s, .package = "", .declared = declared, .fields = fields, .e = e};
	char *next;
	int r;

	for (char *line = copy; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		t.line++;
		r = read_line(&t, line);
		if (r < 0)
			return r;
	}
	r = close_block(&t);
	return r < 0 ? r : check_types(&t);
}
