/* api/selector.c: label and field selectors, from text and from objects. */
#include "api/selector.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

static json_t *labels(void)
{
	return json_pack("{s:s,s:s,s:s}", "app", "web", "tier", "3", "in", "x");
}

static const struct {
	const char *text;
	bool match;
} label_cases[] = {
    {"", true},
    {"app=web", true},
    {"app==web", true},
    {"app!=web", false},
    {"app = web", true},
    {"app in (web,db)", true},
    {"app in (db)", false},
    {"app notin (db)", true},
    {"absent notin (db)", true},
    {"absent!=x", true},
    {"absent", false},
    {"!absent", true},
    {"app", true},
    {"!app", false},
    {"tier>2", true},
    {"tier>3", false},
    {"tier<4", true},
    {"app>1", false},
    {"app=web,tier=3", true},
    {"app=web,tier=4", false},
    {"in", true},
    {"in in (x)", true},
    {"app=", false},
    {"absent=", false},
    {"app in (,web)", true},
    {"app in ( web , db ),!absent", true},
    {"example.com/x", false},
    {" app ", true},
};

START_TEST(label_text)
{
	AUTO_JSON *object = labels();
	AUTO_SELECTOR *s = NULL;
	struct err e = ERR_INIT;

	ck_assert_msg(!selector_parse_labels(label_cases[_i].text, &s, &e), "%s: %s", label_cases[_i].text, e.text);
	ck_assert_msg(selector_match_labels(s, object) == label_cases[_i].match, "%s", label_cases[_i].text);
}
END_TEST

static const struct {
	const char *text, *message;
} bad_labels[] = {
    {"a=b,", "found '', expected: identifier after ','"},
    {",a", "found ',', expected: !, identifier, or 'end of string'"},
    {"a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"},
    {"a=b c", "found 'c', expected: ',' or 'end of string'"},
    {"a in b", "unable to parse requirement: found 'b' expected: '('"},
    {"a in (", "unable to parse requirement: found '', expected: ',', ')' or identifier"},
    {"a in (b", "unable to parse requirement: found '', expected: ',' or ')'"},
    {"a in (b,", "unable to parse requirement: found '', expected: ',', or identifier"},
    {"a in (b c)", NULL},
    {"a!", "unable to parse requirement: found '!', expected: in, notin, =, ==, !=, gt, lt"},
    {"a=\"b\"",
     "unable to parse requirement: values[0][a]: Invalid value: \"\\\"b\\\"\": a valid label must be an empty string or consist of "
     "alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  "
     "or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"},
    {"/a", "unable to parse requirement: <nil>: Invalid value: \"/a\": prefix part must be non-empty"},
    {"a=(b)", NULL},
    {"!a=b", NULL},
    {"a>x", NULL},
    {"bad key/x/y=1", NULL},
    {"a=-", NULL},
    {"!", NULL},
    {"a==b==c", NULL},
    {"a in (b))", NULL},
};

START_TEST(bad_label_text)
{
	struct selector *s = NULL;
	struct err e = ERR_INIT;

	ck_assert_msg(selector_parse_labels(bad_labels[_i].text, &s, &e) == -EINVAL, "%s", bad_labels[_i].text);
	ck_assert_ptr_null(s);
	if (bad_labels[_i].message)
		ck_assert_str_eq(e.text, bad_labels[_i].message);
}
END_TEST

static const char *get_field(const void *object, const char *key)
{
	return json_str_at(object, key);
}

static const struct {
	const char *text;
	bool match;
} field_cases[] = {
    {"", true},
    {"metadata.name=p1", true},
    {"metadata.name==p1", true},
    {"metadata.name!=p1", false},
    {"spec.nodeName=", true},
    {"spec.nodeName!=", false},
    {"spec.nodeName!=n1", true},
    {"metadata.name=p1,spec.x=a\\,b\\=c\\\\d", true},
    {"metadata.name=p1,,spec.nodeName=", true},
};

START_TEST(field_text)
{
	AUTO_JSON *object = json_pack("{s:{s:s},s:{s:s}}", "metadata", "name", "p1", "spec", "x", "a,b=c\\d");
	AUTO_SELECTOR *s = NULL;
	struct err e = ERR_INIT;

	ck_assert_msg(!selector_parse_fields(field_cases[_i].text, &s, &e), "%s: %s", field_cases[_i].text, e.text);
	ck_assert_msg(selector_match(s, get_field, object) == field_cases[_i].match, "%s", field_cases[_i].text);
}
END_TEST

START_TEST(bad_field_text)
{
	static const char *const cases[] = {"a", "a,b=c", "a=b\\x", "a=b=c", "a=b\\"};
	struct selector *s = NULL;
	struct err e = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		ck_assert_msg(selector_parse_fields(cases[i], &s, &e) == -EINVAL, "%s", cases[i]);
	selector_parse_fields("x", &s, &e);
	ck_assert_str_eq(e.text, "invalid selector: 'x'; can't understand 'x'");
}
END_TEST

START_TEST(objects)
{
	static const struct {
		const char *json;
		int result;
		bool match;
	} cases[] = {
	    {"null", 0, false},
	    {"{}", 0, true},
	    {"{\"matchLabels\":{\"app\":\"web\"}}", 0, true},
	    {"{\"matchLabels\":{\"app\":\"db\"}}", 0, false},
	    {"{\"matchExpressions\":[{\"key\":\"app\",\"operator\":\"In\",\"values\":[\"web\",\"db\"]}]}", 0, true},
	    {"{\"matchExpressions\":[{\"key\":\"app\",\"operator\":\"NotIn\",\"values\":[\"web\"]}]}", 0, false},
	    {"{\"matchExpressions\":[{\"key\":\"app\",\"operator\":\"Exists\"}]}", 0, true},
	    {"{\"matchExpressions\":[{\"key\":\"app\",\"operator\":\"DoesNotExist\"}]}", 0, false},
	    {"{\"matchExpressions\":[{\"key\":\"app\",\"operator\":\"Near\"}]}", -EINVAL, false},
	    {"{\"matchExpressions\":[{\"key\":\"app\",\"operator\":\"In\"}]}", -EINVAL, false},
	    {"{\"matchExpressions\":[{\"key\":\"app\",\"operator\":\"Exists\",\"values\":[\"a\"]}]}", -EINVAL, false},
	    {"{\"matchLabels\":{\"a b\":\"web\"}}", -EINVAL, false},
	    {"{\"matchLabels\":{\"a\":1}}", -EINVAL, false},
	};
	AUTO_JSON *object = labels();

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_JSON *json = json_loads(cases[i].json, JSON_DECODE_ANY, NULL);
		AUTO_SELECTOR *s = NULL;

		ck_assert_int_eq(selector_from_json(json, &s, NULL), cases[i].result);
		if (!cases[i].result)
			ck_assert_msg(selector_match_labels(s, object) == cases[i].match, "%s", cases[i].json);
	}
}
END_TEST

START_TEST(walking)
{
	AUTO_SELECTOR *s = NULL;
	const char *key, *op;
	char *const *values;
	size_t at = 0;

	ck_assert(!selector_parse_labels("a=b,c in (z,y,z),d", &s, NULL));
	ck_assert(!selector_is_everything(s));
	ck_assert_str_eq(selector_requires(s, "a"), "b");
	ck_assert_ptr_null(selector_requires(s, "c"));
	ck_assert_ptr_null(selector_requires(s, "d"));
	ck_assert(selector_next(s, &at, &key, &op, &values));
	ck_assert_str_eq(key, "a");
	ck_assert(selector_next(s, &at, &key, &op, &values));
	ck_assert_str_eq(op, "in");
	ck_assert_str_eq(values[0], "y");
	ck_assert_str_eq(values[1], "z");
	ck_assert_ptr_null(values[2]);
	ck_assert(selector_next(s, &at, &key, &op, &values));
	ck_assert_str_eq(op, "exists");
	ck_assert(!selector_next(s, &at, &key, &op, &values));
}
END_TEST

START_TEST(plain_map)
{
	AUTO_JSON *object = labels(), *map = json_pack("{s:s}", "app", "web"), *bad = json_pack("{s:i}", "app", 1);
	AUTO_SELECTOR *s = NULL, *none = NULL;

	ck_assert(!selector_from_map(map, &s, NULL));
	ck_assert(selector_match_labels(s, object));
	ck_assert(!selector_match_labels(s, NULL));
	ck_assert_int_eq(selector_from_map(bad, &none, NULL), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("api/selector");
	TCase *t = tcase_create("selector");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, label_text, 0, (int)ARRAY_LEN(label_cases));
	tcase_add_loop_test(t, bad_label_text, 0, (int)ARRAY_LEN(bad_labels));
	tcase_add_loop_test(t, field_text, 0, (int)ARRAY_LEN(field_cases));
	tcase_add_test(t, bad_field_text);
	tcase_add_test(t, objects);
	tcase_add_test(t, walking);
	tcase_add_test(t, plain_map);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
