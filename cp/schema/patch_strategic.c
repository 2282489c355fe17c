/* Strategic merge patch: a merge that knows which lists are maps in disguise (Kubernetes API conventions, Patch).
 *
 * Objects merge member by member, lists by the strategy and the key of their field; without one they are replaced.
 * Directives: $patch (replace, delete, merge) in objects and list elements, $retainKeys, $setElementOrder/<field>,
 * $deleteFromPrimitiveList/<field>. -EINVAL for a directive of the wrong form, -ENOENT for a list of lists, -EPROTO
 * for an element or a directive that makes no sense, in the original's words. What always holds: doc
 * and patch are never changed, and no directive remains in the result. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "cp/schema/go_format.h"
#include "cp/schema/patch.h"

#define SET_ORDER "$setElementOrder/"
#define DELETE_FROM "$deleteFromPrimitiveList/"

static int merge_object(const struct type *t, json_t *object, const json_t *patch, struct err *e);

static bool is_directive(const char *key)
{
	return !strcmp(key, "$patch") || !strcmp(key, "$retainKeys") || str_has_prefix(key, SET_ORDER) ||
	       str_has_prefix(key, DELETE_FROM);
}

static json_t *clean_copy(const json_t *value);

/* The value of a member that is not there yet. A map that says how it is to be merged, where there is nothing to merge with,
 * comes to nothing. Returns owned. */
static json_t *new_value(const json_t *value)
{
	return json_is_object(value) && json_object_get(value, "$patch") ? json_object() : clean_copy(value);
}

/* A copy of a new value without directives, and without the nulls that would have deleted members. Returns owned. */
static json_t *clean_copy(const json_t *value)
{
	json_t *copy, *below;
	const char *key;
	size_t i;

	if (json_is_object(value)) {
		copy = json_object();
		json_object_foreach((json_t *)value, key, below) if (!is_directive(key) && !json_is_null(below))
		    json_object_set_new_nocheck(copy, key, new_value(below));
		return copy;
	}
	if (!json_is_array(value))
		return json_clone(value);
	copy = json_array();
	json_array_foreach(value, i, below) if (!str_eq(json_member(below, "$patch"), "delete"))
	    json_array_append_new(copy, clean_copy(below));
	return copy;
}

/* The text under which an element is known: its merge key's value, or itself. NULL when it has none. Returns owned. */
static char *identity(const json_t *elem, const char *key)
{
	const json_t *value = key ? json_object_get(elem, key) : elem;

	return value && !json_is_null(value) ? json_text(value) : NULL;
}

/* --- order ---------------------------------------------------------------------------------------------------------
 */

/* Positions, from 1, by identity. */
static struct map *positions(const json_t *list, const char *key)
{
	struct map *m = map_new(NULL);
	json_t *elem;
	size_t i;

	json_array_foreach(list, i, elem)
	{
		AUTO_FREE char *id = identity(elem, key);

		if (id && !map_has(m, id))
			map_set(m, id, (void *)(uintptr_t)(i + 1));
	}
	return m;
}

static size_t position(const struct map *m, const json_t *elem, const char *key)
{
	AUTO_FREE char *id = identity(elem, key);

	return id ? (size_t)(uintptr_t)map_get(m, id) : 0;
}

struct placed {
	json_t *elem;
	size_t wanted; /* position in the patch's order, 0: not mentioned */
	size_t was;    /* position before the patch, 0: new */
};

static int by_wanted(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;

	return x->wanted < y->wanted ? -1 : x->wanted > y->wanted;
}

/* Weaves what the patch mentions (in its order) and the rest (in the old order): a mentioned element comes first unless
 * both were there before and the other one stood in front. Returns owned. */
static json_t *weave(struct placed *mentioned, size_t n, struct placed *rest, size_t m)
{
	json_t *out = json_array();
	size_t i = 0, j = 0;

	while (i < n || j < m) {
		bool other = i == n || (j < m && mentioned[i].was && rest[j].was && rest[j].was < mentioned[i].was);

		json_array_append(out, other ? rest[j++].elem : mentioned[i++].elem);
	}
	return out;
}

/* merged in the order that the patch asks for. order is the list whose order counts, old the list as it was. */
static json_t *reorder(const json_t *merged, const json_t *order, const json_t *old, const char *key)
{
	size_t count = json_array_size(merged), n = 0, m = 0, i;
	AUTO_FREE struct placed *mentioned = xcalloc(count + 1, sizeof(*mentioned)),
				*rest = xcalloc(count + 1, sizeof(*rest));
	AUTO_MAP *wanted = positions(order, key), *was = positions(old, key);
	json_t *elem;

	json_array_foreach(merged, i, elem)
	{
		struct placed p = {elem, position(wanted, elem, key), position(was, elem, key)};

		if (p.wanted)
			mentioned[n++] = p;
		else
			rest[m++] = p;
	}
	qsort(mentioned, n, sizeof(*mentioned), by_wanted);
	return weave(mentioned, n, rest, m);
}

static int wrong_order(const json_t *patch, const json_t *order, struct err *e)
{
	AUTO_FREE char *list = go_format(patch), *wanted = go_format(order);

	return err_set(e, -EPROTO, "The order in patch list:\n%s\n doesn't match $setElementOrder list:\n%s\n", list, wanted);
}

/* What the patch lists must appear in its own $setElementOrder, in that order. */
static int check_order(const json_t *patch, const json_t *order, const char *key, struct err *e)
{
	AUTO_MAP *wanted = positions(order, key);
	size_t last = 0, at, i;
	json_t *elem;

	json_array_foreach(patch, i, elem)
	{
		if (key && json_member(elem, "$patch"))
			continue;
		at = position(wanted, elem, key);
		if (at <= last)
			return wrong_order(patch, order, e);
		last = at;
	}
	return 0;
}

/* --- lists ----------------------------------------------------------------------------------------------------------
 */

static int missing_key(const json_t *elem, const char *key, struct err *e)
{
	AUTO_FREE char *text = go_format(elem);

	return err_set(e, -EPROTO, "map: %s does not contain declared merge key: %s", text, key);
}

static int unknown_directive(const json_t *patch, struct err *e)
{
	const json_t *directive = json_object_get(patch, "$patch");
	AUTO_FREE char *text = go_format(patch), *value = go_format(directive);
	const char *class = json_is_integer(directive) ? "int64" : json_is_real(directive) ? "float64" : "bool";

	return json_is_number(directive) || json_is_boolean(directive)
		   ? err_set(e, -EPROTO, "unknown patch type: %%!s(%s=%s) in map: %s", class, value, text)
		   : err_set(e, -EPROTO, "unknown patch type: %s in map: %s", value, text);
}

/* Lists that are merged hold one class of values, and no lists. */
static int check_elements(const json_t *old, const json_t *patch, struct err *e)
{
	const json_t *lists[] = {old, patch}, *first = NULL;
	json_t *elem;
	size_t n, i;

	for (n = 0; n < ARRAY_LEN(lists); n++) {
		json_array_foreach(lists[n], i, elem)
		{
			first = first ? first : elem;
			if (json_is_array(first))
				return err_set(e, -ENOENT, "lists of lists are not supported");
			if (json_typeof(first) == json_typeof(elem) || (json_is_boolean(first) && json_is_boolean(elem)))
				continue;
			AUTO_FREE char *a = go_format(old), *b = go_format(patch);
			return err_set(e, -EPROTO, "list element types are not identical: [%s %s]", old ? a : "[]", b);
		}
	}
	return 0;
}

/* Removes every element with the identity of elem. */
static void delete_like(json_t *list, const json_t *elem, const char *key)
{
	AUTO_FREE char *id = identity(elem, key);

	for (size_t i = json_array_size(list); id && i-- > 0;) {
		AUTO_FREE char *other = identity(json_array_get(list, i), key);

		if (str_eq(id, other))
			json_array_remove(list, i);
	}
}

/* Elements with $patch: delete or replace. The rest of the patch comes out in ret_patch, owned. */
static int apply_element_directives(json_t *list, const json_t *patch, const char *key, json_t **ret_patch,
				    struct err *e)
{
	AUTO_JSON *rest = json_array();
	bool replace = false;
	json_t *elem;
	size_t i;

	json_array_foreach(patch, i, elem)
	{
		const char *directive = json_member(elem, "$patch");

		if (!json_object_get(elem, "$patch")) {
			json_array_append(rest, elem);
		} else if (str_eq(directive, "replace")) {
			replace = true;
		} else if (str_eq(directive, "merge")) {
			return err_set(e, -EPROTO, "merging lists cannot yet be specified in the patch");
		} else if (!str_eq(directive, "delete")) {
			return unknown_directive(elem, e);
		} else if (!json_object_get(elem, key)) {
			return missing_key(elem, key, e);
		} else {
			delete_like(list, elem, key);
		}
	}
	if (replace) { /* the elements stand as they are, even where they share a key */
		json_array_clear(list);
		json_array_foreach(rest, i, elem) json_array_append_new(list, clean_copy(elem));
		json_array_clear(rest);
	}
	*ret_patch = TAKE(rest);
	return 0;
}

/* Merges a patch element into the one with the same key, or adds it. */
static int merge_element(const struct type *t, json_t *list, struct map *index, const json_t *elem, const char *key,
			 struct err *e)
{
	AUTO_FREE char *id = identity(elem, key);
	size_t at;

	if (!id)
		return missing_key(elem, key, e);
	at = (size_t)(uintptr_t)map_get(index, id);
	if (at && json_is_object(json_array_get(list, at - 1)))
		return merge_object(t, json_array_get(list, at - 1), elem, e);
	json_array_append_new(list, clean_copy(elem));
	map_set(index, id, (void *)(uintptr_t)json_array_size(list));
	return 0;
}

static int merge_object_list(const struct type *t, json_t *list, const json_t *patch, const char *key, struct err *e)
{
	AUTO_JSON *rest = NULL;
	AUTO_MAP *index = NULL;
	json_t *elem;
	size_t i;
	int r = apply_element_directives(list, patch, key, &rest, e);

	if (r < 0)
		return r;
	index = positions(list, key);
	json_array_foreach(rest, i, elem)
	{
		r = merge_element(t, list, index, elem, key, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Lists of scalars with the strategy merge are sets. */
static int merge_scalar_list(json_t *list, const json_t *patch)
{
	AUTO_MAP *index = positions(list, NULL);
	json_t *elem;
	size_t i;

	json_array_foreach(patch, i, elem)
	{
		AUTO_FREE char *id = identity(elem, NULL);

		if (!id || map_has(index, id))
			continue;
		json_array_append_new(list, json_clone(elem));
		map_set(index, id, elem);
	}
	return 0;
}

static bool is_replaced(const json_t *patch)
{
	return json_find(patch, "$patch", "replace") != NULL;
}

static bool has_directives(const json_t *list)
{
	json_t *elem;
	size_t i;

	json_array_foreach(list, i, elem) if (json_object_get(elem, "$patch")) return true;
	return false;
}

/* patch may be NULL where only an order is given. */
static int merge_list(const struct field *f, json_t *object, const char *name, const json_t *patch, const json_t *order,
		      struct err *e)
{
	AUTO_JSON *old = json_copy(json_object_get(object, name)), *list = NULL;
	const char *key = f->patch_key;
	int r = 0;

	if (patch && json_array_size(old) + json_array_size(patch))
		r = check_elements(old, patch, e);
	if (!r && order && patch)
		r = check_order(patch, order, key, e);
	if (r < 0)
		return r;
	list = json_is_array(old) ? json_clone(old) : json_array();
	if (patch)
		r = key ? merge_object_list(f->type->elem, list, patch, key, e) : merge_scalar_list(list, patch);
	if (r < 0)
		return r;
	json_object_set_new_nocheck(object, name,
				    key && is_replaced(patch) ? json_incref(list) : reorder(list, order ? order : patch, old, key));
	return 0;
}

static void delete_from_list(json_t *object, const char *name, const json_t *items)
{
	json_t *list = json_object_get(object, name), *item;
	size_t i;

	if (json_is_array(list) && json_is_array(items))
		json_array_foreach(items, i, item) delete_like(list, item, NULL);
	else if (list) /* what is of another class replaces, as everywhere */
		json_object_set_nocheck(object, name, (json_t *)items);
}

/* --- objects ---------------------------------------------------------------------------------------------------------
 */

/* Drops the members that are not to be kept; what the patch sets must be among those. */
static int apply_retain_keys(json_t *object, const json_t *patch, const json_t *keys, struct err *e)
{
	AUTO_MAP *kept = map_new(NULL);
	const char *key;
	json_t *value;
	void *next;
	size_t i;

	if (!json_is_array(keys))
		return err_set(e, -EINVAL, "invalid patch format of retainKeys");
	json_array_foreach(keys, i, value) if (json_is_string(value)) map_set(kept, json_string_value(value), value);
	json_object_foreach(
	    (json_t *)patch, key,
	    value) if (!is_directive(key) && !json_is_null(value) &&
		       !map_has(kept, key)) return err_set(e, -EINVAL, "invalid patch format of retainKeys");
	json_object_foreach_safe(object, next, key, value) if (!map_has(kept, key)) json_object_del(object, key);
	return 0;
}

static bool merges_lists(const struct field *f)
{
	return f && f->type->class == TYPE_LIST && (f->patch & PATCH_MERGE);
}

static const struct type *member_type(const struct type *t, const struct field *f)
{
	if (f)
		return f->type;
	return t && t->class == TYPE_MAP ? t->elem : NULL;
}

static int merge_member(const struct type *t, json_t *object, const char *key, const json_t *patch, const json_t *order,
			struct err *e)
{
	const struct field *f = t && t->class == TYPE_OBJECT ? type_field(t, key) : NULL;
	json_t *old = json_object_get(object, key);

	if (json_is_null(patch)) {
		json_object_del(object, key);
		return 0;
	}
	if (json_is_array(patch) && merges_lists(f) && (json_is_array(old) || (!old && (order || has_directives(patch)))))
		return merge_list(f, object, key, patch, order, e);
	if (json_is_object(patch) && json_is_object(old))
		return merge_object(member_type(t, f), old, patch, e);
	json_object_set_new_nocheck(object, key, new_value(patch));
	return 0;
}

/* Orders for lists that the patch itself does not mention. */
static int apply_order(const struct type *t, json_t *object, const json_t *patch, const char *name, const json_t *order,
		       struct err *e)
{
	const struct field *f = t && t->class == TYPE_OBJECT ? type_field(t, name) : NULL;

	if (!json_is_array(order))
		return err_set(e, -EPROTO, "expected a []interface {}, but received a %s",
			       json_is_object(order)  ? "map[string]interface {}"
			       : json_is_string(order) ? "string"
			       : json_is_boolean(order) ? "bool"
						       : "int64");
	if (json_object_get(patch, name) || !merges_lists(f) || !json_is_array(json_object_get(object, name)))
		return 0;
	return merge_list(f, object, name, NULL, order, e);
}

static int apply_directives(const struct type *t, json_t *object, const json_t *patch, struct err *e)
{
	const json_t *keys = json_object_get(patch, "$retainKeys");
	const char *key;
	json_t *value;
	int r = keys ? apply_retain_keys(object, patch, keys, e) : 0;

	json_object_foreach((json_t *)patch, key, value)
	{
		if (!r && str_has_prefix(key, DELETE_FROM))
			delete_from_list(object, key + strlen(DELETE_FROM), value);
		if (!r && str_has_prefix(key, SET_ORDER))
			r = apply_order(t, object, patch, key + strlen(SET_ORDER), value, e);
	}
	return r;
}

/* $patch: replace puts the rest of the patch in the object's place, delete leaves it empty. Returns 1 when done. */
static int apply_patch_directive(json_t *object, const json_t *patch, struct err *e)
{
	AUTO_JSON *rest = NULL;
	json_t *value = json_object_get(patch, "$patch");
	const char *directive = json_string_value(value);

	if (!value)
		return 0;
	if (!str_eq(directive, "replace") && !str_eq(directive, "delete"))
		return unknown_directive(patch, e);
	json_object_clear(object);
	rest = clean_copy(patch);
	if (str_eq(directive, "replace"))
		json_object_update(object, rest);
	return 1;
}

static int merge_object(const struct type *t, json_t *object, const json_t *patch, struct err *e)
{
	const char *key;
	json_t *value;
	int r = apply_patch_directive(object, patch, e);

	if (r)
		return MIN(r, 0);
	r = apply_directives(t, object, patch, e);
	if (r < 0)
		return r;
	json_object_foreach((json_t *)patch, key, value)
	{
		AUTO_FREE char *order = NULL;

		if (is_directive(key))
			continue;
		order = xasprintf("%s%s", SET_ORDER, key);
		r = merge_member(t, object, key, value, json_object_get(patch, order), e);
		if (r < 0)
			return r;
	}
	return 0;
}

int patch_strategic(const struct type *t, const json_t *doc, const json_t *patch, json_t **ret, struct err *e)
{
	AUTO_JSON *copy = NULL;
	int r;

	if (!json_is_object(patch) || !json_is_object(doc))
		return err_set(e, -EINVAL, "a strategic merge patch must be an object");
	copy = json_clone(doc);
	r = merge_object(t, copy, patch, e);
	if (r < 0)
		return r;
	*ret = TAKE(copy);
	return 0;
}
