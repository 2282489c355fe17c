/* The fields of a value, and the differences of two.
 *
 * Maps, declared objects and keyed lists are gone into, everything else is a leaf, a value as a whole. Nothing fails;
 * elements without a key are passed over. */
#include "cp/schema/apply.h"

#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"
#include "cp/schema/internal.h"

/* --- the fields of a value -------------------------------------------------------------------------------------------- */

static json_t *fields_of(struct slot s, const json_t *value);

static json_t *member_fields(struct slot s, const char *key, const json_t *value)
{
	struct slot inner = slot_member(s, key);
	json_t *node = fields_of(inner, value);
	bool bare = json_is_null(value) || (json_is_object(value) && !json_object_size(value));

	if (bare || !inner.field)
		return fieldset_is_member(node) ? node : fieldset_node(node ? node : json_object(), true);
	return node;
}

static json_t *list_fields(struct slot s, const json_t *list)
{
	json_t *out = json_object(), *element;
	const char *missing;
	size_t i;

	json_array_foreach(list, i, element)
	{
		AUTO_FREE char *name = slot_element_name(s, element, &missing);
		json_t *node;

		if (!name)
			continue;
		if (json_object_get(out, name)) { /* twice: known by its key alone */
			json_object_set_new_nocheck(out, name, json_object());
			continue;
		}
		node = fields_of(slot_element(s), element);
		json_object_set_new_nocheck(
		    out, name, fieldset_is_member(node) ? node : fieldset_node(node ? node : json_object(), true));
	}
	return fieldset_node(out, false);
}

static json_t *fields_of(struct slot s, const json_t *value)
{
	enum slot_shape shape = slot_shape(s, value);
	json_t *out, *below;
	const char *key;

	if (shape == SLOT_LEAF)
		return json_object();
	if (shape == SLOT_LIST)
		return list_fields(s, value);
	out = json_object();
	json_object_foreach((json_t *)value, key, below)
	{
		AUTO_ELEMENT name = {0};
		json_t *node = member_fields(s, key, below);

		if (node)
			json_object_set_new_nocheck(out, element_name(&name, key), node);
	}
	return fieldset_node(out, false);
}

json_t *apply_fields(const struct type *t, const json_t *value)
{
	return fields_of((struct slot){t, NULL}, value);
}

/* --- differences ------------------------------------------------------------------------------------------------------- */

void apply_diff_done(struct apply_diff *d)
{
	json_decref(d->added);
	json_decref(d->modified);
	json_decref(d->removed);
	*d = (struct apply_diff){0};
}

static void compare(struct slot s, const json_t *a, const json_t *b, struct apply_diff *ret);

static void put(json_t **node, const char *name, json_t *below)
{
	if (!below)
		return;
	if (!*node)
		*node = json_object();
	json_object_set_new_nocheck(*node, name, below);
}

static void compare_below(struct slot s, const char *name, const json_t *a, const json_t *b, struct apply_diff *ret)
{
	struct apply_diff d = {0};

	if (a && b && json_equal(a, b)) /* most are, and names need not be made then */
		return;
	compare(s, a, b, &d);
	put(&ret->added, name, d.added);
	put(&ret->modified, name, d.modified);
	put(&ret->removed, name, d.removed);
}

static void compare_maps(struct slot s, const json_t *a, const json_t *b, struct apply_diff *ret)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)a, key, value)
	{
		AUTO_ELEMENT name = {0};
		json_t *other = json_object_get(b, key);

		if (value != other)
			compare_below(slot_member(s, key), element_name(&name, key), value, other, ret);
	}
	json_object_foreach((json_t *)b, key, value) if (!json_object_get(a, key))
	{
		AUTO_ELEMENT name = {0};

		compare_below(slot_member(s, key), element_name(&name, key), NULL, value, ret);
	}
}

/* The elements of a list where there was none; of one that stands twice only its key counts. */
static void add_elements(struct slot s, const json_t *list, struct apply_diff *ret)
{
	const char *missing;
	json_t *element;
	size_t i;

	json_array_foreach(list, i, element)
	{
		AUTO_FREE char *name = slot_element_name(s, element, &missing);

		if (name && json_object_get(ret->added, name))
			put(&ret->added, name, fieldset_leaf());
		else if (name)
			compare_below(slot_element(s), name, NULL, element, ret);
	}
}

static void free_list(void *list)
{
	json_decref(list);
}

/* The elements by these names, each a list of all that have it. Returns owned. */
static struct map *group_elements(struct slot s, const json_t *list)
{
	struct map *m = map_new(free_list);
	const char *missing;
	json_t *element;
	size_t i;

	json_array_foreach(list, i, element)
	{
		AUTO_FREE char *name = slot_element_name(s, element, &missing);

		if (name && !map_has(m, name))
			map_set(m, name, json_array());
		if (name)
			json_array_append(map_get(m, name), element);
	}
	return m;
}

/* The elements of one name before and after. As long as it stands twice it is one value. */
static void compare_group(struct slot s, const char *name, const json_t *a, const json_t *b, struct apply_diff *ret)
{
	bool was_repeated = json_array_size(a) > 1, is_repeated = json_array_size(b) > 1;
	const json_t *before = json_array_get(a, 0), *after = json_array_get(b, 0);

	if (was_repeated && is_repeated) {
		if (!json_equal(a, b))
			put(&ret->modified, name, fieldset_leaf());
		return;
	}
	if (was_repeated || is_repeated) {
		if (was_repeated ? after != NULL : before != NULL)
			compare_below(slot_element(s), name, was_repeated ? NULL : before, is_repeated ? NULL : after, ret);
		put(was_repeated ? &ret->removed : &ret->added, name, fieldset_leaf());
		return;
	}
	compare_below(slot_element(s), name, before, after, ret);
}

/* Lists in which something stands twice. */
static void compare_groups(struct slot s, const json_t *a, const json_t *b, struct apply_diff *ret)
{
	AUTO_MAP *before = group_elements(s, a), *after = group_elements(s, b);
	const char *name;
	json_t *elements;
	size_t at = 0;

	while (map_next(before, &at, &name, &elements))
		compare_group(s, name, elements, map_get(after, name), ret);
	at = 0;
	while (map_next(after, &at, &name, &elements))
		if (!map_has(before, name))
			compare_group(s, name, NULL, elements, ret);
}

static void compare_lists(struct slot s, const json_t *a, const json_t *b, struct apply_diff *ret)
{
	const char *name;
	json_t *element;
	size_t at = 0;

	if (!json_array_size(a)) {
		add_elements(s, b, ret);
		return;
	}
	AUTO_MAP *before = slot_index(s, a), *after = slot_index(s, b);
	if (map_len(before) < json_array_size(a) || map_len(after) < json_array_size(b)) {
		compare_groups(s, a, b, ret);
		return;
	}
	while (map_next(before, &at, &name, &element))
		compare_below(slot_element(s), name, element, map_get(after, name), ret);
	at = 0;
	while (map_next(after, &at, &name, &element))
		if (!map_has(before, name))
			compare_below(slot_element(s), name, NULL, element, ret);
}

static size_t size_of(const json_t *v)
{
	return json_is_array(v) ? json_array_size(v) : json_object_size(v);
}

static void mark(json_t **node)
{
	*node = *node ? fieldset_node(*node, true) : fieldset_leaf();
}

/* Whether a map gave way to something else, or took its place, where no type says what there is. */
static bool changes_shape(struct slot s, const json_t *a, const json_t *b)
{
	return json_is_object(a) != json_is_object(b) && slot_is_open(s);
}

/* A map's members came or went with it. */
static void compare_shapes(struct slot s, const json_t *a, const json_t *b, struct apply_diff *ret)
{
	compare_maps(s, json_is_object(a) ? a : NULL, json_is_object(b) ? b : NULL, ret);
	if (!json_is_null(a) && !json_is_null(b))
		mark(&ret->modified);
}

static void compare(struct slot s, const json_t *a, const json_t *b, struct apply_diff *ret)
{
	enum slot_shape shape = slot_shape(s, b ? b : a);
	bool leaf = shape == SLOT_LEAF || (!size_of(a) && !size_of(b));

	if (a && b && changes_shape(s, a, b) && (size_of(a) || size_of(b))) {
		compare_shapes(s, a, b, ret);
		return;
	}
	if (leaf && a && b) {
		if (!json_equal(a, b))
			mark(&ret->modified);
		return;
	}
	if (!leaf && shape == SLOT_MAP)
		compare_maps(s, a, b, ret);
	else if (!leaf)
		compare_lists(s, a, b, ret);
	if (!a)
		mark(&ret->added);
	else if (!b)
		mark(&ret->removed);
}

void apply_compare(const struct type *t, const json_t *before, const json_t *after, struct apply_diff *ret)
{
	*ret = (struct apply_diff){0};
	compare_maps((struct slot){t, NULL}, before, after, ret);
}

/* --- nothing set -------------------------------------------------------------------------------------------------------- */

/* Whether an encoder writes the field although nothing is set: it has no way to leave it out. */
static bool always_there(const struct field *f)
{
	return f->always || f->required;
}

json_t *apply_empty(const struct type *t)
{
	json_t *out = json_object();

	for (size_t i = 0; i < t->n_fields; i++) {
		const struct field *f = &t->fields[i];

		if (always_there(f))
			json_object_set_new_nocheck(out, f->name,
						    f->type->class == TYPE_OBJECT ? apply_empty(f->type)
										  : type_zero(f->type));
	}
	return out;
}
