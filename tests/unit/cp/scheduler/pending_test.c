/* The scheduler's queue. */
#include "cp/scheduler/pending.h"

#include "tests/unit/cp/controllers/plans.h"

static const char *take(struct pending *q, int64_t now)
{
	struct pending_pod *p = pending_take(q, now);
	return p ? p->uid : "";
}

START_TEST(by_priority_then_arrival)
{
	struct pending q;
	pending_init(&q);
	pending_put(&q, "a", "ns", "a", 0, 0);
	pending_put(&q, "b", "ns", "b", 5, 0);
	pending_put(&q, "c", "ns", "c", 0, 0);
	pending_put(&q, "d", "ns", "d", 5, 0);
	pending_put(&q, "a", "ns", "a", 0, 0);
	static const char *const want[] = {"b", "d", "a", "c", ""};
	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		ck_assert_str_eq(take(&q, 0), want[i]);
	pending_done(&q);
}
END_TEST

START_TEST(parked_until_woken)
{
	struct pending q;
	int64_t now = 0, want[] = {1000, 2000, 4000, 8000, 10000, 10000};
	pending_init(&q);
	pending_put(&q, "a", "ns", "a", 0, 0);
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		struct pending_pod *p = pending_take(&q, now);
		ck_assert_ptr_nonnull(p);
		pending_park(&q, p, now);
		ck_assert(pending_next_at(&q) == INT64_MAX);
		pending_wake(&q, now + 1);
		ck_assert_int_eq(pending_next_at(&q), now + want[i]);
		ck_assert_str_eq(take(&q, now + want[i] - 1), "");
		now += want[i];
	}
	struct pending_pod *p = pending_take(&q, now);
	pending_park(&q, p, now);
	pending_wake(&q, now + 20000); /* the delay has long passed */
	ck_assert_int_eq(pending_next_at(&q), 0);
	pending_done(&q);
}
END_TEST

START_TEST(a_change_meanwhile_is_not_missed)
{
	struct pending q;
	pending_init(&q);
	pending_put(&q, "a", "ns", "a", 0, 0);
	struct pending_pod *p = pending_take(&q, 0);
	pending_wake(&q, 0);
	pending_park(&q, p, 0);
	ck_assert_int_eq(pending_next_at(&q), 1000);
	pending_remove(&q, "a");
	pending_remove(&q, "a");
	ck_assert(pending_next_at(&q) == INT64_MAX);
	pending_done(&q);
}
END_TEST

TESTS("pending", by_priority_then_arrival, parked_until_woken, a_change_meanwhile_is_not_missed)
