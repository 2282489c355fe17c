/* cp/schema/duplicates.c: members that stand twice, and texts that are no JSON. */
#include "tests/unit/cp/schema/support.h"

static const struct {
	const char *text, *dups;
} cases[] = {
    {"{}", ""},
    {"{\"a\":1,\"b\":{\"a\":2},\"c\":[{\"a\":1},{\"a\":1}]}", ""},
    {"{\"a\":1,\"a\":2}", "duplicate field \"a\""},
    {"{\"spec\":{\"replicas\":1,\"x\":[1,{\"y\":2,\"y\" : 3}],\"replicas\":2}}",
     "duplicate field \"spec.x[1].y\", duplicate field \"spec.replicas\""},
    {"{\"a\":\"a\",\"b\":\"a\\\"a\\\\\",\"b\":\"{\"}", "duplicate field \"b\""},
    {"{\"a\":1,\"a\":2,\"a\":3}", "duplicate field \"a\""},
};

START_TEST(finds)
{
	AUTO_STRV char **dups = NULL;
	AUTO_FREE char *all = NULL;

	ck_assert_int_eq(schema_find_duplicates(cases[_i].text, strlen(cases[_i].text), NULL, &dups), 0);
	all = dups ? str_join(dups, ", ") : xstrdup("");
	ck_assert_str_eq(all, cases[_i].dups);
}
END_TEST

/* Unknown fields stand between the others, in the order of the text; what is below them is not looked at. */
START_TEST(with_unknown)
{
	static const char text[] = "{\"u\":{\"x\":1,\"x\":2},\"a\":1,\"l\":[{\"v\":1}],\"a\":2,\"u\":3}";
	char *unknown[] = {"unknown field \"l[0].v\"", "unknown field \"u\"", "unknown field \"elsewhere\"", NULL};
	AUTO_STRV char **all = NULL;

	ck_assert_int_eq(schema_find_duplicates(text, strlen(text), unknown, &all), 0);
	AUTO_FREE char *line = str_join(all, ", ");
	ck_assert_str_eq(line, "unknown field \"u\", unknown field \"l[0].v\", duplicate field \"a\", "
			       "unknown field \"elsewhere\"");
}
END_TEST

/* As typed objects are decoded: into what is there. */
static const struct {
	const char *text, *merged;
} merges[] = {
    {"{'data':{'a':'1','b':'2'},'data':{'b':'3','c':'4'}}", "{'data':{'a':'1','b':'3','c':'4'}}"},
    {"{'metadata':{'name':'x','labels':{'a':'1'}},'metadata':{'labels':{'b':'2'}}}", "{'metadata':{'name':'x','labels':{'a':'1','b':'2'}}}"},
    {"{'immutable':true,'immutable':false}", "{'immutable':false}"},
    {"{'metadata':{'finalizers':['a','b']},'metadata':{'finalizers':['c']}}", "{'metadata':{'finalizers':['c']}}"},
    {"{'data':{'a':'1'},'data':null}", "{'data':null}"},
    {"{'data':null,'data':{'a':'1'}}", "{'data':{'a':'1'}}"},
    {"{'unknown':{'a':1},'unknown':{'b':2}}", "{'unknown':{'b':2}}"},
    {"{'metadata':{'ownerReferences':[{'name':'a','uid':'u','name':'b'}]}}", "{'metadata':{'ownerReferences':[{'name':'b','uid':'u'}]}}"},
    {" { 'data' : { } , 'data' : { 'a\\n' : '}\\'' } } ", "{'data':{'a\\n':'}\\''}}"},
    {"[1,{'a':[]},null]", "[1,{'a':[]},null]"},
};

START_TEST(merges_as_they_are_decoded)
{
	AUTO_FREE char *text = xstrdup(merges[_i].text);
	AUTO_JSON *wanted = js(merges[_i].merged);
	AUTO_JSON *got = NULL;

	for (char *p = text; *p; p++)
		if (*p == '\'')
			*p = '"';
	ck_assert_int_eq(schema_merge_duplicates(kind_named("", "configmaps")->type, text, strlen(text), &got), 0);
	AUTO_FREE char *out = json_format(got, JSON_COMPACT | JSON_ENCODE_ANY);
	ck_assert_msg(json_equal(got, wanted), "%s", out);
}
END_TEST

START_TEST(merges_nothing_that_is_no_json)
{
	static const char *const bad[] = {"", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"data\":{\"a\"}", "{1:2}", "{\"a\\", "[1,"};
	json_t *got = NULL;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(schema_merge_duplicates(kind_named("", "configmaps")->type, bad[i], strlen(bad[i]), &got) == -EINVAL, "%s", bad[i]);
	ck_assert_ptr_null(got);
}
END_TEST

START_TEST(refuses)
{
	static const char *const bad[] = {"{", "{\"a", "{\"a\\", "}", "[}", "[\"a\":1]", "\"a\":1"};
	AUTO_FREE char *deep = xcalloc(1, 5001);
	char **dups = NULL;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(schema_find_duplicates(bad[i], strlen(bad[i]), NULL, &dups) == -EINVAL, "%s", bad[i]);
	memset(deep, '[', 5000);
	ck_assert_int_eq(schema_find_duplicates(deep, 5000, NULL, &dups), -E2BIG);
	ck_assert_ptr_null(dups);
}
END_TEST

START_TEST(many)
{
	AUTO_STR text = STR_INIT;
	AUTO_STRV char **dups = NULL;

	str_addc(&text, '{');
	for (int i = 0; i < 20000; i++)
		str_addf(&text, "%s\"key-%d\":%d", i ? "," : "", i, i);
	str_add(&text, ",\"key-77\":0}");
	ck_assert_int_eq(schema_find_duplicates(text.p, text.len, NULL, &dups), 0);
	ck_assert_uint_eq(strv_len(dups), 1);
	ck_assert_str_eq(dups[0], "duplicate field \"key-77\"");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("duplicates");

	tcase_add_loop_test(t, finds, 0, (int)ARRAY_LEN(cases));
	tcase_add_test(t, with_unknown);
	tcase_add_loop_test(t, merges_as_they_are_decoded, 0, (int)ARRAY_LEN(merges));
	tcase_add_test(t, merges_nothing_that_is_no_json);
	tcase_add_test(t, refuses);
	tcase_add_test(t, many);
	return run("cp/schema/duplicates", t);
}
