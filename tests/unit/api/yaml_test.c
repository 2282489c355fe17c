/* YAML in and out. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/yaml.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"

static const struct {
	const char *yaml, *json;
} cases[] = {
    {"a: 1\nb: x\n", "{\"a\":1,\"b\":\"x\"}"},
    {"name: y\nquoted: \"y\"\n", "{\"name\":true,\"quoted\":\"y\"}"},
    {"- a\n- ~\n- off\n- 1.5\n- 0x10\n- 010\n- 1e3\n- \"1\"\n", "[\"a\",null,false,1.5,16,8,1000.0,\"1\"]"},
    {"v: 1.2.3\nip: 10.0.0.1\nd: 2020-01-01\n", "{\"v\":\"1.2.3\",\"ip\":\"10.0.0.1\",\"d\":\"2020-01-01\"}"},
    {"s: |\n  one\n  two\n", "{\"s\":\"one\\ntwo\\n\"}"},
    {"x: &a {k: v}\ny: *a\n", "{\"x\":{\"k\":\"v\"},\"y\":{\"k\":\"v\"}}"},
    {"", "null"},
    {"e: {}\nl: []\n", "{\"e\":{},\"l\":[]}"},
};

START_TEST(reads)
{
	AUTO_JSON *v = NULL;
	struct err e = ERR_INIT;
	ck_assert_int_eq(yaml_parse(cases[_i].yaml, strlen(cases[_i].yaml), &v, &e), 0);
	AUTO_FREE char *text = json_text(v);
	ck_assert_str_eq(text, cases[_i].json);
}
END_TEST

START_TEST(texts_stay)
{
	const char *yaml = "a: 0123\nb: ~\nc: true\nd: \"q\"\nl: [1e3, null]\ne:\n";
	AUTO_JSON *v = NULL;
	ck_assert_int_eq(yaml_parse_texts(yaml, strlen(yaml), &v, NULL), 0);
	AUTO_FREE char *text = json_text(v);
	ck_assert_str_eq(text, "{\"a\":\"0123\",\"b\":\"~\",\"c\":\"true\",\"d\":\"q\",\"l\":[\"1e3\",\"null\"],\"e\":\"\"}");
}
END_TEST

START_TEST(reads_files)
{
	char path[] = "/tmp/knarr-yaml-XXXXXX";
	AUTO_FD int fd = mkstemp(path);
	struct err e = ERR_INIT;
	AUTO_JSON *v = NULL;
	json_t *none = NULL;
	ck_assert_int_eq(fs_write_all(fd, "a: [1]\n", 7), 0);
	ck_assert_int_eq(yaml_read_file(path, 100, &v, &e), 0);
	ck_assert_int_eq(json_integer_value(json_array_get(json_object_get(v, "a"), 0)), 1);
	ck_assert_int_eq(yaml_read_file(path, 6, &none, &e), -E2BIG);
	ck_assert_int_eq(fs_write_all(fd, "b: [\n", 5), 0);
	ck_assert_int_eq(yaml_read_file(path, 100, &none, &e), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err_text(&e), path));
	ck_assert_ptr_nonnull(strstr(err_text(&e), "line "));
	unlink(path);
	ck_assert_int_eq(yaml_read_file(path, 100, &none, &e), -ENOENT);
	ck_assert_ptr_null(none);
}
END_TEST

START_TEST(deep)
{
	char text[1001];
	json_t *v = NULL;
	memset(text, '[', 500);
	memset(text + 500, ']', 500);
	text[1000] = '\0';
	ck_assert_int_eq(yaml_parse(text, 1000, &v, NULL), -E2BIG);
	AUTO_JSON *ok = NULL;
	ck_assert_int_eq(yaml_parse(text + 400, 200, &ok, NULL), 0);
}
END_TEST

/* Reading costs what the text is long, however deep it would be. */
START_TEST(very_deep)
{
	static const char *const parts[] = {"[", "{a: ", "[ #]\n", "[']',", "- [\n"};
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		AUTO_STR text = STR_INIT;
		json_t *v = NULL;
		while (text.len < 600000)
			str_add(&text, parts[i]);
		ck_assert_int_lt(yaml_parse(text.p, text.len, &v, NULL), 0);
	}
}
END_TEST

/* Many brackets are not deep. */
START_TEST(broad)
{
	AUTO_STR text = STR_INIT;
	AUTO_JSON *v = NULL;
	str_add(&text, "[");
	for (int i = 0; i < 1000; i++)
		str_add(&text, "{a: [1]}, ");
	str_add(&text, "1]");
	ck_assert_int_eq(yaml_parse(text.p, text.len, &v, NULL), 0);
	ck_assert_uint_eq(json_array_size(v), 1001);
}
END_TEST

START_TEST(round_trip)
{
	AUTO_JSON *v = NULL, *back = NULL;
	AUTO_STR text = STR_INIT;
	const char *json = "{\"a\":{\"b\":[{\"c\":\"true\",\"d\":[1,2]},\"x: "
			   "y\",\"\",[]],\"e\":\"10\"},\"n\":null,\"t\":true,\"m\":\"l1\\nl2\"}";
	ck_assert_int_eq(json_parse(json, strlen(json), &v, NULL), 0);
	yaml_write(&text, v);
	ck_assert_int_eq(yaml_parse(text.p, text.len, &back, NULL), 0);
	ck_assert(json_equal(v, back));
}
END_TEST

START_TEST(zero_has_no_sign)
{
	AUTO_JSON *v = NULL;
	AUTO_STR text = STR_INIT;
	ck_assert_int_eq(json_parse("{\"z\":-0.0}", 10, &v, NULL), 0);
	yaml_write(&text, v);
	ck_assert_str_eq(text.p, "z: 0\n");
}
END_TEST

/* Characters that a reader takes for line breaks or refuses are written as escapes; keys may be long. */
START_TEST(round_trip_of_odd_texts)
{
	static const char *const odd[] = {"a\\\\ \\u2028b", "\\u2029", "\\u0085x", "\\u007f", "x\\ufeff", "\\ufffe", "\\u009f", "\\u00a0\\u00e4\\ud83d\\ude00"};
	AUTO_STR longest = STR_INIT;
	for (int i = 0; i < 3000; i++)
		str_addc(&longest, 'k');
	for (size_t i = 0; i <= ARRAY_LEN(odd); i++) {
		AUTO_FREE char *quoted = xasprintf("\"%s\"", i < ARRAY_LEN(odd) ? odd[i] : longest.p);
		AUTO_FREE char *json = xasprintf("{%s:[{%s:{%s:%s}}]}", quoted, quoted, quoted, quoted);
		AUTO_JSON *v = NULL, *back = NULL;
		AUTO_STR text = STR_INIT;
		ck_assert_int_eq(json_parse(json, strlen(json), &v, NULL), 0);
		yaml_write(&text, v);
		ck_assert_msg(!yaml_parse(text.p, text.len, &back, NULL), "%s", text.p);
		ck_assert_msg(json_equal(v, back), "%s", text.p);
	}
}
END_TEST

START_TEST(refuses)
{
	static const char *const bad[] = {"a: [1", "\t- x", "{a: 1}}", "? [x]\n: y\n"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		json_t *v = NULL;
		ck_assert_int_eq(yaml_parse(bad[i], strlen(bad[i]), &v, NULL), -EINVAL);
	}
	AUTO_STR bomb = STR_INIT;
	str_add(&bomb, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
	for (int i = 1; i < 9; i++) {
		str_addf(&bomb, "a%d: &a%d [", i, i);
		for (int j = 0; j < 10; j++)
			str_addf(&bomb, "%s*a%d", j ? "," : "", i - 1);
		str_add(&bomb, "]\n");
	}
	json_t *v = NULL;
	ck_assert_int_eq(yaml_parse(bomb.p, bomb.len, &v, NULL), -E2BIG);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("yaml");
	TCase *t = tcase_create("yaml");
	tcase_add_loop_test(t, reads, 0, (int)(sizeof(cases) / sizeof(cases[0])));
	tcase_add_test(t, texts_stay);
	tcase_add_test(t, reads_files);
	tcase_add_test(t, deep);
	tcase_add_test(t, very_deep);
	tcase_add_test(t, broad);
	tcase_add_test(t, round_trip);
	tcase_add_test(t, zero_has_no_sign);
	tcase_add_test(t, round_trip_of_odd_texts);
	tcase_add_test(t, refuses);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
