/* Schema documents become rules. Purpose: look at every keyword once, when a definition changes, and never while
 * objects are written. Happy path: walk the document, keep what restricts values, compile patterns. Nothing fails: what
 * does not have the JSON type that a keyword demands is left out. What always holds: rules point into the document and
 * the arena. */
#include "cp/schema/rules.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/schema/rules_internal.h"

static const char *text_of(const json_t *schema, const char *key)
{
	const char *s = json_string_value(json_object_get(schema, key));

	return str_empty(s) ? NULL : s;
}

static bool flag_of(const json_t *schema, const char *key)
{
	return json_is_true(json_object_get(schema, key));
}

static json_int_t count_of(const json_t *schema, const char *key)
{
	const json_t *v = json_object_get(schema, key);

	return json_is_integer(v) ? json_integer_value(v) : -1;
}

static const json_t *number_of(const json_t *schema, const char *key)
{
	const json_t *v = json_object_get(schema, key);

	return json_is_number(v) ? v : NULL;
}

static const json_t *list_of(const json_t *schema, const char *key)
{
	const json_t *v = json_object_get(schema, key);

	return json_array_size(v) ? v : NULL;
}

static const struct rules *below(struct arena *a, const json_t *schema, const char *key)
{
	const json_t *v = json_object_get(schema, key);

	return json_is_object(v) ? rules_new(a, v) : NULL;
}

static struct rules_list several(struct arena *a, const json_t *schema, const char *key)
{
	const json_t *list = list_of(schema, key);
	struct rules_list out = {.n = json_array_size(list)};

	if (!out.n)
		return out;
	out.v = arena_alloc(a, out.n * sizeof(*out.v));
	for (size_t i = 0; i < out.n; i++)
		out.v[i] = rules_new(a, json_array_get(list, i));
	return out;
}

static int by_name(const void *a, const void *b)
{
	const struct rules_property *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static void read_properties(struct arena *a, const json_t *schema, struct rules *r)
{
	json_t *all = json_object_get(schema, "properties"), *value;
	struct rules_property *v;
	const char *name;

	if (!json_object_size(all))
		return;
	v = arena_alloc(a, json_object_size(all) * sizeof(*v));
	json_object_foreach(all, name, value) v[r->n_properties++] =
	    (struct rules_property){arena_strdup(a, name), rules_new(a, value)};
	qsort(v, r->n_properties, sizeof(*v), by_name);
	r->properties = v;
}

/* Bounds are checked while a match runs, so that no pattern can keep the loop busy. */
static pcre2_code *compile(const char *pattern)
{
	int code;
	PCRE2_SIZE offset;

	return pattern ? pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_DOLLAR_ENDONLY,
				       &code, &offset, NULL)
		       : NULL;
}

static enum list_type list_type_of(const char *s)
{
	return str_eq(s, "map") ? LIST_MAP : str_eq(s, "set") ? LIST_SET : LIST_ATOMIC;
}

static void read_counts(const json_t *schema, struct rules *r)
{
	r->min_length = count_of(schema, "minLength");
	r->max_length = count_of(schema, "maxLength");
	r->min_items = count_of(schema, "minItems");
	r->max_items = count_of(schema, "maxItems");
	r->min_properties = count_of(schema, "minProperties");
	r->max_properties = count_of(schema, "maxProperties");
	r->minimum = number_of(schema, "minimum");
	r->maximum = number_of(schema, "maximum");
	r->multiple_of = number_of(schema, "multipleOf");
	r->exclusive_minimum = flag_of(schema, "exclusiveMinimum");
	r->exclusive_maximum = flag_of(schema, "exclusiveMaximum");
}

const struct rules *rules_new(struct arena *a, const json_t *schema)
{
	struct rules *r = arena_alloc(a, sizeof(*r));

	read_counts(schema, r);
	r->type = text_of(schema, "type");
	r->format = text_of(schema, "format");
	if (r->format && !rules_format_known(r->format))
		r->format = NULL;
	r->pattern = text_of(schema, "pattern");
	r->compiled = compile(r->pattern);
	r->nullable = flag_of(schema, "nullable");
	r->int_or_string = flag_of(schema, "x-kubernetes-int-or-string");
	r->embedded = flag_of(schema, "x-kubernetes-embedded-resource");
	r->expressions = list_of(schema, "x-kubernetes-validations") != NULL;
	r->unique = flag_of(schema, "uniqueItems");
	r->closed = json_is_false(json_object_get(schema, "additionalProperties"));
	r->enum_ = list_of(schema, "enum");
	r->required = list_of(schema, "required");
	r->list_type = list_type_of(text_of(schema, "x-kubernetes-list-type"));
	r->list_keys = list_of(schema, "x-kubernetes-list-map-keys");
	read_properties(a, schema, r);
	r->additional = below(a, schema, "additionalProperties");
	r->items = below(a, schema, "items");
	r->not_ = below(a, schema, "not");
	r->all_of = several(a, schema, "allOf");
	r->any_of = several(a, schema, "anyOf");
	r->one_of = several(a, schema, "oneOf");
	return r;
}

const struct rules *rules_property(const struct rules *r, const char *name)
{
	for (size_t lo = 0, hi = r->n_properties; lo < hi;) {
		size_t mid = (lo + hi) / 2;
		int order = strcmp(name, r->properties[mid].name);

		if (!order)
			return r->properties[mid].rules;
		if (order < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

/* Calls fn for every rule directly below r; stops where it says true. */
static bool each_below(const struct rules *r, bool (*fn)(const struct rules *r))
{
	const struct rules *const single[] = {r->additional, r->items, r->not_};
	const struct rules_list *const lists[] = {&r->all_of, &r->any_of, &r->one_of};

	for (size_t i = 0; i < r->n_properties; i++)
		if (fn(r->properties[i].rules))
			return true;
	for (size_t i = 0; i < ARRAY_LEN(single); i++)
		if (single[i] && fn(single[i]))
			return true;
	for (size_t l = 0; l < ARRAY_LEN(lists); l++)
		for (size_t i = 0; i < lists[l]->n; i++)
			if (fn(lists[l]->v[i]))
				return true;
	return false;
}

static bool free_patterns(const struct rules *r)
{
	pcre2_code_free(r->compiled);
	each_below(r, free_patterns);
	return false;
}

void rules_done(const struct rules *r)
{
	if (r)
		free_patterns(r);
}

bool rules_have_expressions(const struct rules *r)
{
	return r && (r->expressions || each_below(r, rules_have_expressions));
}
