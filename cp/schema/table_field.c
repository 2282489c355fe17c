/* The attributes of a field in a table: one handler each, found by name.
 *
 * An attribute is a word "name" or "name=value". A handler parses the value into the field; -EINVAL when it does not
 * make sense, and table.c says where. What always holds: a field's texts live in the schema's arena. */
#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/schema/table.h"

#define MAX_WORDS 64

/* "a,b,c" or "(a,b)" as a vector in the arena; "" (two quotes) stands for the empty text. */
static const char *const *split(struct table_reader *t, char *value)
{
	const char *words[MAX_WORDS + 1];
	size_t n = 0;
	char *save = NULL;

	for (char *w = strtok_r(value, ",", &save); w && n < MAX_WORDS; w = strtok_r(NULL, ",", &save))
		words[n++] = arena_strdup(&t->s->arena, strcmp(w, "\"\"") ? w : "");
	words[n] = NULL;
	return arena_memdup(&t->s->arena, words, (n + 1) * sizeof(*words));
}

/* Cuts "name(inner)" into its parts; NULL where there are no parentheses. */
static char *inner(char *value)
{
	char *open = strchr(value, '('), *close = open ? strrchr(open, ')') : NULL;

	if (!close || close[1])
		return NULL;
	*open = *close = '\0';
	return open + 1;
}

static int literal(struct table_reader *t, const char *value, const json_t **ret)
{
	json_t *v = json_loads(value, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);

	if (!v)
		return -EINVAL;
	json_array_append_new(t->s->literals, v);
	*ret = v;
	return 0;
}

static int text(struct table_reader *t, const char *value, const char **ret)
{
	const json_t *v;
	int r = literal(t, value, &v);

	if (r < 0)
		return r;
	*ret = json_string_value(v);
	return *ret ? 0 : -EINVAL;
}

static int attr_required(struct table_reader *t, struct field *f, char *value)
{
	f->required = true;
	return value ? text(t, value, &f->required_detail) : 0;
}

static int attr_always(struct table_reader *t, struct field *f, char *value)
{
	(void)t;
	f->always = true;
	return value ? -EINVAL : 0;
}

static int attr_keep(struct table_reader *t, struct field *f, char *value)
{
	(void)f;
	t->keep = true;
	return value ? -EINVAL : 0;
}

static int attr_immutable(struct table_reader *t, struct field *f, char *value)
{
	(void)t;
	f->immutable = true;
	return value ? -EINVAL : 0;
}

static int attr_nullable(struct table_reader *t, struct field *f, char *value)
{
	(void)t;
	f->nullable = true;
	return value ? -EINVAL : 0;
}

static int attr_unique(struct table_reader *t, struct field *f, char *value)
{
	(void)t;
	f->unique = true;
	return value ? -EINVAL : 0;
}

static int attr_default(struct table_reader *t, struct field *f, char *value)
{
	t->keep = true;
	return value ? literal(t, value, &f->default_) : -EINVAL;
}

static int attr_fill(struct table_reader *t, struct field *f, char *value)
{
	int r = value ? literal(t, value, &f->fill) : -EINVAL;

	return r < 0 ? r : json_is_object(f->fill) ? 0 : -EINVAL;
}

static int attr_enum(struct table_reader *t, struct field *f, char *value)
{
	if (!value || !*value)
		return -EINVAL;
	f->enum_ = split(t, value);
	return 0;
}

static int attr_min(struct table_reader *t, struct field *f, char *value)
{
	(void)t;
	f->has_min = true;
	return value ? str_to_i64(value, &f->min) : -EINVAL;
}

static int attr_max(struct table_reader *t, struct field *f, char *value)
{
	(void)t;
	f->has_max = true;
	return value ? str_to_i64(value, &f->max) : -EINVAL;
}

static int attr_say(struct table_reader *t, struct field *f, char *value)
{
	return value ? text(t, value, &f->range_message) : -EINVAL;
}

static int attr_format(struct table_reader *t, struct field *f, char *value)
{
	if (!value || !format_known(value))
		return -EINVAL;
	f->format = arena_strdup(&t->s->arena, value);
	return 0;
}

static int attr_pattern(struct table_reader *t, struct field *f, char *value)
{
	return value ? text(t, value, &f->pattern) : -EINVAL;
}

static int attr_list(struct table_reader *t, struct field *f, char *value)
{
	char *keys = value ? inner(value) : NULL;

	if (!value)
		return -EINVAL;
	if (!strcmp(value, "set")) {
		f->list_type = LIST_SET;
	} else if (!strcmp(value, "map") && keys && *keys) {
		f->list_type = LIST_MAP;
		f->list_keys = split(t, keys);
	} else if (strcmp(value, "atomic")) {
		return -EINVAL;
	}
	return 0;
}

static int attr_patch(struct table_reader *t, struct field *f, char *value)
{
	char *key = value ? inner(value) : NULL, *save = NULL;

	if (!value)
		return -EINVAL;
	if (key)
		f->patch_key = arena_strdup(&t->s->arena, key);
	for (char *w = strtok_r(value, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
		if (!strcmp(w, "merge"))
			f->patch |= PATCH_MERGE;
		else if (!strcmp(w, "retainKeys"))
			f->patch |= PATCH_RETAIN_KEYS;
		else if (strcmp(w, "replace"))
			return -EINVAL;
		else
			f->patch_replaces = true;
	}
	return 0;
}

/* map=atomic: this field's map is replaced as a whole by apply, though other maps of its type are not; map=granular: the
 * other way round. */
static int attr_map(struct table_reader *t, struct field *f, char *value)
{
	struct type *own;

	if (value && !strcmp(value, "granular")) {
		f->granular = true;
		return 0;
	}
	if (!value || strcmp(value, "atomic") || f->type->class != TYPE_MAP)
		return -EINVAL;
	own = arena_memdup(&t->s->arena, f->type, sizeof(*f->type));
	own->atomic_map = true;
	f->type = own;
	return 0;
}

/* published=required, published=optional: what OpenAPI says, where it differs from the rule. */
static int attr_published(struct table_reader *t, struct field *f, char *value)
{
	(void)t;
	if (value && !strcmp(value, "required"))
		f->published = PUBLISHED_REQUIRED;
	else if (value && !strcmp(value, "optional"))
		f->published = PUBLISHED_OPTIONAL;
	else
		return -EINVAL;
	return 0;
}

static const struct {
	const char *name;
	int (*read)(struct table_reader *t, struct field *f, char *value);
} attributes[] = {
    {"required", attr_required}, {"always", attr_always},   {"keep", attr_keep},       {"immutable", attr_immutable},
    {"nullable", attr_nullable}, {"unique", attr_unique},   {"default", attr_default}, {"fill", attr_fill},
    {"enum", attr_enum},         {"min", attr_min},         {"max", attr_max},         {"say", attr_say},
    {"format", attr_format},     {"pattern", attr_pattern}, {"list", attr_list},       {"patch", attr_patch},
    {"map", attr_map},           {"published", attr_published},
};

int table_field_attribute(struct table_reader *t, struct field *f, char *word)
{
	size_t n = strcspn(word, "=");
	char *value = word[n] ? word + n + 1 : NULL;

	for (size_t i = 0; i < ARRAY_LEN(attributes); i++)
		if (strlen(attributes[i].name) == n && !strncmp(attributes[i].name, word, n))
			return attributes[i].read(t, f, value);
	return -EINVAL;
}
