/* Objects: the revision in their bytes, labels, fields, owners. */
#include "tests/unit/check_main.h"

#include "base/json.h"
#include "tests/unit/cp/cache/cache_fixture.h"

static struct cobj *made(const char *key, const char *json, uint64_t rev)
{
	AUTO_BUF *b = buf_new(json, strlen(json));
	struct cobj *o = object_new(cache_bucket(cache, "/registry/pods/"), key, b, rev, 3);
	ck_assert_ptr_nonnull(o);
	return o;
}

static void spliced(const char *json, const char *want)
{
	AUTO_COBJ *o = made("ns/a", json, 42);
	ck_assert_str_eq(o->json->data, want);
	AUTO_BUF *later = object_at_revision(o, 1234567);
	AUTO_COBJ *again = made("ns/a", later->data, 42);
	ck_assert_str_eq(again->json->data, want); /* replacing a revision is the inverse */
	ck_assert_ptr_nonnull(strstr(later->data, "\"resourceVersion\":\"1234567\""));
	json_t *j = cobj_parse(o);
	ck_assert_str_eq(json_string_value(json_object_get(json_object_get(j, "metadata"), "resourceVersion")), "42");
	json_decref(j);
}

START_TEST(revision_in_the_bytes)
{
	cache_setup();
	add_pods(0);
	spliced("{\"metadata\":{}}", "{\"metadata\":{\"resourceVersion\":\"42\"}}");
	spliced("{\"metadata\":{\"name\":\"a\"}}", "{\"metadata\":{\"resourceVersion\":\"42\",\"name\":\"a\"}}");
	spliced("{\"metadata\":{\"uid\":\"u\",\"z\":1}}",
		"{\"metadata\":{\"uid\":\"u\",\"resourceVersion\":\"42\",\"z\":1}}");
	spliced("{\"metadata\":{\"uid\":\"u\"},\"a\":1}",
		"{\"metadata\":{\"uid\":\"u\",\"resourceVersion\":\"42\"},\"a\":1}");
	spliced("{\"metadata\":{\"resourceVersion\":\"7\",\"uid\":\"u\"}}",
		"{\"metadata\":{\"resourceVersion\":\"42\",\"uid\":\"u\"}}");
	spliced("{\"metadata\":{\"resourceVersion\":\"\"}}", "{\"metadata\":{\"resourceVersion\":\"42\"}}");
	spliced(
	    "{\"metadata\":{\"annotations\":{\"resourceVersion\":\"5\"},\"uid\":\"u\"}}",
	    "{\"metadata\":{\"annotations\":{\"resourceVersion\":\"5\"},\"uid\":\"u\",\"resourceVersion\":\"42\"}}");
	cache_teardown();
}
END_TEST

static bool same(const char *json, const char *other)
{
	AUTO_COBJ *o = made("ns/a", json, 42);
	AUTO_BUF *b = buf_new(other, strlen(other));
	return cobj_is_same(o, b);
}

START_TEST(same_content)
{
	static const char pod[] = "{\"metadata\":{\"uid\":\"u\",\"res\":1},\"resourceVersion\":\"42\"}";
	cache_setup();
	add_pods(0);
	ck_assert(same(pod, pod));
	ck_assert(!same(pod, "{\"metadata\":{\"uid\":\"v\",\"res\":1},\"resourceVersion\":\"42\"}"));
	ck_assert(!same(pod, "{\"metadata\":{\"uid\":\"u\",\"ret\":1},\"resourceVersion\":\"42\"}"));
	ck_assert(!same(pod, "{\"metadata\":{\"uid\":\"u\",\"res\":1},\"resourceVersion\":\"43\"}"));
	ck_assert(!same(pod, "{\"metadata\":{\"uid\":\"u\",\"res\":1}}"));
	ck_assert(same("{\"metadata\":{\"uid\":\"u\"}}", "{\"metadata\":{\"uid\":\"u\"}}"));
	cache_teardown();
}
END_TEST

START_TEST(read_again_and_again)
{
	cache_setup();
	add_pods(0);
	AUTO_COBJ *a = made("ns/a", "{\"metadata\":{\"uid\":\"u\"},\"n\":1}", 42), *b = made("ns/b", "{\"metadata\":{\"uid\":\"v\"},\"n\":2}", 43);
	ck_assert_int_eq(json_integer_value(json_object_get(cobj_value(a), "n")), 1);
	ck_assert_int_eq(json_integer_value(json_object_get(cobj_value(b), "n")), 2);
	const json_t *first = cobj_value(a);
	ck_assert_ptr_eq(cobj_value(a), first);
	cache_teardown();
}
END_TEST

START_TEST(header)
{
	cache_setup();
	add_pods(0);
	AUTO_COBJ *o =
	    made("team-a/web-0",
		 "{\"metadata\":{\"name\":\"other\",\"uid\":\"u1\",\"deletionTimestamp\":\"2026\",\"labels\":{\"a/b\":"
		 "\"\\u0041\",\"empty\":\"\",\"nul\":\"x\\u0000y\",\"z\":\"last\"}},\"spec\":{\"nodeName\":null},"
		 "\"status\":{\"phase\":\"Run\"}}",
		 9);
	ck_assert_str_eq(o->ns, "team-a"); /* the key says the name */
	ck_assert_str_eq(o->name, "web-0");
	ck_assert_str_eq(o->uid, "u1");
	ck_assert(o->deleting);
	ck_assert_uint_eq(o->rev, 9);
	ck_assert_uint_eq(o->create_rev, 3);
	ck_assert_str_eq(cobj_label(o, "a/b"), "A");
	ck_assert_str_eq(cobj_label(o, "empty"), "");
	ck_assert_str_eq(cobj_label(o, "z"), "last");
	ck_assert_ptr_null(cobj_label(o, "none"));
	ck_assert_ptr_null(cobj_label(o, "A")); /* a value is no key */
	ck_assert_str_eq(cobj_field(o, "metadata.name"), "web-0");
	ck_assert_str_eq(cobj_field(o, "metadata.namespace"), "team-a");
	ck_assert_str_eq(cobj_field(o, "spec.nodeName"), "");
	ck_assert_str_eq(cobj_field(o, "status.phase"), "Run");
	ck_assert_ptr_null(cobj_field(o, "spec.unknown"));
	ck_assert_ptr_null(cobj_controller_uid(o));
	cache_teardown();
}
END_TEST

START_TEST(owners)
{
	cache_setup();
	add_pods(0);
	struct cobj_owner w;
	AUTO_COBJ *o = made(
	    "n/a",
	    "{\"metadata\":{\"ownerReferences\":[{\"uid\":\"\",\"kind\":\"None\"},1,{\"apiVersion\":\"v1\",\"kind\":"
	    "\"A\",\"name\":"
	    "\"a\",\"uid\":\"ua\"},{\"blockOwnerDeletion\":true,\"controller\":true,\"uid\":\"ub\",\"name\":\"b\"}]}}",
	    9);
	ck_assert(cobj_owner(o, 0, &w));
	ck_assert_str_eq(w.uid, "ua");
	ck_assert_str_eq(w.kind, "A");
	ck_assert_str_eq(w.name, "a");
	ck_assert_str_eq(w.api_version, "v1");
	ck_assert(!w.controller && !w.block);
	ck_assert(cobj_owner(o, 1, &w));
	ck_assert_str_eq(w.uid, "ub");
	ck_assert_str_eq(w.kind, "");
	ck_assert(w.controller && w.block);
	ck_assert(!cobj_owner(o, 2, &w));
	ck_assert_str_eq(cobj_controller_uid(o), "ub");
	cache_teardown();
}
END_TEST

START_TEST(no_object)
{
	cache_setup();
	struct bucket *b = add_pods(0);
	AUTO_BUF *bad = buf_new("{\"spec\":{}}", 11);
	ck_assert_ptr_null(object_new(b, "n/a", bad, 1, 1));
	cache_teardown();
}
END_TEST

/* What was kept is given once, to whoever asks first; then the bytes are read again. */
START_TEST(kept_values)
{
	struct loop *l = NULL;
	cache_setup();
	ck_assert_int_eq(loop_new(&l, NULL), 0);
	cache->loop = l;
	add_pods(0);
	AUTO_COBJ *a = made("ns/a", "{\"metadata\":{},\"n\":1}", 42);
	json_t *value = cobj_parse(a);
	cobj_keep(a, value);
	AUTO_JSON *first = cobj_take(a), *second = cobj_take(a);
	ck_assert_ptr_eq(first, value);
	ck_assert_ptr_ne(second, value);
	ck_assert(json_equal(first, second));
	cobj_keep(a, json_incref(first));
	for (int i = 0; i < KEPT_MAX; i++) {
		AUTO_COBJ *other = made("ns/b", "{\"metadata\":{},\"n\":2}", 43);
		cobj_keep(other, cobj_parse(other));
	}
	AUTO_JSON *third = cobj_take(a); /* others took its place */
	ck_assert_ptr_ne(third, first);
	ck_assert(json_equal(third, first));
	AUTO_STR text = STR_INIT;
	str_addf(&text, "{\"metadata\":{},\"n\":\"%0*d\"}", KEPT_BYTES, 0);
	AUTO_COBJ *large = made("ns/c", str_text(&text), 44);
	json_t *large_value = cobj_parse(large);
	cobj_keep(large, json_incref(large_value));
	ck_assert_uint_eq(large_value->refcount, 1);
	json_decref(large_value);
	cache_teardown();
	loop_free(l);
}
END_TEST

TESTS("cobj", same_content, read_again_and_again, revision_in_the_bytes, header, owners, no_object, kept_values)
