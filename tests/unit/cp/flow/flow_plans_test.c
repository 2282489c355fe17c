/* Shares of seats, Retry-After, and objects that are kept. */
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/flow/flow_objects_plan.h"
#include "cp/flow/flow_retry.h"
#include "cp/flow/flow_shares_plan.h"
#include "tests/unit/check_main.h"

/* The levels of a fresh cluster with 600 seats. */
START_TEST(nominal_seats)
{
	static const struct {
		int shares, lendable, nominal, min;
	} cases[] = {{5, 0, 13, 13}, {0, 0, 0, 0},   {20, 50, 49, 24},  {10, 0, 25, 25},
		     {40, 25, 98, 73}, {30, 33, 74, 50}, {40, 50, 98, 49}, {100, 90, 245, 24}};
	struct flow_share shares[ARRAY_LEN(cases)], *v[ARRAY_LEN(cases)];
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		shares[i] = (struct flow_share){.shares = cases[i].shares, .lendable_percent = cases[i].lendable, .borrowing_percent = -1};
		v[i] = &shares[i];
	}
	flow_shares_divide(v, ARRAY_LEN(cases), 600);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		ck_assert_int_eq(shares[i].nominal, cases[i].nominal);
		ck_assert_int_eq(shares[i].current, cases[i].nominal);
		ck_assert_int_eq(shares[i].max, 600);
		ck_assert_int_le(abs(shares[i].min - cases[i].min), 1);
	}
}
END_TEST

START_TEST(borrowing)
{
	struct flow_share busy = {.shares = 1, .lendable_percent = 50, .borrowing_percent = -1},
			  idle = {.shares = 1, .lendable_percent = 50, .borrowing_percent = -1},
			  bound = {.shares = 1, .lendable_percent = 0, .borrowing_percent = 10}, *v[] = {&busy, &idle, &bound};
	double fraction;
	flow_shares_divide(v, 3, 300);
	ck_assert_int_eq(bound.max, 110);
	busy.demand = (struct flow_demand_result){400, 0, 400};
	bound.demand = (struct flow_demand_result){400, 0, 400};
	flow_shares_adjust(v, 3, 300, &fraction);
	ck_assert_int_eq(idle.current, 50);
	ck_assert_int_ge(busy.current, 140);
	ck_assert_int_ge(bound.current, 100);
	ck_assert_int_le(bound.current, 110);
	ck_assert_int_le(busy.current + idle.current + bound.current, 301);
	/* It wants its own again. */
	idle.demand = (struct flow_demand_result){100, 0, 100};
	flow_shares_adjust(v, 3, 300, &fraction);
	ck_assert_int_eq(idle.current, 100);
	ck_assert_int_eq(busy.current, 100);
}
END_TEST

START_TEST(demand)
{
	struct flow_demand d = {.since_us = 0};
	flow_demand_change(&d, 10, 1000000);
	flow_demand_change(&d, 0, 2000000);
	struct flow_demand_result r = flow_demand_take(&d, 4000000);
	ck_assert_double_eq_tol(r.average, 2.5, 1e-9);
	ck_assert_double_eq_tol(r.high, 10, 1e-9);
	ck_assert_double_eq_tol(r.deviation, 4.330127, 1e-4);
	r = flow_demand_take(&d, 5000000);
	ck_assert_double_eq_tol(r.average + r.high + r.deviation, 0, 1e-9);
}
END_TEST

START_TEST(retry_after)
{
	struct flow_retry r = {0};
	ck_assert_int_eq(flow_retry_count(&r, 1000), 1);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(flow_retry_count(&r, 1000), 1);
	ck_assert_int_eq(flow_retry_count(&r, 1001), 2);
	ck_assert_int_eq(flow_retry_count(&r, 1002), 2); /* not raised again before it was told long enough */
	for (int s = 1003; s < 1200; s++)
		for (int i = 0; i < 10; i++)
			flow_retry_count(&r, s);
	ck_assert_int_eq(flow_retry_count(&r, 1200), FLOW_RETRY_MAX);
	ck_assert_int_eq(flow_retry_count(&r, 2000), FLOW_RETRY_MAX - 1);
}
END_TEST

static json_t *level(const char *name, const char *auto_update, int generation, int shares)
{
	json_t *o = json_pack("{s:{s:s,s:i,s:{}},s:{s:s,s:{s:i}}}", "metadata", "name", name, "generation", generation, "annotations",
			      "spec", "type", "Limited", "limited", "nominalConcurrencyShares", shares);
	if (auto_update)
		json_object_set_new(json_at(o, "metadata.annotations"), FLOW_AUTOUPDATE, json_string(auto_update));
	return o;
}

START_TEST(objects)
{
	static const struct {
		const char *name, *annotation;
		int generation, shares;
		enum flow_object_action action;
		const char *annotation_then;
		int shares_then;
	} cases[] = {
	    {"system", "true", 1, 30, FLOW_OBJECT_FINE, NULL, 0},
	    {"system", "true", 4, 7, FLOW_OBJECT_UPDATE, "true", 30},
	    {"system", "false", 4, 7, FLOW_OBJECT_FINE, NULL, 0},
	    {"system", NULL, 1, 7, FLOW_OBJECT_UPDATE, "true", 30},
	    {"system", NULL, 2, 7, FLOW_OBJECT_UPDATE, "false", 7},
	    {"catch-all", "false", 2, 7, FLOW_OBJECT_UPDATE, "true", 30},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_JSON *wanted = level(cases[i].name, "true", 0, 30), *to = NULL,
			  *there = level(cases[i].name, cases[i].annotation, cases[i].generation, cases[i].shares);
		ck_assert_int_eq(flow_object_plan(wanted, there, &to), cases[i].action);
		if (!cases[i].annotation_then)
			continue;
		ck_assert_str_eq(json_member(json_at(to, "metadata.annotations"), FLOW_AUTOUPDATE), cases[i].annotation_then);
		ck_assert_int_eq(json_int_at(to, "spec.limited.nominalConcurrencyShares", 0), cases[i].shares_then);
	}
	AUTO_JSON *wanted = level("x", "true", 0, 1), *mine = level("x", "true", 3, 1), *theirs = level("x", NULL, 1, 1), *none = NULL;
	ck_assert_int_eq(flow_object_plan(wanted, NULL, &none), FLOW_OBJECT_CREATE);
	ck_assert_int_eq(flow_object_stray(mine), FLOW_OBJECT_DELETE);
	ck_assert_int_eq(flow_object_stray(theirs), FLOW_OBJECT_FINE);
}
END_TEST

START_TEST(exempt_keeps_its_numbers)
{
	AUTO_JSON *wanted = json_loads("{\"metadata\":{\"name\":\"exempt\"},\"spec\":{\"type\":\"Exempt\",\"exempt\":"
				       "{\"nominalConcurrencyShares\":0,\"lendablePercent\":0}}}", 0, NULL);
	AUTO_JSON *there = json_loads("{\"metadata\":{\"name\":\"exempt\",\"annotations\":{\"" FLOW_AUTOUPDATE "\":\"true\"}},\"spec\":"
				      "{\"type\":\"Exempt\",\"exempt\":{\"nominalConcurrencyShares\":10,\"lendablePercent\":50}}}",
				      0, NULL);
	AUTO_JSON *to = NULL;
	ck_assert_int_eq(flow_object_plan(wanted, there, &to), FLOW_OBJECT_FINE);
}
END_TEST

START_TEST(dangling)
{
	AUTO_JSON *s = json_loads("{\"spec\":{\"priorityLevelConfiguration\":{\"name\":\"lv\"}},\"status\":{}}", 0, NULL);
	AUTO_JSON *found = flow_dangling(s, true), *missing = flow_dangling(s, false);
	ck_assert_str_eq(json_str_at(found, "status"), "False");
	ck_assert_str_eq(json_str_at(found, "message"),
			 "This FlowSchema references the PriorityLevelConfiguration object named \"lv\" and it exists");
	ck_assert_str_eq(json_str_at(missing, "status"), "True");
	ck_assert_str_eq(json_str_at(missing, "reason"), "NotFound");
	json_array_append(json_array_at(s, "status.conditions"), missing);
	ck_assert_ptr_null(flow_dangling(s, false));
	AUTO_JSON *again = flow_dangling(s, true);
	ck_assert_ptr_nonnull(again);
}
END_TEST

TESTS("flow control plans", nominal_seats, borrowing, demand, retry_after, objects, exempt_keeps_its_numbers, dangling)
