/* Helpers on jansson values. */
#include "base/json.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/json_read.h"

void json_unref_ptr(json_t **j)
{
	json_decref(*j);
	*j = NULL;
}

json_t *json_at(const json_t *j, const char *path)
{
	while (j && *path) {
		const char *end = strchrnul(path, '.');
		j = json_object_getn(j, path, (size_t)(end - path));
		path = *end ? end + 1 : end;
	}
	return (json_t *)j;
}

const char *json_str_at(const json_t *j, const char *path)
{
	return json_string_value(json_at(j, path));
}

const char *json_str_or(const json_t *j, const char *path, const char *otherwise)
{
	const char *s = json_str_at(j, path);
	return s ? s : otherwise;
}

int64_t json_int_at(const json_t *j, const char *path, int64_t otherwise)
{
	const json_t *v = json_at(j, path);
	return json_is_integer(v) ? json_integer_value(v) : otherwise;
}

bool json_bool_at(const json_t *j, const char *path, bool otherwise)
{
	const json_t *v = json_at(j, path);
	return json_is_boolean(v) ? json_is_true(v) : otherwise;
}

void json_take_member(json_t *object, const json_t *from, const char *key)
{
	json_t *v = json_object_get(from, key);
	if (v)
		json_object_set(object, key, v);
	else
		json_object_del(object, key);
}

const char *json_member(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* The object that holds the last key of path, made on the way when make is set. */
static json_t *parent_of(json_t *j, const char **path, bool make)
{
	for (;;) {
		const char *end = strchr(*path, '.');
		if (!end)
			return j;
		size_t n = (size_t)(end - *path);
		json_t *next = json_object_getn(j, *path, n);
		if (!json_is_object(next)) {
			if (!make)
				return NULL;
			next = json_object();
			json_object_setn_new(j, *path, n, next);
		}
		j = next;
		*path = end + 1;
	}
}

json_t *json_find(const json_t *array, const char *key, const char *text)
{
	size_t i;
	json_t *v;
	json_array_foreach(array, i, v)
	{
		if (text && str_eq(json_member(v, key), text))
			return v;
	}
	return NULL;
}

bool json_has_text(const json_t *array, const char *text)
{
	size_t i;
	json_t *v;
	json_array_foreach(array, i, v)
	{
		if (text && str_eq(json_string_value(v), text))
			return true;
	}
	return false;
}

json_t *json_texts(char *const *strv)
{
	json_t *list = json_array();
	for (; strv && *strv; strv++)
		json_array_append_new(list, json_string(*strv));
	return list;
}

json_t *json_without_text(const json_t *array, const char *text)
{
	json_t *left = json_array(), *v;
	size_t i;
	json_array_foreach(array, i, v)
	{
		if (!str_eq(json_string_value(v), text))
			json_array_append(left, v);
	}
	return left;
}

void json_set_at(json_t *j, const char *path, json_t *value)
{
	json_t *parent = parent_of(j, &path, true);
	json_object_set_new(parent, path, value);
}

void json_set_str(json_t *j, const char *path, const char *value)
{
	json_set_at(j, path, json_string(value));
}

void json_set_int(json_t *j, const char *path, int64_t value)
{
	json_set_at(j, path, json_integer(value));
}

void json_del_at(json_t *j, const char *path)
{
	json_t *parent = parent_of(j, &path, false);
	if (parent)
		json_object_del(parent, path);
}

json_t *json_object_at(json_t *j, const char *path)
{
	json_t *v = json_at(j, path);
	if (!json_is_object(v)) {
		v = json_object();
		json_set_at(j, path, v);
	}
	return v;
}

json_t *json_array_at(json_t *j, const char *path)
{
	json_t *v = json_at(j, path);
	if (!json_is_array(v)) {
		v = json_array();
		json_set_at(j, path, v);
	}
	return v;
}

int json_parse_noting(const char *text, size_t len, json_t **ret, bool *ret_repeats, struct err *e)
{
	json_error_t je;
	bool repeats = true;
	json_t *j = json_read_noting(text, len, &repeats);
	if (!j)
		j = json_loadb(text, len, JSON_DECODE_ANY, &je);
	if (!j)
		return err_set(e, -EINVAL, "line %d column %d: %s", je.line, je.column, je.text);
	*ret = j;
	*ret_repeats = repeats;
	return 0;
}

int json_parse(const char *text, size_t len, json_t **ret, struct err *e)
{
	bool repeats;
	return json_parse_noting(text, len, ret, &repeats, e);
}

static int add_bytes(const char *bytes, size_t n, void *data)
{
	str_addn(data, bytes, n);
	return 0;
}

json_t *json_clone(const json_t *j)
{
	const char *key;
	json_t *value, *out;
	size_t i;
	if (json_is_object(j)) {
		out = json_object();
		json_object_foreach((json_t *)j, key, value) json_object_set_new_nocheck(out, key, json_clone(value));
	} else if (json_is_array(j)) {
		out = json_array();
		json_array_foreach(j, i, value) json_array_append_new(out, json_clone(value));
	} else {
		out = json_copy((json_t *)j);
	}
	return out;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static json_t *sorted_object(const json_t *j)
{
	AUTO_FREE const char **names = xcalloc(json_object_size(j) + 1, sizeof(*names));
	json_t *out = json_object(), *value;
	const char *name;
	size_t n = 0;
	json_object_foreach((json_t *)j, name, value) names[n++] = name;
	qsort(names, n, sizeof(*names), compare_names);
	for (size_t i = 0; i < n; i++)
		json_object_set_new_nocheck(out, names[i], json_sorted(json_object_get(j, names[i])));
	return out;
}

json_t *json_sorted(const json_t *j)
{
	json_t *out, *value;
	size_t i;
	if (json_is_object(j))
		return sorted_object(j);
	if (!json_is_array(j))
		return json_deep_copy(j);
	out = json_array();
	json_array_foreach(j, i, value) json_array_append_new(out, json_sorted(value));
	return out;
}

char *json_format(const json_t *j, size_t flags)
{
	AUTO_STR out = STR_INIT;
	if (json_dump_callback(j, add_bytes, &out, flags | JSON_ENCODE_ANY) < 0)
		return xstrdup("null");
	return str_take(&out);
}

/* Digits d[.ddd]e[+-]XX of the shortest text that reads as the same number, without dot and exponent; returns the exponent. */
static int real_digits(double d, char ret[40])
{
	char text[40];
	const char *e;
	size_t n = 1;
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*e", digits - 1, d);
		if (strtod(text, NULL) == d)
			break;
	}
	e = strchr(text, 'e');
	ret[0] = text[0];
	for (const char *p = text + 2; p < e; p++)
		ret[n++] = *p;
	while (n > 1 && ret[n - 1] == '0')
		n--;
	ret[n] = '\0';
	return atoi(e + 1);
}

/* The shortest text that reads as the same number: an exponent only below 1e-6 and from 1e21 on, as Go's encoder writes it. */
static void add_real(struct str *out, double d)
{
	char digits[40] = "";
	int exponent = real_digits(fabs(d), digits), n = (int)strlen(digits);
	if (signbit(d))
		str_addc(out, '-');
	if (d != 0 && (exponent < -6 || exponent >= 21)) {
		str_addf(out, "%c%s%s", digits[0], n > 1 ? "." : "", digits + 1);
		str_addf(out, exponent < 0 ? "e-%d" : "e+%d", abs(exponent));
	} else if (exponent < 0) {
		str_addf(out, "0.%.*s%s", -exponent - 1, "00000", digits);
	} else {
		for (int i = 0; i < n || i <= exponent; i++)
			str_addf(out, "%s%c", i == exponent + 1 ? "." : "", i < n ? digits[i] : '0');
	}
}

static void add_integer(struct str *out, json_int_t v)
{
	char digits[24], *p = digits + sizeof(digits);
	unsigned long long left = v < 0 ? -(unsigned long long)v : (unsigned long long)v;
	do {
		*--p = (char)('0' + left % 10);
	} while (left /= 10);
	if (v < 0)
		*--p = '-';
	str_addn(out, p, (size_t)(digits + sizeof(digits) - p));
}

/* Reads as a real again. */
static void add_marked_real(struct str *out, double d)
{
	size_t at = out->len;
	add_real(out, d);
	if (!strpbrk(out->p + at, ".e"))
		str_add(out, ".0");
}

static void add_value(struct str *out, const json_t *j);

static void add_object(struct str *out, const json_t *j)
{
	const char *key, *before = "{";
	json_t *value;
	json_object_foreach((json_t *)j, key, value)
	{
		str_add(out, before);
		str_add_json(out, key);
		str_addc(out, ':');
		add_value(out, value);
		before = ",";
	}
	str_add(out, json_object_size(j) ? "}" : "{}");
}

static void add_array(struct str *out, const json_t *j)
{
	json_t *value;
	size_t i;
	str_addc(out, '[');
	json_array_foreach(j, i, value)
	{
		if (i)
			str_addc(out, ',');
		add_value(out, value);
	}
	str_addc(out, ']');
}

static void add_value(struct str *out, const json_t *j)
{
	switch (j ? json_typeof(j) : JSON_NULL) {
	case JSON_OBJECT: add_object(out, j); break;
	case JSON_ARRAY: add_array(out, j); break;
	case JSON_STRING: str_add_json(out, json_string_value(j)); break;
	case JSON_INTEGER: add_integer(out, json_integer_value(j)); break;
	case JSON_REAL: add_marked_real(out, json_real_value(j)); break;
	case JSON_TRUE: str_add(out, "true"); break;
	case JSON_FALSE: str_add(out, "false"); break;
	case JSON_NULL: str_add(out, "null"); break;
	}
}

void str_add_jsonv(struct str *out, const json_t *j)
{
	if (json_is_real(j))
		add_real(out, json_real_value(j));
	else
		add_value(out, j);
}

char *json_text(const json_t *j)
{
	AUTO_STR out = STR_INIT;
	add_value(&out, j);
	return str_take(&out);
}

int json_read_file(const char *path, json_t **ret, struct err *e)
{
	AUTO_STR text = STR_INIT;
	int r = fs_read_file(path, 64 << 20, &text, e);
	if (r < 0)
		return r;
	r = json_parse(str_text(&text), text.len, ret, e);
	return r < 0 ? err_wrap(e, r, "%s", path) : 0;
}

int json_write_file(const char *path, const json_t *j, unsigned mode, struct err *e)
{
	AUTO_STR text = STR_INIT;
	str_add_jsonv(&text, j);
	return fs_write_atomic(path, text.p, text.len, mode, e);
}
