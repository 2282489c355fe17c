#include "tests/unit/agent/pods.h"

#include "agent/pod_status.h"
#include "base/mem.h"

static char *node_ips[] = {(char *)"192.0.2.1", (char *)"fd00::2:1", NULL};

static json_t *status_of(struct pod_state *s, int64_t now)
{
	struct pod_status_in in = {.host_ips = node_ips, .now_ms = 1000000 + now, .now_mono = now};
	return pod_status(s, &in);
}

static const char *condition(const json_t *status, const char *type, const char *member)
{
	size_t i;
	json_t *c;
	json_array_foreach(json_object_get(status, "conditions"), i,
			   c) if (str_eq(json_str_at(c, "type"), type)) return json_str_or(c, member, "");
	return "absent";
}

static json_t *first(const json_t *status)
{
	return json_array_get(json_object_get(status, "containerStatuses"), 0);
}

START_TEST(pending)
{
	struct pod_state *s = pod_of("'containers':[{'name':'a','image':'i'}]");
	AUTO_JSON *st = status_of(s, 1);
	ck_assert_str_eq(json_str_at(st, "phase"), "Pending");
	ck_assert_str_eq(json_str_at(first(st), "state.waiting.reason"), "ContainerCreating");
	ck_assert_str_eq(condition(st, "Ready", "status"), "False");
	ck_assert_str_eq(condition(st, "Ready", "message"), "containers with unready status: [a]");
	ck_assert_str_eq(condition(st, "PodReadyToStartContainers", "status"), "False");
	ck_assert_str_eq(condition(st, "Initialized", "status"), "True");
	ck_assert_int_eq(json_int_at(st, "observedGeneration", 0), 2);
	ck_assert_str_eq(json_str_at(st, "qosClass"), "BestEffort");
	ck_assert(!json_object_get(st, "podIP"));
	pod_state_free(s);
}
END_TEST

START_TEST(running)
{
	struct pod_state *s =
	    pod_of("'containers':[{'name':'a','image':'i','resources':{'limits':{'cpu':'1','memory':'1Gi'},"
		   "'requests':{'cpu':'1','memory':'1024Mi'}}}]");
	s->sandbox = SANDBOX_READY;
	strv_add(&s->ips, "10.244.0.5");
	run(s, "a", 5);
	AUTO_JSON *st = status_of(s, 6);
	ck_assert_str_eq(json_str_at(st, "phase"), "Running");
	ck_assert_str_eq(json_str_at(st, "podIP"), "10.244.0.5");
	ck_assert_str_eq(json_str_at(st, "hostIP"), "192.0.2.1");
	ck_assert_str_eq(json_str_or(json_array_get(json_object_get(st, "hostIPs"), 1), "ip", ""), "fd00::2:1");
	ck_assert_str_eq(json_str_at(st, "qosClass"), "Guaranteed");
	ck_assert_str_eq(condition(st, "Ready", "status"), "True");
	ck_assert_str_eq(condition(st, "Ready", "reason"), "");
	ck_assert(json_bool_at(first(st), "started", false) && json_bool_at(first(st), "ready", false));
	ck_assert_str_eq(json_str_at(first(st), "containerID"), "knarr://abc");
	ck_assert_str_eq(json_str_at(first(st), "state.running.startedAt"), "1970-01-01T00:16:40Z");
	ck_assert_str_eq(json_str_at(first(st), "allocatedResources.cpu"), "1");
	pod_state_free(s);
}
END_TEST

START_TEST(transition_times_stay)
{
	struct pod_state *s = pod_of("'containers':[{'name':'a'}]");
	AUTO_JSON *one = status_of(s, 1);
	struct pod_status_in in = {.host_ips = node_ips, .now_ms = 99000000, .now_mono = 2, .previous = one};
	AUTO_JSON *two = pod_status(s, &in);
	ck_assert(json_equal(one, two));
	pod_state_free(s);
}
END_TEST

START_TEST(crash_loop)
{
	struct pod_state *s = pod_of("'containers':[{'name':'a'}]");
	s->sandbox = SANDBOX_READY;
	run(s, "a", 5);
	quit(s, "a", 1, 6);
	run(s, "a", 6);
	quit(s, "a", 2, 7);
	AUTO_JSON *st = status_of(s, 8);
	ck_assert_str_eq(json_str_at(first(st), "state.waiting.reason"), "CrashLoopBackOff");
	ck_assert_str_eq(json_str_at(first(st), "state.waiting.message"),
			 "back-off 10s restarting failed container=a pod=p_ns(u-1)");
	ck_assert_int_eq(json_int_at(first(st), "lastState.terminated.exitCode", 0), 2);
	ck_assert_int_eq(json_int_at(first(st), "restartCount", 0), 1);
	ck_assert_str_eq(json_str_at(st, "phase"), "Running");
	pod_state_free(s);
}
END_TEST

START_TEST(blocked)
{
	struct pod_state *s = pod_of("'containers':[{'name':'a'}]");
	s->sandbox = SANDBOX_READY;
	container_blocked(&s->containers[0], "ErrImagePull", "why", 1);
	AUTO_JSON *st = status_of(s, 2);
	ck_assert_str_eq(json_str_at(first(st), "state.waiting.reason"), "ErrImagePull");
	ck_assert_str_eq(json_str_at(first(st), "state.waiting.message"), "why");
	pod_state_free(s);
}
END_TEST

START_TEST(completed_and_failed)
{
	struct pod_state *s = pod_of("'restartPolicy':'Never','containers':[{'name':'a'}]");
	run(s, "a", 5);
	quit(s, "a", 0, 6);
	AUTO_JSON *ok = status_of(s, 8);
	ck_assert_str_eq(json_str_at(ok, "phase"), "Succeeded");
	ck_assert_str_eq(condition(ok, "Ready", "reason"), "PodCompleted");
	ck_assert_str_eq(json_str_at(first(ok), "state.terminated.reason"), "Completed");
	pod_state_find(s, "a")->exit_code = 137;
	pod_state_find(s, "a")->oom = true;
	AUTO_JSON *bad = status_of(s, 8);
	ck_assert_str_eq(json_str_at(bad, "phase"), "Failed");
	ck_assert_str_eq(json_str_at(first(bad), "state.terminated.reason"), "OOMKilled");
	ck_assert_str_eq(condition(bad, "ContainersReady", "reason"), "PodFailed");
	pod_state_free(s);
}
END_TEST

START_TEST(init_statuses)
{
	struct pod_state *s = pod_of("'initContainers':[{'name':'i'}],'containers':[{'name':'a'}]");
	s->sandbox = SANDBOX_READY;
	run(s, "i", 1);
	AUTO_JSON *st = status_of(s, 2);
	ck_assert_str_eq(json_str_at(st, "phase"), "Pending");
	ck_assert_str_eq(json_str_at(first(st), "state.waiting.reason"), "PodInitializing");
	ck_assert_str_eq(condition(st, "Initialized", "reason"), "ContainersNotInitialized");
	ck_assert_uint_eq(json_array_size(json_object_get(st, "initContainerStatuses")), 1);
	pod_state_free(s);
}
END_TEST

START_TEST(readiness_gate)
{
	struct pod_state *s = pod_of("'readinessGates':[{'conditionType':'x/y'}],'containers':[{'name':'a'}]");
	s->sandbox = SANDBOX_READY;
	run(s, "a", 1);
	AUTO_JSON *st = status_of(s, 2);
	ck_assert_str_eq(condition(st, "Ready", "status"), "False");
	ck_assert_str_eq(condition(st, "Ready", "reason"), "ReadinessGatesNotReady");
	ck_assert_str_eq(condition(st, "ContainersReady", "status"), "True");
	pod_state_free(s);
}
END_TEST

START_TEST(patch_clears)
{
	struct pod_state *s = pod_of("'containers':[{'name':'a'}]");
	AUTO_JSON *st = status_of(s, 2);
	AUTO_JSON *patch = pod_status_patch(s, st);
	ck_assert_str_eq(json_str_at(patch, "metadata.uid"), "u-1");
	ck_assert(json_is_null(json_at(patch, "status.reason")));
	ck_assert(json_is_null(json_object_get(json_array_get(json_at(patch, "status.conditions"), 0), "reason")));
	const json_t *ips = json_at(patch, "status.hostIPs"); /* those of before do not stay among them */
	ck_assert_str_eq(json_str_or(json_array_get(ips, 0), "$patch", ""), "replace");
	ck_assert_uint_eq(json_array_size(ips), json_array_size(json_object_get(st, "hostIPs")) + 1);
	pod_state_free(s);
}
END_TEST

START_TEST(qos)
{
	static const struct {
		const char *resources, *want;
	} cases[] = {{"{}", "BestEffort"},
		     {"{'requests':{'cpu':'1'}}", "Burstable"},
		     {"{'limits':{'cpu':'1'}}", "Burstable"},
		     {"{'limits':{'cpu':'1','memory':'1Gi'}}", "Guaranteed"},
		     {"{'limits':{'cpu':'1','memory':'1Gi'},'requests':{'memory':'1Mi'}}", "Burstable"},
		     {"{'requests':{'cpu':'0'}}", "BestEffort"}};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_FREE char *spec = xasprintf("'containers':[{'name':'a','resources':%s}]", cases[i].resources);
		AUTO_JSON *pod = pod_object(spec);
		ck_assert_str_eq(pod_qos(pod), cases[i].want);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    pending,       running,        transition_times_stay, crash_loop, blocked, completed_and_failed,
	    init_statuses, readiness_gate, patch_clears,          qos};
	return run_suite("pod_status", tests, ARRAY_LEN(tests));
}
