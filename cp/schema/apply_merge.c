/* Merging a configuration into a live value, and removing by field. Nothing fails: elements without a key, which
 * apply_check() refuses, are left out. */
#include "cp/schema/apply.h"

#include <string.h>

#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"

static size_t size_of(const json_t *v)
{
	return json_is_array(v) ? json_array_size(v) : json_object_size(v);
}

static json_t *merge(struct slot s, const json_t *a, const json_t *b);

static json_t *merge_maps(struct slot s, const json_t *a, const json_t *b)
{
	json_t *out = json_object(), *value;
	const char *key;

	json_object_foreach((json_t *)a, key, value)
	    json_object_set_new_nocheck(out, key, merge(slot_member(s, key), value, json_object_get(b, key)));
	json_object_foreach((json_t *)b, key, value) if (!json_object_get(a, key))
	    json_object_set_new_nocheck(out, key, merge(slot_member(s, key), NULL, value));
	return out;
}

/* Names of the elements in their order; owned vector, with repeated ones only once. */
static char **names_of(struct slot s, const json_t *list, const struct map *index)
{
	char **names = xcalloc(json_array_size(list) + 1, sizeof(*names));
	const char *missing;
	json_t *element;
	size_t i, n = 0;

	json_array_foreach(list, i, element)
	{
		AUTO_FREE char *name = slot_element_name(s, element, &missing);

		if (name && map_get(index, name) == element)
			names[n++] = TAKE(name);
	}
	return names;
}

/* The next element of config that is also in live, from at on. */
static const char *next_shared(char *const *config, size_t *at, const struct map *live)
{
	while (config[*at] && !map_has(live, config[*at]))
		++*at;
	return config[*at] ? config[(*at)++] : NULL;
}

/* Weaves both orders: shared elements in the order of config, those of live alone where they stood. */
static json_t *merge_lists(struct slot s, const json_t *a, const json_t *b)
{
	AUTO_MAP *live = slot_index(s, a), *config = slot_index(s, b);
	AUTO_STRV char **left = names_of(s, a, live), **right = names_of(s, b, config);
	size_t i = 0, j = 0, at = 0;
	const char *shared = next_shared(right, &at, live);
	json_t *out = json_array();

	while (left[i] || right[j]) {
		const char *name;

		if (left[i] && right[j] && strcmp(left[i], right[j]) && map_has(config, left[i]) && shared &&
		    strcmp(shared, left[i])) {
			i++; /* shared, but its turn comes later or was before */
			continue;
		}
		if (left[i] && !map_has(config, left[i])) {
			json_array_append_new(out, merge(slot_element(s), map_get(live, left[i++]), NULL));
			continue;
		}
		if (!right[j])
			break;
		name = right[j++];
		if (str_eq(left[i], name))
			i++;
		json_array_append_new(out, merge(slot_element(s), map_get(live, name), map_get(config, name)));
		if (str_eq(shared, name))
			shared = next_shared(right, &at, live);
	}
	return out;
}

static json_t *merge(struct slot s, const json_t *a, const json_t *b)
{
	enum slot_shape shape = slot_shape(s, b ? b : a);

	if (shape == SLOT_LEAF || (!size_of(a) && !size_of(b)) || !a || !b)
		return json_clone(b ? b : a);
	if (json_is_null(b))
		return json_null();
	return shape == SLOT_MAP ? merge_maps(s, a, b) : merge_lists(s, a, b);
}

json_t *apply_merge(const struct type *t, const json_t *live, const json_t *config)
{
	return merge_maps((struct slot){t, NULL}, live, config);
}

/* --- removal ----------------------------------------------------------------------------------------------------------- */

static json_t *remove_from(struct slot s, const json_t *value, const json_t *set);

static json_t *remove_members(struct slot s, const json_t *object, const json_t *set)
{
	json_t *out = json_object(), *value;
	const char *key;

	json_object_foreach((json_t *)object, key, value)
	{
		AUTO_FREE char *name = xasprintf("f:%s", key);
		const json_t *below = json_object_get(set, name);
		json_t *rest;

		if (fieldset_is_member(below))
			continue;
		rest = below ? remove_from(slot_member(s, key), value, below) : json_incref(value);
		if (rest)
			json_object_set_new_nocheck(out, key, rest);
	}
	return out;
}

static json_t *remove_elements(struct slot s, const json_t *list, const json_t *set)
{
	json_t *out = json_array(), *element;
	const char *missing;
	size_t i;

	json_array_foreach(list, i, element)
	{
		AUTO_FREE char *name = slot_element_name(s, element, &missing);
		const json_t *below = name ? json_object_get(set, name) : NULL;
		json_t *rest;

		if (fieldset_is_member(below))
			continue;
		rest = below ? remove_from(slot_element(s), element, below) : json_incref(element);
		if (rest)
			json_array_append_new(out, rest);
	}
	return out;
}

/* NULL when nothing is left. */
static json_t *remove_from(struct slot s, const json_t *value, const json_t *set)
{
	enum slot_shape shape = slot_shape(s, value);
	json_t *out;

	if (shape == SLOT_LEAF)
		return json_incref((json_t *)value);
	out = shape == SLOT_MAP ? remove_members(s, value, set) : remove_elements(s, value, set);
	if (size_of(out))
		return out;
	json_decref(out);
	return NULL;
}

json_t *apply_remove(const struct type *t, const json_t *value, const json_t *set)
{
	AUTO_JSON *rest = remove_members((struct slot){t, NULL}, value, set);

	return json_clone(rest);
}
