/* Whether a configuration fits its type: declared fields only, values of the right class, lists whose elements have their
 * keys. -EINVAL with the path, in the original's words. */
#include <errno.h>

#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"
#include "cp/schema/apply.h"

static int check(struct slot s, const json_t *value, const char *path, struct err *e);

static int check_list(struct slot s, const json_t *list, const char *path, struct err *e)
{
	AUTO_MAP *seen = map_new(NULL);
	const char *missing = "";
	json_t *element;
	size_t i;

	json_array_foreach(list, i, element)
	{
		AUTO_FREE char *name = slot_element_name(s, element, &missing);
		AUTO_FREE char *below = NULL;
		int r;

		if (!name)
			return err_set(e, -EINVAL,
				       "%s: element %zu: associative list with keys has an element that omits key field "
				       "\"%s\" (and doesn't have default value)",
				       path, i, missing);
		below = xasprintf("%s[%s]", path, name + 2);
		if (map_has(seen, name))
			return err_set(e, -EINVAL, "%s: duplicate entries for key %s", path, name + 2);
		map_set(seen, name, element);
		r = check(slot_element(s), element, below, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_map(struct slot s, const json_t *object, const char *path, struct err *e)
{
	bool closed = s.type && s.type->class == TYPE_OBJECT && !s.type->preserve_unknown;
	const char *key;
	json_t *below;

	json_object_foreach((json_t *)object, key, below)
	{
		AUTO_FREE char *longer = xasprintf("%s.%s", path, key);
		int r;

		if (closed && !type_field(s.type, key))
			return err_set(e, -EINVAL, "%s: field not declared in schema", longer);
		r = check(slot_member(s, key), below, longer, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The classes of values, as the original tells what it found in their place. */
static const char *const found[] = {
	[JSON_OBJECT] = "map[string]interface {}", [JSON_ARRAY] = "[]interface {}", [JSON_STRING] = "string",
	[JSON_INTEGER] = "int64",		   [JSON_REAL] = "float64",	    [JSON_TRUE] = "bool",
	[JSON_FALSE] = "bool",			   [JSON_NULL] = "<nil>",
};

static int check_class(struct slot s, const json_t *value, const char *path, struct err *e)
{
	enum type_class class = s.type ? s.type->class : TYPE_ANY;
	const char *wanted = NULL;

	if (json_is_null(value))
		return 0;
	if ((class == TYPE_OBJECT || class == TYPE_MAP) && !json_is_object(value))
		wanted = "map";
	else if (class == TYPE_LIST && !json_is_array(value))
		wanted = "list";
	else if (class == TYPE_STRING && !json_is_string(value))
		wanted = "string";
	else if (class == TYPE_BOOLEAN && !json_is_boolean(value))
		wanted = "boolean";
	else if ((class == TYPE_INTEGER || class == TYPE_NUMBER) && !json_is_number(value))
		wanted = "numeric (int or float)";
	return wanted ? err_set(e, -EINVAL, "%s: expected %s, got %s", path, wanted, found[json_typeof(value)]) : 0;
}

static int check(struct slot s, const json_t *value, const char *path, struct err *e)
{
	enum slot_shape shape = slot_shape(s, value);
	int r = check_class(s, value, path, e);

	if (r < 0 || shape == SLOT_LEAF)
		return r;
	return shape == SLOT_LIST ? check_list(s, value, path, e) : check_map(s, value, path, e);
}

int apply_check(const struct type *t, const json_t *config, struct err *e)
{
	return check((struct slot){t, NULL}, config, "", e);
}
