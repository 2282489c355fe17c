/* The rules of deletion. */
#include <check.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/api/delete_plan.h"

static int grace_of(const json_t *o, int64_t requested)
{
	if (requested >= 0)
		return (int)requested;
	return json_str_at(o, "spec.nodeName") ? 30 : 0;
}

static const struct kind pod = {.group = "", .kind = "Pod", .plural = "pods"}, map = {.group = "", .kind = "ConfigMap", .plural = "configmaps"},
			 namespace = {.group = "", .kind = "Namespace", .plural = "namespaces"},
			 job = {.group = "batch", .kind = "Job", .plural = "jobs"},
			 event = {.group = "", .kind = "Event", .plural = "events"};
static const struct kind_ops graceful = {.grace_seconds = grace_of}, plain = {0};

#define NOW 1600000000000
#define MARKED "\"deletionTimestamp\":\"2020-09-13T12:27:10Z\",\"deletionGracePeriodSeconds\":30"

static const struct {
	const struct kind *k;
	const struct kind_ops *ops;
	const char *object;
	int64_t grace;
	const char *policy;
	enum delete_step step;
	int64_t want_grace; /* -1: none */
	size_t finalizers;
} cases[] = {
    {&map, &plain, "{\"metadata\":{}}", -1, NULL, DELETE_GO, -1, 0},
    {&map, &plain, "{\"metadata\":{\"finalizers\":[\"a/b\"]}}", -1, NULL, DELETE_MARK, 0, 1},
    {&map, &plain, "{\"metadata\":{}}", -1, "Foreground", DELETE_MARK, 0, 1},
    {&map, &plain, "{\"metadata\":{\"finalizers\":[\"orphan\"]}}", -1, "Background", DELETE_GO, -1, 0},
    {&map, &plain,
     "{\"metadata\":{\"finalizers\":[\"a/b\"],\"deletionTimestamp\":\"2020-09-13T12:26:40Z\","
     "\"deletionGracePeriodSeconds\":0}}",
     -1, NULL, DELETE_NOTHING, 0, 1},
    {&pod, &graceful, "{\"metadata\":{\"generation\":1},\"spec\":{}}", -1, NULL, DELETE_MARK_GO, 0, 0},
    {&pod, &graceful, "{\"metadata\":{},\"spec\":{\"nodeName\":\"n\"}}", -1, NULL, DELETE_MARK, 30, 0},
    {&pod, &graceful, "{\"metadata\":{},\"spec\":{\"nodeName\":\"n\"}}", 0, NULL, DELETE_MARK_GO, 0, 0},
    {&pod, &graceful, "{\"metadata\":{" MARKED "},\"spec\":{\"nodeName\":\"n\"}}", -1, NULL, DELETE_NOTHING, 30, 0},
    {&pod, &graceful, "{\"metadata\":{" MARKED "},\"spec\":{\"nodeName\":\"n\"}}", 60, NULL, DELETE_NOTHING, 30, 0},
    {&pod, &graceful, "{\"metadata\":{" MARKED "},\"spec\":{\"nodeName\":\"n\"}}", 5, NULL, DELETE_MARK, 5, 0},
    {&pod, &graceful, "{\"metadata\":{" MARKED "},\"spec\":{\"nodeName\":\"n\"}}", 0, NULL, DELETE_MARK_GO, 0, 0},
    /* What becomes of dependents is not changed while the grace period runs. */
    {&pod, &graceful, "{\"metadata\":{" MARKED "},\"spec\":{\"nodeName\":\"n\"}}", -1, "Foreground", DELETE_NOTHING, 30, 0},
    {&pod, &graceful, "{\"metadata\":{" MARKED ",\"finalizers\":[\"orphan\"]},\"spec\":{\"nodeName\":\"n\"}}", 30, "Background", DELETE_NOTHING,
     30, 1},
    {&pod, &graceful, "{\"metadata\":{" MARKED "},\"spec\":{\"nodeName\":\"n\"}}", 5, "Foreground", DELETE_MARK, 5, 1},
    {&namespace, &plain, "{\"metadata\":{},\"spec\":{\"finalizers\":[\"kubernetes\"]}}", -1, NULL, DELETE_MARK, -1, 0},
    /* A namespace is marked first, even if nothing holds it. */
    {&namespace, &plain, "{\"metadata\":{},\"spec\":{}}", -1, NULL, DELETE_MARK, -1, 0},
    {&namespace, &plain, "{\"metadata\":{},\"spec\":{\"finalizers\":[\"kubernetes\"]}}", -1, "Foreground", DELETE_MARK, -1, 1},
    {&namespace, &plain, "{\"metadata\":{" MARKED "},\"spec\":{\"finalizers\":[\"kubernetes\"]}}", -1, "Foreground", DELETE_NOTHING, 30, 0},
    {&namespace, &plain, "{\"metadata\":{" MARKED "},\"spec\":{}}", -1, NULL, DELETE_GO, 30, 0},
    /* Jobs leave their pods behind if nobody says anything; nobody is owned by events. */
    {&job, &plain, "{\"metadata\":{}}", -1, NULL, DELETE_MARK, 0, 1},
    {&job, &plain, "{\"metadata\":{}}", -1, "Background", DELETE_GO, -1, 0},
    {&job, &plain, "{\"metadata\":{\"finalizers\":[\"foregroundDeletion\"]}}", -1, NULL, DELETE_MARK, 0, 1},
    {&event, &plain, "{\"metadata\":{}}", -1, "Foreground", DELETE_GO, -1, 0},
};

START_TEST(plans)
{
	AUTO_JSON *o = json_loads(cases[_i].object, 0, NULL);
	struct delete_options options = {.grace = cases[_i].grace, .orphan = -1, .policy = xstrdup(cases[_i].policy)};
	ck_assert_int_eq(delete_plan(cases[_i].k, cases[_i].ops, o, &options, NOW), cases[_i].step);
	ck_assert_int_eq(json_int_at(o, "metadata.deletionGracePeriodSeconds", -1), cases[_i].want_grace);
	ck_assert_uint_eq(json_array_size(json_at(o, "metadata.finalizers")), cases[_i].finalizers);
	delete_options_done(&options);
}
END_TEST

START_TEST(details)
{
	AUTO_JSON *o = json_loads("{\"metadata\":{\"generation\":3,\"finalizers\":[\"x/y\"]}}", 0, NULL);
	struct delete_options options = {.grace = -1, .orphan = 1};
	ck_assert_int_eq(delete_plan(&map, &plain, o, &options, NOW), DELETE_MARK);
	ck_assert_int_eq(json_int_at(o, "metadata.generation", 0), 4);
	ck_assert_str_eq(json_str_at(o, "metadata.deletionTimestamp"), "2020-09-13T12:26:40Z");
	ck_assert_str_eq(json_string_value(json_array_get(json_at(o, "metadata.finalizers"), 1)), "orphan");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("delete_plan");
	TCase *t = tcase_create("delete_plan");
	tcase_add_loop_test(t, plans, 0, (int)(sizeof(cases) / sizeof(cases[0])));
	tcase_add_test(t, details);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
