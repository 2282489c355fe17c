/* What members that stand twice mean. Purpose: the original decodes a body into typed objects, member after member: of what
 * stands twice in one object, maps and objects get what is new added to what is there, everything else is replaced. Happy
 * path: the text is read along the type. What can fail: text that is no JSON (-EINVAL). What always holds: without members
 * that stand twice the value is what any reader of JSON makes of the text; below types that are kept as they are the last
 * member holds. */
#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/schema/internal.h"

enum { DEPTH_MAX = 2048 };

struct reader {
	const char *at, *end;
	int depth;
};

static json_t *read_value(struct reader *r, const struct type *t, json_t *into);

static char peek(struct reader *r)
{
	while (r->at < r->end && strchr(" \t\r\n", *r->at))
		r->at++;
	return r->at < r->end ? *r->at : '\0';
}

static bool take(struct reader *r, char c)
{
	if (peek(r) != c)
		return false;
	r->at++;
	return true;
}

/* Behind the string that begins here. */
static const char *string_end(const struct reader *r)
{
	const char *p = r->at + 1;
	while (p < r->end && *p != '"')
		p += *p == '\\' ? 2 : 1;
	return p < r->end ? p + 1 : NULL;
}

/* Behind the value that begins here, whatever it is. */
static const char *value_end(const struct reader *r)
{
	struct reader s = *r;
	int depth = 0;
	do {
		char c = peek(&s);
		if (c == '"') {
			s.at = string_end(&s);
			if (!s.at)
				return NULL;
		} else if (c == '\0') {
			return NULL;
		} else if (c == '{' || c == '[') {
			depth++;
			s.at++;
		} else if (c == '}' || c == ']') {
			depth--;
			s.at++;
		} else if (c == ',' || c == ':') {
			s.at++;
		} else {
			while (s.at < s.end && !strchr(",]} \t\r\n", *s.at))
				s.at++;
		}
	} while (depth > 0);
	return s.at;
}

/* Any value as it stands. */
static json_t *read_plain(struct reader *r)
{
	json_t *value = NULL;
	peek(r);
	const char *end = value_end(r);
	if (!end || json_parse(r->at, (size_t)(end - r->at), &value, NULL) < 0)
		return NULL;
	r->at = end;
	return value;
}

static const struct type *member_type(const struct type *t, const char *name)
{
	if (t->class == TYPE_MAP)
		return t->elem;
	const struct field *f = type_field(t, name);
	return f ? f->type : NULL;
}

/* Fields are decoded into what is there, values of maps anew. */
static json_t *read_member(struct reader *r, const struct type *t, json_t *object, const char *name)
{
	const struct type *of = member_type(t, name);
	return read_value(r, of, t->class == TYPE_MAP ? NULL : json_object_get(object, name));
}

static json_t *read_object(struct reader *r, const struct type *t, json_t *into)
{
	AUTO_JSON *object = json_is_object(into) ? json_incref(into) : json_object();
	r->at++;
	if (take(r, '}'))
		return TAKE(object);
	do {
		AUTO_JSON *name = peek(r) == '"' ? read_plain(r) : NULL;
		if (!name || !take(r, ':'))
			return NULL;
		json_t *value = read_member(r, t, object, json_string_value(name));
		if (!value)
			return NULL;
		json_object_set_new(object, json_string_value(name), value);
	} while (take(r, ','));
	return take(r, '}') ? TAKE(object) : NULL;
}

static json_t *read_list(struct reader *r, const struct type *t)
{
	AUTO_JSON *list = json_array();
	r->at++;
	if (take(r, ']'))
		return TAKE(list);
	do {
		json_t *value = read_value(r, t->elem, NULL);
		if (!value)
			return NULL;
		json_array_append_new(list, value);
	} while (take(r, ','));
	return take(r, ']') ? TAKE(list) : NULL;
}

static json_t *read_value(struct reader *r, const struct type *t, json_t *into)
{
	char c = peek(r);
	json_t *value;
	if (r->depth == DEPTH_MAX)
		return NULL;
	r->depth++;
	if (t && c == '{' && (t->class == TYPE_OBJECT || t->class == TYPE_MAP))
		value = read_object(r, t, into);
	else if (t && c == '[' && t->class == TYPE_LIST)
		value = read_list(r, t);
	else
		value = read_plain(r);
	r->depth--;
	return value;
}

int schema_merge_duplicates(const struct type *t, const char *text, size_t len, json_t **ret)
{
	struct reader r = {.at = text, .end = text + len};
	json_t *value = read_value(&r, t, NULL);
	if (!value)
		return -EINVAL;
	*ret = value;
	return 0;
}
