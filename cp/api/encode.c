/* Canonical JSON. Purpose: bytes that depend on content only, so that "nothing changed" is a comparison of bytes and
 * lists can skip the common beginning of their items. Happy path: walk value and type together. Nothing fails. */
#include "cp/api/encode.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

/* Values of custom resources about which nothing is known. */
static const struct type custom_any = {.class = TYPE_ANY, .custom = true};

static void encode_member(struct str *out, bool *first, const char *key, const struct type *t, const json_t *v)
{
	if (!*first)
		str_addc(out, ',');
	*first = false;
	str_add_json(out, key);
	str_addc(out, ':');
	encode_value(out, t, v);
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void encode_map(struct str *out, const struct type *elem, const json_t *v)
{
	size_t n = json_object_size(v), i = 0;
	const char **keys = xcalloc(n ? n : 1, sizeof(*keys)), *key;
	json_t *value;
	json_object_foreach((json_t *)v, key, value) keys[i++] = key;
	qsort(keys, n, sizeof(*keys), compare_keys);
	bool first = true;
	str_addc(out, '{');
	for (i = 0; i < n; i++)
		encode_member(out, &first, keys[i], elem, json_object_get(v, keys[i]));
	str_addc(out, '}');
	free(keys);
}

/* Everything in order of name, as maps are. */
static void encode_custom(struct str *out, const struct type *t, const json_t *v)
{
	size_t n = json_object_size(v), i = 0;
	const char **keys = xcalloc(n ? n : 1, sizeof(*keys)), *key;
	json_t *value;
	bool first = true;
	json_object_foreach((json_t *)v, key, value) keys[i++] = key;
	qsort(keys, n, sizeof(*keys), compare_keys);
	str_addc(out, '{');
	for (i = 0; i < n; i++) {
		const struct field *f = t->class == TYPE_OBJECT ? type_field(t, keys[i]) : NULL;
		encode_member(out, &first, keys[i], f ? f->type : t->class == TYPE_MAP ? t->elem : &custom_any,
			      json_object_get(v, keys[i]));
	}
	str_addc(out, '}');
	free(keys);
}

enum { FEW_MEMBERS = 32, KIND_PLACE = 0, VERSION_PLACE = 1, FIRST_PLACE = 2 };

struct member {
	size_t place;
	const char *key;
	const json_t *value;
};

/* Kind and version first, then the fields as they are declared, then what is not. */
static size_t place_of(const struct type *t, const char *key, size_t *hint)
{
	const struct field *f = type_field_from(t, key, hint);
	if (!f)
		return FIRST_PLACE + t->n_fields;
	return strcmp(key, "kind") == 0		? KIND_PLACE
	       : strcmp(key, "apiVersion") == 0 ? VERSION_PLACE
						: FIRST_PLACE + (size_t)(f - t->fields);
}

/* Members mostly come in order: each is put in its place among those before it. */
static void put_member(struct member *v, size_t n, struct member m)
{
	while (n && v[n - 1].place > m.place) {
		v[n] = v[n - 1];
		n--;
	}
	v[n] = m;
}

static void encode_fields(struct str *out, const struct type *t, const json_t *v)
{
	struct member few[FEW_MEMBERS], *all;
	size_t size = json_object_size(v), n = 0, hint = 0;
	const char *key;
	json_t *value;
	bool first = true;
	AUTO_FREE struct member *many = size > FEW_MEMBERS ? xcalloc(size, sizeof(*many)) : NULL;
	all = many ? many : few;
	json_object_foreach((json_t *)v, key, value)
		put_member(all, n++, (struct member){place_of(t, key, &hint), key, value});
	str_addc(out, '{');
	for (size_t i = 0; i < n; i++) {
		bool is_field = all[i].place >= FIRST_PLACE && all[i].place < FIRST_PLACE + t->n_fields;
		encode_member(out, &first, all[i].key, is_field ? t->fields[all[i].place - FIRST_PLACE].type : NULL, all[i].value);
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

void encode_value(struct str *out, const struct type *t, const json_t *v)
{
	if (json_is_object(v)) {
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
