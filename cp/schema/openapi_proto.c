/* JSON values as protocol buffer messages.
 *
 * Happy path: rows of a message's table are looked up in the object and written as tag and value; messages within are
 * written apart first, for their length. Values that are empty in proto3 (false, 0, "") are left out, and so is what no
 * row names. Nothing fails; depth is the document's, which is our own. */
#include "cp/schema/openapi_proto.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/protobuf.h"

/* JSON is YAML. */
static void add_yaml(struct str *out, unsigned number, const json_t *value)
{
	AUTO_STR any = STR_INIT, text = STR_INIT;

	str_add_jsonv(&text, value);
	protobuf_add_message(&any, 2, &text);
	protobuf_add_message(out, number, &any);
}

static void add_value(struct str *out, const struct proto_field *f, const json_t *value);

static void add_named(struct str *out, const struct proto_field *f, const char *name, const json_t *value)
{
	AUTO_STR pair = STR_INIT;
	struct proto_field second = {.number = 2, .form = f->of ? PROTO_MESSAGE : PROTO_YAML, .of = f->of};

	protobuf_add_text(&pair, 1, name);
	add_value(&pair, &second, value);
	protobuf_add_message(out, f->number, &pair);
}

static void add_each(struct str *out, const struct proto_field *f, const json_t *object)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)object, name, value) add_named(out, f, name, value);
}

static void add_value(struct str *out, const struct proto_field *f, const json_t *value)
{
	AUTO_STR message = STR_INIT;

	if (f->form == PROTO_MESSAGE) {
		proto_encode(&message, f->of, value);
		protobuf_add_message(out, f->number, &message);
	} else if (f->form == PROTO_EACH) {
		add_each(out, f, value);
	} else if (f->form == PROTO_YAML) {
		add_yaml(out, f->number, value);
	} else if (f->form == PROTO_TEXT && json_is_string(value)) {
		protobuf_add_bytes(out, f->number, json_string_value(value), json_string_length(value));
	} else if (f->form == PROTO_BOOL && json_is_true(value)) {
		protobuf_add_number(out, f->number, 1);
	} else if (f->form == PROTO_INTEGER && json_integer_value(value)) {
		protobuf_add_number(out, f->number, (uint64_t)json_integer_value(value));
	} else if (f->form == PROTO_DOUBLE && json_is_number(value)) {
		protobuf_add_double(out, f->number, json_number_value(value));
	}
}

static void add_field(struct str *out, const struct proto_field *f, const json_t *value)
{
	json_t *one;
	size_t i;

	if (!json_is_array(value)) {
		add_value(out, f, value);
		return;
	}
	json_array_foreach(value, i, one) add_value(out, f, one);
}

static const struct proto_field *row_of(const struct proto_message *m, const char *key)
{
	const struct proto_field *rest = NULL;

	for (const struct proto_field *f = m->fields; f->key; f++) {
		if (strcmp(f->key, key) == 0)
			return f;
		if (strcmp(f->key, "x-*") == 0 && str_has_prefix(key, "x-"))
			return f;
		if (strcmp(f->key, "*") == 0)
			rest = f;
	}
	return rest;
}

static bool fits(const struct proto_choice *c, const json_t *value)
{
	const json_t *member = c->key ? json_object_get(value, c->key) : NULL;

	if (c->key && (!member || (c->value && !str_eq(json_string_value(member), c->value))))
		return false;
	return c->type < 0 || (int)json_typeof(value) == c->type;
}

static void encode_choice(struct str *out, const struct proto_choice *c, const json_t *value)
{
	while (c->field.number && !fits(c, value))
		c++;
	if (c->field.number)
		add_field(out, &c->field, value);
}

void proto_encode(struct str *out, const struct proto_message *m, const json_t *value)
{
	const char *key;
	json_t *member;

	if (m->choices) {
		encode_choice(out, m->choices, value);
		return;
	}
	json_object_foreach((json_t *)value, key, member)
	{
		const struct proto_field *f = row_of(m, key);

		if (f && (strcmp(f->key, "*") == 0 || strcmp(f->key, "x-*") == 0))
			add_named(out, f, key, member);
		else if (f)
			add_field(out, f, member);
	}
}
