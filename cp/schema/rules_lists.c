/* Lists that are sets or maps. Purpose: no element is there twice (apiextensions: x-kubernetes-list-type). Happy path:
 * walk rules and value together, collect elements or their keys, find nothing again. Nothing fails. What always holds: a
 * value that had something twice before may have it still, and an element is named once however often it comes. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"
#include "cp/schema/rules_checker.h"

/* The keys of an element, as far as it has them. Returns owned. */
static json_t *keys_of(const struct rules *r, const json_t *element)
{
	json_t *keys = json_object(), *name;
	size_t i;

	json_array_foreach(r->list_keys, i, name)
	{
		json_t *value = json_object_get(element, json_string_value(name));
		if (value)
			json_object_set(keys, json_string_value(name), value);
	}
	return keys;
}

char *rules_element_key(const struct rules *r, const json_t *element)
{
	AUTO_JSON *keys = keys_of(r, element);

	return json_format(keys, JSON_COMPACT | JSON_SORT_KEYS);
}

/* Elements of a map have keys. */
static bool are_objects(struct checker *c, const json_t *list)
{
	size_t i, before = c->path.len;
	json_t *element;

	json_array_foreach(list, i, element)
	{
		if (json_is_object(element) || json_is_null(element))
			continue;
		str_addf(&c->path, "[%zu]", i);
		field_invalid(c->errors, checker_field(c), element, "must be an object for an array of list-type map");
		checker_leave(c, before);
		return false;
	}
	return true;
}

static void check_unique(struct checker *c, const struct rules *r, const json_t *list)
{
	static const char once[] = "once", again[] = "again";
	AUTO_MAP *seen = map_new(NULL);
	size_t i, before = c->path.len;
	json_t *element;

	if (r->list_type == LIST_MAP && !are_objects(c, list))
		return;
	json_array_foreach(list, i, element)
	{
		AUTO_JSON *shown = r->list_type == LIST_MAP ? keys_of(r, element) : json_incref(element);
		AUTO_FREE char *text = json_format(shown, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
		const char *times = map_get(seen, text);
		if (times == once) {
			str_addf(&c->path, "[%zu]", i);
			field_duplicate(c->errors, checker_field(c), shown);
			checker_leave(c, before);
		}
		map_set(seen, text, (void *)(times ? again : once));
	}
}

static void check(struct checker *c, const struct rules *r, const json_t *v);

static void check_members(struct checker *c, const struct rules *r, const json_t *v)
{
	const char *key;
	json_t *below;

	json_object_foreach((json_t *)v, key, below)
	{
		size_t before = c->path.len;
		const struct rules *own = checker_enter_member(c, r, key);
		if (!own)
			continue;
		check(c, own, below);
		checker_leave(c, before);
	}
}

static void check(struct checker *c, const struct rules *r, const json_t *v)
{
	size_t i, before = c->path.len;
	json_t *below;

	if (json_is_array(v) && (r->list_type != LIST_ATOMIC || r->unique))
		check_unique(c, r, v);
	if (r->items)
		json_array_foreach(v, i, below)
		{
			str_addf(&c->path, "[%zu]", i);
			check(c, r->items, below);
			checker_leave(c, before);
		}
	check_members(c, r, v);
}

void rules_check_lists(struct checker *c, const struct rules *r, const json_t *v, const json_t *old)
{
	AUTO_FIELD_ERRORS found = {0}, were = {0};
	struct field_errors *all = c->errors;

	c->errors = &found;
	check(c, r, v);
	c->errors = &were;
	if (found.n && old)
		check(c, r, old);
	c->errors = all;
	if (!were.n)
		field_errors_again(all, &found);
}
