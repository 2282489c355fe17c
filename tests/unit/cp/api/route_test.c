/* Paths to requests. */
#include <check.h>
#include <stdlib.h>

#include "cp/api/route.h"

static const struct {
	const char *method, *path;
	bool watch, is_resource;
	const char *group, *version, *resource, *ns, *name, *sub, *rest, *verb;
} cases[] = {
    {"GET", "/api/v1/pods", false, true, "", "v1", "pods", "", "", "", "", "list"},
    {"GET", "/api/v1/pods", true, true, "", "v1", "pods", "", "", "", "", "watch"},
    {"GET", "/api/v1/namespaces/a/pods/p", false, true, "", "v1", "pods", "a", "p", "", "", "get"},
    {"GET", "/api/v1/namespaces/a/pods/p", true, true, "", "v1", "pods", "a", "p", "", "", "get"},
    {"GET", "/api/v1/namespaces/a/pods/p/log", false, true, "", "v1", "pods", "a", "p", "log", "", "get"},
    {"GET", "/api/v1/namespaces/a/services/s/proxy/x/y", false, true, "", "v1", "services", "a", "s", "proxy", "x/y",
     "get"},
    {"POST", "/apis/apps/v1/namespaces/a/deployments", false, true, "apps", "v1", "deployments", "a", "", "", "",
     "create"},
    {"PUT", "/apis/apps/v1/namespaces/a/deployments/d/scale", false, true, "apps", "v1", "deployments", "a", "d",
     "scale", "", "update"},
    {"DELETE", "/api/v1/namespaces/a/pods", false, true, "", "v1", "pods", "a", "", "", "", "deletecollection"},
    {"DELETE", "/api/v1/nodes/n", false, true, "", "v1", "nodes", "", "n", "", "", "delete"},
    {"PATCH", "/api/v1/nodes/n/status", false, true, "", "v1", "nodes", "", "n", "status", "", "patch"},
    {"GET", "/api/v1/namespaces", false, true, "", "v1", "namespaces", "", "", "", "", "list"},
    {"GET", "/api/v1/namespaces/a", false, true, "", "v1", "namespaces", "a", "a", "", "", "get"},
    {"PUT", "/api/v1/namespaces/a/finalize", false, true, "", "v1", "namespaces", "a", "a", "finalize", "", "update"},
    {"GET", "/api/v1/watch/namespaces/a/pods/p", false, true, "", "v1", "pods", "a", "p", "", "", "watch"},
    {"GET", "/api/v1/watch/pods", false, true, "", "v1", "pods", "", "", "", "", "watch"},
    {"GET", "/api/v1", false, false, "", "v1", "", "", "", "", "", "get"},
    {"GET", "/apis/apps", false, false, "apps", "", "", "", "", "", "", "get"},
    {"GET", "/apis/apps/v1/", false, false, "apps", "v1", "", "", "", "", "", "get"},
    {"GET", "/healthz", false, false, "", "", "", "", "", "", "", "get"},
    {"POST", "/", false, false, "", "", "", "", "", "", "", "post"},
    {"BREW", "/api/v1/pods", false, true, "", "v1", "pods", "", "", "", "", ""},
};

START_TEST(parses)
{
	struct route r;
	route_parse(cases[_i].method, cases[_i].path, cases[_i].watch, &r);
	ck_assert_int_eq(r.is_resource, cases[_i].is_resource);
	ck_assert_str_eq(r.group, cases[_i].group);
	ck_assert_str_eq(r.version, cases[_i].version);
	ck_assert_str_eq(r.resource, cases[_i].resource);
	ck_assert_str_eq(r.ns, cases[_i].ns);
	ck_assert_str_eq(r.name, cases[_i].name);
	ck_assert_str_eq(r.subresource, cases[_i].sub);
	ck_assert_str_eq(r.rest, cases[_i].rest);
	ck_assert_str_eq(r.verb, cases[_i].verb);
	ck_assert_str_eq(r.path, cases[_i].path);
	route_done(&r);
}
END_TEST

START_TEST(query)
{
	struct query q;
	query_parse("a=1&b=x%20y+z&&c&a=2&bad=%zz&e=", &q);
	ck_assert_str_eq(query_get(&q, "a"), "1");
	ck_assert_str_eq(query_nth(&q, "a", 1), "2");
	ck_assert_ptr_null(query_nth(&q, "a", 2));
	ck_assert_str_eq(query_get(&q, "b"), "x y z");
	ck_assert_str_eq(query_get(&q, "c"), "");
	ck_assert_ptr_null(query_get(&q, "bad"));
	ck_assert(query_bool(&q, "a"));
	ck_assert(query_bool(&q, "c"));
	ck_assert(!query_bool(&q, "none"));
	query_done(&q);
	query_parse("w=0&x=False", &q);
	ck_assert(!query_bool(&q, "w"));
	ck_assert(!query_bool(&q, "x"));
	query_done(&q);
	query_parse(NULL, &q);
	ck_assert_uint_eq(q.n, 0);
	query_done(&q);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("route");
	TCase *t = tcase_create("route");
	tcase_add_loop_test(t, parses, 0, (int)(sizeof(cases) / sizeof(cases[0])));
	tcase_add_test(t, query);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
