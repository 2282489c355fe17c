/* Set algebra on trees of path elements, and the names of elements.
 *
 * Nothing here can fail but slot_element_name(), for an element without one of its keys. What always holds: arguments stay
 * as they are, a node that is nothing is left out. */
#include "cp/schema/fieldset.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/schema/internal.h"

#define SELF "."

bool fieldset_is_empty(const json_t *set)
{
	return json_object_size(set) == 0;
}

bool fieldset_is_member(const json_t *node)
{
	return node && (json_object_size(node) == 0 || json_object_get(node, SELF));
}

json_t *fieldset_leaf(void)
{
	static json_t *leaf;

	if (!leaf)
		leaf = json_object();
	return json_incref(leaf);
}

json_t *fieldset_node(json_t *below, bool member)
{
	if (json_object_size(below) == 0) {
		if (member)
			return below;
		json_decref(below);
		return NULL;
	}
	if (member)
		json_object_set_new_nocheck(below, SELF, fieldset_leaf());
	return below;
}

const char *element_name(struct element_name *n, const char *field)
{
	size_t len = strlen(field);
	n->heap = len + 3 > sizeof(n->text) ? xasprintf("f:%s", field) : NULL;
	if (n->heap)
		return n->heap;
	memcpy(n->text, "f:", 2);
	memcpy(n->text + 2, field, len + 1);
	return n->text;
}

void element_name_done(struct element_name *n)
{
	free(n->heap);
}

enum operation { UNION, DIFFERENCE, INTERSECTION, WITHOUT };

static bool in_result(enum operation op, bool a, bool b)
{
	if (op == UNION)
		return a || b;
	return op == INTERSECTION ? a && b : a && !b;
}

static json_t *combine(enum operation op, const json_t *a, const json_t *b, bool root)
{
	json_t *out = json_object(), *below;
	const char *key;

	json_object_foreach((json_t *)a, key, below)
	{
		const json_t *other = json_object_get(b, key);
		json_t *node = NULL;

		if (!strcmp(key, SELF) || (op == WITHOUT && fieldset_is_member(other)))
			continue;
		if (other)
			node = combine(op, below, other, false);
		else if (op != INTERSECTION)
			node = json_incref(below);
		if (node)
			json_object_set_new_nocheck(out, key, node);
	}
	if (op == UNION)
		json_object_foreach((json_t *)b, key, below) if (strcmp(key, SELF) && !json_object_get(a, key))
		    json_object_set_nocheck(out, key, below);
	return fieldset_node(out, !root && in_result(op, fieldset_is_member(a), fieldset_is_member(b)));
}

json_t *fieldset_union(const json_t *a, const json_t *b)
{
	return combine(UNION, a, b, true);
}

json_t *fieldset_difference(const json_t *a, const json_t *b)
{
	return combine(DIFFERENCE, a, b, true);
}

json_t *fieldset_intersection(const json_t *a, const json_t *b)
{
	return combine(INTERSECTION, a, b, true);
}

json_t *fieldset_without(const json_t *a, const json_t *b)
{
	return combine(WITHOUT, a, b, true);
}

/* --- order -------------------------------------------------------------------------------------------------------- */

static int rank(const char *element)
{
	const char *at = strchr("fkvi", *element);

	return at && *element ? (int)(at - "fkvi") : -1;
}

static int compare_values(const json_t *a, const json_t *b)
{
	if (json_is_number(a) && json_is_number(b)) {
		double x = json_number_value(a), y = json_number_value(b);

		return x < y ? -1 : x > y;
	}
	if (json_is_string(a) && json_is_string(b))
		return strcmp(json_string_value(a), json_string_value(b));
	return (int)json_typeof(a) - (int)json_typeof(b);
}

static int compare_keys(const json_t *a, const json_t *b)
{
	void *i = json_object_iter((json_t *)a), *j = json_object_iter((json_t *)b);

	for (; i && j; i = json_object_iter_next((json_t *)a, i), j = json_object_iter_next((json_t *)b, j)) {
		int r = strcmp(json_object_iter_key(i), json_object_iter_key(j));

		if (!r)
			r = compare_values(json_object_iter_value(i), json_object_iter_value(j));
		if (r)
			return r;
	}
	return i ? 1 : j ? -1 : 0;
}

static json_t *parse_element(const char *element)
{
	json_t *value = NULL;

	return json_parse(element + 2, strlen(element + 2), &value, NULL) == 0 ? value : NULL;
}

static int by_element(const void *pa, const void *pb)
{
	const char *a = *(const char *const *)pa, *b = *(const char *const *)pb;
	AUTO_JSON *x = NULL, *y = NULL;
	int r = rank(a) - rank(b);

	if (r || *a == 'f' || *a == *SELF)
		return r ? r : strcmp(a, b);
	x = parse_element(a);
	y = parse_element(b);
	if (json_is_object(x) && json_is_object(y))
		return compare_keys(x, y);
	return compare_values(x, y);
}

/* Passes over a text without escapes, or a natural number; NULL where there is something else. */
static const char *plain_value(const char *p)
{
	size_t n;

	if (*p == '"') {
		for (p++; (unsigned char)*p >= 0x20 && *p != '"' && *p != '\\'; p++)
			;
		return *p == '"' ? p + 1 : NULL;
	}
	n = strspn(p, "0123456789");
	return n && (*p != '0' || n == 1) ? p + n : NULL;
}

/* Whether keys are written as nearly all are, so that they need not be parsed. */
static bool are_plain_keys(const char *p)
{
	if (*p != '{')
		return false;
	do {
		p = p[1] == '"' ? plain_value(p + 1) : NULL;
		p = p && *p == ':' ? plain_value(p + 1) : NULL;
	} while (p && *p == ',');
	return p && !strcmp(p, "}");
}

static bool is_element(const char *element)
{
	AUTO_JSON *value = NULL;
	int64_t index;

	if (!*element || element[1] != ':')
		return false;
	if (*element == 'i')
		return str_to_i64(element + 2, &index) == 0;
	if (*element != 'k' && *element != 'v')
		return true;
	if (*element == 'k' && are_plain_keys(element + 2))
		return true;
	value = parse_element(element);
	return *element == 'k' ? json_is_object(value) : value != NULL;
}

bool fieldset_is_valid(const json_t *set)
{
	json_t *node = (json_t *)set;

	for (void *at = json_object_iter(node); at; at = json_object_iter_next(node, at)) {
		const char *key = json_object_iter_key(at);
		json_t *below = json_object_iter_value(at);

		if (!(key[0] == 'f' && key[1] == ':') && strcmp(key, SELF) != 0 && !is_element(key))
			return false;
		if (!json_is_object(below) || (json_object_size(below) && !fieldset_is_valid(below)))
			return false;
	}
	return true;
}

/* The elements of a node, sorted; owned array of borrowed texts. */
static const char **sorted_elements(const json_t *node)
{
	const char **keys = xcalloc(json_object_size(node) + 1, sizeof(*keys)), *key;
	json_t *below;
	size_t n = 0;

	json_object_foreach((json_t *)node, key, below) keys[n++] = key;
	qsort(keys, n, sizeof(*keys), by_element);
	return keys;
}

json_t *fieldset_sorted(const json_t *set)
{
	AUTO_FREE const char **keys = sorted_elements(set);
	json_t *out = json_object();

	for (size_t i = 0; keys[i]; i++)
		json_object_set_new_nocheck(out, keys[i], fieldset_sorted(json_object_get(set, keys[i])));
	return out;
}

/* --- text ---------------------------------------------------------------------------------------------------------- */

static void add_keys(struct str *out, const json_t *keys)
{
	const char *name, *before = "";
	json_t *value;

	json_object_foreach((json_t *)keys, name, value)
	{
		str_addf(out, "%s%s=", before, name);
		str_add_jsonv(out, value);
		before = ",";
	}
}

void fieldset_add_element(struct str *out, const char *element)
{
	AUTO_JSON *value = NULL;

	if (*element == 'f') {
		str_addf(out, ".%s", element + 2);
		return;
	}
	value = parse_element(element);
	str_addc(out, '[');
	if (*element == 'k')
		add_keys(out, value);
	else
		str_addf(out, "%s%s", *element == 'v' ? "=" : "", element + 2);
	str_addc(out, ']');
}

static void each_below(const json_t *node, const struct str *path, fieldset_path_fn *each, void *arg)
{
	AUTO_FREE const char **keys = sorted_elements(node);

	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; keys[i]; i++) {
			const json_t *below = json_object_get(node, keys[i]);
			AUTO_STR longer = STR_INIT;

			if (!strcmp(keys[i], SELF) || (pass == 0 && !fieldset_is_member(below)))
				continue;
			str_add(&longer, str_text(path));
			fieldset_add_element(&longer, keys[i]);
			if (pass == 0)
				each(arg, str_text(&longer));
			else
				each_below(below, &longer, each, arg);
		}
	}
}

void fieldset_each(const json_t *set, fieldset_path_fn *each, void *arg)
{
	AUTO_STR path = STR_INIT;

	each_below(set, &path, each, arg);
}

/* --- slots ---------------------------------------------------------------------------------------------------------- */

bool slot_is_open(struct slot s)
{
	return !s.type || (s.type->custom && s.type->class == TYPE_ANY);
}

enum slot_shape slot_shape(struct slot s, const json_t *value)
{
	if (slot_is_open(s))
		return json_is_object(value) ? SLOT_MAP : SLOT_LEAF;
	if (s.type->class == TYPE_OBJECT || s.type->class == TYPE_MAP)
		return s.type->atomic_map ? SLOT_LEAF : SLOT_MAP;
	if (s.type->class == TYPE_LIST && s.field && s.field->list_type != LIST_ATOMIC)
		return SLOT_LIST;
	return SLOT_LEAF;
}

struct slot slot_member(struct slot s, const char *key)
{
	const struct field *f = s.type && s.type->class == TYPE_OBJECT ? type_field(s.type, key) : NULL;

	if (f)
		return (struct slot){f->type, f};
	if (s.type && s.type->class == TYPE_MAP)
		return (struct slot){s.type->elem, s.type->elem_field};
	return (struct slot){NULL, NULL};
}

struct slot slot_element(struct slot s)
{
	return (struct slot){s.type->elem, s.type->elem_field};
}

/* What a key is where an element leaves it out: its default, or the zero of a field that is always there. */
static json_t *key_value(const struct type *t, const json_t *element, const char *name)
{
	const struct field *f = t->class == TYPE_OBJECT ? type_field(t, name) : NULL;
	json_t *value = json_object_get(element, name);

	if (value && !json_is_null(value))
		return json_incref(value);
	if (f && f->default_)
		return json_clone(f->default_);
	return f && (f->always || f->required) ? type_zero(f->type) : NULL;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* In the order in which the type declares the keys. */
static const char *first_missing(struct slot s, const json_t *element)
{
	const char *const *name = s.field->list_keys;

	for (; *name; name++) {
		AUTO_JSON *value = key_value(s.type->elem, element, *name);

		if (!value)
			break;
	}
	return *name;
}

static char *keyed_name(struct slot s, const json_t *element, const char **ret_missing)
{
	AUTO_STR text = STR_INIT;
	const char *names[8];
	size_t n = 0;

	for (; n < ARRAY_LEN(names) && s.field->list_keys && s.field->list_keys[n]; n++)
		names[n] = s.field->list_keys[n];
	if (n > 1)
		qsort(names, n, sizeof(*names), by_name);
	str_add(&text, "k:{");
	for (size_t i = 0; i < n; i++) {
		AUTO_JSON *value = key_value(s.type->elem, element, names[i]);

		if (!value) {
			*ret_missing = first_missing(s, element);
			return NULL;
		}
		str_add(&text, i ? "," : "");
		str_add_json(&text, names[i]);
		str_addc(&text, ':');
		str_add_jsonv(&text, value);
	}
	str_addc(&text, '}');
	return str_take(&text);
}

char *slot_element_name(struct slot s, const json_t *element, const char **ret_missing)
{
	AUTO_FREE char *text = NULL;

	if (s.field->list_type == LIST_MAP)
		return keyed_name(s, element, ret_missing);
	text = json_text(element);
	return xasprintf("v:%s", text);
}

struct map *slot_index(struct slot s, const json_t *list)
{
	struct map *m = map_new(NULL);
	const char *missing;
	json_t *element;
	size_t i;

	json_array_foreach(list, i, element)
	{
		AUTO_FREE char *name = slot_element_name(s, element, &missing);

		if (name && !map_has(m, name))
			map_set(m, name, element);
	}
	return m;
}

/* --- parents --------------------------------------------------------------------------------------------------------- */

static struct slot slot_below(struct slot s, const char *element)
{
	if (*element == 'f')
		return slot_member(s, element + 2);
	return s.type && s.type->class == TYPE_LIST ? slot_element(s) : (struct slot){NULL, NULL};
}

static json_t *with_parents(struct slot s, const json_t *node, bool member)
{
	json_t *out = json_object(), *below;
	const char *key;

	json_object_foreach((json_t *)node, key, below)
	{
		struct slot inner = slot_below(s, key);

		if (strcmp(key, SELF))
			json_object_set_new_nocheck(out, key,
						    with_parents(inner, below, fieldset_is_member(below) || inner.field));
	}
	return fieldset_node(out, member);
}

json_t *fieldset_with_parents(const json_t *set, const struct type *t)
{
	return with_parents((struct slot){t, NULL}, set, false);
}

/* --- changed schemas -------------------------------------------------------------------------------------------------- */

static bool is_whole(struct slot s)
{
	if (!s.type || slot_is_open(s))
		return false;
	if (s.type->class == TYPE_LIST)
		return !s.field || s.field->list_type == LIST_ATOMIC;
	return (s.type->class == TYPE_OBJECT || s.type->class == TYPE_MAP) && s.type->atomic_map;
}

static json_t *by_type(struct slot s, const json_t *node, bool member)
{
	json_t *out = json_object(), *below;
	const char *key;

	json_object_foreach((json_t *)node, key, below)
	{
		struct slot inner = slot_below(s, key);

		if (!strcmp(key, SELF))
			continue;
		json_object_set_new_nocheck(out, key, json_object_size(below) && is_whole(inner) ? fieldset_leaf()
									     : by_type(inner, below, fieldset_is_member(below)));
	}
	return fieldset_node(out, member);
}

json_t *fieldset_by_type(const json_t *set, const struct type *t)
{
	return by_type((struct slot){t, NULL}, set, false);
}
