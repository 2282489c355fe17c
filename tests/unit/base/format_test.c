/* Formats that are made here and those of the C library give the same texts. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/format.h"
#include "base/mem.h"
#include "base/str.h"
#include "tests/unit/check_main.h"

#define SAME(size, ...)                                                                                                \
	do {                                                                                                           \
		char ours_[64], theirs_[64];                                                                           \
		memset(ours_, 'x', sizeof(ours_));                                                                     \
		memset(theirs_, 'x', sizeof(theirs_));                                                                 \
		ck_assert_int_eq(format_to(ours_, size, __VA_ARGS__), snprintf(theirs_, size, __VA_ARGS__));           \
		ck_assert_int_eq(memcmp(ours_, theirs_, sizeof(ours_)), 0);                                            \
	} while (0)

START_TEST(common_conversions)
{
	SAME(64, "plain");
	SAME(64, "%s.containers[%zu].%s", "spec", (size_t)12, "env");
	SAME(64, "%d %d %d", INT_MIN, 0, INT_MAX);
	SAME(64, "%zu", SIZE_MAX);
	SAME(64, "%c%%%c", 'a', 'b');
	SAME(64, "%.*s|%.*s", 3, "abcdef", 9, "abc");
	SAME(64, "%s", "");
}
END_TEST

START_TEST(others_are_the_library_s)
{
	SAME(64, "%s %5d %x", "a", 7, 255U);
	SAME(64, "%d %lld %.2f", 3, 1LL << 40, 2.5);
	SAME(64, "%s%.58s", "b", "cd");
}
END_TEST

/* Sizes are no constants here: the compiler would warn of what is meant. */
START_TEST(cut_off)
{
	for (size_t size = 1; size < 12; size++)
		SAME(size, "ab%scd%zu", "xyz", (size_t)345);
	char none = 'n';
	ck_assert_int_eq(format_to(&none, 0, "%s", "text"), 4);
	ck_assert_int_eq(none, 'n');
}
END_TEST

START_TEST(longer_than_any_buffer)
{
	char text[1000];
	memset(text, 'q', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	AUTO_FREE char *made = xasprintf("<%s>", text);
	AUTO_STR added = STR_INIT;
	str_addf(&added, "<%s>", text);
	ck_assert_uint_eq(strlen(made), 1001);
	ck_assert_str_eq(made, str_text(&added));
}
END_TEST

TESTS("format", common_conversions, others_are_the_library_s, cut_off, longer_than_any_buffer)
