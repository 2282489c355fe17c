/* Wording of errors, broken JSON, Go's notation. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/schema/go_format.h"
#include "cp/schema/json_error.h"
#include "cp/schema/status.h"

START_TEST(wording)
{
	AUTO_JSON *s = status_not_found("apps", "deployments", "d");
	ck_assert_str_eq(json_str_at(s, "message"), "deployments.apps \"d\" not found");
	ck_assert_str_eq(json_str_at(s, "details.group"), "apps");
	ck_assert_int_eq(status_code(s), 404);
	AUTO_JSON *f = status_forbidden("", "pods", "", "no");
	ck_assert_str_eq(json_str_at(f, "message"), "pods is forbidden: no");
	ck_assert_ptr_null(json_at(f, "details.name"));
	AUTO_JSON *m = status_modified("", "pods", "x");
	ck_assert_str_eq(json_str_at(m, "message"),
			 "Operation cannot be fulfilled on pods \"x\": the object has been modified; please apply "
			 "your changes to the latest version and try again");
	AUTO_JSON *ok = status_success("apps", "deployments", "d", "u");
	ck_assert_str_eq(json_str_at(ok, "status"), "Success");
	ck_assert_ptr_null(json_at(ok, "code"));
	ck_assert_int_eq(status_code(ok), 200);
}
END_TEST

START_TEST(invalid)
{
	AUTO_FIELD_ERRORS errors = {0};
	field_required(&errors, "spec.a", NULL);
	AUTO_JSON *one = status_invalid("apps", "Deployment", "d", &errors);
	ck_assert_str_eq(json_str_at(one, "message"), "Deployment.apps \"d\" is invalid: spec.a: Required value");
	field_required(&errors, "spec.b", NULL);
	field_required(&errors, "spec.b", NULL);
	AUTO_JSON *two = status_invalid("", "Pod", "p", &errors);
	ck_assert_str_eq(json_str_at(two, "message"),
			 "Pod \"p\" is invalid: [spec.a: Required value, spec.b: Required value]");
	ck_assert_uint_eq(json_array_size(json_at(two, "details.causes")), 2);
}
END_TEST

static const struct {
	const char *text, *error; /* NULL: well formed */
} broken[] = {
    {"{\"a\":[1,-2.5e3,true,null,\"x\\u00e9\"]}", NULL},
    {"{nonsense", "invalid character 'n' looking for beginning of object key string"},
    {"{\"a\":1,}", "invalid character '}' looking for beginning of object key string"},
    {"{\"a\" 1}", "invalid character '1' after object key"},
    {"{\"a\":1 2}", "invalid character '2' after object key:value pair"},
    {"[1 2]", "invalid character '2' after array element"},
    {"<a/>", "invalid character '<' looking for beginning of value"},
    {"{\"a\":", "unexpected end of JSON input"},
    {"{} x", "invalid character 'x' after top-level value"},
    {"trux", "invalid character 'x' in literal true (expecting 'e')"},
    {"\"a\\q\"", "invalid character 'q' in string escape code"},
    {"", "unexpected end of JSON input"},
};

START_TEST(json_errors)
{
	AUTO_FREE char *e = json_error_text(broken[_i].text, strlen(broken[_i].text));
	if (broken[_i].error)
		ck_assert_str_eq(e, broken[_i].error);
	else
		ck_assert_ptr_null(e);
}
END_TEST

START_TEST(go)
{
	AUTO_JSON *v = json_pack("{s:{s:i,s:[s,s]},s:n}", "b", "z", 1, "y", "p", "q", "a");
	AUTO_FREE char *text = go_format(v);
	ck_assert_str_eq(text, "map[a:<nil> b:map[y:[p q] z:1]]");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("status");
	TCase *t = tcase_create("status");
	tcase_add_test(t, wording);
	tcase_add_test(t, invalid);
	tcase_add_loop_test(t, json_errors, 0, (int)(sizeof(broken) / sizeof(broken[0])));
	tcase_add_test(t, go);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
