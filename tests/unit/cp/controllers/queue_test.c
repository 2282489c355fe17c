/* The keyed work queue. */
#include "cp/controllers/queue.h"

#include "tests/unit/cp/controllers/plans.h"

START_TEST(once_each_in_order)
{
	struct queue *q = queue_new(5, 1000000);
	queue_add(q, "a");
	queue_add(q, "b");
	queue_add(q, "a");
	ck_assert_int_eq(queue_next_at(q), 0);
	ck_assert_str_eq(queue_take(q, 0), "a");
	ck_assert_str_eq(queue_take(q, 0), "b");
	ck_assert_ptr_null(queue_take(q, 0));
	queue_done(q, "a", 0);
	queue_done(q, "b", 0);
	ck_assert(queue_next_at(q) == INT64_MAX);
	queue_free(q);
}
END_TEST

START_TEST(again_after_done)
{
	struct queue *q = queue_new(5, 1000000);
	queue_add(q, "a");
	ck_assert_str_eq(queue_take(q, 0), "a");
	queue_add(q, "a");
	queue_add(q, "a");
	ck_assert_ptr_null(queue_take(q, 0));
	queue_done(q, "a", 0);
	ck_assert_str_eq(queue_take(q, 0), "a");
	queue_done(q, "a", 0);
	ck_assert_ptr_null(queue_take(q, 0));
	queue_free(q);
}
END_TEST

START_TEST(retries_grow)
{
	struct queue *q = queue_new(5, 1000);
	int64_t now = 0, want[] = {5, 10, 20, 40, 80, 160, 320, 640, 1000, 1000};
	queue_add(q, "a");
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		ck_assert_str_eq(queue_take(q, now), "a");
		queue_retry(q, "a", now);
		queue_done(q, "a", 0);
		ck_assert_int_eq(queue_next_at(q), now + want[i]);
		ck_assert_ptr_null(queue_take(q, now + want[i] - 1));
		now += want[i];
	}
	ck_assert_int_eq(queue_failures(q, "a"), (int)ARRAY_LEN(want));
	queue_forget(q, "a");
	ck_assert_int_eq(queue_failures(q, "a"), 0);
	queue_add(q, "a"); /* a change does not wait for the delay */
	ck_assert_str_eq(queue_take(q, 0), "a");
	queue_free(q);
}
END_TEST

START_TEST(times_in_order)
{
	struct queue *q = queue_new(5, 1000);
	for (int i = 0; i < 200; i++) {
		AUTO_FREE char *key = xasprintf("k%d", i);
		queue_add_at(q, key, (i * 7919) % 200 + 1000);
		queue_add_at(q, key, (i * 7919) % 200); /* the earlier time counts */
		queue_add_at(q, key, 5000);
	}
	for (int at = 0; at < 200; at++) {
		ck_assert_int_eq(queue_next_at(q), at);
		const char *key = queue_take(q, at);
		ck_assert_ptr_nonnull(key);
		ck_assert_int_eq((atoi(key + 1) * 7919) % 200, at);
		queue_done(q, key, 0);
	}
	ck_assert(queue_next_at(q) == INT64_MAX);
	queue_free(q);
}
END_TEST

START_TEST(later_while_busy)
{
	struct queue *q = queue_new(5, 1000);
	queue_add(q, "a");
	queue_take(q, 0);
	queue_add_at(q, "a", 10);
	ck_assert_ptr_null(queue_take(q, 20)); /* due, but busy */
	queue_done(q, "a", 0);
	ck_assert_str_eq(queue_take(q, 20), "a");
	queue_free(q);
}
END_TEST

/* What came while it was worked on or rested is due at the end of the rest, once; a later time stays what it was. */
START_TEST(rest)
{
	static const struct {
		int64_t busy_at, rest_at; /* wanted at (-1: not; 0: at once) while busy, while resting */
		int64_t due;              /* INT64_MAX: never */
	} cases[] = {{-1, -1, INT64_MAX}, {0, -1, 100}, {-1, 0, 100},  {0, 0, 100},	  {50, -1, 100},
		     {200, -1, 200},	  {-1, 200, 200}, {200, 50, 100}, {200, 300, 200}, {300, 200, 200}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct queue *q = queue_new(5, 1000);
		queue_add(q, "a");
		ck_assert_ptr_nonnull(queue_take(q, 0));
		for (int k = 0; k < 2; k++) {
			int64_t at = k ? cases[i].rest_at : cases[i].busy_at;
			if (at == 0)
				queue_add(q, "a");
			else if (at > 0)
				queue_add_at(q, "a", at);
			if (!k)
				queue_done(q, "a", 100);
		}
		ck_assert_ptr_null(queue_take(q, 99));
		bool never = cases[i].due == INT64_MAX;
		if (!never && cases[i].due > 100)
			ck_assert_ptr_null(queue_take(q, cases[i].due - 1));
		const char *key = queue_take(q, never ? 1000 : cases[i].due);
		ck_assert_msg(!key == never, "case %zu", i);
		if (key)
			queue_done(q, "a", 0);
		ck_assert_ptr_null(queue_take(q, 10000));
		ck_assert_int_eq(queue_next_at(q), INT64_MAX);
		queue_free(q);
	}
}
END_TEST

/* Failures are remembered over a rest, other keys do not wait. */
START_TEST(rest_of_a_failure)
{
	struct queue *q = queue_new(5, 1000);
	queue_add(q, "a");
	queue_take(q, 0);
	queue_retry(q, "a", 0);
	queue_done(q, "a", 3);
	queue_add(q, "b");
	ck_assert_str_eq(queue_take(q, 4), "b");
	queue_done(q, "b", 0);
	ck_assert_ptr_null(queue_take(q, 4));
	ck_assert_str_eq(queue_take(q, 5), "a");
	ck_assert_int_eq(queue_failures(q, "a"), 1);
	queue_forget(q, "a");
	queue_done(q, "a", 10);
	ck_assert_int_eq(queue_next_at(q), 10);
	queue_free(q);
}
END_TEST

TESTS("queue", rest, rest_of_a_failure, once_each_in_order, again_after_done, retries_grow, times_in_order, later_while_busy)
