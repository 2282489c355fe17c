/* Go's %v and %#v for decoded JSON. Purpose: error texts that quote a patch. Happy path: walk and print, keys sorted. Nothing
 * fails. */
#include "cp/schema/go_format.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_value(struct str *out, const json_t *v);

/* NULL-terminated, the keys borrowed; returns owned. */
static const char **sorted_keys(const json_t *v)
{
	size_t n = json_object_size(v), i = 0;
	const char **keys = xcalloc(n + 1, sizeof(*keys)), *key;
	json_t *value;
	json_object_foreach((json_t *)v, key, value) keys[i++] = key;
	qsort(keys, n, sizeof(*keys), compare_keys);
	return keys;
}

static void add_map(struct str *out, const json_t *v)
{
	AUTO_FREE const char **keys = sorted_keys(v);
	str_add(out, "map[");
	for (size_t i = 0; keys[i]; i++) {
		str_addf(out, "%s%s:", i ? " " : "", keys[i]);
		add_value(out, json_object_get(v, keys[i]));
	}
	str_addc(out, ']');
}

static void add_value(struct str *out, const json_t *v)
{
	size_t i;
	json_t *value;
	if (json_is_object(v)) {
		add_map(out, v);
	} else if (json_is_array(v)) {
		str_addc(out, '[');
		json_array_foreach(v, i, value)
		{
			if (i)
				str_addc(out, ' ');
			add_value(out, value);
		}
		str_addc(out, ']');
	} else if (json_is_string(v)) {
		str_add(out, json_string_value(v));
	} else if (json_is_null(v)) {
		str_add(out, "<nil>");
	} else {
		str_add_jsonv(out, v);
	}
}

char *go_format(const json_t *v)
{
	struct str out = STR_INIT;
	add_value(&out, v);
	return str_take(&out);
}

static void add_literal(struct str *out, const json_t *v)
{
	size_t i;
	json_t *value;
	if (json_is_object(v)) {
		AUTO_FREE const char **keys = sorted_keys(v);
		str_add(out, "map[string]interface {}{");
		for (i = 0; keys[i]; i++) {
			str_add(out, i ? ", " : "");
			str_add_json(out, keys[i]);
			str_addc(out, ':');
			add_literal(out, json_object_get(v, keys[i]));
		}
		str_addc(out, '}');
	} else if (json_is_array(v)) {
		str_add(out, "[]interface {}{");
		json_array_foreach(v, i, value)
		{
			str_add(out, i ? ", " : "");
			add_literal(out, value);
		}
		str_addc(out, '}');
	} else if (json_is_null(v)) {
		str_add(out, "interface {}(nil)");
	} else {
		str_add_jsonv(out, v);
	}
}

char *go_literal(const json_t *v)
{
	struct str out = STR_INIT;
	add_literal(&out, v);
	return str_take(&out);
}
