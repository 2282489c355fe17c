/* api/quantity.c: parsing, canonical texts, comparison and arithmetic. */
#include "api/quantity.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"

START_TEST(canonical)
{
	static const char *const cases[][2] = {
	    {"1000m", "1"},
	    {"1024Mi", "1Gi"},
	    {"0.1", "100m"},
	    {"0", "0"},
	    {"1500m", "1500m"},
	    {"1.5Gi", "1536Mi"},
	    {"2e3", "2e3"},
	    {"2000", "2k"},
	    {"0.5", "500m"},
	    {"100Mi", "100Mi"},
	    {"1000Ki", "1000Ki"},
	    {"1Ki", "1Ki"},
	    {"0.5Ki", "512"},
	    {"1023Ki", "1023Ki"},
	    {"-1", "-1"},
	    {"+3", "3"},
	    {"1e6", "1e6"},
	    {"1E6", "1e6"},
	    {"1E", "1E"},
	    {"5n", "5n"},
	    {"0.1n", "1n"},
	    {"12345678u", "12345678u"},
	    {"1000000u", "1"},
	    {"10e-1", "1"},
	    {".5", "500m"},
	    {"5.", "5"},
	    {"1.5Ki", "1536"},
	    {"1024", "1024"},
	    {"128974848", "128974848"},
	    {"129e6", "129e6"},
	    {"129M", "129M"},
	    {"123Mi", "123Mi"},
	    {"0Mi", "0"},
	    {"-0.5Gi", "-512Mi"},
	    {"99999999999999999999E", "9223372036854775807"},
	    {"1e100", "9223372036854775807"},
	    {"1e-100", "1e-9"},
	    {"000100", "100"},
	    {"1.1Ki", "1127"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *got = quantity_canonical(cases[i][0]);

		ck_assert_ptr_nonnull(got);
		ck_assert_msg(!strcmp(got, cases[i][1]), "%s: %s, not %s", cases[i][0], got, cases[i][1]);
		free(got);
	}
}
END_TEST

START_TEST(malformed)
{
	static const char *const cases[] = {"",    ".",     "-",   "1x",   "1KI",  "Mi",  "1 Mi", "1e",
					    "1e+", "1.2.3", "--1", "1Mib", "0x10", "1ii", "1i"};
	int64_t v;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		ck_assert_msg(!quantity_canonical(cases[i]), "%s", cases[i]);
		ck_assert_int_eq(quantity_parse(cases[i], &v), -EINVAL);
	}
	ck_assert_int_eq(quantity_parse(NULL, &v), -EINVAL);
}
END_TEST

START_TEST(values)
{
	static const struct {
		const char *text;
		int64_t units, milli;
	} cases[] = {
	    {"100m", 1, 100},
	    {"1.5Gi", 1610612736, 1610612736000},
	    {"2", 2, 2000},
	    {"1n", 1, 1},
	    {"-1500m", -1, -1500},
	    {"9223372036854775807", INT64_MAX, INT64_MAX},
	    {"8Ei", INT64_MAX, INT64_MAX},
	    {"1001u", 1, 2},
	    {"0", 0, 0},
	};
	int64_t v;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		ck_assert_int_eq(quantity_parse(cases[i].text, &v), 0);
		ck_assert_msg(v == cases[i].units, "%s: %ld", cases[i].text, (long)v);
		ck_assert_int_eq(quantity_parse_milli(cases[i].text, &v), 0);
		ck_assert_msg(v == cases[i].milli, "%s: %ld milli", cases[i].text, (long)v);
	}
}
END_TEST

START_TEST(arithmetic)
{
	char *s;

	ck_assert_int_lt(quantity_compare("999m", "1"), 0);
	ck_assert_int_eq(quantity_compare("1Gi", "1024Mi"), 0);
	ck_assert_int_gt(quantity_compare("1Gi", "1G"), 0);
	ck_assert_int_eq(quantity_sign("-1"), -1);
	ck_assert_int_eq(quantity_sign("0Mi"), 0);
	ck_assert_int_eq(quantity_sign("1n"), 1);
	ck_assert_str_eq(s = quantity_add("500m", "1"), "1500m");
	free(s);
	ck_assert_str_eq(s = quantity_add("0", "1Gi"), "1Gi");
	free(s);
	ck_assert_str_eq(s = quantity_sub("1Gi", "512Mi"), "512Mi");
	free(s);
	ck_assert_str_eq(s = quantity_from_milli(1500), "1500m");
	free(s);
	ck_assert_str_eq(s = quantity_from_milli(2000), "2");
	free(s);
	ck_assert_str_eq(s = quantity_from_bytes(64 << 20), "64Mi");
	free(s);
	ck_assert_str_eq(s = quantity_from_bytes(1500), "1500");
	free(s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("api/quantity");
	TCase *t = tcase_create("quantity");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, canonical);
	tcase_add_test(t, malformed);
	tcase_add_test(t, values);
	tcase_add_test(t, arithmetic);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
