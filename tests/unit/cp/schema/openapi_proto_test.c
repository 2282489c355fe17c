/* The protocol buffer encoder on small tables, and both documents taken apart again. */
#include "cp/schema/openapi.h"
#include "cp/schema/openapi_proto.h"
#include "tests/unit/cp/schema/support.h"

static const struct proto_message pair;
static const struct proto_message choice = {.choices = (const struct proto_choice[]){
						{"in", "body", -1, {NULL, 1, PROTO_MESSAGE, &pair}},
						{NULL, NULL, JSON_TRUE, {NULL, 2, PROTO_BOOL, NULL}},
						{NULL, NULL, JSON_STRING, {NULL, 3, PROTO_TEXT, NULL}},
						{NULL},
					    }};
static const struct proto_message each = {.fields = (const struct proto_field[]){
					      {"*", 1, PROTO_EACH, &choice},
					      {NULL},
					  }};
static const struct proto_message pair = {.fields = (const struct proto_field[]){
					      {"text", 1, PROTO_TEXT, NULL},
					      {"on", 2, PROTO_BOOL, NULL},
					      {"count", 300, PROTO_INTEGER, NULL},
					      {"half", 4, PROTO_DOUBLE, NULL},
					      {"any", 5, PROTO_YAML, NULL},
					      {"choice", 6, PROTO_MESSAGE, &choice},
					      {"each", 7, PROTO_MESSAGE, &each},
					      {"x-*", 8, PROTO_EACH, NULL},
					      {NULL},
					  }};

static const struct {
	const char *json, *bytes;
	size_t n;
} cases[] = {
#define BYTES(text) text, sizeof(text) - 1
    {"{}", BYTES("")},
    {"{'unknown':1}", BYTES("")},
    {"{'text':'ab'}", BYTES("\x0a\x02"
			    "ab")},
    {"{'text':['a','b']}", BYTES("\x0a\x01"
				 "a\x0a\x01"
				 "b")},
    {"{'on':true}", BYTES("\x10\x01")},
    {"{'on':false}", BYTES("")},
    {"{'count':300}", BYTES("\xe0\x12\xac\x02")},
    {"{'count':0}", BYTES("")},
    {"{'half':0.5}", BYTES("\x21\0\0\0\0\0\0\xe0\x3f")},
    {"{'any':[1,'a']}", BYTES("\x2a\x03\x12\x01"
			      "1\x2a\x05\x12\x03\"a\"")},
    {"{'choice':true}", BYTES("\x32\x02\x10\x01")},
    {"{'choice':'z'}", BYTES("\x32\x03\x1a\x01z")},
    {"{'choice':{'in':'body','on':true}}", BYTES("\x32\x04\x0a\x02\x10\x01")},
    {"{'choice':{'in':'query'}}", BYTES("\x32\x00")},
    {"{'each':{'k':true}}", BYTES("\x3a\x09\x0a\x07\x0a\x01k\x12\x02\x10\x01")},
    {"{'x-a':[1]}", BYTES("\x42\x0c\x0a\x03x-a\x12\x05\x12\x03[1]")},
};

START_TEST(encode)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_JSON *j = js(cases[i].json);
		AUTO_STR out = STR_INIT;

		proto_encode(&out, &pair, j);
		ck_assert_msg(out.len == cases[i].n, "%s: %zu bytes", cases[i].json, out.len);
		ck_assert_msg(!out.len || !memcmp(out.p, cases[i].bytes, out.len), "%s", cases[i].json);
	}
}
END_TEST

/* --- reading it back ---------------------------------------------------------------------------------------------- */

struct span {
	const unsigned char *p;
	size_t n;
};

static uint64_t take_varint(struct span *s)
{
	uint64_t v = 0;

	for (unsigned shift = 0; s->n && shift < 64; shift += 7) {
		unsigned char c = *s->p++;

		s->n--;
		v |= (uint64_t)(c & 0x7f) << shift;
		if (c < 0x80)
			break;
	}
	return v;
}

/* The next field of length-delimited or varint type; false at the end. */
static bool next_field(struct span *s, unsigned *ret_number, struct span *ret)
{
	uint64_t tag, n;

	if (!s->n)
		return false;
	tag = take_varint(s);
	*ret_number = (unsigned)(tag >> 3);
	*ret = (struct span){s->p, 0};
	if ((tag & 7) == 1) {
		n = 8;
	} else if ((tag & 7) == 0) {
		take_varint(s);
		return true;
	} else {
		ck_assert_uint_eq(tag & 7, 2);
		n = take_varint(s);
		*ret = (struct span){s->p, n};
	}
	ck_assert_uint_le(n, s->n);
	s->p += n;
	s->n -= n;
	return true;
}

/* The n-th field of that number. */
static struct span get(struct span s, unsigned number, size_t nth)
{
	struct span value;
	unsigned at;

	while (next_field(&s, &at, &value))
		if (at == number && !nth--)
			return value;
	ck_abort_msg("no field %u", number);
	return s;
}

/* The value (2) of the pair among the fields of that number whose name (1) it is. */
static struct span named(struct span s, unsigned number, const char *name)
{
	for (size_t i = 0;; i++) {
		struct span pair_ = get(s, number, i), key = get(pair_, 1, 0);

		if (key.n == strlen(name) && !memcmp(key.p, name, key.n))
			return get(pair_, 2, 0);
	}
}

static void assert_text(struct span s, const char *text)
{
	AUTO_FREE char *have = xstrndup((const char *)s.p, s.n);

	ck_assert_str_eq(have, text);
}

START_TEST(version_2)
{
	AUTO_JSON *d = openapi_v2(builtin);
	AUTO_STR out = STR_INIT;
	struct span all, pod, containers, path;

	openapi_v2_proto(d, &out);
	all = (struct span){(const unsigned char *)out.p, out.len};
	assert_text(get(all, 1, 0), "2.0");
	pod = named(get(all, 9, 0), 1, "io.k8s.api.core.v1.PodSpec");
	assert_text(get(get(pod, 22, 0), 1, 0), "object");
	containers = named(get(pod, 25, 0), 1, "containers");
	assert_text(get(get(get(containers, 23, 0), 1, 0), 1, 0), "#/definitions/io.k8s.api.core.v1.Container");
	assert_text(get(named(containers, 31, "x-kubernetes-patch-merge-key"), 2, 0), "\"name\"");
	path = named(get(all, 8, 0), 2, "/api/v1/namespaces/{namespace}/pods/{name}");
	/* patch, its first parameter after the body: query parameter dryRun. */
	assert_text(get(get(get(get(get(get(path, 8, 0), 8, 1), 1, 0), 2, 0), 3, 0), 4, 0), "dryRun");
	assert_text(get(get(path, 8, 0), 5, 0), "patchCoreV1NamespacedPod");
}
END_TEST

START_TEST(version_3)
{
	AUTO_JSON *d = openapi_v3(builtin, "", "v1");
	AUTO_STR out = STR_INIT;
	struct span all, pod, path, meta;

	openapi_v3_proto(d, &out);
	all = (struct span){(const unsigned char *)out.p, out.len};
	assert_text(get(all, 1, 0), "3.0.0");
	pod = get(named(get(get(all, 5, 0), 1, 0), 1, "io.k8s.api.core.v1.Pod"), 1, 0);
	assert_text(get(pod, 25, 0), "object");
	meta = get(named(get(pod, 31, 0), 1, "metadata"), 1, 0);
	assert_text(get(get(get(meta, 26, 0), 2, 0), 1, 0),
		    "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
	path = named(get(all, 4, 0), 1, "/api/v1/namespaces/{namespace}/pods/{name}");
	assert_text(get(get(get(get(path, 10, 0), 6, 0), 1, 0), 1, 0), "dryRun");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("openapi_proto");

	tcase_add_test(t, encode);
	tcase_add_test(t, version_2);
	tcase_add_test(t, version_3);
	return run("cp/schema/openapi_proto", t);
}
