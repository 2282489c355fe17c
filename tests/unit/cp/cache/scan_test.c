/* The scanner on objects as they come and as they should not. */
#include "tests/unit/check_main.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "cp/cache/scan.h"

static struct scan scanned(const char *text, const char *const *paths)
{
	struct scan s;
	ck_assert_msg(!scan_object(text, strlen(text), paths, &s), "%s", text);
	return s;
}

static int code(const char *text)
{
	struct scan s;
	return scan_object(text, strlen(text), NULL, &s);
}

static void is(struct span s, const char *want)
{
	if (!want) {
		ck_assert_ptr_null(s.p);
		return;
	}
	ck_assert_msg(s.p && s.n == strlen(want) && !memcmp(s.p, want, s.n), "%.*s is not %s", (int)s.n, s.p ? s.p : "",
		      want);
}

START_TEST(header_of_an_object)
{
	const char *text = " \n{"; /* the store's bytes begin with the brace */
	ck_assert_int_eq(code(text), -EINVAL);
	text = "{\"kind\":\"Pod\",\"metadata\":{ \"name\" : \"a\" , \"uid\":\"u1\",\"labels\":{\"a\":\"b\"},"
	       "\"ownerReferences\":[{\"uid\":\"o\"}],\"resourceVersion\":\"12\",\"deletionTimestamp\":\"2026\"},"
	       "\"spec\":{}}\n";
	struct scan s = scanned(text, NULL);
	is(s.uid, "u1");
	is(s.labels, "{\"a\":\"b\"}");
	is(s.owners, "[{\"uid\":\"o\"}]");
	is(s.revision, "\"12\"");
	ck_assert(s.deleting);
	ck_assert_ptr_eq(text + s.splice, strstr(text, ",\"labels\""));
	ck_assert(s.splice_comma_before);
	ck_assert(!scanned("{\"metadata\":{\"deletionTimestamp\":null}}", NULL).deleting);
}
END_TEST

/* Only the object's own metadata counts. */
START_TEST(metadata_elsewhere)
{
	struct scan s = scanned(
	    "{\"spec\":{\"template\":{\"metadata\":{\"uid\":\"inner\",\"resourceVersion\":\"9\"}}},"
	    "\"metadata\":{\"uid\":\"own\",\"managedFields\":[{\"metadata\":{\"uid\":\"x\"},\"uid\":\"y\"}],"
	    "\"annotations\":{\"uid\":\"z\",\"resourceVersion\":\"8\"}},"
	    "\"status\":{\"metadata\":{\"uid\":\"later\"}},\"text\":\"\\\"metadata\\\":{\\\"uid\\\":\\\"q\\\"}\"}",
	    NULL);
	is(s.uid, "own");
	is(s.revision, NULL);
	s = scanned("{\"metadata\":{\"uid\":\"first\",\"resourceVersion\":\"1\"},\"metadata\":{\"uid\":\"last\"}}",
		    NULL);
	is(s.uid, "last");
	is(s.revision, NULL);
}
END_TEST

START_TEST(places_for_a_revision)
{
	struct scan s = scanned("{\"metadata\":{}}", NULL);
	ck_assert_uint_eq(s.splice, 13);
	ck_assert(s.meta_empty && !s.splice_comma_before);
	s = scanned("{\"metadata\":{ \t}}", NULL);
	ck_assert(s.meta_empty);
	s = scanned("{\"metadata\":{\"name\":\"a\"}}", NULL);
	ck_assert_uint_eq(s.splice, 13);
	ck_assert(!s.meta_empty && !s.splice_comma_before);
}
END_TEST

START_TEST(fields_by_path)
{
	static const char *const paths[] = {"spec.nodeName", "status.phase", "type",   "spec.a.b.c",
					    "spec.replicas", "spec.none",    "spec.s", NULL};
	struct scan s = scanned(
	    "{\"type\":\"x\\u0041\",\"metadata\":{\"spec\":{\"nodeName\":\"wrong\"}},\"spec\":{\"nodeName\":\"n1\","
	    "\"a\":{\"b\":{\"c\":[1,{\"d\":\"]}\"}]},\"nodeName\":\"no\"},\"replicas\":-1.5e3,\"s\":\"\\\\\\\"\"},"
	    "\"status\":[\"phase\"]}",
	    paths);
	is(s.fields[0], "\"n1\"");
	is(s.fields[1], NULL);
	is(s.fields[2], "\"x\\u0041\"");
	is(s.fields[3], "[1,{\"d\":\"]}\"}]");
	is(s.fields[4], "-1.5e3");
	is(s.fields[5], NULL);
	is(s.fields[6], "\"\\\\\\\"\"");
}
END_TEST

START_TEST(malformed)
{
	static const char *const bad[] = {"",
					  "{",
					  "[]",
					  "null",
					  "{\"metadata\":null}",
					  "{\"metadata\":\"x\"}",
					  "{}",
					  "{\"metadata\":{}",
					  "{\"metadata\":{}}x",
					  "{\"metadata\":{},}",
					  "{\"metadata\":{\"a\"}}",
					  "{\"metadata\":{\"a\":}}",
					  "{\"metadata\":{\"a\":\"b}}",
					  "{\"metadata\":{\"a\":\"b\\",
					  "{\"metadata\":{\"a\":\"b\\\"",
					  "{metadata:{}}",
					  "{\"metadata\":{\"a\":1 \"b\":2}}",
					  "{\"a\":[1,2,\"metadata\":{}}"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(code(bad[i]) == -EINVAL, "%s", bad[i]);
	struct scan s;
	ck_assert_int_eq(scan_object("{\"metadata\":{\"a\":\"\0\"}}", 21, NULL, &s), -EINVAL);
	AUTO_STR deep = STR_INIT;
	str_add(&deep, "{\"metadata\":{},\"x\":");
	for (int i = 0; i < 10001; i++)
		str_addc(&deep, '[');
	ck_assert_int_eq(scan_object(deep.p, deep.len, NULL, &s), -E2BIG);
}
END_TEST

/* Every prefix of an object is refused without reading behind it. */
START_TEST(every_prefix)
{
	const char *text =
	    "{\"metadata\":{\"uid\":\"\\u00e9\\\"\",\"labels\":{\"a\":\"b\"}},\"spec\":{\"x\":[1,true,null,{}]}}";
	for (size_t n = 0; n < strlen(text); n++) {
		AUTO_FREE char *exact = xmemdup(text, n);
		struct scan s;
		ck_assert_int_eq(scan_object(exact, n, NULL, &s), -EINVAL);
	}
	ck_assert_int_eq(code(text), 0);
}
END_TEST

static void text_is(const char *raw, const char *want)
{
	AUTO_STR out = STR_INIT;
	scan_add_text(&out, (struct span){raw, strlen(raw)});
	ck_assert_str_eq(str_text(&out), want);
	ck_assert_uint_eq(out.len, strlen(want));
}

START_TEST(text_of_values)
{
	text_is("\"\"", "");
	text_is("\"plain \xc3\xa9\"", "plain \xc3\xa9");
	text_is("\"a\\\"b\\\\c\\/d\\b\\f\\n\\r\\t\"", "a\"b\\c/d\b\f\n\r\t");
	text_is("\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00\"", "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
	text_is("\"\\u0000\"", "\xef\xbf\xbd");
	text_is("\"\\ud83dx\"", "\xef\xbf\xbdx");
	text_is("\"\\ud83d\\u0041\"", "\xef\xbf\xbd"
				      "A");
	text_is("\"\\ude00\"", "\xef\xbf\xbd");
	text_is("\"\\u12\"", "\xef\xbf\xbd"
			     "12");
	text_is("\"\\uzzzz\"", "\xef\xbf\xbd"
			       "zzzz");
	text_is("12.5", "12.5");
	text_is("true", "true");
}
END_TEST

static int count(void *arg, struct span key, struct span value)
{
	str_addf(arg, "%.*s=%.*s;", (int)key.n, key.n ? key.p : "", (int)value.n, value.p);
	return ((struct str *)arg)->len > 20 ? 7 : 0;
}

START_TEST(members)
{
	AUTO_STR out = STR_INIT;
	const char *text = "{ \"a\" : 1 , \"b\":[2,{\"c\":3}]}";
	ck_assert_int_eq(scan_members((struct span){text, strlen(text)}, count, &out), 0);
	ck_assert_str_eq(str_text(&out), "a=1;b=[2,{\"c\":3}];");
	str_reset(&out);
	text = "[\"x\", null ,{}]";
	ck_assert_int_eq(scan_members((struct span){text, strlen(text)}, count, &out), 0);
	ck_assert_str_eq(str_text(&out), "=\"x\";=null;={};");
	text = "[11111,22222]";
	ck_assert_int_eq(scan_members((struct span){text, strlen(text)}, count, &out), 7);
	ck_assert_int_eq(scan_members((struct span){"1", 1}, count, &out), -EINVAL);
}
END_TEST

TESTS("scan", header_of_an_object, metadata_elsewhere, places_for_a_revision, fields_by_path, malformed, every_prefix,
      text_of_values, members)
