/* The frame of a unit test program: TESTS("name", case1, case2 ...) makes main(); TESTS_TABLE("name", test, n, case ...)
 * runs test n times besides, with _i from 0. */
#ifndef KNARR_TESTS_CHECK_MAIN_H
#define KNARR_TESTS_CHECK_MAIN_H

#include <check.h>
#include <stdlib.h>

#define TESTS(name, ...) TESTS_TABLE(name, NULL, 0, __VA_ARGS__)

#define TESTS_TABLE(name, table, n, ...)                                                                               \
	int main(void)                                                                                                 \
	{                                                                                                              \
		const TTest *const list_[] = { __VA_ARGS__ };                                                          \
		Suite *s = suite_create(name);                                                                         \
		TCase *tc = tcase_create("all");                                                                       \
		for (size_t i = 0; i < sizeof(list_) / sizeof(list_[0]); i++)                                          \
			tcase_add_test(tc, list_[i]);                                                                  \
		const TTest *const each = table;                                                                       \
		if (each)                                                                                              \
			tcase_add_loop_test(tc, each, 0, (int)(n));                                                    \
		suite_add_tcase(s, tc);                                                                                \
		SRunner *r = srunner_create(s);                                                                        \
		srunner_run_all(r, CK_NORMAL);                                                                         \
		int failed = srunner_ntests_failed(r);                                                                 \
		srunner_free(r);                                                                                       \
		return failed ? EXIT_FAILURE : EXIT_SUCCESS;                                                           \
	}

#endif
