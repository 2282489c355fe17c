/* Small questions about values and types that several parts of the engine ask. Nothing here can fail. */
#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/schema/internal.h"

json_t *type_zero(const struct type *t)
{
	switch (t->class) {
	case TYPE_OBJECT:
		return json_object();
	case TYPE_STRING:
	case TYPE_DURATION:
		return json_string("");
	case TYPE_INTEGER:
	case TYPE_NUMBER:
	case TYPE_INT_OR_STRING:
		return json_integer(0);
	case TYPE_BOOLEAN:
		return json_false();
	case TYPE_QUANTITY:
		return json_string("0");
	default:
		return json_null();
	}
}

bool value_is_empty(const json_t *v)
{
	switch (v ? json_typeof(v) : JSON_NULL) {
	case JSON_STRING:
		return !json_string_length(v);
	case JSON_INTEGER:
		return !json_integer_value(v);
	case JSON_REAL:
		return json_real_value(v) == 0;
	case JSON_OBJECT:
		return !json_object_size(v);
	case JSON_ARRAY:
		return !json_array_size(v);
	case JSON_TRUE:
		return false;
	default:
		return true;
	}
}

/* The members of an object by the places of their fields; unknown ones come behind all, in their order. */
void members_place(struct placed_members *m, const struct type *t, const json_t *object)
{
	size_t hint = 0, n = json_object_size(object), i;
	const char *key;
	json_t *value;

	m->many = n > ARRAY_LEN(m->few) ? xcalloc(n, sizeof(*m->many)) : NULL;
	m->v = m->many ? m->many : m->few;
	m->n = m->next = 0;
	json_object_foreach((json_t *)object, key, value)
	{
		const struct field *f = type_field_from(t, key, &hint);
		struct placed one = {f ? (size_t)(f - t->fields) : t->n_fields, key, value};

		for (i = m->n++; i && m->v[i - 1].place > one.place; i--)
			m->v[i] = m->v[i - 1];
		m->v[i] = one;
	}
}

void members_done(struct placed_members *m)
{
	free(m->many);
}

json_t *members_take(struct placed_members *m, size_t place)
{
	return m->next < m->n && m->v[m->next].place == place ? m->v[m->next++].value : NULL;
}

static void move_to_end(const struct type *t, json_t *object, const struct placed *member)
{
	/* The key goes with the member. */
	AUTO_FREE char *unknown = member->place == t->n_fields ? xstrdup(member->key) : NULL;
	const char *key = unknown ? unknown : t->fields[member->place].name;

	json_incref(member->value);
	json_object_del(object, key);
	json_object_set_new_nocheck(object, key, member->value);
}

/* Those from the first that is out of its place on are put behind the others, one after the other. */
void object_reorder(const struct type *t, json_t *object)
{
	AUTO_MEMBERS m;
	size_t in_place = 0;

	members_place(&m, t, object);
	for (void *at = json_object_iter(object); in_place < m.n && json_object_iter_key(at) == m.v[in_place].key; in_place++)
		at = json_object_iter_next(object, at);
	for (; in_place < m.n; in_place++)
		move_to_end(t, object, &m.v[in_place]);
}
