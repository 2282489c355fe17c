#include "tests/unit/agent/pods.h"

#include "agent/probe_plan.h"
#include "base/mem.h"

START_TEST(thresholds)
{
	AUTO_JSON *spec = json_pack("{s:i,s:i,s:i,s:i}", "initialDelaySeconds", 2, "periodSeconds", 5,
				    "failureThreshold", 2, "successThreshold", 2);
	struct probe_plan p;
	probe_plan_init(&p, spec, 1000, 1000, 0);
	ck_assert_int_eq(p.next_mono, 3000);
	ck_assert_int_eq(probe_plan_result(&p, true, 3000), PROBE_UNCHANGED);
	ck_assert_int_eq(p.next_mono, 8000);
	ck_assert_int_eq(probe_plan_result(&p, true, 8000), PROBE_PASSED);
	ck_assert_int_eq(probe_plan_result(&p, false, 13000), PROBE_UNCHANGED);
	ck_assert_int_eq(probe_plan_result(&p, true, 18000), PROBE_UNCHANGED);
	ck_assert_int_eq(probe_plan_result(&p, false, 23000), PROBE_UNCHANGED);
	ck_assert_int_eq(probe_plan_result(&p, false, 28000), PROBE_FAILED);
}
END_TEST

START_TEST(defaults_and_jitter)
{
	AUTO_JSON *spec = json_object();
	struct probe_plan p;
	probe_plan_init(&p, spec, 1000, 50000, 0.5);
	ck_assert_int_eq(p.next_mono, 55000);
	ck_assert_int_eq(p.timeout_ms, 1000);
	ck_assert_int_eq(p.failure_threshold, 3);
	ck_assert_int_eq(p.grace_ms, -1);
	ck_assert_int_eq(probe_plan_result(&p, false, 90000), PROBE_UNCHANGED);
	ck_assert_int_eq(p.next_mono, 90000); /* a late one does not pile up */
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {thresholds, defaults_and_jitter};
	return run_suite("probe_plan", tests, ARRAY_LEN(tests));
}
