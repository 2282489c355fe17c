/* Queues of a priority level: who runs, who waits, who is refused, and in what order. */
#include <string.h>

#include "base/mem.h"
#include "cp/flow/flow_queues.h"
#include "tests/unit/check_main.h"

enum { MS = 1000 };

static struct flow_item item(uint64_t flow, unsigned seats)
{
	return (struct flow_item){.flow = flow, .seats = seats};
}

START_TEST(hands)
{
	for (uint64_t hash = 1; hash; hash = hash < UINT64_MAX / 7 ? hash * 7 : 0) {
		unsigned hand[FLOW_HAND_MAX];
		bool seen[128] = {false};
		flow_deal(hash, 128, 6, hand);
		for (int i = 0; i < 6; i++) {
			ck_assert_uint_lt(hand[i], 128);
			ck_assert(!seen[hand[i]]);
			seen[hand[i]] = true;
		}
	}
	unsigned all[4];
	flow_deal(99, 4, 4, all);
	ck_assert_uint_eq(all[0] + all[1] + all[2] + all[3], 6);
}
END_TEST

START_TEST(without_queues)
{
	struct flow_queues *q = flow_queues_new(&(struct flow_queues_config){.seats = 2}, 0);
	struct flow_item a = item(1, 1), b = item(1, 1), c = item(1, 1), d = item(2, 5);
	ck_assert_int_eq(flow_queues_offer(q, &a, false, 0), FLOW_RUN);
	ck_assert_int_eq(flow_queues_offer(q, &b, true, 0), FLOW_RUN);
	ck_assert_int_eq(flow_queues_offer(q, &c, false, 0), FLOW_NO_SEAT);
	flow_queues_end(q, &c, 0);
	flow_queues_end(q, &a, MS);
	ck_assert_int_eq(flow_queues_offer(q, &d, false, MS), FLOW_NO_SEAT);
	flow_queues_end(q, &b, MS);
	ck_assert_int_eq(flow_queues_offer(q, &d, false, MS), FLOW_RUN); /* wider than all seats: alone */
	flow_queues_end(q, &d, MS);
	ck_assert_uint_eq(flow_queues_view(q).seats_running, 0);
	flow_queues_free(q);
}
END_TEST

START_TEST(exempt)
{
	struct flow_queues *q = flow_queues_new(&(struct flow_queues_config){.exempt = true}, 0);
	struct flow_item v[50];
	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		v[i] = item(1, 3);
		ck_assert_int_eq(flow_queues_offer(q, &v[i], true, 0), FLOW_RUN);
	}
	ck_assert_uint_eq(flow_queues_view(q).running, 50);
	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		flow_queues_end(q, &v[i], MS);
	flow_queues_free(q);
}
END_TEST

START_TEST(queue_is_bounded)
{
	struct flow_queues *q = flow_queues_new(&(struct flow_queues_config){.n = 1, .hand = 1, .length_max = 2, .seats = 1}, 0);
	struct flow_item v[4];
	static const enum flow_verdict verdicts[] = {FLOW_RUN, FLOW_WAIT, FLOW_WAIT, FLOW_QUEUE_FULL};
	for (size_t i = 0; i < 4; i++) {
		v[i] = item(1, 1);
		ck_assert_int_eq(flow_queues_offer(q, &v[i], false, (int64_t)i), verdicts[i]);
	}
	ck_assert_ptr_null(flow_queues_next(q, 5));
	ck_assert_ptr_eq(flow_queues_older(q, 2), &v[1]);
	ck_assert_ptr_null(flow_queues_older(q, 1));
	flow_queues_end(q, &v[1], 6); /* gives up */
	flow_queues_end(q, &v[0], 7);
	ck_assert_ptr_eq(flow_queues_next(q, 8), &v[2]);
	ck_assert_ptr_null(flow_queues_next(q, 8));
	flow_queues_end(q, &v[2], 9);
	flow_queues_end(q, &v[2], 9); /* twice is fine */
	ck_assert_uint_eq(flow_queues_view(q).active, 0);
	flow_queues_free(q);
}
END_TEST

/* A hundred requests of one flow wait; one of another comes last and waits for two rounds of the flood's hand at most. */
START_TEST(flood_does_not_hold_others)
{
	struct flow_queues *q = flow_queues_new(&(struct flow_queues_config){.n = 64, .hand = 4, .length_max = 50, .seats = 2}, 0);
	struct flow_item flood[100], other = item(0x123456789abcdefULL, 1), *next;
	for (size_t i = 0; i < 100; i++) {
		flood[i] = item(42, 1);
		ck_assert_int_ne(flow_queues_offer(q, &flood[i], false, 0), FLOW_QUEUE_FULL);
	}
	ck_assert_uint_eq(flow_queues_view(q).running, 2);
	ck_assert_int_eq(flow_queues_offer(q, &other, false, 10 * MS), FLOW_WAIT);
	flow_queues_end(q, &flood[0], 20 * MS);
	flow_queues_end(q, &flood[1], 20 * MS);
	size_t before = 0;
	for (; (next = flow_queues_next(q, 20 * MS)) && next != &other; before++)
		flow_queues_end(q, next, 20 * MS + MS * (int64_t)before);
	ck_assert_ptr_eq(next, &other);
	ck_assert_uint_le(before, 8); /* two rounds of the flood's four queues */
	flow_queues_end(q, &other, 40 * MS);
	for (size_t i = 0; i < 100; i++)
		flow_queues_end(q, &flood[i], 50 * MS);
	ck_assert_uint_eq(flow_queues_view(q).waiting, 0);
	ck_assert_uint_eq(flow_queues_view(q).active, 0);
	flow_queues_free(q);
}
END_TEST

/* Two busy flows; one's requests take four times the seats of the other's: it gets a quarter of the turns. */
START_TEST(turns_by_work)
{
	struct flow_queues *q = flow_queues_new(&(struct flow_queues_config){.n = 2, .hand = 1, .length_max = 1000, .seats = 4}, 0);
	struct flow_item narrow[400], wide[400], *next;
	uint64_t a = 0, b = 1; /* one queue each */
	size_t n = 0, w = 0;
	for (size_t i = 0; i < 400; i++) {
		narrow[i] = item(a, 1);
		wide[i] = item(b, 4);
		flow_queues_offer(q, &narrow[i], true, 0);
		flow_queues_offer(q, &wide[i], true, 0);
	}
	for (int64_t now = 0; n + w < 300 && (next = flow_queues_next(q, now)); now += 3 * MS) {
		n += next->flow == a;
		w += next->flow == b;
		flow_queues_end(q, next, now + 3 * MS);
	}
	ck_assert_uint_eq(n + w, 300);
	ck_assert_uint_ge(n, 230);
	ck_assert_uint_le(n, 250);
	for (size_t i = 0; i < 400; i++) {
		flow_queues_end(q, &narrow[i], 0);
		flow_queues_end(q, &wide[i], 0);
	}
	flow_queues_free(q);
}
END_TEST

/* What waits and runs survives new queues, and queues that go. */
START_TEST(configure)
{
	struct flow_queues_config c = {.n = 8, .hand = 2, .length_max = 10, .seats = 1};
	struct flow_queues *q = flow_queues_new(&c, 0);
	struct flow_item v[6], *next;
	for (size_t i = 0; i < 6; i++) {
		v[i] = item(i * 1000, 1);
		flow_queues_offer(q, &v[i], false, 0);
	}
	c.n = 3;
	flow_queues_configure(q, &c, MS);
	ck_assert_uint_eq(flow_queues_view(q).waiting, 5);
	flow_queues_end(q, &v[0], MS);
	ck_assert_ptr_nonnull(next = flow_queues_next(q, MS));
	c.n = 0;
	flow_queues_configure(q, &c, MS);
	flow_queues_end(q, next, MS);
	size_t n = 0;
	for (; (next = flow_queues_next(q, MS)); n++)
		flow_queues_end(q, next, MS);
	ck_assert_uint_eq(n, 4);
	ck_assert_uint_eq(flow_queues_view(q).seats_running + flow_queues_view(q).seats_waiting, 0);
	ck_assert_uint_eq(flow_queues_view(q).active, 0);
	flow_queues_free(q);
}
END_TEST

TESTS("flow queues", hands, without_queues, exempt, queue_is_bounded, flood_does_not_hold_others, turns_by_work, configure)
