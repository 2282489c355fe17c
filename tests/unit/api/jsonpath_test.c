/* api/jsonpath.c: every form of step, and what is no path. */
#include "api/jsonpath.h"

#include <check.h>
#include <errno.h>

#include "base/json.h"
#include "base/mem.h"

static const char document[] =
    "{\"a\":{\"b.c\":1,\"b\":[10,20,30,40]},\"l\":[{\"t\":\"Ready\",\"s\":\"True\",\"n\":1},{\"t\":\"Other\",\"s\":\"False\",\"n\":5}],"
    "\"m\":{\"x\":{\"n\":7}}}";

static const struct {
	const char *path, *found;
} cases[] = {
    {".a.b", "[[10,20,30,40]]"},
    {"$.a.b[0]", "[10]"},
    {"{.a.b[-1]}", "[40]"},
    {".a.b[1:3]", "[20,30]"},
    {".a.b[99999999999999999999]", "[]"},
    {".a.b[1:3:9223372036854775807]", "[20]"},
    {".a.b[::2]", "[10,30]"},
    {".a.b[-2:]", "[30,40]"},
    {".a.b[0,2]", "[10,30]"},
    {".a.b[9]", "[]"},
    {".a.b[*]", "[10,20,30,40]"},
    {".a['b.c']", "[1]"},
    {".a.b\\.c", "[1]"},
    {".l[?(@.t==\"Ready\")].s", "[\"True\"]"},
    {".l[?(@.t=='Other')].s", "[\"False\"]"},
    {".l[?(@.n>1)].t", "[\"Other\"]"},
    {".l[?(@.n<=5)].n", "[1,5]"},
    {".l[?(@.t!=\"Ready\")].t", "[\"Other\"]"},
    {".l[?(@.missing)].t", "[]"},
    {".l[?(@.s)].n", "[1,5]"},
    {"..n", "[1,5,7]"},
    {".m.*.n", "[7]"},
    {".missing.deep", "[]"},
    {".a.b.c", "[]"},
};

START_TEST(found)
{
	AUTO_JSON *value = json_loads(document, 0, NULL);
	struct jsonpath *p = NULL;
	struct err e = ERR_INIT;

	ck_assert_msg(jsonpath_new(cases[_i].path, &p, &e) == 0, "%s: %s", cases[_i].path, e.text);
	AUTO_JSON *all = jsonpath_find(p, value);
	AUTO_FREE char *text = json_text(all);
	ck_assert_str_eq(text, cases[_i].found);
	jsonpath_free(p);
}
END_TEST

static const char *const bad[] = {"a", ".a[", ".a[]", ".a[x]", ".a[?(@.b]", ".a[?(@.b==)]", ".a['b]", "..", ".a[1:2:0]"};

START_TEST(refused)
{
	struct jsonpath *p = NULL;

	ck_assert_msg(jsonpath_new(bad[_i], &p, NULL) == -EINVAL, "%s", bad[_i]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("jsonpath");
	TCase *t = tcase_create("jsonpath");
	SRunner *r;
	int failed;

	tcase_add_loop_test(t, found, 0, ARRAY_LEN(cases));
	tcase_add_loop_test(t, refused, 0, ARRAY_LEN(bad));
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
