/* Protobuf bodies: what they mean, and that broken ones are refused. */
#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/api/protobuf.h"
#include "tests/unit/check_main.h"

/* A field of bytes: its key, length and content (all short). */
static void add(struct str *out, int number, const void *bytes, size_t n)
{
	str_addc(out, (char)(number << 3 | 2));
	str_addc(out, (char)n);
	str_addn(out, bytes, n);
}

static void add_text(struct str *out, int number, const char *text)
{
	add(out, number, text, strlen(text));
}

static void envelope(struct str *out, const char *api, const char *kind, const struct str *raw)
{
	AUTO_STR meta = STR_INIT;
	add_text(&meta, 1, api);
	add_text(&meta, 2, kind);
	str_addn(out, "k8s", 4);
	add(out, 1, meta.p, meta.len);
	add(out, 2, raw->p ? raw->p : "", raw->len);
}

static void config_map(struct str *out)
{
	AUTO_STR meta = STR_INIT, entry = STR_INIT, raw = STR_INIT;
	add_text(&meta, 1, "n");
	add_text(&meta, 2, "");
	add(&meta, 8, "", 0); /* the zero time */
	add_text(&entry, 1, "k");
	add_text(&entry, 2, "v");
	add(&raw, 1, meta.p, meta.len);
	add(&raw, 2, entry.p, entry.len);
	str_addn(&raw, "\x20\x01", 2); /* immutable: true */
	envelope(out, "v1", "ConfigMap", &raw);
}

START_TEST(reads)
{
	AUTO_STR body = STR_INIT;
	AUTO_JSON *o = NULL;
	struct err e = ERR_INIT;
	config_map(&body);
	ck_assert_msg(protobuf_parse(body.p, body.len, &o, &e) == 0, "%s", err_text(&e));
	AUTO_FREE char *text = json_text(o);
	ck_assert_str_eq(
	    text,
	    "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"n\",\"creationTimestamp\":null},"
	    "\"data\":{\"k\":\"v\"},\"immutable\":true}");
}
END_TEST

START_TEST(inlines_and_unions)
{
	AUTO_STR source = STR_INIT, empty_dir = STR_INIT, volume = STR_INIT, spec = STR_INIT, raw = STR_INIT,
		 body = STR_INIT;
	AUTO_JSON *o = NULL;
	add_text(&empty_dir, 1, "Memory");
	add(&source, 2, empty_dir.p, empty_dir.len);
	add_text(&volume, 1, "v");
	add(&volume, 2, source.p, source.len);
	add(&spec, 1, volume.p, volume.len);
	add(&raw, 2, spec.p, spec.len);
	envelope(&body, "v1", "Pod", &raw);
	ck_assert_int_eq(protobuf_parse(body.p, body.len, &o, NULL), 0);
	const json_t *v = json_array_get(json_at(o, "spec.volumes"), 0);
	ck_assert_str_eq(json_str_at(v, "name"), "v");
	ck_assert_str_eq(json_str_at(v, "emptyDir.medium"), "Memory");
}
END_TEST

/* Every truncation and every flipped byte is either refused or read without harm. */
/* A ControllerRevision whose data is that text. */
static int parse_raw(const char *text, json_t **ret)
{
	AUTO_STR extension = STR_INIT, raw = STR_INIT, body = STR_INIT;
	add_text(&extension, 1, text);
	add(&raw, 2, extension.p, extension.len);
	envelope(&body, "apps/v1", "ControllerRevision", &raw);
	return protobuf_parse(body.p, body.len, ret, NULL);
}

START_TEST(raw_json)
{
	AUTO_JSON *o = NULL;
	json_t *none = NULL;
	ck_assert_int_eq(parse_raw("{\"a\":[1]}", &o), 0);
	ck_assert_int_eq(json_integer_value(json_array_get(json_at(o, "data.a"), 0)), 1);
	ck_assert_int_eq(parse_raw("{\"a\":[1}", &none), -EINVAL);
	ck_assert_ptr_null(none);
}
END_TEST

/* A value that is one of several kinds: additionalProperties with that in it. */
static int parse_choice(const struct str *choice, json_t **ret)
{
	AUTO_STR props = STR_INIT, schema = STR_INIT, version = STR_INIT, spec = STR_INIT, raw = STR_INIT, body = STR_INIT;
	str_addn(&props, "\xf2\x01", 2); /* field 30 */
	str_addc(&props, (char)choice->len);
	str_addn(&props, choice->p, choice->len);
	add(&schema, 1, props.p, props.len);
	add(&version, 4, schema.p, schema.len);
	add(&spec, 7, version.p, version.len);
	add(&raw, 2, spec.p, spec.len);
	envelope(&body, "apiextensions.k8s.io/v1", "CustomResourceDefinition", &raw);
	return protobuf_parse(body.p, body.len, ret, NULL);
}

START_TEST(choices)
{
	AUTO_STR yes = STR_INIT, schema = STR_INIT, text = STR_INIT;
	AUTO_JSON *o = NULL, *p = NULL;
	str_addn(&yes, "\x08\x01", 2); /* allows: true */
	ck_assert_int_eq(parse_choice(&yes, &o), 0);
	const json_t *version = json_array_get(json_at(o, "spec.versions"), 0);
	ck_assert(json_is_true(json_at(version, "schema.openAPIV3Schema.additionalProperties")));
	add_text(&text, 5, "string");
	str_addn(&schema, "\x08\x01", 2);
	add(&schema, 2, text.p, text.len);
	ck_assert_int_eq(parse_choice(&schema, &p), 0);
	version = json_array_get(json_at(p, "spec.versions"), 0);
	ck_assert_str_eq(json_str_at(version, "schema.openAPIV3Schema.additionalProperties.type"), "string");
}
END_TEST

START_TEST(broken)
{
	AUTO_STR body = STR_INIT;
	struct err e = ERR_INIT;
	config_map(&body);
	for (size_t n = 0; n < body.len; n++) {
		AUTO_JSON *o = NULL;
		AUTO_FREE char *exact = xmemdup(body.p, n ? n : 1);
		/* Between two fields of the envelope there is nothing amiss. */
		int r = protobuf_parse(exact, n, &o, &e);
		ck_assert(r == -EINVAL || (r == 0 && !json_object_get(o, "metadata")));
	}
	for (size_t i = 0; i < body.len; i++)
		for (int bit = 0; bit < 8; bit++) {
			AUTO_JSON *o = NULL;
			AUTO_FREE char *copy = xmemdup(body.p, body.len);
			copy[i] ^= (char)(1 << bit);
			protobuf_parse(copy, body.len, &o, NULL);
		}
	AUTO_STR none = STR_INIT, unknown = STR_INIT;
	envelope(&unknown, "v1", "Nonsense", &none);
	json_t *o = NULL;
	ck_assert_int_eq(protobuf_parse(unknown.p, unknown.len, &o, &e), -EINVAL);
}
END_TEST

TESTS("protobuf", reads, inlines_and_unions, raw_json, choices, broken)
