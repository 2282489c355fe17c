/* The plan of the garbage collector. */
#include "cp/controllers/gc_plan.h"

#include "tests/unit/cp/controllers/plans.h"

#define S GC_OWNER_SOLID
#define W GC_OWNER_WAITING
#define A GC_OWNER_ABSENT
#define U GC_OWNER_UNKNOWN

enum outcome { NOTHING, DELETE_BACKGROUND, DELETE_FOREGROUND, DELETE_ORPHAN, PATCH_REFS };

static const struct {
	enum gc_owner_state owners[2];
	int n;
	const char *finalizers;
	int dependents;
	enum outcome want;
} cases[] = {
    {{S}, 0, "", 0, NOTHING},
    {{S}, 1, "", 0, NOTHING},
    {{A}, 1, "", 0, DELETE_BACKGROUND},
    {{A, A}, 2, "", 3, DELETE_BACKGROUND},
    {{S, A}, 2, "", 0, PATCH_REFS},
    {{S, W}, 2, "", 0, PATCH_REFS},
    {{W}, 1, "", 0, DELETE_BACKGROUND},
    {{W}, 1, "", 2, DELETE_FOREGROUND},
    {{W, A}, 2, "", 1, DELETE_FOREGROUND},
    {{A, U}, 2, "", 0, NOTHING},
    {{U}, 1, "", 0, NOTHING},
    {{A}, 1, "'orphan'", 1, DELETE_ORPHAN},
    {{A}, 1, "'foregroundDeletion'", 1, DELETE_FOREGROUND},
};

START_TEST(living)
{
	AUTO_JSON *o =
	    J("{'metadata':{'name':'o','uid':'u','finalizers':[%s],'ownerReferences':[]}}", cases[_i].finalizers);
	for (int i = 0; i < cases[_i].n; i++)
		json_array_append_new(json_at(o, "metadata.ownerReferences"), J("{'uid':'o%d'}", i));
	struct gc_dependent dependents[3] = {0};
	AUTO_PLAN plan = {0};
	gc_plan(&(struct gc_observed){.object = o,
				      .path = "/o",
				      .owners = cases[_i].owners,
				      .dependents = dependents,
				      .n_dependents = (size_t)cases[_i].dependents},
		&plan);
	static const char *const policies[] = {NULL, "Background", "Foreground", "Orphan"};
	if (cases[_i].want == NOTHING) {
		ck_assert_uint_eq(plan.n, 0);
		return;
	}
	ck_assert_uint_eq(plan.n, 1);
	if (cases[_i].want == PATCH_REFS) {
		ck_assert_uint_eq(json_array_size(json_at(plan.v[0].body, "metadata.ownerReferences")), 1);
		return;
	}
	ck_assert_str_eq(plan.v[0].method, "DELETE");
	ck_assert_str_eq(json_str_at(plan.v[0].body, "propagationPolicy"), policies[cases[_i].want]);
	ck_assert_str_eq(json_str_at(plan.v[0].body, "preconditions.uid"), "u");
}
END_TEST

static json_t *going(const char *finalizer)
{
	return J("{'metadata':{'name':'o','uid':'u','resourceVersion':'7','deletionTimestamp':'2020-01-01T00:00:00Z',"
		 "'finalizers':['other','%s']}}",
		 finalizer);
}

START_TEST(foreground_waits_for_blocking)
{
	AUTO_JSON *o = going("foregroundDeletion");
	struct gc_dependent d[2] = {{.path = "/a", .uid = "a", .blocks = true}, {.path = "/b", .uid = "b"}};
	struct gc_observed observed = {.object = o, .path = "/o", .dependents = d, .n_dependents = 2};
	AUTO_PLAN plan = {0};
	gc_plan(&observed, &plan);
	ck_assert_uint_eq(plan.n, 0);
	d[0].blocks = false;
	gc_plan(&observed, &plan);
	ck_assert_uint_eq(plan.n, 1);
	AUTO_JSON *left = J("['other']");
	ck_assert(json_equal(json_at(plan.v[0].body, "metadata.finalizers"), left));
}
END_TEST

/* Its owner waits for it, and one of its dependents waits, too: it lets go of its owner first. */
START_TEST(circles_are_opened)
{
	AUTO_JSON *o = J("{'metadata':{'name':'o','uid':'u','ownerReferences':[{'uid':'x','blockOwnerDeletion':true}]}}");
	struct gc_dependent d = {.path = "/a", .uid = "a", .blocks = true, .waiting = true};
	static const enum gc_owner_state owners[] = {GC_OWNER_WAITING};
	AUTO_PLAN plan = {0};
	gc_plan(&(struct gc_observed){.object = o, .path = "/o", .owners = owners, .dependents = &d, .n_dependents = 1}, &plan);
	ck_assert_uint_eq(plan.n, 2);
	const json_t *ref = json_array_get(json_at(plan.v[0].body, "metadata.ownerReferences"), 0);
	ck_assert(json_is_false(json_object_get(ref, "blockOwnerDeletion")));
	ck_assert_str_eq(plan.v[1].method, "DELETE");
	ck_assert_str_eq(json_str_at(plan.v[1].body, "propagationPolicy"), "Foreground");
	ck_assert_int_gt(plan.v[1].stage, plan.v[0].stage);
}
END_TEST

START_TEST(orphan_lets_go)
{
	AUTO_JSON *o = going("orphan");
	AUTO_JSON *one = J("[{'uid':'u'}]");
	AUTO_JSON *two = J("[{'uid':'x'},{'uid':'u'}]");
	struct gc_dependent d[2] = {{.path = "/a", .uid = "a", .owners = one},
				    {.path = "/b", .uid = "b", .owners = two}};
	AUTO_PLAN plan = {0};
	gc_plan(&(struct gc_observed){.object = o, .path = "/o", .dependents = d, .n_dependents = 2}, &plan);
	ck_assert_uint_eq(plan.n, 3);
	ck_assert(json_is_null(json_at(plan.v[0].body, "metadata.ownerReferences")));
	ck_assert_uint_eq(json_array_size(json_at(plan.v[1].body, "metadata.ownerReferences")), 1);
	ck_assert_str_eq(plan.v[2].path, "/o");
	ck_assert_int_gt(plan.v[2].stage, plan.v[1].stage);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("gc_plan");
	TCase *t = tcase_create("all");
	tcase_add_loop_test(t, living, 0, (int)ARRAY_LEN(cases));
	tcase_add_test(t, foreground_waits_for_blocking);
	tcase_add_test(t, circles_are_opened);
	tcase_add_test(t, orphan_lets_go);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
