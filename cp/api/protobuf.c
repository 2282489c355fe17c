/* Protobuf bodies. Purpose: typed clients send built-in kinds in this form. Happy path: the envelope names apiVersion
 * and kind, the table names the fields, and what comes out is the JSON value that the same client would have sent as
 * JSON. Fails on anything that runs over its end or nests deeper than 100. Never reads outside the bytes given. */
#include "cp/api/protobuf.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/protobuf.h"
#include "cp/api/protobuf_table.h"

#define MAX_DEPTH 100

static struct protobuf_reader inside(const struct protobuf_field *f)
{
	return protobuf_reader(f->bytes, f->n);
}

/* --- values: each reads one form; -EINVAL or -EBADMSG ---------------------------------------------------------------
 */

static int read_text(const struct protobuf_field *f, json_t **ret)
{
	*ret = f->bytes ? json_stringn(f->bytes, f->n) : NULL;
	return *ret ? 0 : -EINVAL;
}

static int read_bool(const struct protobuf_field *f, json_t **ret)
{
	*ret = json_boolean(f->value != 0);
	return f->wire == PROTOBUF_VARINT ? 0 : -EINVAL;
}

static int read_integer(const struct protobuf_field *f, json_t **ret)
{
	*ret = json_integer((json_int_t)f->value);
	return f->wire == PROTOBUF_VARINT ? 0 : -EINVAL;
}

static int read_double(const struct protobuf_field *f, json_t **ret)
{
	double d;
	memcpy(&d, &f->value, sizeof(d));
	*ret = json_real(d);
	return f->wire == PROTOBUF_FIXED64 && *ret ? 0 : -EINVAL;
}

static int read_bytes(const struct protobuf_field *f, json_t **ret)
{
	AUTO_STR text = STR_INIT;
	if (!f->bytes)
		return -EINVAL;
	base64_encode(&text, f->bytes, f->n);
	*ret = json_string(str_text(&text));
	return 0;
}

/* The integers in fields 1 and 2 and the first text of a small message. */
static int read_small(const struct protobuf_field *f, int64_t ints[3], json_t **ret_text)
{
	struct protobuf_reader in = inside(f);
	struct protobuf_field part;
	int r = f->bytes ? 0 : -EINVAL;
	while (r >= 0 && (r = protobuf_next(&in, &part)) > 0) {
		if (part.wire == PROTOBUF_VARINT && part.number < 3)
			ints[part.number] = (int64_t)part.value;
		else if (part.bytes && ret_text && !*ret_text)
			*ret_text = json_stringn(part.bytes, part.n);
	}
	return r;
}

/* Seconds in field 1, nanoseconds in field 2. The zero time is no time. */
static int read_instant(const struct protobuf_field *f, bool micro, json_t **ret)
{
	int64_t v[3] = {0, 0, 0};
	char text[RFC3339_MAX];
	int r = read_small(f, v, NULL);
	if (r < 0)
		return r;
	if (!f->n || v[1] < -62135596800LL || v[1] > 253402300799LL)
		*ret = json_null();
	else
		*ret =
		    json_string(micro ? rfc3339_micro(v[1] * 1000000 + v[2] / 1000, text) : rfc3339(v[1] * 1000, text));
	return 0;
}

static int read_time(const struct protobuf_field *f, json_t **ret)
{
	return read_instant(f, false, ret);
}

static int read_micro_time(const struct protobuf_field *f, json_t **ret)
{
	return read_instant(f, true, ret);
}

static int read_duration(const struct protobuf_field *f, json_t **ret)
{
	int64_t v[3] = {0, 0, 0};
	char text[32];
	int r = read_small(f, v, NULL);
	if (r < 0)
		return r;
	snprintf(text, sizeof(text), "%.9gs", (double)v[1] / 1e9);
	*ret = json_string(text);
	return 0;
}

/* Which of the two in field 1, the integer in field 2. */
static int read_int_or_string(const struct protobuf_field *f, json_t **ret)
{
	int64_t v[3] = {0, 0, 0};
	AUTO_JSON *text = NULL;
	int r = read_small(f, v, &text);
	if (r < 0)
		return r;
	if (v[1] != 1)
		*ret = json_integer((int32_t)v[2]);
	else
		*ret = text ? TAKE(text) : json_string("");
	return 0;
}

static int read_quantity(const struct protobuf_field *f, json_t **ret)
{
	int64_t v[3] = {0, 0, 0};
	AUTO_JSON *text = NULL;
	int r = read_small(f, v, &text);
	if (r < 0)
		return r;
	*ret = text ? TAKE(text) : json_string("0");
	return 0;
}

/* RawExtension and FieldsV1: their JSON stands in their only bytes field. */
static int read_raw(const struct protobuf_field *f, json_t **ret)
{
	struct protobuf_reader in = inside(f);
	struct protobuf_field part;
	int r = f->bytes ? 0 : -EINVAL;
	while (r >= 0 && (r = protobuf_next(&in, &part)) > 0) {
		if (part.number == 1 && part.bytes && !*ret)
			r = json_parse(part.bytes, part.n, ret, NULL);
	}
	if (r == 0 && !*ret)
		*ret = json_null();
	return r;
}

/* --- messages -------------------------------------------------------------------------------------------------------
 */

static int read_message(const struct pb_message *m, const struct protobuf_field *from, int depth, json_t *into);

/* The value that an object of a message's fields stands for. NULL: none of them is there. */
static json_t *stands_for(const struct pb_message *m, json_t *object)
{
	json_t *value = NULL;
	if (!m->is_list && !m->is_choice)
		return json_incref(object);
	for (size_t i = 0; i < m->n && !value; i++)
		value = json_object_get(object, m->fields[i].name);
	return json_incref(value);
}

static int read_nested(const char *name, const struct protobuf_field *f, int depth, json_t **ret)
{
	const struct pb_message *m = pb_message_find(name);
	if (!f->bytes || !m || depth > MAX_DEPTH)
		return -EINVAL;
	AUTO_JSON *object = json_object();
	int r = read_message(m, f, depth + 1, object);
	if (r < 0)
		return r;
	*ret = stands_for(m, object);
	if (!*ret)
		*ret = m->is_list ? json_array() : json_null();
	return 0;
}

static int read_value(const struct pb_field *row, const struct protobuf_field *f, int depth, json_t **ret)
{
	static const struct {
		char type;
		int (*read)(const struct protobuf_field *f, json_t **ret);
	} forms[] = {
	    {'s', read_text},     {'b', read_bool},          {'i', read_integer},    {'d', read_double},
	    {'y', read_bytes},    {'T', read_time},          {'U', read_micro_time}, {'D', read_duration},
	    {'q', read_quantity}, {'o', read_int_or_string}, {'r', read_raw},
	};
	for (size_t i = 0; i < ARRAY_LEN(forms); i++)
		if (forms[i].type == row->type)
			return forms[i].read(f, ret);
	return read_nested(row->message, f, depth, ret);
}

/* A map's entry: key is field 1, the value field 2; either may be left out when empty. */
static int read_entry(const struct pb_field *row, const struct protobuf_field *f, int depth, json_t *map)
{
	struct protobuf_reader in = inside(f);
	struct protobuf_field part;
	AUTO_JSON *key = NULL, *value = NULL;
	int r = f->bytes ? 0 : -EINVAL;
	while (r >= 0 && (r = protobuf_next(&in, &part)) > 0) {
		if (part.number == 1 && !key)
			r = read_text(&part, &key);
		else if (part.number == 2 && !value)
			r = read_value(row, &part, depth, &value);
	}
	if (r == 0)
		json_object_set(map, key ? json_string_value(key) : "", value ? value : json_null());
	return r;
}

/* A text that was not set stands on the wire as an empty one; only for a storage class that means something. */
static bool is_unset(const struct pb_field *row, const json_t *value)
{
	return row->type == 's' && !*json_string_value(value) && strcmp(row->name, "storageClassName") != 0;
}

static int read_field(const struct pb_field *row, const struct protobuf_field *f, int depth, json_t *into)
{
	AUTO_JSON *value = NULL;
	if (row->shape == PB_INLINE) {
		const struct pb_message *m = pb_message_find(row->message);
		return m && f->bytes && depth < MAX_DEPTH ? read_message(m, f, depth + 1, into) : -EINVAL;
	}
	if (row->shape == PB_MAP)
		return read_entry(row, f, depth, json_object_at(into, row->name));
	int r = read_value(row, f, depth, &value);
	if (r < 0)
		return r;
	if (row->shape == PB_REPEATED)
		json_array_append_new(json_array_at(into, row->name), TAKE(value));
	else if (!is_unset(row, value))
		json_object_set_new(into, row->name, TAKE(value));
	return 0;
}

static int read_message(const struct pb_message *m, const struct protobuf_field *from, int depth, json_t *into)
{
	struct protobuf_reader in = inside(from);
	struct protobuf_field f;
	int r;
	while ((r = protobuf_next(&in, &f)) > 0) {
		const struct pb_field *row = pb_field_find(m, f.number);
		if (row && (r = read_field(row, &f, depth, into)) < 0)
			return r;
	}
	return r;
}

/* --- the envelope ---------------------------------------------------------------------------------------------------
 */

/* "apps.v1.Deployment" of apps/v1 and Deployment. DeleteOptions belong to every group. Returns owned. */
static char *message_name(const char *api, const char *kind)
{
	const char *slash = strchr(api, '/');
	if (strcmp(kind, "DeleteOptions") == 0)
		return xstrdup("meta.v1.DeleteOptions");
	if (!slash)
		return xasprintf("core.%s.%s", api, kind);
	return xasprintf("%.*s.%s.%s", (int)strcspn(api, "./"), api, slash + 1, kind);
}

struct envelope {
	json_t *api, *kind; /* texts */
	struct protobuf_field raw;
};

static int read_type_meta(const struct protobuf_field *from, struct envelope *ret)
{
	struct protobuf_reader in = inside(from);
	struct protobuf_field f;
	int r;
	while ((r = protobuf_next(&in, &f)) > 0) {
		json_t **at = f.number == 1 ? &ret->api : f.number == 2 ? &ret->kind : NULL;
		if (at && !*at && (r = read_text(&f, at)) < 0)
			return r;
	}
	return r;
}

static int read_envelope(struct protobuf_reader in, struct envelope *ret)
{
	struct protobuf_field f;
	int r;
	while ((r = protobuf_next(&in, &f)) > 0) {
		if (f.number == 1 && f.bytes && (r = read_type_meta(&f, ret)) < 0)
			return r;
		if (f.number == 2 && f.bytes)
			ret->raw = f;
	}
	return r < 0 || !ret->api || !ret->kind ? -EINVAL : 0;
}

static int read_object(const struct envelope *env, json_t **ret, struct err *e)
{
	AUTO_FREE char *name = message_name(json_string_value(env->api), json_string_value(env->kind));
	const struct pb_message *m = pb_message_find(name);
	if (!m)
		return err_set(e, -EINVAL, "no message is known for %s", name);
	AUTO_JSON *object = json_object();
	json_object_set(object, "kind", env->kind);
	json_object_set(object, "apiVersion", env->api);
	if (read_message(m, &env->raw, 0, object) < 0)
		return err_set(e, -EINVAL, "the body is not a well-formed protobuf object");
	*ret = TAKE(object);
	return 0;
}

int protobuf_parse(const void *bytes, size_t len, json_t **ret, struct err *e)
{
	struct envelope env = {0};
	int r = -EINVAL;
	if (len > 4 && memcmp(bytes, "k8s", 4) == 0)
		r = read_envelope(protobuf_reader((const char *)bytes + 4, len - 4), &env);
	r = r < 0 ? err_set(e, -EINVAL, "the body is not a well-formed protobuf object") : read_object(&env, ret, e);
	json_decref(env.api);
	json_decref(env.kind);
	return r;
}
