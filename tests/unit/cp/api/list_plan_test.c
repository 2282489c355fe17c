/* List options and continue tokens. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/api/list_plan.h"
#include "cp/schema/status.h"

static const char *const pod_fields[] = {"spec.nodeName", NULL};
static const struct kind pods = {
    .group = "", .version = "v1", .kind = "Pod", .plural = "pods", .namespaced = true, .field_labels = pod_fields};
static const struct kind maps = {
    .group = "", .version = "v1", .kind = "ConfigMap", .plural = "configmaps", .namespaced = true};

START_TEST(tokens)
{
	AUTO_FREE char *token = continue_encode(42, 7, "ns/name");
	AUTO_FREE char *key = NULL;
	uint64_t rev = 0;
	int64_t at = 0;
	ck_assert_int_eq(continue_decode(token, &rev, &at, &key, NULL), 0);
	ck_assert_int_eq(at, 7);
	ck_assert_uint_eq(rev, 42);
	ck_assert_str_eq(key, "ns/name");
	AUTO_FREE char *newest = continue_encode(0, 0, "a");
	AUTO_FREE char *key2 = NULL;
	ck_assert_int_eq(continue_decode(newest, &rev, &at, &key2, NULL), 0);
	ck_assert_uint_eq(rev, 0);
	static const char *const bad[] = {"", "%%%", "e30", "eyJ2IjoieCJ9"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char *k = NULL;
		ck_assert_int_eq(continue_decode(bad[i], &rev, &at, &k, NULL), -EINVAL);
	}
}
END_TEST

static const struct {
	const char *query;
	const struct kind *k;
	bool watch;
	int code; /* 200: accepted */
	const char *message;
} cases[] = {
    {"limit=2", &pods, false, 200, NULL},
    {"limit=abc", &pods, false, 400, "strconv.ParseInt: parsing \"abc\": invalid syntax"},
    {"limit=-1", &pods, false, 200, NULL},
    {"resourceVersion=0", &pods, false, 200, NULL},
    {"resourceVersion=5&resourceVersionMatch=Exact", &pods, false, 200, NULL},
    {"resourceVersionMatch=Exact", &pods, false, 422, NULL},
    {"fieldSelector=spec.nodeName%3Dn", &pods, false, 200, NULL},
    {"fieldSelector=spec.nodeName%3Dn", &maps, false, 400,
     "\"spec.nodeName\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""},
    {"fieldSelector=metadata.name%3Dn", &maps, false, 200, NULL},
    {"sendInitialEvents=true", &maps, true, 422,
     "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting "
     "resourceVersionMatch to NotOlderThan"},
    {"sendInitialEvents=true&resourceVersionMatch=NotOlderThan", &maps, true, 200, NULL},
    {"resourceVersionMatch=Exact", &maps, true, 422,
     "ListOptions.meta.k8s.io \"\" is invalid: [resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch "
     "unless sendInitialEvents is provided, resourceVersionMatch: Unsupported value: \"Exact\": supported values: "
     "\"NotOlderThan\"]"},
    {"resourceVersionMatch=Newer&resourceVersion=1&sendInitialEvents=false", &maps, false, 422,
     "ListOptions.meta.k8s.io \"\" is invalid: [resourceVersionMatch: Unsupported value: \"Newer\": supported values: \"Exact\", "
     "\"NotOlderThan\", \"\", sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list]"},
    {"continue=bad", &maps, false, 400,
     "invalid continue token: continue key is not valid: invalid character 'm' looking for beginning of value"},
    {"continue=a%2Bb", &maps, false, 400,
     "invalid continue token: continue key is not valid: illegal base64 data at input byte 1"},
    {"continue=abcde", &maps, false, 400,
     "invalid continue token: continue key is not valid: illegal base64 data at input byte 4"},
    {"continue=e30", &maps, false, 400,
     "invalid continue token: continue key is not valid: server does not recognize this encoded version "},
    {"labelSelector=a%20in", &maps, false, 400, "unable to parse requirement: found '' expected: '('"},
    {"resourceVersion=abc", &maps, false, 400,
     "invalid resource version: resourceVersion: Invalid value: \"abc\": strconv.ParseUint: parsing \"abc\": invalid syntax"},
    {"resourceVersion=abc", &maps, true, 500, NULL},
    /* What cannot be read comes first, then what does not fit together, then what the kind does not have. */
    {"limit=a&timeoutSeconds=b", &maps, false, 400, "strconv.ParseInt: parsing \"b\": invalid syntax"},
    {"resourceVersionMatch=Exact&labelSelector=a%20in", &maps, false, 400, "unable to parse requirement: found '' expected: '('"},
    {"resourceVersionMatch=Exact&fieldSelector=x%3Dy", &maps, false, 422, NULL},
};

START_TEST(options)
{
	struct query q;
	struct list_plan p;
	query_parse(cases[_i].query, &q);
	AUTO_JSON *status = list_plan_read(&q, cases[_i].k, cases[_i].watch, &p);
	ck_assert_int_eq(status ? status_code(status) : 200, cases[_i].code);
	if (cases[_i].message)
		ck_assert_str_eq(json_str_at(status, "message"), cases[_i].message);
	list_plan_done(&p);
	query_done(&q);
}
END_TEST

static const struct kind events = {
    .group = "events.k8s.io", .version = "v1", .kind = "Event", .plural = "events", .namespaced = true};

static struct list_plan plan_of(const char *text, const struct kind *k, bool watch)
{
	struct query q;
	struct list_plan p;
	query_parse(text, &q);
	ck_assert_ptr_null(list_plan_read(&q, k, watch, &p));
	query_done(&q);
	return p;
}

START_TEST(limits)
{
	ck_assert_uint_eq(plan_of("limit=2", &maps, false).limit, 2);
	ck_assert_uint_eq(plan_of("limit=2&resourceVersion=7", &maps, false).limit, 2);
	ck_assert_uint_eq(plan_of("limit=2&resourceVersion=0", &maps, false).limit, 0);
	ck_assert_uint_eq(plan_of("limit=2&resourceVersion=0&resourceVersionMatch=NotOlderThan", &maps, false).limit, 0);
	ck_assert_uint_eq(plan_of("limit=2&resourceVersion=0", &events, false).limit, 2);
}
END_TEST

/* A watch from the beginning ends what exists with a bookmark, if it takes any. */
START_TEST(initial_events)
{
	ck_assert(plan_of("", &maps, true).initial_events);
	ck_assert(plan_of("resourceVersion=0", &maps, true).initial_events);
	ck_assert(!plan_of("resourceVersion=5", &maps, true).initial_events);
	ck_assert(!plan_of("", &maps, false).initial_events);
	struct list_plan none = plan_of("sendInitialEvents=false&resourceVersionMatch=NotOlderThan", &maps, true);
	ck_assert(!none.initial_events && none.no_initial);
	ck_assert(plan_of("sendInitialEvents=1&resourceVersionMatch=NotOlderThan&resourceVersion=5", &maps, true).initial_events);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("list_plan");
	TCase *t = tcase_create("list_plan");
	tcase_add_test(t, tokens);
	tcase_add_test(t, limits);
	tcase_add_test(t, initial_events);
	tcase_add_loop_test(t, options, 0, (int)(sizeof(cases) / sizeof(cases[0])));
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
