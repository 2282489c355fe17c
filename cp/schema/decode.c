/* Decoding: makes a JSON document into an object of its type, in place.
 *
 * The document is walked in its own order, so that unknown fields are reported in that order; each value is checked
 * against the type of its field and put into canonical form; members end up in the order of the type's fields. A value
 * of a wrong type stops the walk with -EINVAL in the reference's words; the object is then of no use. What always holds
 * after success: every member is a known field (unless the type keeps others), no member is null, and quantities, times
 * and base64 texts are canonical. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "api/quantity.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "cp/schema/internal.h"

/* Where the walk is: a chain from the current value up to the root. */
struct place {
	const struct place *above;
	const struct type *owner; /* the object type whose member this is; NULL for elements */
	const char *name;         /* member; NULL for a list element */
	size_t index;
	bool document; /* what is here is decoded as a document of its own: errors name no fields above it */
};

struct decoder {
	const struct type *root;
	char ***unknown;
	struct err *e;
};

static int decode_value(struct decoder *d, const struct type *t, const struct place *at, json_t *value, json_t **ret);

/* --- words -------------------------------------------------------------------------------------------------------- */

/* "spec.containers[0].name" */
static void add_path(struct str *out, const struct place *p)
{
	if (!p)
		return;
	add_path(out, p->above);
	if (p->name)
		str_addf(out, "%s%s", out->len ? "." : "", p->name);
	else
		str_addf(out, "[%zu]", p->index);
}

/* "spec.containers.name": fields of objects only, without indexes and map keys. */
static void add_field_path(struct str *out, const struct place *p)
{
	if (!p || p->document)
		return;
	add_field_path(out, p->above);
	if (p->owner)
		str_addf(out, "%s%s", out->len ? "." : "", p->name);
}

static const char *after_dot(const char *name, const char *dot)
{
	return dot ? dot + 1 : name;
}

/* The type as the reference's messages name it: "int32", "[]v1.Container", "map[string]string". */
static void add_type_name(struct str *out, const struct type *t)
{
	static const char *const names[] = {
	    [TYPE_STRING] = "string",
	    [TYPE_NUMBER] = "float64",
	    [TYPE_BOOLEAN] = "bool",
	    [TYPE_INT_OR_STRING] = "intstr.IntOrString",
	    [TYPE_QUANTITY] = "resource.Quantity",
	    [TYPE_TIME] = "v1.Time",
	    [TYPE_MICROTIME] = "v1.MicroTime",
	    [TYPE_DURATION] = "string",
	    [TYPE_BYTES] = "[]uint8",
	    [TYPE_ANY] = "interface {}",
	};

	if (t->class == TYPE_LIST || t->class == TYPE_MAP) {
		str_add(out, t->class == TYPE_LIST ? "[]" : "map[string]");
		add_type_name(out, t->elem);
	} else if (t->class == TYPE_INTEGER) {
		str_addf(out, "int%d", t->bits == 32 ? 32 : 64);
	} else if (t->class == TYPE_OBJECT) {
		str_add(out, t->name ? after_dot(t->name, strchr(t->name, '.')) : "object");
	} else {
		str_add(out, names[t->class]);
	}
}

static void add_value_word(struct str *out, const json_t *v)
{
	static const char *const words[] = {
	    [JSON_OBJECT] = "object", [JSON_ARRAY] = "array", [JSON_STRING] = "string", [JSON_INTEGER] = "number",
	    [JSON_REAL] = "number",   [JSON_TRUE] = "bool",   [JSON_FALSE] = "bool",    [JSON_NULL] = "null"};

	str_add(out, words[json_typeof(v)]);
}

static int mismatch(struct decoder *d, const struct type *t, const struct place *at, const json_t *value)
{
	AUTO_STR what = STR_INIT, path = STR_INIT, type = STR_INIT;
	const struct place *owner = at;

	while (owner && !owner->owner)
		owner = owner->above;
	add_value_word(&what, value);
	if (json_is_number(value) && (t->class == TYPE_INTEGER)) {
		str_addc(&what, ' ');
		str_add_jsonv(&what, value);
	}
	add_type_name(&type, t);
	if (!owner || at->document)
		return err_set(d->e, -EINVAL, "json: cannot unmarshal %s into Go value of type %s", str_text(&what),
			       str_text(&type));
	add_field_path(&path, at);
	return err_set(d->e, -EINVAL, "json: cannot unmarshal %s into Go struct field %s.%s of type %s",
		       str_text(&what), after_dot(owner->owner->name, strrchr(owner->owner->name, '.')),
		       str_text(&path), str_text(&type));
}

static void note_unknown(struct decoder *d, const struct place *at)
{
	AUTO_STR path = STR_INIT;
	AUTO_FREE char *text = NULL;

	if (!d->unknown)
		return;
	add_path(&path, at);
	text = xasprintf("unknown field \"%s\"", str_text(&path));
	strv_add(d->unknown, text);
}

/* --- scalars: each gives back the value to store, owned ------------------------------------------------------------
 */

static int decode_quantity(struct decoder *d, json_t *value, json_t **ret)
{
	AUTO_FREE char *text = json_is_string(value) ? xstrdup(json_string_value(value)) : json_text(value);
	AUTO_FREE char *canonical = json_is_string(value) || json_is_number(value) ? quantity_canonical(text) : NULL;

	if (!canonical)
		return err_set(d->e, -EINVAL, QUANTITY_FORMAT_ERROR);
	*ret = json_is_string(value) && !strcmp(canonical, text) ? json_incref(value) : json_string(canonical);
	return 0;
}

static int decode_time(struct decoder *d, json_t *value, bool micro, json_t **ret)
{
	const char *layout = micro ? "2006-01-02T15:04:05.000000Z07:00" : "2006-01-02T15:04:05Z07:00",
		   *text = json_string_value(value);
	AUTO_STR what = STR_INIT;
	char canonical[RFC3339_MAX];
	int64_t us;

	if (!text) {
		add_value_word(&what, value);
		return err_set(d->e, -EINVAL, "json: cannot unmarshal %s into Go value of type string",
			       str_text(&what));
	}
	if (rfc3339_parse(text, &us) < 0)
		return err_set(d->e, -EINVAL, "parsing time \"%.100s\" as \"%s\": cannot parse \"%.100s\" as \"2006\"",
			       text, layout, text);
	if (micro)
		rfc3339_micro(us, canonical);
	else
		rfc3339(us >= 0 ? us / 1000 : -((-us + 999999) / 1000000) * 1000, canonical);
	*ret = !strcmp(canonical, text) ? json_incref(value) : json_string(canonical);
	return 0;
}

static int decode_bytes(struct decoder *d, const struct type *t, const struct place *at, json_t *value, json_t **ret)
{
	AUTO_STR plain = STR_INIT, bytes = STR_INIT, canonical = STR_INIT;
	const char *text = json_string_value(value);

	if (!text)
		return mismatch(d, t, at, value);
	for (const char *p = text; *p; p++)
		if (*p != '\r' && *p != '\n')
			str_addc(&plain, *p);
	if (base64_decode(&bytes, str_text(&plain), plain.len) < 0)
		return err_set(d->e, -EINVAL, "illegal base64 data at input byte %zu",
			       strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"));
	base64_encode(&canonical, bytes.p, bytes.len);
	*ret = !strcmp(str_text(&canonical), text) ? json_incref(value) : json_string(str_text(&canonical));
	return 0;
}

static int decode_int_or_string(struct decoder *d, json_t *value, json_t **ret)
{
	AUTO_STR what = STR_INIT;
	json_int_t n = json_integer_value(value);

	if (!json_is_string(value) && !(json_is_integer(value) && n >= INT32_MIN && n <= INT32_MAX)) {
		add_value_word(&what, value);
		if (json_is_number(value)) {
			str_addc(&what, ' ');
			str_add_jsonv(&what, value);
		}
		return err_set(d->e, -EINVAL, "json: cannot unmarshal %s into Go value of type int32", str_text(&what));
	}
	*ret = json_incref(value);
	return 0;
}

static bool integer_fits(const struct type *t, const json_t *value)
{
	json_int_t n = json_integer_value(value);

	return json_is_integer(value) && (t->bits != 32 || (n >= INT32_MIN && n <= INT32_MAX));
}

static int decode_scalar(struct decoder *d, const struct type *t, const struct place *at, json_t *value, json_t **ret)
{
	bool fits;

	switch (t->class) {
	case TYPE_QUANTITY:
		return decode_quantity(d, value, ret);
	case TYPE_TIME:
	case TYPE_MICROTIME:
		return decode_time(d, value, t->class == TYPE_MICROTIME, ret);
	case TYPE_BYTES:
		return decode_bytes(d, t, at, value, ret);
	case TYPE_INT_OR_STRING:
		return decode_int_or_string(d, value, ret);
	case TYPE_INTEGER:
		fits = integer_fits(t, value);
		break;
	case TYPE_NUMBER:
		fits = json_is_number(value);
		break;
	case TYPE_BOOLEAN:
		fits = json_is_boolean(value);
		break;
	case TYPE_ANY:
		fits = true;
		break;
	default:
		fits = json_is_string(value);
	}
	if (!fits)
		return mismatch(d, t, at, value);
	*ret = json_incref(value);
	return 0;
}

/* --- containers: changed in place ----------------------------------------------------------------------------------
 */

static int decode_list(struct decoder *d, const struct type *t, const struct place *at, json_t *list)
{
	size_t i;
	json_t *value, *decoded;
	int r;

	json_array_foreach(list, i, value)
	{
		struct place here = {.above = at, .index = i};

		decoded = NULL;
		r = json_is_null(value) ? 0 : decode_value(d, t->elem, &here, value, &decoded);
		if (r < 0)
			return r;
		if (json_is_null(value))
			decoded = type_zero(t->elem);
		if (decoded == value)
			json_decref(decoded);
		else
			json_array_set_new(list, i, decoded);
	}
	return 0;
}

static int decode_map(struct decoder *d, const struct type *t, const struct place *at, json_t *map)
{
	const char *key;
	json_t *value, *decoded;
	void *next;
	int r;

	json_object_foreach_safe(map, next, key, value)
	{
		struct place here = {.above = at, .name = key};

		decoded = NULL;
		r = json_is_null(value) ? 0 : decode_value(d, t->elem, &here, value, &decoded);
		if (r < 0)
			return r;
		if (json_is_null(value))
			decoded = type_zero(t->elem);
		if (decoded == value)
			json_decref(decoded);
		else
			json_object_set_new_nocheck(map, key, decoded);
	}
	return 0;
}

static int decode_member(struct decoder *d, const struct field *f, const struct place *at, json_t *object,
			 json_t *value)
{
	json_t *decoded = NULL;
	int r;

	if (json_is_null(value)) {
		json_object_del(object, f->name);
		return 0;
	}
	r = decode_value(d, f->type, at, value, &decoded);
	if (r < 0)
		return r;
	if (f->omit_empty && value_is_empty(decoded)) {
		json_decref(decoded);
		json_object_del(object, f->name);
	} else if (decoded == value) {
		json_decref(decoded);
	} else {
		json_object_set_new_nocheck(object, f->name, decoded);
	}
	return 0;
}

static int decode_object(struct decoder *d, const struct type *t, const struct place *at, json_t *object)
{
	const struct field *last = t->fields;
	bool ordered = true;
	size_t hint = 0;
	const char *key;
	json_t *value;
	void *next;
	int r;

	json_object_foreach_safe(object, next, key, value)
	{
		struct place here = {.above = at, .owner = t, .name = key};
		const struct field *f = type_field_from(t, key, &hint);

		ordered = ordered && f && f >= last;
		last = f;
		if (f) {
			r = decode_member(d, f, &here, object, value);
			if (r < 0)
				return r;
		} else if (!t->preserve_unknown) {
			note_unknown(d, &here);
			json_object_del(object, key);
		}
	}
	if (!ordered)
		object_reorder(t, object);
	return 0;
}

/* --- custom types: only what is not known goes; whether a value fits is for rules to say --------------------------- */

static const struct type unknown_type = {.class = TYPE_OBJECT, .custom = true};

static int decode_custom(struct decoder *d, const struct type *t, const struct place *at, json_t *value);

/* What belongs to every object (apiVersion, kind, metadata). Errors within objects in objects are those of a field. */
static int decode_own(struct decoder *d, const struct field *f, const struct place *at, json_t *object, json_t *value)
{
	struct place own = *at;
	AUTO_FREE char *shown = NULL;
	AUTO_STR path = STR_INIT;
	struct err e = ERR_INIT, *out = d->e;
	int r;

	own.document = true;
	if (!at->above)
		return decode_member(d, f, &own, object, value);
	shown = json_text(value);
	d->e = &e;
	r = decode_member(d, f, &own, object, value);
	d->e = out;
	if (r >= 0)
		return r;
	add_path(&path, at);
	return err_set(out, r, "%s: Invalid value: %s: %s", str_text(&path), shown,
		       f->type->class == TYPE_STRING ? "must be a string" : err_text(&e));
}

static int decode_custom_member(struct decoder *d, const struct type *t, const struct place *at, json_t *object,
				const char *key, json_t *value)
{
	const struct field *f = t->class == TYPE_OBJECT ? type_field(t, key) : NULL;
	const struct type *below = f ? f->type : t->class == TYPE_MAP ? t->elem : NULL;

	if (!below) {
		if (!t->preserve_unknown) {
			note_unknown(d, at);
			json_object_del(object, key);
		}
		return 0;
	}
	if (below->custom)
		return decode_custom(d, below, at, value);
	return f ? decode_own(d, f, at, object, value) : 0;
}

static int decode_custom(struct decoder *d, const struct type *t, const struct place *at, json_t *value)
{
	const char *key;
	json_t *below;
	void *next;
	size_t i;
	int r;

	if (t->class == TYPE_ANY)
		return 0;
	json_object_foreach_safe(value, next, key, below)
	{
		struct place here = {.above = at, .owner = t, .name = key};

		r = decode_custom_member(d, t, &here, value, key, below);
		if (r < 0)
			return r;
	}
	json_array_foreach(value, i, below)
	{
		struct place here = {.above = at, .index = i};

		r = decode_custom(d, t->class == TYPE_LIST ? t->elem : &unknown_type, &here, below);
		if (r < 0)
			return r;
	}
	return 0;
}

static int decode_value(struct decoder *d, const struct type *t, const struct place *at, json_t *value, json_t **ret)
{
	int r;

	if (t->custom) {
		r = t->name && !json_is_object(value) ? mismatch(d, t, at, value) : decode_custom(d, t, at, value);
		if (r >= 0)
			*ret = json_incref(value);
		return r;
	}
	switch (t->class) {
	case TYPE_OBJECT:
		r = json_is_object(value) ? decode_object(d, t, at, value) : mismatch(d, t, at, value);
		break;
	case TYPE_MAP:
		r = json_is_object(value) ? decode_map(d, t, at, value) : mismatch(d, t, at, value);
		break;
	case TYPE_LIST:
		r = json_is_array(value) ? decode_list(d, t, at, value) : mismatch(d, t, at, value);
		break;
	default:
		return decode_scalar(d, t, at, value, ret);
	}
	if (r < 0)
		return r;
	*ret = json_incref(value);
	return 0;
}

int schema_decode_type(const struct type *t, json_t *object, char ***unknown, struct err *e)
{
	struct decoder d = {.root = t, .unknown = unknown, .e = e};
	json_t *decoded = NULL;
	int r = decode_value(&d, t, NULL, object, &decoded);

	if (r < 0)
		return r;
	json_decref(decoded);
	return 0;
}

int schema_decode(const struct kind *k, json_t *object, char ***unknown, struct err *e)
{
	return schema_decode_type(k->type, object, unknown, e);
}
