/* The fast reader reads what jansson reads, and nothing that it refuses; the pool gives and takes back; what is looked for in arrays. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/json_pool.h"
#include "base/json_read.h"
#include "tests/unit/check_main.h"

static const char *const texts[] = {
    "{}", "[]", " [ ] ", "{\"a\":1}", "{\"a\":{\"b\":[1,2,{\"c\":null}]},\"d\":true,\"e\":false}", "{\"a\":1,\"b\":2,\"a\":3}", "\"\"",
    "\"x\\n\\t\\\"\\\\\\/\\b\\f\\r\"", "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"", "{\"k\\n\":\"v\\\"\"}", "{\"k\\t\":{\"l\\t\":\"m\\n\"}}", "0", "-0", "-12",
    "9223372036854775807", "1.5", "-0.25e3", "1E5", "1e-2", "null", "[1.0,2]",
    /* refused */
    "", "{", "[1,]", "{\"a\"}", "{\"a\":}", "{,}", "01", "-", "+1", "1.", ".5", "1e", "1e999", "tru", "\"", "\"\x01\"",
    "\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xf5\x80\x80\x80\"", "\"\\x\"", "[1] 2", "{\"a\":1]", "'a'", "nullx",
};

/* What is left to jansson. */
static const char *const left[] = {"\"\\u00e4\"", "\"\\ud83d\\ude00\"", "\"\\u0000\"", "\"\\ud800\""};

START_TEST(test_read)
{
	const char *text = texts[_i];
	AUTO_JSON *want = json_loadb(text, strlen(text), JSON_DECODE_ANY, NULL), *got = json_read(text, strlen(text));
	ck_assert_msg(!want == !got, "%s: %s", text, want ? "is not read" : "is read");
	ck_assert(!want || (json_equal(want, got) && json_typeof(want) == json_typeof(got)));
	if (!want)
		return;
	AUTO_FREE char *a = json_text(want), *b = json_text(got);
	ck_assert_str_eq(a, b);
}
END_TEST

START_TEST(test_left)
{
	for (size_t i = 0; i < ARRAY_LEN(left); i++) {
		const char *text = left[i];
		AUTO_JSON *want = json_loadb(text, strlen(text), JSON_DECODE_ANY, NULL), *got = NULL;
		ck_assert_ptr_null(json_read(text, strlen(text)));
		ck_assert_int_eq(json_parse(text, strlen(text), &got, NULL), want ? 0 : -EINVAL);
		ck_assert(!want || json_equal(want, got));
	}
}
END_TEST

/* Also a text that ends without a NUL, at any place. */
START_TEST(test_cut)
{
	const char *text = "{\"a\\n\":[1.5e3,\"\xe2\x82\xac\",true,null,{\"b\":-7}]}";
	for (size_t n = 0; n < strlen(text); n++) {
		AUTO_FREE char *part = xmemdup(text, n ? n : 1);
		ck_assert_ptr_null(json_read(part, n));
	}
}
END_TEST

START_TEST(test_scalars)
{
	static const char *const scalars[] = {"0", "-1", "9223372036854775807", "-9223372036854775808", "true", "false", "null", "\"x\"", "0.1"};
	for (size_t i = 0; i < ARRAY_LEN(scalars); i++) {
		AUTO_JSON *j = NULL;
		AUTO_STR text = STR_INIT;
		ck_assert_int_eq(json_parse(scalars[i], strlen(scalars[i]), &j, NULL), 0);
		str_add_jsonv(&text, j);
		ck_assert_str_eq(str_text(&text), scalars[i]);
	}
}
END_TEST

START_TEST(test_depth)
{
	AUTO_STR deep = STR_INIT;
	for (int i = 0; i < 3000; i++)
		str_addc(&deep, '[');
	for (int i = 0; i < 3000; i++)
		str_addc(&deep, ']');
	ck_assert_ptr_null(json_read(deep.p, deep.len));
	AUTO_JSON *ok = json_read(deep.p + 1000, deep.len - 2000);
	ck_assert_ptr_nonnull(ok);
}
END_TEST

START_TEST(test_arrays)
{
	AUTO_JSON *list = json_pack("[{s:s},i,{s:s,s:i},{s:s,s:i},n]", "name", "a", 1, "name", "b", "n", 1, "name", "b", "n", 2);
	ck_assert_int_eq(json_int_at(json_find(list, "name", "b"), "n", 0), 1);
	ck_assert_ptr_null(json_find(list, "name", "c"));
	ck_assert_ptr_null(json_find(list, "other", NULL));
	ck_assert_ptr_null(json_find(NULL, "name", "a"));
	AUTO_JSON *texts_ = json_pack("[s,i,s,s]", "x", 1, "y", "x");
	ck_assert(json_has_text(texts_, "y") && !json_has_text(texts_, "z") && !json_has_text(texts_, NULL) && !json_has_text(NULL, "x"));
	AUTO_JSON *left_ = json_without_text(texts_, "x"), *none = json_without_text(NULL, "x");
	AUTO_FREE char *text = json_text(left_);
	ck_assert_str_eq(text, "[1,\"y\"]");
	ck_assert_uint_eq(json_array_size(none), 0);
	AUTO_JSON *of_vector = json_texts((char *[]){"a", "b", NULL}), *of_nothing = json_texts(NULL);
	ck_assert(json_array_size(of_vector) == 2 && json_has_text(of_vector, "b") && json_array_size(of_nothing) == 0);
}
END_TEST

START_TEST(test_pool)
{
	json_pool_use();
	json_t *all[200];
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < ARRAY_LEN(all); i++) {
			AUTO_FREE char *text = xasprintf("{\"name\":\"%0*zu\",\"list\":[%zu,{\"a\":\"b\"}]}", (int)(i * 5 + 1), i, i);
			all[i] = json_read(text, strlen(text));
		}
		for (size_t i = 0; i < ARRAY_LEN(all); i += 2)
			json_decref(all[i]);
		for (size_t i = 1; i < ARRAY_LEN(all); i += 2) {
			AUTO_FREE char *want = xasprintf("%0*zu", (int)(i * 5 + 1), i);
			ck_assert_str_eq(json_str_at(all[i], "name"), want);
			ck_assert_int_eq(json_integer_value(json_array_get(json_at(all[i], "list"), 0)), (json_int_t)i);
			json_decref(all[i]);
		}
	}
}
END_TEST

/* What is read, and how it is written: as Go's encoder does. */
static const char *const numbers[][2] = {
    {"1.0", "1"},	      {"-0.5", "-0.5"},	      {"1e3", "1000"},		      {"0.000001", "0.000001"},	    {"1e-7", "1e-7"},
    {"1.25e-10", "1.25e-10"}, {"1e21", "1e+21"},      {"1.5e300", "1.5e+300"},	      {"123456789.5e3", "123456789500"}, {"0.0", "0"},
    {"1e18", "1000000000000000000"}, {"12345678901234567890", "12345678901234567000"}, {"-9223372036854775808", "-9223372036854775808"},
};

START_TEST(test_numbers)
{
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		AUTO_JSON *v = json_read(numbers[i][0], strlen(numbers[i][0]));
		AUTO_STR out = STR_INIT;
		str_add_jsonv(&out, v);
		ck_assert_str_eq(str_text(&out), numbers[i][1]);
		ck_assert(strtod(str_text(&out), NULL) == json_number_value(v));
	}
}
END_TEST

TESTS_TABLE("json", test_read, ARRAY_LEN(texts), test_left, test_cut, test_scalars, test_depth, test_arrays, test_pool, test_numbers)
