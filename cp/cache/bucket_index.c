/* Indexes of a bucket: by label, by the fields that it was declared with, by owner and uid.
 *
 * A query takes the values that one of its requirements allows, and of all requirements the one that the fewest objects
 * meet; the caller looks whether they meet the others. Nothing here can fail. What always holds: an index names exactly
 * the slots whose current object has that value. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cp/cache/internal.h"

/* An index is used where it names fewer than one of so many objects: else they are walked, which needs no sorting. */
enum { WORTH = 4 };

typedef void set_change(struct map *m, const char *value, struct slot *s);

static const char *index_value(const struct cobj *o, size_t i)
{
	const char *v = object_field_nth(o, i);
	return v ? v : "";
}

/* "key=value", valid until the next one. */
static const char *label_value(const char *key, const char *value)
{
	static struct str text;
	str_reset(&text);
	str_add(&text, key);
	str_addc(&text, '=');
	str_add(&text, value);
	return str_text(&text);
}

struct relabel {
	struct slot *s;
	const struct cobj *other;
	set_change *change;
};

static void relabel(void *arg, const char *key, const char *value)
{
	struct relabel *r = arg;
	if (!r->other || !str_eq(cobj_label(r->other, key), value))
		r->change(r->s->bucket->labels, label_value(key, value), r->s);
}

void bucket_index_slot(struct slot *s, bool enter, const struct cobj *other)
{
	struct bucket *b = s->bucket;
	set_change *change = enter ? slot_set_add : slot_set_remove;
	struct cobj_owner o;
	for (size_t i = 0; i < b->n_index; i++) {
		const char *v = index_value(s->obj, i);
		if (!other || strcmp(v, index_value(other, i)))
			change(b->index[i], v, s);
	}
	object_each_label(s->obj, relabel, &(struct relabel){s, other, change});
	for (size_t i = 0; cobj_owner(s->obj, i, &o); i++)
		change(b->cache->dependents, o.uid, s);
	if (!*s->obj->uid)
		return;
	if (enter)
		map_set(b->cache->by_uid, s->obj->uid, s);
	else if (map_get(b->cache->by_uid, s->obj->uid) == s)
		map_remove(b->cache->by_uid, s->obj->uid);
}

/* What a requirement allows: slots of any of the values. */
struct choice {
	const struct map *index; /* NULL: none */
	const char *label;       /* NULL: the values are a field's */
	char *const *values;
	size_t n;
};

static const char *nth_value(const struct choice *c, size_t i)
{
	return c->label ? label_value(c->label, c->values[i]) : c->values[i];
}

static void consider(struct choice *best, struct choice c)
{
	for (size_t i = 0; c.values && c.values[i]; i++)
		c.n += slot_set_len(c.index, nth_value(&c, i));
	if (!best->index || c.n < best->n)
		*best = c;
}

static bool names_values(const char *op)
{
	return !strcmp(op, "=") || !strcmp(op, "in");
}

static struct choice choose(const struct bucket *b, const struct bucket_query *q)
{
	struct choice best = {0};
	const char *key, *op;
	char *const *values;
	for (size_t at = 0; q->labels && selector_next(q->labels, &at, &key, &op, &values);)
		if (names_values(op))
			consider(&best, (struct choice){.index = b->labels, .label = key, .values = values});
	for (size_t at = 0; q->fields && selector_next(q->fields, &at, &key, &op, &values);)
		for (size_t i = 0; i < b->n_index; i++)
			if (names_values(op) && !strcmp(key, b->fields[i]))
				consider(&best, (struct choice){.index = b->index[i], .values = values});
	return best;
}

/* Whether a namespace has fewer than n objects: found in as many steps. */
static bool has_fewer(const struct bucket *b, const char *ns, size_t n)
{
	const struct slot *s = bucket_seek(b, ns, "", NULL);
	for (; s && n && !strcmp(s->obj->ns, ns); s = s->next[0])
		n--;
	return n > 0;
}

static int by_key(const void *a, const void *b)
{
	const struct slot *x = *(struct slot *const *)a, *y = *(struct slot *const *)b;
	return slot_compare(x, y->obj->ns, y->obj->name);
}

void slots_sort(struct slot **slots, size_t n)
{
	qsort(slots, n, sizeof(*slots), by_key);
}

bool bucket_from_index(const struct bucket *b, const struct bucket_query *q, struct slot ***ret, size_t *ret_n)
{
	struct choice c = choose(b, q);
	if (!c.index || c.n * WORTH > b->len)
		return false;
	if (b->namespaced && !str_empty(q->ns) && has_fewer(b, q->ns, c.n))
		return false;
	AUTO_FREE struct slot **slots = xcalloc(c.n + 1, sizeof(*slots));
	size_t n = 0;
	for (size_t i = 0; c.values && c.values[i]; i++)
		n += slot_set_copy(c.index, nth_value(&c, i), slots + n);
	slots_sort(slots, n);
	*ret = TAKE(slots);
	*ret_n = n;
	return true;
}
