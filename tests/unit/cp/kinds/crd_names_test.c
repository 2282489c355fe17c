/* cp/kinds/crd_names.c: who gets which name, and what the conditions say. */
#include "cp/kinds/crd_names.h"

#include <check.h>

#include "base/json.h"
#include "base/mem.h"

static json_t *definition(const char *plural, const char *short_name, const char *kind)
{
	AUTO_FREE char *name = xasprintf("%s.example.com", plural), *list = xasprintf("%sList", kind);

	return json_pack("{s:{s:s},s:{s:s,s:{s:s,s:s,s:[s],s:s,s:s}},s:{}}", "metadata", "name", name, "spec", "group",
			 "example.com", "names", "plural", plural, "singular", plural, "shortNames", short_name, "kind", kind,
			 "listKind", list, "status");
}

static const char *reason(const json_t *status, size_t i)
{
	return json_str_or(json_array_get(json_object_get(status, "conditions"), i), "reason", "");
}

START_TEST(free_names)
{
	AUTO_JSON *crd = definition("as", "a", "A"), *others = json_pack("[O]", crd);
	AUTO_JSON *status = crd_plan_status(crd, others, 0);

	ck_assert_str_eq(reason(status, 0), "NoConflicts");
	ck_assert_str_eq(reason(status, 1), "InitialNamesAccepted");
	ck_assert(json_equal(json_object_get(status, "acceptedNames"), json_at(crd, "spec.names")));
	json_object_set(crd, "status", status);
	ck_assert(crd_is_established(crd));
	/* planned again, nothing changes */
	AUTO_JSON *again = crd_plan_status(crd, others, 60000);
	ck_assert(json_equal(status, again));
}
END_TEST

static const struct {
	const char *plural, *short_name, *kind, *reason;
} taken[] = {
    {"bs", "a", "B", "ShortNamesConflict"},
    {"bs", "as", "B", "ShortNamesConflict"},
    {"a", "b", "B", "SingularConflict"}, /* singular is as plural here */
    {"bs", "b", "A", "ListKindConflict"},
    {"bs", "b", "AList", "KindConflict"},
};

START_TEST(taken_names)
{
	AUTO_JSON *first = definition("as", "a", "A");
	AUTO_JSON *accepted = crd_plan_status(first, NULL, 0);
	AUTO_JSON *crd = definition(taken[_i].plural, taken[_i].short_name, taken[_i].kind), *others = json_pack("[O]", first);

	json_object_set(first, "status", accepted);
	AUTO_JSON *status = crd_plan_status(crd, others, 0);
	ck_assert_str_eq(reason(status, 0), taken[_i].reason);
	ck_assert_str_eq(reason(status, 1), "NotAccepted");
}
END_TEST

START_TEST(protected_groups)
{
	ck_assert(crd_group_is_protected("k8s.io"));
	ck_assert(crd_group_is_protected("x.kubernetes.io"));
	ck_assert(!crd_group_is_protected("notk8s.io"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("crd_names");
	TCase *t = tcase_create("crd_names");
	SRunner *r;
	int failed;

	tcase_add_test(t, free_names);
	tcase_add_loop_test(t, taken_names, 0, ARRAY_LEN(taken));
	tcase_add_test(t, protected_groups);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
