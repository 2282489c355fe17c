/* Defaults that tables declare, filled in from the outside in: a default that is an object gets the defaults of its own
 * fields. Nothing can fail. What always holds: only objects that are present are filled, members stay in field order.
 */
#include "base/json.h"
#include "cp/schema/internal.h"

static void fill_value(const struct type *t, json_t *value);

static void fill_members(const json_t *fill, json_t *object)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)fill, key, value) if (!json_object_get(object, key))
	    json_object_set_new_nocheck(object, key, json_clone(value));
}

static json_t *initial(const struct field *f)
{
	if (f->default_)
		return json_clone(f->default_);
	return f->always ? type_zero(f->type) : NULL;
}

/* Most fields have nothing to be filled in and need not be looked for. */
static bool may_fill(const struct type *t, const struct field *f)
{
	return t->custom || f->default_ || f->always || f->fill || f->type->has_defaults;
}

static void fill_object(const struct type *t, json_t *object)
{
	size_t before = json_object_size(object);
	AUTO_MEMBERS members;

	members_place(&members, t, object);
	for (size_t i = 0; i < t->n_fields; i++) {
		const struct field *f = &t->fields[i];
		json_t *value = members_take(&members, i);

		if (!may_fill(t, f))
			continue;
		if (t->custom && f->nullable && json_is_null(value))
			continue;
		if (!value || json_is_null(value)) {
			json_t *made = initial(f);

			if (!made && t->custom && value)
				json_object_del(object, f->name);
			if (!made)
				continue;
			json_object_set_new_nocheck(object, f->name, made);
			value = made;
		}
		if (f->fill && json_is_object(value))
			fill_members(f->fill, value);
		if (f->type->has_defaults || f->fill)
			fill_value(f->type, value);
	}
	if (!t->custom && json_object_size(object) != before)
		object_reorder(t, object);
}

/* Null is no value where the schema does not allow it: the default stands there, or nothing. */
static void fill_null_values(const struct field *f, json_t *map)
{
	const char *key;
	json_t *value;
	void *next;

	json_object_foreach_safe(map, next, key, value)
	{
		if (!json_is_null(value) || f->nullable)
			continue;
		if (f->default_)
			json_object_set_new_nocheck(map, key, json_clone(f->default_));
		else
			json_object_del(map, key);
	}
}

static void fill_null_elements(const struct field *f, json_t *list)
{
	json_t *value;
	size_t i;

	json_array_foreach(list, i, value) if (json_is_null(value) && !f->nullable && f->default_)
	    json_array_set_new(list, i, json_clone(f->default_));
}

static void fill_value(const struct type *t, json_t *value)
{
	const char *key;
	json_t *below;
	size_t i;

	if (t->class == TYPE_OBJECT && json_is_object(value)) {
		fill_object(t, value);
	} else if (t->class == TYPE_MAP) {
		if (t->elem_field)
			fill_null_values(t->elem_field, value);
		json_object_foreach(value, key, below) fill_value(t->elem, below);
	} else if (t->class == TYPE_LIST) {
		if (t->elem_field)
			fill_null_elements(t->elem_field, value);
		json_array_foreach(value, i, below) fill_value(t->elem, below);
	}
}

static void schema_default_type(const struct type *t, json_t *object)
{
	if (t->has_defaults)
		fill_value(t, object);
}

void schema_default(const struct kind *k, json_t *object)
{
	schema_default_type(k->type, object);
}
