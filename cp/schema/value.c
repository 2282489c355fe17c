/* Small questions about values and types that several parts of the engine ask. Nothing here can fail. */
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

/* How many of the members stand in the order of the fields before the first that does not. */
static size_t count_in_order(const struct type *t, json_t *object)
{
	size_t next = 0, n = 0;
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		while (next < t->n_fields && !str_eq(t->fields[next].name, key))
			next++;
		if (next++ >= t->n_fields)
			break;
		n++;
	}
	return n;
}

static void move_to_end(json_t *object, const char *key, json_t *value)
{
	json_incref(value);
	json_object_del(object, key);
	json_object_set_new_nocheck(object, key, value);
}

/* Each field goes behind those before it: what is left in front at last is unknown, and follows. */
void object_reorder(const struct type *t, json_t *object)
{
	size_t known = 0, n = json_object_size(object);
	json_t *value;

	if (count_in_order(t, object) == n)
		return;
	for (size_t i = 0; i < t->n_fields; i++) {
		value = json_object_get(object, t->fields[i].name);
		if (!value)
			continue;
		move_to_end(object, t->fields[i].name, value);
		known++;
	}
	for (size_t unknown = n - known; unknown; unknown--) {
		void *first = json_object_iter(object);
		AUTO_FREE char *key = xstrdup(json_object_iter_key(first));
		move_to_end(object, key, json_object_iter_value(first));
	}
}
