/* api/version.c: the order of versions. */
#include "api/version.h"

#include <check.h>

#include "base/mem.h"

static const char *const order[] = {"v10", "v2",      "v1",	"v11beta2", "v10beta3", "v3beta1",
				    "v12alpha1", "v11alpha2", "bar1", "foo10",    "v1gamma1"};

START_TEST(each_before_the_next)
{
	for (int i = 0; i < (int)ARRAY_LEN(order); i++) {
		int c = version_compare(order[_i], order[i]);

		ck_assert_msg(i == _i ? c == 0 : (c < 0) == (_i < i), "%s %s", order[_i], order[i]);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("version");
	TCase *t = tcase_create("version");
	SRunner *r;
	int failed;

	tcase_add_loop_test(t, each_before_the_next, 0, ARRAY_LEN(order));
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
