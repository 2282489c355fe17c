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
#include "cp/api/protobuf_table.h"

#define MAX_DEPTH 100

struct span {
	const uint8_t *p, *end;
};

/* One field as it stands on the wire. */
struct wire {
	unsigned number, type;
	uint64_t value;   /* types 0, 1, 5 */
	struct span data; /* type 2 */
};

static int read_varint(struct span *s, uint64_t *ret)
{
	uint64_t v = 0;
	for (int shift = 0; shift < 64; shift += 7) {
		if (s->p >= s->end)
			return -EINVAL;
		uint8_t c = *s->p++;
		v |= (uint64_t)(c & 0x7f) << shift;
		if (!(c & 0x80)) {
			*ret = v;
			return 0;
		}
	}
	return -EINVAL;
}

static int read_fixed(struct span *s, size_t n, uint64_t *ret)
{
	uint64_t v = 0;
	if ((size_t)(s->end - s->p) < n)
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)s->p[i] << (8 * i);
	s->p += n;
	*ret = v;
	return 0;
}

/* 1 with the next field, 0 at the end, -EINVAL. */
static int next_field(struct span *s, struct wire *ret)
{
	uint64_t key, len;
	if (s->p == s->end)
		return 0;
	if (read_varint(s, &key) < 0 || key >> 3 > 0x1fffffff || !(key >> 3))
		return -EINVAL;
	*ret = (struct wire){.number = (unsigned)(key >> 3), .type = key & 7};
	int r;
	switch (ret->type) {
	case 0:
		r = read_varint(s, &ret->value);
		break;
	case 1:
		r = read_fixed(s, 8, &ret->value);
		break;
	case 5:
		r = read_fixed(s, 4, &ret->value);
		break;
	case 2:
		if (read_varint(s, &len) < 0 || len > (uint64_t)(s->end - s->p))
			return -EINVAL;
		ret->data = (struct span){s->p, s->p + len};
		s->p += len;
		r = 0;
		break;
	default:
		r = -EINVAL;
	}
	return r < 0 ? r : 1;
}

static int read_message(const struct pb_message *m, struct span s, int depth, json_t *into);

/* The first integer and text fields of a small message (times, quantities, int-or-string). */
static int read_small(struct span s, int64_t ints[3], json_t **ret_text)
{
	struct wire w;
	int r;
	while ((r = next_field(&s, &w)) > 0) {
		if (w.type == 0 && w.number < 3)
			ints[w.number] = (int64_t)w.value;
		else if (w.type == 2 && ret_text && !*ret_text)
			*ret_text = json_stringn((const char *)w.data.p, (size_t)(w.data.end - w.data.p));
	}
	return r;
}

static int read_time(const struct wire *w, bool micro, json_t **ret)
{
	int64_t v[3] = {0, 0, 0};
	char text[RFC3339_MAX];
	if (w->type != 2 || read_small(w->data, v, NULL) < 0)
		return -EINVAL;
	/* The zero time is no time. */
	if (w->data.p == w->data.end || v[1] < -62135596800LL || v[1] > 253402300799LL) {
		*ret = json_null();
		return 0;
	}
	*ret = json_string(micro ? rfc3339_micro(v[1] * 1000000 + v[2] / 1000, text) : rfc3339(v[1] * 1000, text));
	return 0;
}

static int read_int_or_string(const struct wire *w, json_t **ret)
{
	int64_t v[3] = {0, 0, 0};
	json_t *text = NULL;
	if (w->type != 2 || read_small(w->data, v, &text) < 0) {
		json_decref(text);
		return -EINVAL;
	}
	if (v[1] == 1) {
		*ret = text ? text : json_string("");
		return 0;
	}
	json_decref(text);
	*ret = json_integer((int32_t)v[2]);
	return 0;
}

static int read_quantity(const struct wire *w, json_t **ret)
{
	int64_t v[3] = {0, 0, 0};
	json_t *text = NULL;
	if (w->type != 2 || read_small(w->data, v, &text) < 0) {
		json_decref(text);
		return -EINVAL;
	}
	*ret = text ? text : json_string("0");
	return 0;
}

/* RawExtension and FieldsV1: their JSON stands in their only bytes field. */
static int read_raw(const struct wire *w, json_t **ret)
{
	struct span s = w->data;
	struct wire inner;
	int r;
	if (w->type != 2)
		return -EINVAL;
	while ((r = next_field(&s, &inner)) > 0) {
		if (inner.number != 1 || inner.type != 2 || *ret)
			continue;
		r = json_parse((const char *)inner.data.p, (size_t)(inner.data.end - inner.data.p), ret, NULL);
		if (r < 0)
			return r;
	}
	if (r == 0 && !*ret)
		*ret = json_null();
	return r;
}

static int read_bytes(const struct wire *w, json_t **ret)
{
	AUTO_STR text = STR_INIT;
	if (w->type != 2)
		return -EINVAL;
	base64_encode(&text, w->data.p, (size_t)(w->data.end - w->data.p));
	*ret = json_string(str_text(&text));
	return 0;
}

static int read_text(const struct wire *w, json_t **ret)
{
	if (w->type != 2)
		return -EINVAL;
	*ret = json_stringn((const char *)w->data.p, (size_t)(w->data.end - w->data.p));
	return *ret ? 0 : -EINVAL;
}

static int read_nested(const char *name, const struct wire *w, int depth, json_t **ret)
{
	const struct pb_message *m = pb_message_find(name);
	if (w->type != 2 || !m || depth > MAX_DEPTH)
		return -EINVAL;
	json_t *object = json_object();
	int r = read_message(m, w->data, depth + 1, object);
	if (r < 0) {
		json_decref(object);
		return r;
	}
	*ret = m->is_list ? json_incref(json_object_get(object, m->fields[0].name)) : json_incref(object);
	json_decref(object);
	if (!*ret)
		*ret = json_array();
	return 0;
}

static int read_value(char type, const char *message, const struct wire *w, int depth, json_t **ret)
{
	switch (type) {
	case 's':
		return read_text(w, ret);
	case 'b':
		*ret = json_boolean(w->value != 0);
		return w->type == 0 ? 0 : -EINVAL;
	case 'i':
		*ret = json_integer((json_int_t)w->value);
		return w->type == 0 ? 0 : -EINVAL;
	case 'd': {
		double d;
		memcpy(&d, &w->value, sizeof(d));
		*ret = json_real(d);
		return w->type == 1 && *ret ? 0 : -EINVAL;
	}
	case 'y':
		return read_bytes(w, ret);
	case 'T':
		return read_time(w, false, ret);
	case 'U':
		return read_time(w, true, ret);
	case 'q':
		return read_quantity(w, ret);
	case 'o':
		return read_int_or_string(w, ret);
	case 'D': {
		int64_t v[3] = {0, 0, 0};
		char text[32];
		if (w->type != 2 || read_small(w->data, v, NULL) < 0)
			return -EINVAL;
		snprintf(text, sizeof(text), "%.9gs", (double)v[1] / 1e9);
		*ret = json_string(text);
		return 0;
	}
	case 'r':
		return read_raw(w, ret);
	default:
		return read_nested(message, w, depth, ret);
	}
}

/* A map's entry: key is field 1, the value field 2; either may be left out when empty. */
static int read_entry(const struct pb_field *f, const struct wire *w, int depth, json_t *map)
{
	struct span s = w->data;
	struct wire inner;
	AUTO_JSON *key = NULL, *value = NULL;
	int r;
	if (w->type != 2)
		return -EINVAL;
	while ((r = next_field(&s, &inner)) > 0) {
		if (inner.number == 1 && !key)
			r = read_text(&inner, &key);
		else if (inner.number == 2 && !value)
			r = read_value(f->type, f->message, &inner, depth, &value);
		if (r < 0)
			return r;
	}
	if (r == 0)
		json_object_set(map, key ? json_string_value(key) : "", value ? value : json_null());
	return r;
}

static int read_field(const struct pb_field *f, const struct wire *w, int depth, json_t *into)
{
	json_t *value = NULL;
	if (f->shape == PB_INLINE) {
		const struct pb_message *m = pb_message_find(f->message);
		return m && w->type == 2 && depth < MAX_DEPTH ? read_message(m, w->data, depth + 1, into) : -EINVAL;
	}
	json_t *at = json_object_get(into, f->name);
	if (f->shape == PB_MAP) {
		if (!at)
			json_object_set_new(into, f->name, at = json_object());
		return read_entry(f, w, depth, at);
	}
	int r = read_value(f->type, f->message, w, depth, &value);
	if (r < 0) {
		json_decref(value);
		return r;
	}
	if (f->shape == PB_ONE) {
		/* A text that was not set stands on the wire as an empty one; only for a storage class that means
		 * something. */
		bool unset = f->type == 's' && !*json_string_value(value) && strcmp(f->name, "storageClassName") != 0;
		if (unset)
			json_decref(value);
		else
			json_object_set_new(into, f->name, value);
		return 0;
	}
	if (!at)
		json_object_set_new(into, f->name, at = json_array());
	json_array_append_new(at, value);
	return 0;
}

static int read_message(const struct pb_message *m, struct span s, int depth, json_t *into)
{
	struct wire w;
	int r;
	while ((r = next_field(&s, &w)) > 0) {
		const struct pb_field *f = pb_field_find(m, w.number);
		if (f && (r = read_field(f, &w, depth, into)) < 0)
			return r;
	}
	return r;
}

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
	struct span raw;
};

static int read_type_meta(struct span s, struct envelope *ret)
{
	struct wire w;
	int r;
	while ((r = next_field(&s, &w)) > 0) {
		json_t **at = w.number == 1 ? &ret->api : w.number == 2 ? &ret->kind : NULL;
		if (at && !*at && (r = read_text(&w, at)) < 0)
			return r;
	}
	return r;
}

static int read_envelope(struct span s, struct envelope *ret)
{
	struct wire w;
	int r;
	while ((r = next_field(&s, &w)) > 0) {
		if (w.number == 1 && w.type == 2 && (r = read_type_meta(w.data, ret)) < 0)
			return r;
		if (w.number == 2 && w.type == 2)
			ret->raw = w.data;
	}
	return r < 0 || !ret->api || !ret->kind ? -EINVAL : 0;
}

int protobuf_parse(const void *bytes, size_t len, json_t **ret, struct err *e)
{
	struct envelope env = {0};
	json_t *object = NULL;
	int r = -EINVAL;
	if (len > 4 && memcmp(bytes, "k8s", 4) == 0)
		r = read_envelope((struct span){(const uint8_t *)bytes + 4, (const uint8_t *)bytes + len}, &env);
	AUTO_FREE char *name = r == 0 ? message_name(json_string_value(env.api), json_string_value(env.kind)) : NULL;
	const struct pb_message *m = name ? pb_message_find(name) : NULL;
	if (m) {
		object = json_object();
		json_object_set(object, "kind", env.kind);
		json_object_set(object, "apiVersion", env.api);
		r = read_message(m, env.raw, 0, object);
	} else if (name) {
		r = err_set(e, -EINVAL, "no message is known for %s", name);
	}
	json_decref(env.api);
	json_decref(env.kind);
	if (r < 0 || !m) {
		json_decref(object);
		return m || !name ? err_set(e, -EINVAL, "the body is not a well-formed protobuf object") : r;
	}
	*ret = object;
	return 0;
}
