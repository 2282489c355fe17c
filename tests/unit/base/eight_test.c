/* What is found eight bytes at a time is what a look at each byte finds. */
#include "base/eight.h"
#include "base/mem.h"
#include "tests/unit/check_main.h"

/* Every byte at every place, beside bytes that a borrow could carry over to. */
START_TEST(every_byte_at_every_place)
{
	static const char around[] = { 'a', '!', '#', ' ', '[', ']', 0x7f, (char)0x80, (char)0xff };
	for (size_t a = 0; a < sizeof(around); a++)
		for (unsigned at = 0; at < 8; at++)
			for (int c = 0; c < 256; c++) {
				char text[8];
				memset(text, around[a], sizeof(text));
				text[at] = (char)c;
				uint64_t eight = eight_load(text), quote = eight_has(eight, '"'), low = eight_has_below(eight, 0x20);
				ck_assert_int_eq(quote != 0, c == '"');
				ck_assert_int_eq(low != 0, c < 0x20);
				ck_assert_int_eq(eight_has_high(eight) != 0, c >= 0x80 || around[a] < 0);
				if (quote | low)
					ck_assert_uint_eq(eight_before(quote | low), at);
			}
}
END_TEST

START_TEST(the_first_of_several)
{
	uint64_t eight = eight_load("ab\"\\#\"c]");
	ck_assert_uint_eq(eight_before(eight_has(eight, '"')), 2);
	ck_assert_uint_eq(eight_before(eight_has(eight, '\\')), 3);
	ck_assert_uint_eq(eight_before(eight_has(eight, '"') | eight_has(eight, '\\')), 2);
}
END_TEST

TESTS("eight", every_byte_at_every_place, the_first_of_several)
