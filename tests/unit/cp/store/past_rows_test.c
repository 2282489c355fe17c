/* Rows by revision, and what of a key tells resources apart. */
#include "tests/unit/check_main.h"

#include "cp/store/past_rows.h"

START_TEST(by_revision)
{
	static const uint64_t revs[] = {5, 9, 2, 9, 7};
	struct past_rows p = {0};
	ck_assert_uint_eq(past_rows_after(&p, 0), 0);
	past_rows_sort(&p);
	for (size_t i = 0; i < 5; i++)
		past_rows_add(&p, revs[i], (int64_t)i, 0, "/r/a/b");
	past_rows_sort(&p);
	static const int64_t rows[] = {2, 0, 4, 1, 3};
	for (size_t i = 0; i < 5; i++)
		ck_assert_int_eq(p.v[i].row, rows[i]);
	static const struct {
		uint64_t rev;
		size_t place;
	} places[] = {{0, 0}, {1, 0}, {2, 1}, {4, 1}, {5, 2}, {8, 3}, {9, 5}, {10, 5}};
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		ck_assert_uint_eq(past_rows_after(&p, places[i].rev), places[i].place);
	past_rows_free(&p);
	ck_assert_uint_eq(p.n, 0);
}
END_TEST

/* Only so many are kept, and what was taken back or dropped is not found. */
START_TEST(bounded)
{
	struct past_rows p = {0};
	for (uint64_t rev = 1; rev <= PAST_ROWS_MAX + 10; rev++)
		past_rows_add(&p, rev, (int64_t)rev, 0, "/r/a/b");
	ck_assert_uint_eq(p.from, 10);
	ck_assert_uint_eq(p.n - past_rows_after(&p, 0), PAST_ROWS_MAX);
	ck_assert_int_eq(p.v[past_rows_after(&p, 10)].row, 11);
	past_rows_undo(&p, PAST_ROWS_MAX);
	ck_assert_uint_eq(past_rows_after(&p, PAST_ROWS_MAX), p.n);
	past_rows_drop(&p, PAST_ROWS_MAX - 1);
	ck_assert_uint_eq(p.from, PAST_ROWS_MAX - 1);
	ck_assert_uint_eq(past_rows_after(&p, 0) + 1, p.n);
	past_rows_drop(&p, PAST_ROWS_MAX);
	ck_assert_ptr_null(p.v);
	past_rows_free(&p);
}
END_TEST

START_TEST(parts)
{
	uint32_t pods = past_rows_part("/registry/pods/a/b");
	ck_assert_uint_eq(past_rows_part("/registry/pods/"), pods);
	ck_assert_uint_ne(past_rows_part("/registry/nodes/b"), pods);
	ck_assert_uint_ne(past_rows_part("/registry/podss/"), pods);
	ck_assert_uint_eq(past_rows_part("/registry/pods"), 0);
	ck_assert_uint_eq(past_rows_part("/registry/"), 0);
	ck_assert_uint_eq(past_rows_part("/"), 0);
	ck_assert_uint_eq(past_rows_part(""), 0);
}
END_TEST

TESTS("past_rows", by_revision, bounded, parts)
