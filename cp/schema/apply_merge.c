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

/* A list's elements under their names, in their order; those without one are left out. */
struct named {
	struct named_element {
		char *name;
		json_t *element;
	} *v;
	size_t n;
	struct map *index; /* element by name; NULL for one that stands twice */
};

static struct named named_of(struct slot s, const json_t *list)
{
	struct named out = {.v = xcalloc(json_array_size(list) + 1, sizeof(*out.v)), .index = map_new(NULL)};
	const char *missing;
	json_t *element;
	size_t i;

	json_array_foreach(list, i, element)
	{
		char *name = slot_element_name(s, element, &missing);

		if (!name)
			continue;
		map_set(out.index, name, map_has(out.index, name) ? NULL : element);
		out.v[out.n++] = (struct named_element){name, element};
	}
	return out;
}

static void named_done(struct named *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].name);
	free(l->v);
	map_free(l->index);
}

/* The next element of config that is also in live, from at on. */
static const char *next_shared(const struct named *config, size_t *at, const struct named *live)
{
	while (*at < config->n && !map_has(live->index, config->v[*at].name))
		++*at;
	return *at < config->n ? config->v[(*at)++].name : NULL;
}

/* Shared with config, but its turn comes later. */
static bool is_later(const struct named *live, size_t i, const struct named *config, size_t j, const char *shared)
{
	return i < live->n && j < config->n && strcmp(live->v[i].name, config->v[j].name) &&
	       map_has(config->index, live->v[i].name) && shared && strcmp(shared, live->v[i].name);
}

/* Weaves both orders: shared elements in the order of config, those of live alone where they stood. Where live has an element
 * twice, that of config takes the place of all. */
static json_t *merge_lists(struct slot s, const json_t *a, const json_t *b)
{
	AUTO(named_done) struct named live = named_of(s, a), config = named_of(s, b);
	AUTO_MAP *merged = map_new(NULL);
	size_t i = 0, j = 0, at = 0;
	const char *shared = next_shared(&config, &at, &live);
	json_t *out = json_array();

	while (i < live.n || j < config.n) {
		if (is_later(&live, i, &config, j, shared)) {
			i++;
			continue;
		}
		if (i < live.n && !map_has(config.index, live.v[i].name)) {
			json_array_append_new(out, json_clone(live.v[i++].element));
			continue;
		}
		if (i < live.n && (map_has(merged, live.v[i].name) || (j < config.n && !strcmp(live.v[i].name, config.v[j].name))))
			i++;
		if (j == config.n)
			continue;
		const struct named_element *next = &config.v[j++];
		map_set(merged, next->name, next->element);
		json_array_append_new(out, merge(slot_element(s), map_get(live.index, next->name), next->element));
		if (str_eq(shared, next->name))
			shared = next_shared(&config, &at, &live);
	}
	return out;
}

/* null in the place of a map or list that has members says nothing about them. */
static json_t *merge(struct slot s, const json_t *a, const json_t *b)
{
	enum slot_shape shape = slot_shape(s, b && !json_is_null(b) ? b : a);

	if (shape == SLOT_LEAF || (!size_of(a) && !size_of(b)) || !a || !b)
		return json_clone(b ? b : a);
	if (json_is_null(b))
		return json_clone(a);
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
