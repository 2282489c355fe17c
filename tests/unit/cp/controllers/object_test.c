/* Readings of objects. */
#include "cp/controllers/object.h"

#include "tests/unit/cp/controllers/plans.h"

START_TEST(percents)
{
	static const struct {
		const char *v;
		int64_t total;
		bool up;
		int64_t want;
	} cases[] = {{"'25%'", 10, true, 3},  {"'25%'", 10, false, 2}, {"'25%'", 1, true, 1}, {"'25%'", 1, false, 0},
		     {"'0%'", 10, true, 0},   {"'100%'", 7, false, 7}, {"3", 10, true, 3},    {"'x'", 10, true, -7},
		     {"'-5%'", 10, true, -7}, {"null", 10, true, -7}};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_FREE char *text = xasprintf("{'v':%s}", cases[i].v);
		AUTO_JSON *o = J("%s", text);
		json_t *v = json_object_get(o, "v");
		ck_assert_int_eq(object_int_or_percent(v, cases[i].total, cases[i].up, -7), cases[i].want);
	}
}
END_TEST

START_TEST(merge_diff)
{
	static const char *const cases[][3] = {
	    {"{}", "{}", NULL},
	    {"{'a':1}", "{'a':1}", NULL},
	    {"{'a':1}", "{'a':2}", "{'a':2}"},
	    {"{'a':1,'b':2}", "{'a':1}", "{'b':null}"},
	    {"{'a':{'b':1,'c':2}}", "{'a':{'b':1,'c':3}}", "{'a':{'c':3}}"},
	    {"{'a':[1,2]}", "{'a':[1]}", "{'a':[1]}"},
	    {"{'a':{'b':1}}", "{'a':{}}", "{'a':{'b':null}}"},
	    {"{'a':1}", "{'a':{'b':1}}", "{'a':{'b':1}}"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_JSON *from = J("%s", cases[i][0]);
		AUTO_JSON *to = J("%s", cases[i][1]);
		AUTO_JSON *want = cases[i][2] ? J("%s", cases[i][2]) : NULL;
		AUTO_JSON *have = object_merge_diff(from, to);
		ck_assert_msg(want ? json_equal(have, want) : !have, "%s -> %s", cases[i][0], cases[i][1]);
		merge_into(from, have);
		ck_assert(json_equal(from, to));
	}
}
END_TEST

START_TEST(conditions)
{
	AUTO_JSON *s = J("{}");
	ck_assert(object_set_condition(s, "A", "True", "R", "m", NOW, true));
	ck_assert(!object_set_condition(s, "A", "True", "R", "m", NOW + 5000, true));
	ck_assert(object_set_condition(s, "A", "True", "R2", "m", NOW + 5000, true));
	json_t *c = object_condition(s, "A");
	ck_assert_str_eq(json_member(c, "lastTransitionTime"), "2020-09-13T12:26:40Z");
	ck_assert_str_eq(json_member(c, "lastUpdateTime"), "2020-09-13T12:26:45Z");
	ck_assert(object_set_condition(s, "A", "False", "R2", "m", NOW + 9000, true));
	ck_assert_str_eq(json_member(c, "lastTransitionTime"), "2020-09-13T12:26:49Z");
	object_remove_condition(s, "A");
	ck_assert_ptr_null(object_condition(s, "A"));
}
END_TEST

START_TEST(paths_and_hashes)
{
	AUTO_FREE char *a = object_path("", "v1", "ns", "pods", "p");
	AUTO_FREE char *b = object_path("apps", "v1", "ns", "deployments", NULL);
	AUTO_FREE char *c = object_path("", "v1", NULL, "nodes", "n");
	ck_assert_str_eq(a, "/api/v1/namespaces/ns/pods/p");
	ck_assert_str_eq(b, "/apis/apps/v1/namespaces/ns/deployments");
	ck_assert_str_eq(c, "/api/v1/nodes/n");
	char text[12];
	ck_assert_str_eq(object_safe_encode(1234567890, text), "56789bcdf4");
	AUTO_JSON *x = J("{'a':1,'b':2}");
	AUTO_JSON *y = J("{'b':2,'a':1}");
	AUTO_JSON *z = J("{'b':2,'a':3}");
	ck_assert_uint_eq(object_hash(OBJECT_HASH_INIT, x), object_hash(OBJECT_HASH_INIT, y));
	ck_assert_uint_ne(object_hash(OBJECT_HASH_INIT, x), object_hash(OBJECT_HASH_INIT, z));
}
END_TEST

TESTS("object", percents, merge_diff, conditions, paths_and_hashes)
