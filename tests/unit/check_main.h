/* The frame of a unit test program: TESTS("name", case1, case2 ...) makes main(). */
#ifndef KNARR_TESTS_CHECK_MAIN_H
#define KNARR_TESTS_CHECK_MAIN_H

#include <check.h>
#include <stdlib.h>

#define TESTS(name, ...)                                                                                               \
	int main(void)                                                                                                 \
	{                                                                                                              \
		const TTest *const cases[] = { __VA_ARGS__ };                                                          \
		Suite *s = suite_create(name);                                                                         \
		TCase *tc = tcase_create("all");                                                                       \
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)                                          \
			tcase_add_test(tc, cases[i]);                                                                  \
		suite_add_tcase(s, tc);                                                                                \
		SRunner *r = srunner_create(s);                                                                        \
		srunner_run_all(r, CK_NORMAL);                                                                         \
		int failed = srunner_ntests_failed(r);                                                                 \
		srunner_free(r);                                                                                       \
		return failed ? EXIT_FAILURE : EXIT_SUCCESS;                                                           \
	}

#endif
