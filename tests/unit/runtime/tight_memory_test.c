/* The limit under which a container starts. */
#include "runtime/tight_memory.h"

#include "base/json.h"
#include "tests/unit/check_main.h"

static int64_t first_of(int64_t limit)
{
	AUTO_JSON *j = json_pack("{s:{s:I, s:I}}", "memory", "limit", (json_int_t)limit, "swap", (json_int_t)-1);
	tight_memory_first(j);
	ck_assert_int_eq(json_int_at(j, "memory.swap", 0), -1);
	return json_int_at(j, "memory.limit", 0);
}

START_TEST(one_charge_does_not_fill_it)
{
	ck_assert_int_eq(first_of(262144), 258048);
	ck_assert_int_eq(first_of(524287), 258048);
}
END_TEST

START_TEST(others_stay)
{
	ck_assert_int_eq(first_of(262143), 262143);
	ck_assert_int_eq(first_of(524288), 524288);
	ck_assert_int_eq(first_of(-1), -1);
	AUTO_JSON *none = json_object();
	tight_memory_first(none);
	ck_assert_uint_eq(json_object_size(none), 0);
	ck_assert_int_eq(tight_memory_settle(NULL, none, NULL), 0);
}
END_TEST

TESTS("runtime/tight_memory", one_charge_does_not_fill_it, others_stay)
