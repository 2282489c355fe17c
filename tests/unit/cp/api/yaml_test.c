/* YAML in and out. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/api/yaml.h"

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
	tcase_add_test(t, round_trip);
	tcase_add_test(t, refuses);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
