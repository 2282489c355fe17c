/* Canonical JSON. Purpose: bytes that depend on content only, so that "nothing changed" is a comparison of bytes and
 * lists can skip the common beginning of their items. Happy path: walk value and type together. Nothing fails. */
#include "cp/api/encode.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

/* Values of custom resources about which nothing is known. */
static const struct type custom_any = {.class = TYPE_ANY, .custom = true};

/* t may be NULL: keys then keep their order. */
static void encode_value(struct str *out, const struct type *t, const json_t *v);

static void encode_member(struct str *out, bool *first, const char *key, const struct type *t, const json_t *v)
{
	if (!*first)
		str_addc(out, ',');
	*first = false;
	str_add_json(out, key);
	str_addc(out, ':');
	encode_value(out, t, v);
}

enum { FEW_MEMBERS = 32, TYPICAL_BYTES = 4096 };

/* A member and where it goes. */
struct member {
	size_t place;
	const char *key;
	const json_t *value;
};

struct members {
	struct member few[FEW_MEMBERS], *v;
	size_t n;
	struct member *many;
};

static void members_done(struct members *m)
{
	free(m->many);
}
#define AUTO_MEMBERS AUTO(members_done) struct members

static void members_init(struct members *m, const json_t *object)
{
	size_t n = json_object_size(object);
	m->n = 0;
	m->many = n > FEW_MEMBERS ? xcalloc(n, sizeof(*m->many)) : NULL;
	m->v = m->many ? m->many : m->few;
}

static int by_key(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	return strcmp(x->key, y->key);
}

/* Few are put in their place one by one, most come in order; many are sorted. */
static void members_by_key(struct members *m, const json_t *object)
{
	const char *key;
	json_t *value;
	members_init(m, object);
	json_object_foreach((json_t *)object, key, value)
	{
		size_t i = m->n++;
		for (; !m->many && i && strcmp(m->v[i - 1].key, key) > 0; i--)
			m->v[i] = m->v[i - 1];
		m->v[i] = (struct member){0, key, value};
	}
	if (m->many)
		qsort(m->v, m->n, sizeof(*m->v), by_key);
}

static void encode_map(struct str *out, const struct type *elem, const json_t *v)
{
	AUTO_MEMBERS m;
	bool first = true;
	members_by_key(&m, v);
	str_addc(out, '{');
	for (size_t i = 0; i < m.n; i++)
		encode_member(out, &first, m.v[i].key, elem, m.v[i].value);
	str_addc(out, '}');
}

/* Everything in order of name, as maps are. */
static void encode_custom(struct str *out, const struct type *t, const json_t *v)
{
	AUTO_MEMBERS m;
	bool first = true;
	members_by_key(&m, v);
	str_addc(out, '{');
	for (size_t i = 0; i < m.n; i++) {
		const struct field *f = t->class == TYPE_OBJECT ? type_field(t, m.v[i].key) : NULL;
		encode_member(out, &first, m.v[i].key, f ? f->type : t->class == TYPE_MAP ? t->elem : &custom_any, m.v[i].value);
	}
	str_addc(out, '}');
}

enum { KIND_PLACE = 0, VERSION_PLACE = 1, FIRST_PLACE = 2 };

static bool is(const char *key, const char *name)
{
	return *key == *name && strcmp(key, name) == 0;
}

/* Kind and version first, then the fields as they are declared, then what is not. */
static size_t place_of(const struct type *t, const char *key, size_t *hint)
{
	const struct field *f = type_field_from(t, key, hint);
	if (!f)
		return FIRST_PLACE + t->n_fields;
	return is(key, "kind") ? KIND_PLACE : is(key, "apiVersion") ? VERSION_PLACE : FIRST_PLACE + (size_t)(f - t->fields);
}

/* Members mostly come in order: each is put in its place among those before it. */
static void put_member(struct members *m, struct member one)
{
	size_t i = m->n++;
	for (; i && m->v[i - 1].place > one.place; i--)
		m->v[i] = m->v[i - 1];
	m->v[i] = one;
}

static void encode_fields(struct str *out, const struct type *t, const json_t *v)
{
	AUTO_MEMBERS m;
	size_t hint = 0;
	const char *key;
	json_t *value;
	bool first = true;
	members_init(&m, v);
	json_object_foreach((json_t *)v, key, value)
		put_member(&m, (struct member){place_of(t, key, &hint), key, value});
	str_addc(out, '{');
	for (size_t i = 0; i < m.n; i++) {
		size_t nth = m.v[i].place - FIRST_PLACE;
		bool is_field = m.v[i].place >= FIRST_PLACE && nth < t->n_fields;
		encode_member(out, &first, m.v[i].key, is_field ? t->fields[nth].type : NULL, m.v[i].value);
	}
	str_addc(out, '}');
}

static void encode_list(struct str *out, const struct type *elem, const json_t *v)
{
	size_t i;
	json_t *value;
	str_addc(out, '[');
	json_array_foreach(v, i, value)
	{
		if (i)
			str_addc(out, ',');
		encode_value(out, elem, value);
	}
	str_addc(out, ']');
}

static void encode_value(struct str *out, const struct type *t, const json_t *v)
{
	if (json_is_object(v) && !json_object_size(v)) {
		str_add(out, "{}"); /* most nodes of managed fields */
	} else if (json_is_object(v)) {
		if (t && t->custom)
			encode_custom(out, t, v);
		else if (t && t->class == TYPE_OBJECT && t->n_fields)
			encode_fields(out, t, v);
		else if (t && t->class == TYPE_MAP)
			encode_map(out, t->elem, v);
		else if (t && t->class == TYPE_ANY)
			encode_map(out, t, v);
		else
			encode_fields(out, &(struct type){.class = TYPE_OBJECT}, v);
	} else if (json_is_array(v)) {
		encode_list(out, t && t->class == TYPE_LIST ? t->elem : t && t->custom ? &custom_any : NULL, v);
	} else if (json_is_string(v)) {
		str_add_json(out, json_string_value(v));
	} else {
		str_add_jsonv(out, v);
	}
}

static struct buf *encode_buf(const struct kind *k, const json_t *object)
{
	AUTO_STR out = STR_INIT;
	str_reserve(&out, TYPICAL_BYTES);
	encode_value(&out, k ? k->type : NULL, object);
	return buf_new(out.p, out.len);
}

struct buf *encode_object(const struct kind *k, const json_t *object)
{
	return encode_buf(k, object);
}

struct buf *encode_stored(const struct kind *k, json_t *object)
{
	json_t *meta = json_object_get(object, "metadata");
	json_t *rv = json_incref(json_object_get(meta, "resourceVersion"));
	if (rv)
		json_object_del(meta, "resourceVersion");
	struct buf *b = encode_buf(k, object);
	if (rv)
		json_object_set_new(meta, "resourceVersion", rv);
	return b;
}
