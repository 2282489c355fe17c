/* When certificates are asked for anew. */
#include "agent/rotate.h"
#include "tests/unit/check_main.h"

START_TEST(due)
{
	static const struct {
		int64_t from, until;
		int part;
		int64_t want;
	} cases[] = {
	    {0, 1000, 0, 700},
	    {0, 1000, 500, 800},
	    {0, 1000, 999, 899},
	    {1000000000, 1000000000 + 365 * 86400, 0, 1000000000 + 365 * 86400 / 10 * 7},
	    {500, 500, 999, 500}, /* no life at all: at once */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_int_eq(rotate_due_s(cases[i].from, cases[i].until, cases[i].part), cases[i].want);
	/* A hundred years: nothing overflows, and it is always within the life. */
	for (int part = 0; part < 1000; part++) {
		int64_t until = 100LL * 366 * 86400, at = rotate_due_s(0, until, part);
		ck_assert(at >= until * 7 / 10 && at < until * 9 / 10);
	}
}
END_TEST

TESTS("rotate", due)
