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

static bool in_order(const struct type *t, json_t *object)
{
	size_t next = 0;
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		while (next < t->n_fields && !str_eq(t->fields[next].name, key))
			next++;
		if (next++ >= t->n_fields)
			return false;
	}
	return true;
}

void object_reorder(const struct type *t, json_t *object)
{
	AUTO_JSON *copy = NULL;
	const char *key;
	json_t *value;

	if (in_order(t, object))
		return;
	copy = json_copy(object);
	json_object_clear(object);
	for (size_t i = 0; i < t->n_fields; i++) {
		value = json_object_get(copy, t->fields[i].name);
		if (value)
			json_object_set_nocheck(object, t->fields[i].name, value);
	}
	if (json_object_size(copy) > json_object_size(object))
		json_object_foreach(copy, key, value) if (!json_object_get(object, key))
		    json_object_set_nocheck(object, key, value);
}
