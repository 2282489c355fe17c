#include "tests/unit/agent/pods.h"

#include "base/mem.h"

#define TWO "'containers':[{'name':'a'},{'name':'b'}]"
#define INITS                                                                                                          \
	"'initContainers':[{'name':'i'},{'name':'s','restartPolicy':'Always'},{'name':'j'}],'containers':[{'name':'a'" \
	"}]"

START_TEST(sandbox_then_containers)
{
	struct pod_state *s = pod_of(TWO);
	ASSERT_PLAN(s, 1000, "sandbox");
	s->sandbox = SANDBOX_CREATING;
	ASSERT_PLAN(s, 1000, "");
	s->sandbox = SANDBOX_NONE;
	s->sandbox_retry_mono = 5000;
	ASSERT_PLAN(s, 1000, "@5000");
	s->sandbox = SANDBOX_READY;
	ASSERT_PLAN(s, 1000, "start:a start:b");
	s->containers[0].phase = PHASE_STARTING;
	ASSERT_PLAN(s, 1000, "start:b");
	run(s, "a", 1000);
	run(s, "b", 1000);
	ASSERT_PLAN(s, 1000, "");
	pod_state_free(s);
}
END_TEST

START_TEST(crash_loop_backs_off)
{
	struct pod_state *s = pod_of("'containers':[{'name':'a'}]");
	s->sandbox = SANDBOX_READY;
	run(s, "a", 1000);
	quit(s, "a", 1, 2000);
	ASSERT_PLAN(s, 2000, "start:a"); /* the first restart comes at once */
	int64_t now = 2000, delay = 10000;
	for (int i = 0; i < 8; i++) {
		char want[32];
		run(s, "a", now);
		quit(s, "a", 1, now);
		snprintf(want, sizeof(want), "@%lld", (long long)(now + delay));
		ASSERT_PLAN(s, now, want);
		now += delay;
		ASSERT_PLAN(s, now, "start:a");
		delay = delay * 2 > 300000 ? 300000 : delay * 2;
	}
	ck_assert_int_eq(s->containers[0].restart_count, 8);
	run(s, "a", now);
	quit(s, "a", 1, now + 600000); /* ten good minutes forgive */
	ASSERT_PLAN(s, now + 600000, "start:a");
	pod_state_free(s);
}
END_TEST

START_TEST(restart_policies)
{
	static const struct {
		const char *policy;
		int code;
		const char *want;
	} cases[] = {{"Always", 0, "start:a"},    {"Always", 1, "start:a"}, {"OnFailure", 0, "teardown"},
		     {"OnFailure", 3, "start:a"}, {"Never", 0, "teardown"}, {"Never", 1, "teardown"}};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_FREE char *spec = xasprintf("'restartPolicy':'%s','containers':[{'name':'a'}]", cases[i].policy);
		struct pod_state *s = pod_of(spec);
		s->sandbox = SANDBOX_READY;
		run(s, "a", 1000);
		quit(s, "a", cases[i].code, 2000);
		ASSERT_PLAN(s, 2000, cases[i].want);
		pod_state_free(s);
	}
}
END_TEST

START_TEST(container_restart_rules)
{
	struct pod_state *s =
	    pod_of("'restartPolicy':'Never','containers':[{'name':'a','restartPolicy':'Never',"
		   "'restartPolicyRules':[{'action':'Restart','exitCodes':{'operator':'In','values':[42]}}]}]");
	s->sandbox = SANDBOX_READY;
	run(s, "a", 1000);
	quit(s, "a", 42, 2000);
	ASSERT_PLAN(s, 2000, "start:a");
	quit(s, "a", 41, 2000);
	ASSERT_PLAN(s, 2000, "teardown");
	pod_state_free(s);
}
END_TEST

START_TEST(init_order)
{
	struct pod_state *s = pod_of(INITS);
	s->sandbox = SANDBOX_READY;
	ASSERT_PLAN(s, 1, "start:i");
	run(s, "i", 1);
	ASSERT_PLAN(s, 1, "");
	quit(s, "i", 0, 2);
	ASSERT_PLAN(s, 2, "start:s");
	run(s, "s", 2);
	pod_state_find(s, "s")->started = false;
	ASSERT_PLAN(s, 2, "");
	pod_state_find(s, "s")->started = true;
	ASSERT_PLAN(s, 2, "start:j");
	run(s, "j", 2);
	quit(s, "j", 1, 3);
	ASSERT_PLAN(s, 3, "start:j");
	quit(s, "j", 0, 4);
	ck_assert(pod_initialized(s));
	ASSERT_PLAN(s, 4, "start:a");
	run(s, "a", 4);
	quit(s, "s", 1, 5);
	ASSERT_PLAN(s, 5, "start:s");
	pod_state_free(s);
}
END_TEST

START_TEST(failed_init_ends_a_pod_that_never_restarts)
{
	struct pod_state *s = pod_of("'restartPolicy':'Never'," INITS);
	s->sandbox = SANDBOX_READY;
	run(s, "i", 1);
	quit(s, "i", 1, 2);
	ck_assert(pod_init_failed(s) && pod_is_over(s));
	ASSERT_PLAN(s, 2, "teardown");
	pod_state_free(s);
}
END_TEST

START_TEST(deletion)
{
	struct pod_state *s = pod_of(INITS);
	s->sandbox = SANDBOX_READY;
	run(s, "i", 1);
	quit(s, "i", 0, 1);
	run(s, "s", 1);
	run(s, "j", 1);
	quit(s, "j", 0, 1);
	run(s, "a", 1);
	s->deleting = true;
	s->grace_ms = 5000;
	struct container_state *a = pod_state_find(s, "a");
	ASSERT_PLAN(s, 10, "stop:a");
	a->stopping = true;
	a->kill_mono = 5010;
	ASSERT_PLAN(s, 10, "@5010");
	ASSERT_PLAN(s, 5010, "kill:a");
	a->killed = true;
	ASSERT_PLAN(s, 5010, "");
	quit(s, "a", 137, 5011);
	ASSERT_PLAN(s, 5011, "stop:s"); /* sidecars last */
	quit(s, "s", 143, 5012);
	ASSERT_PLAN(s, 5012, "teardown");
	s->sandbox = SANDBOX_STOPPING;
	ASSERT_PLAN(s, 5012, "");
	s->sandbox = SANDBOX_NONE;
	s->cleaned = true;
	ASSERT_PLAN(s, 5012, "finish");
	pod_state_free(s);
}
END_TEST

START_TEST(deletion_waits_for_starting)
{
	struct pod_state *s = pod_of(TWO);
	s->sandbox = SANDBOX_READY;
	s->containers[0].phase = PHASE_STARTING;
	s->deleting = true;
	ASSERT_PLAN(s, 1, "");
	s->containers[0].phase = PHASE_WAITING;
	ASSERT_PLAN(s, 1, "teardown");
	s->sandbox = SANDBOX_NONE;
	ASSERT_PLAN(s, 1, "teardown"); /* volumes and directories may be there */
	pod_state_free(s);
}
END_TEST

START_TEST(forced_deletion_cuts_the_grace)
{
	struct pod_state *s = pod_of(TWO);
	s->sandbox = SANDBOX_READY;
	run(s, "a", 1);
	s->containers[0].stopping = true;
	s->containers[0].kill_mono = 30000;
	s->deleting = true;
	s->grace_ms = 0;
	ASSERT_PLAN(s, 10, "kill:a");
	pod_state_free(s);
}
END_TEST

START_TEST(probe_kills_and_restarts)
{
	struct pod_state *s = pod_of(TWO);
	s->sandbox = SANDBOX_READY;
	run(s, "a", 1);
	run(s, "b", 1);
	s->containers[1].kill_reason = xstrdup("Container b failed liveness probe, will be restarted");
	ASSERT_PLAN(s, 10, "stop:b");
	quit(s, "b", 137, 20);
	ASSERT_PLAN(s, 20, "start:b");
	pod_state_free(s);
}
END_TEST

START_TEST(active_deadline)
{
	struct pod_state *s = pod_of("'activeDeadlineSeconds':5," TWO);
	s->sandbox = SANDBOX_READY;
	run(s, "a", 1000);
	run(s, "b", 1000);
	ASSERT_PLAN(s, 1000, "@6000");
	ASSERT_PLAN(s, 6000, "fail");
	s->fail_reason = xstrdup("DeadlineExceeded");
	ASSERT_PLAN(s, 6000, "stop:a stop:b");
	pod_state_free(s);
}
END_TEST

START_TEST(blocked_container_waits)
{
	struct pod_state *s = pod_of("'containers':[{'name':'a'}]");
	s->sandbox = SANDBOX_READY;
	container_blocked(&s->containers[0], "ErrImagePull", "no", 1000);
	ASSERT_PLAN(s, 1000, "@11000");
	container_blocked(&s->containers[0], "ErrImagePull", "no", 11000);
	ASSERT_PLAN(s, 11000, "@31000");
	ASSERT_PLAN(s, 31000, "start:a");
	pod_state_free(s);
}
END_TEST

START_TEST(lost_sandbox_starts_over)
{
	struct pod_state *s = pod_of("'initContainers':[{'name':'i'}],'containers':[{'name':'a'}]");
	s->sandbox = SANDBOX_READY;
	run(s, "i", 1);
	quit(s, "i", 0, 1);
	run(s, "a", 1);
	pod_sandbox_lost(s, 1000001, 2);
	ASSERT_PLAN(s, 2, "teardown");
	s->sandbox = SANDBOX_NONE;
	ASSERT_PLAN(s, 2, "sandbox");
	s->sandbox = SANDBOX_READY;
	ASSERT_PLAN(s, 2, "start:i");
	run(s, "i", 2);
	quit(s, "i", 0, 2);
	ASSERT_PLAN(s, 2, "start:a");
	pod_state_free(s);
}
END_TEST

START_TEST(record_round_trip)
{
	struct pod_state *s = pod_of(INITS), *t = pod_of(INITS);
	s->sandbox = SANDBOX_READY;
	strv_add(&s->ips, "10.0.0.1");
	run(s, "a", 5);
	quit(s, "a", 3, 6);
	run(s, "a", 7);
	AUTO_JSON *one = pod_state_record(s);
	pod_state_restore(t, one);
	AUTO_JSON *two = pod_state_record(t);
	ck_assert(json_equal(one, two));
	ck_assert_int_eq(pod_state_find(t, "a")->phase, PHASE_RUNNING);
	ck_assert_int_eq(json_int_at(pod_state_find(t, "a")->last, "exitCode", -1), 3);
	pod_state_free(s);
	pod_state_free(t);
}
END_TEST

START_TEST(addresses_in_the_order_of_the_node)
{
	static const struct {
		const char *like, *ips, *want;
	} rows[] = {{"fd00::1", "10.0.0.1,fd01::1,10.0.0.2,fd01::2", "fd01::1,fd01::2,10.0.0.1,10.0.0.2"},
		    {"192.0.2.1", "10.0.0.1,fd01::1", "10.0.0.1,fd01::1"},
		    {"192.0.2.1", "fd01::1,10.0.0.1", "10.0.0.1,fd01::1"},
		    {"fd00::1", "10.0.0.1", "10.0.0.1"}};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_STRV char **ips = str_split(rows[i].ips, ',');
		ips_order(ips, rows[i].like);
		AUTO_FREE char *got = str_join(ips, ",");
		ck_assert_str_eq(got, rows[i].want);
	}
	ips_order(NULL, "fd00::1");
}
END_TEST

START_TEST(update_keeps_states)
{
	struct pod_state *s = pod_of(TWO);
	run(s, "b", 5);
	AUTO_JSON *next = pod_object("'containers':[{'name':'a'},{'name':'b','image':'new'}]");
	json_set_str(next, "metadata.deletionTimestamp", "2026-01-01T00:00:00Z");
	json_set_int(next, "metadata.deletionGracePeriodSeconds", 7);
	pod_state_update(s, next);
	ck_assert_int_eq(s->containers[1].phase, PHASE_RUNNING);
	ck_assert_str_eq(json_str_at(s->containers[1].spec, "image"), "new");
	ck_assert(s->deleting && s->grace_ms == 7000);
	pod_state_free(s);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {sandbox_then_containers,
				      crash_loop_backs_off,
				      restart_policies,
				      container_restart_rules,
				      init_order,
				      failed_init_ends_a_pod_that_never_restarts,
				      deletion,
				      deletion_waits_for_starting,
				      forced_deletion_cuts_the_grace,
				      probe_kills_and_restarts,
				      active_deadline,
				      blocked_container_waits,
				      lost_sandbox_starts_over,
				      record_round_trip, addresses_in_the_order_of_the_node,
				      update_keeps_states};
	return run_suite("pod_plan", tests, ARRAY_LEN(tests));
}
