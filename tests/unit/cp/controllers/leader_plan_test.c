/* Leader election: who may take a lease when. */
#include "tests/unit/check_main.h"

#include <stdlib.h>

#include "base/json.h"
#include "cp/controllers/leader_plan.h"

static json_t *lease(const char *holder, int64_t at_us)
{
	AUTO_JSON *old = leader_lease(LEADER_CREATE, NULL, "kube-scheduler", holder, 0);
	return leader_lease(LEADER_RENEW, old, "kube-scheduler", holder, at_us);
}

START_TEST(a_good_lease_is_not_taken)
{
	struct leader_seen s = {0};
	AUTO_JSON *first = lease("b", 1000000), *second = lease("b", 2000000), *free = lease(NULL, 3000000);
	ck_assert_int_eq(leader_plan(&s, NULL, "a", 0), LEADER_CREATE);
	/* Its own clock counts, not the times that stand in the lease. */
	ck_assert_int_eq(leader_plan(&s, first, "a", 100000), LEADER_WAIT);
	ck_assert_int_eq(leader_plan(&s, first, "a", 114999), LEADER_WAIT);
	ck_assert_int_eq(leader_plan(&s, second, "a", 114999), LEADER_WAIT);
	ck_assert_int_eq(leader_plan(&s, second, "a", 129998), LEADER_WAIT);
	ck_assert_int_eq(leader_plan(&s, second, "a", 129999), LEADER_TAKE);
	ck_assert_int_eq(leader_plan(&s, second, "b", 500000), LEADER_RENEW);
	ck_assert_int_eq(leader_plan(&s, free, "a", 130000), LEADER_TAKE);
	leader_seen_done(&s);
}
END_TEST

START_TEST(who_cannot_renew_steps_down)
{
	struct leader_seen s = {.leading = true, .renewed_ms = 1000};
	AUTO_JSON *mine = lease("a", 1), *other = lease("b", 1);
	ck_assert(!leader_is_lost(&s, mine, "a", 10999));
	ck_assert(leader_is_lost(&s, mine, "a", 11000));
	ck_assert(leader_is_lost(&s, NULL, "a", 11000));
	ck_assert(leader_is_lost(&s, other, "a", 1001));
	/* Before anybody else may take it. */
	ck_assert_int_lt(LEADER_RENEW_MS, LEADER_LEASE_S * 1000);
	s.leading = false;
	ck_assert(!leader_is_lost(&s, other, "a", 99999));
}
END_TEST

START_TEST(what_is_stored)
{
	AUTO_JSON *made = leader_lease(LEADER_CREATE, NULL, "kube-scheduler", "a", 1000000);
	AUTO_JSON *renewed = leader_lease(LEADER_RENEW, made, "kube-scheduler", "a", 2000000);
	AUTO_JSON *taken = leader_lease(LEADER_TAKE, renewed, "kube-scheduler", "b", 3000000);
	AUTO_JSON *given = leader_lease(LEADER_RENEW, taken, "kube-scheduler", NULL, 4000000);
	ck_assert_str_eq(json_str_at(made, "metadata.namespace"), "kube-system");
	ck_assert_int_eq(json_int_at(made, "spec.leaseTransitions", -1), 0);
	ck_assert_str_eq(json_str_at(renewed, "spec.acquireTime"), "1970-01-01T00:00:01.000000Z");
	ck_assert_str_eq(json_str_at(renewed, "spec.renewTime"), "1970-01-01T00:00:02.000000Z");
	ck_assert_str_eq(json_str_at(taken, "spec.holderIdentity"), "b");
	ck_assert_int_eq(json_int_at(taken, "spec.leaseTransitions", -1), 1);
	ck_assert_str_eq(json_str_at(given, "spec.holderIdentity"), "");
	ck_assert_int_eq(json_int_at(given, "spec.leaseDurationSeconds", -1), 1);
	ck_assert_int_eq(json_int_at(given, "spec.leaseTransitions", -1), 1);
}
END_TEST

TESTS("leader_plan", a_good_lease_is_not_taken, who_cannot_renew_steps_down, what_is_stored)
