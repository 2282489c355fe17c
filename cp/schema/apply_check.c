/* Whether a configuration fits its type: declared fields only, values of the right class, lists whose elements have their
 * keys. Happy path: nothing to say. -EINVAL with every path that does not fit, in the original's words. */
#include <errno.h>

#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"
#include "cp/schema/apply.h"
#include "cp/schema/go_format.h"

struct findings {
	char **lines;
};

static void check(struct slot s, const json_t *value, const char *path, struct findings *f);

static void add(struct findings *f, const char *path, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void add(struct findings *f, const char *path, const char *fmt, ...)
{
	AUTO_FREE char *what = NULL, *line = NULL;
	va_list ap;

	va_start(ap, fmt);
	what = xvasprintf(fmt, ap);
	va_end(ap);
	line = xasprintf("%s%s%s", path, *path ? ": " : "", what);
	strv_add(&f->lines, line);
}

/* Why an element cannot be known by its key, or by itself; NULL: it can. */
static const char *keyless(const struct field *f, const json_t *element)
{
	if (f->list_type == LIST_MAP)
		return json_is_object(element) ? NULL
		       : json_is_null(element) ? "associative list with keys may not have a null element"
					       : "associative list with keys may not have non-map elements";
	return json_is_object(element)	? "associative list without keys has an element that's a map type"
	       : json_is_array(element) ? "not supported: associative list with lists as elements"
	       : json_is_null(element)	? "associative list without keys has an element that's an explicit null"
					: NULL;
}

/* The element's name, owned; NULL with a finding when it has none. */
static char *checked_name(struct slot s, const json_t *element, size_t i, const char *path, struct findings *f)
{
	const char *why = keyless(s.field, element), *missing = "";
	char *name = why ? NULL : slot_element_name(s, element, &missing);

	if (why)
		add(f, path, "element %zu: %s", i, why);
	else if (!name)
		add(f, path,
		    "element %zu: associative list with keys has an element that omits key field \"%s\" (and "
		    "doesn't have default value)",
		    i, missing);
	return name;
}

static void check_list(struct slot s, const json_t *list, const char *path, struct findings *f)
{
	AUTO_MAP *seen = map_new(NULL);
	json_t *element;
	size_t i;

	json_array_foreach(list, i, element)
	{
		AUTO_FREE char *name = checked_name(s, element, i, path, f), *below = NULL;
		AUTO_STR shown = STR_INIT;

		if (!name)
			return;
		fieldset_add_element(&shown, name);
		below = xasprintf("%s%s", path, str_text(&shown));
		if (map_has(seen, name))
			add(f, path, "duplicate entries for key %s", str_text(&shown));
		map_set(seen, name, element);
		check(slot_element(s), element, below, f);
	}
}

/* One that is replaced as a whole. */
static void check_atomic_list(struct slot s, const json_t *list, const char *path, struct findings *f)
{
	json_t *element;
	size_t i;

	json_array_foreach(list, i, element)
	{
		AUTO_FREE char *below = xasprintf("%s[%zu]", path, i);

		check(slot_element(s), element, below, f);
	}
}

/* The first member that is not declared ends the walk over its object. */
static void check_map(struct slot s, const json_t *object, const char *path, struct findings *f)
{
	bool closed = s.type->class == TYPE_OBJECT && !s.type->preserve_unknown;
	const char *key;
	json_t *below;

	json_object_foreach((json_t *)object, key, below)
	{
		AUTO_FREE char *longer = xasprintf("%s.%s", path, key);

		if (closed && !type_field(s.type, key)) {
			add(f, longer, "field not declared in schema");
			return;
		}
		check(slot_member(s, key), below, longer, f);
	}
}

/* The classes of values, as the original tells what it found in the place of a number. */
static const char *const found[] = {
	[JSON_OBJECT] = "map[string]interface {}", [JSON_ARRAY] = "[]interface {}", [JSON_STRING] = "string",
	[JSON_INTEGER] = "int64",		   [JSON_REAL] = "float64",	    [JSON_TRUE] = "bool",
	[JSON_FALSE] = "bool",			   [JSON_NULL] = "<nil>",
};

/* What may be a number or a text. */
static bool is_any_scalar(enum type_class class)
{
	return class == TYPE_QUANTITY || class == TYPE_TIME || class == TYPE_MICROTIME || class == TYPE_INT_OR_STRING;
}

/* Whether the value is of its type's class. */
static bool check_class(struct slot s, const json_t *value, const char *path, struct findings *f)
{
	enum type_class class = s.type ? s.type->class : TYPE_ANY;
	AUTO_FREE char *plain = NULL, *literal = NULL;

	if (json_is_null(value))
		return true;
	if ((class == TYPE_INTEGER || class == TYPE_NUMBER) && !json_is_number(value)) {
		add(f, path, "expected numeric (int or float), got %s", found[json_typeof(value)]);
		return false;
	}
	if ((class == TYPE_STRING || class == TYPE_BYTES || class == TYPE_DURATION) && !json_is_string(value)) {
		literal = go_literal(value);
		add(f, path, "expected string, got &value.valueUnstructured{Value:%s}", literal);
		return false;
	}
	const char *wanted = (class == TYPE_OBJECT || class == TYPE_MAP) && !json_is_object(value) ? "map"
			     : class == TYPE_LIST && !json_is_array(value)			   ? "list"
			     : class == TYPE_BOOLEAN && !json_is_boolean(value)			   ? "boolean"
			     : is_any_scalar(class) && (json_is_object(value) || json_is_array(value)) ? "any scalar"
												   : NULL;
	if (!wanted)
		return true;
	plain = go_format(value);
	add(f, path, "expected %s, got &{%s}", wanted, plain);
	return false;
}

static void check(struct slot s, const json_t *value, const char *path, struct findings *f)
{
	if (!check_class(s, value, path, f) || !s.type)
		return;
	if (s.type->class == TYPE_LIST && s.field && s.field->list_type != LIST_ATOMIC)
		check_list(s, value, path, f);
	else if (s.type->class == TYPE_LIST)
		check_atomic_list(s, value, path, f);
	else if (s.type->class == TYPE_OBJECT || s.type->class == TYPE_MAP)
		check_map(s, value, path, f);
}

int apply_check(const struct type *t, const json_t *config, struct err *e)
{
	struct findings f = {0};
	int r;

	check((struct slot){t, NULL}, config, "", &f);
	if (!f.lines)
		return 0;
	AUTO_FREE char *all = str_join(f.lines, "\n  ");
	r = f.lines[1] ? err_set(e, -EINVAL, "errors:\n  %s", all) : err_set(e, -EINVAL, "%s", all);
	free_strv(&f.lines);
	return r;
}
