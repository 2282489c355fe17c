/* Lists of CPUs and nodes. */
#include "runtime/number_set.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#include "tests/unit/check_main.h"

static const struct {
	const char *text, *hex;
} good[] = { { "0", "1" },	       { "0-3", "f" },		{ "0,2", "5" },	       { "3 , 1-2", "e" },
	     { "63-64", "18000000000000000" }, { "5-5", "20" }, { " 1", "2" },	       { "1,", "2" } };

START_TEST(test_good)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct number_set s;
		char hex[NUMBER_SET_MAX / 4 + 1];
		ck_assert_int_eq(number_set_parse(good[i].text, &s, NULL), 0);
		ck_assert(s.given);
		ck_assert_str_eq(number_set_hex(&s, hex), good[i].hex);
	}
}
END_TEST

START_TEST(test_none)
{
	struct number_set s;
	ck_assert_int_eq(number_set_parse(NULL, &s, NULL), 0);
	ck_assert(!s.given);
	ck_assert_int_eq(number_set_parse("  ", &s, NULL), 0);
	ck_assert(!s.given);
}
END_TEST

START_TEST(test_bad)
{
	static const char *const bad[] = { "x", "-1", "1-", "2-1", "1--2", "1;2", "0x1", "1 2", ",1" };
	static const char *const large[] = { "1024", "0-9876543210", "99999999999999999999999" };
	struct number_set s = { .given = true };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(number_set_parse(bad[i], &s, NULL) == -EINVAL, "%s", bad[i]);
	for (size_t i = 0; i < sizeof(large) / sizeof(large[0]); i++)
		ck_assert_msg(number_set_parse(large[i], &s, NULL) == -ERANGE, "%s", large[i]);
	ck_assert(s.given); /* failure leaves it alone */
}
END_TEST

START_TEST(test_full)
{
	struct number_set s, parsed;
	number_set_fill(&s);
	ck_assert_int_eq(number_set_parse("0-1023", &parsed, NULL), 0);
	ck_assert_int_eq(memcmp(s.bits, parsed.bits, sizeof(s.bits)), 0);
}
END_TEST

TESTS("number_set", test_good, test_none, test_bad, test_full)
