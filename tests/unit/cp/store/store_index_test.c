/* The index of keys: undo of a group, the queue of retired rows. */
#include "tests/unit/check_main.h"

#include <stdio.h>

#include "base/mem.h"
#include "cp/store/store_index.h"

static struct store_key key_at(uint64_t rev)
{
	return (struct store_key){.rev = rev, .create_rev = 1, .row = (int64_t)rev, .row_rev = rev};
}

static void put(struct store_index *x, const char *key, uint64_t rev)
{
	struct store_key k = key_at(rev);
	store_index_put(x, key, &k);
}

START_TEST(rollback_restores_every_key)
{
	struct store_index *x = store_index_new();
	AUTO_BUF *held = buf_new("held", 4);
	struct store_key a = key_at(2);
	a.held = held;
	store_index_put(x, "a", &a);
	put(x, "b", 3);
	store_index_retire(x, 1, 2, 100);
	store_index_commit(x);

	put(x, "a", 4);
	store_index_remove(x, "b");
	put(x, "b", 5);
	put(x, "b", 6);
	put(x, "c", 7);
	store_index_remove(x, "c");
	put(x, "d", 8);
	store_index_retire(x, 2, 4, 101);
	ck_assert_uint_eq(store_index_len(x), 3);
	ck_assert_uint_eq(store_index_n_old(x), 1); /* only what is committed */
	store_index_rollback(x);

	ck_assert_uint_eq(store_index_len(x), 2);
	ck_assert_uint_eq(store_index_get(x, "a")->rev, 2);
	ck_assert_ptr_eq(store_index_get(x, "a")->held, held);
	ck_assert_uint_eq(store_index_get(x, "b")->rev, 3);
	ck_assert_ptr_null(store_index_get(x, "c"));
	ck_assert_ptr_null(store_index_get(x, "d"));
	store_index_commit(x);
	ck_assert_uint_eq(store_index_n_old(x), 1);
	store_index_free(x);
	ck_assert_int_eq(held->refs, 1);
}
END_TEST

START_TEST(free_in_the_middle_of_a_group)
{
	struct store_index *x = store_index_new();
	put(x, "a", 2);
	store_index_commit(x);
	put(x, "a", 3);
	store_index_remove(x, "a");
	store_index_free(x);
	store_index_free(NULL);
}
END_TEST

/* Rows leave in the order they came, whatever the growth and rollbacks between. */
START_TEST(retired_rows_are_a_queue)
{
	struct store_index *x = store_index_new();
	int64_t in = 0, out = 0;
	for (int round = 0; round < 200; round++) {
		int n = round * 7 % 40;
		for (int i = 0; i < n; i++)
			store_index_retire(x, in + i, (uint64_t)(in + i), round);
		if (round % 5 == 4) {
			store_index_rollback(x);
		} else {
			store_index_commit(x);
			in += n;
		}
		size_t live = store_index_n_old(x), drop = live * 2 / 3;
		ck_assert_int_eq((int64_t)live, in - out);
		for (size_t i = 0; i < live; i++)
			ck_assert_int_eq(store_index_old(x, i)->row, out + (int64_t)i);
		ck_assert_ptr_null(store_index_old(x, live));
		store_index_drop_old(x, drop);
		out += (int64_t)drop;
	}
	store_index_free(x);
}
END_TEST

TESTS("store_index", rollback_restores_every_key, free_in_the_middle_of_a_group, retired_rows_are_a_queue)
