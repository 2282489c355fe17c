#include "tests/unit/agent/pods.h"

#include "agent/pod_status.h"
#include "tests/unit/check_main.h"
#include "tests/unit/quoted_json.h"

#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ENDED "'terminated':{'exitCode':3,'reason':'Error','containerID':'knarr://" ID_A "','startedAt':'1970-01-01T00:10:00Z','finishedAt':'1970-01-01T00:15:00Z'}"
#define RUNNING "'running':{'startedAt':'1970-01-01T00:10:00Z'}"

/* What a status says of container "a" when the agent sees the pod for the first time, at 1000 s. */
static const struct row {
	const char *status;
	int count;
	enum container_phase phase;
	int exit_code;
	const char *reason, *last_reason; /* NULL: none */
} rows[] = {
    {"'name':'a','restartCount':4,'containerID':'knarr://" ID_A "','state':{" RUNNING "},'lastState':{" ENDED "}", 4, PHASE_EXITED, 137,
     "ContainerStatusUnknown", "Error"},
    {"'name':'a','restartCount':0,'state':{" RUNNING "}", 0, PHASE_EXITED, 137, "ContainerStatusUnknown", NULL},
    {"'name':'a','restartCount':2,'state':{" ENDED "}", 2, PHASE_EXITED, 3, "Error", NULL},
    {"'name':'a','restartCount':2,'state':{'waiting':{'reason':'CrashLoopBackOff'}},'lastState':{" ENDED "}", 2, PHASE_EXITED, 3, "Error", NULL},
    {"'name':'a','restartCount':0,'state':{'waiting':{'reason':'ContainerCreating'}}", 0, PHASE_WAITING, 0, NULL, NULL},
    {"'name':'a','restartCount':-7,'state':{}", 0, PHASE_WAITING, 0, NULL, NULL},
    {"'name':'another','restartCount':9,'state':{" RUNNING "}", 0, PHASE_WAITING, 0, NULL, NULL},
};

static json_t *read_status(const char *members)
{
	AUTO_FREE char *text = xasprintf("{%s}", members);
	return quoted_json(text);
}

static struct pod_state *resumed(const char *spec, const char *status_members)
{
	AUTO_JSON *status = read_status(status_members);
	struct pod_state *s = pod_of(spec);
	pod_state_resume(s, status, 1000000, 5000);
	return s;
}

START_TEST(a_container_goes_on)
{
	const struct row *row = &rows[_i];
	AUTO_FREE char *status = xasprintf("'containerStatuses':[{%s}]", row->status);
	struct pod_state *s = resumed("'containers':[{'name':'a'}]", status);
	const struct container_state *c = &s->containers[0];
	ck_assert_int_eq(c->restart_count, row->count);
	ck_assert_int_eq(c->phase, row->phase);
	ck_assert_int_eq(c->exit_code, row->exit_code);
	ck_assert(str_eq(c->reason, row->reason) || !row->reason);
	ck_assert(str_eq(json_str_at(c->last, "reason"), row->last_reason) || (!c->last && !row->last_reason));
	s->sandbox = SANDBOX_READY;
	ASSERT_PLAN(s, 5000, "start:a"); /* without a back-off */
	run(s, "a", 6000);
	ck_assert_int_eq(c->restart_count, row->phase == PHASE_EXITED ? row->count + 1 : row->count);
	ck_assert(str_eq(json_str_at(c->last, "reason"), row->reason) || (!c->last && !row->reason));
	pod_state_free(s);
}
END_TEST

START_TEST(no_status_no_change)
{
	struct pod_state *s = pod_of("'containers':[{'name':'a'}]");
	pod_state_resume(s, NULL, 1000000, 5000);
	ck_assert_int_eq(s->containers[0].phase, PHASE_WAITING);
	ASSERT_PLAN(s, 5000, "sandbox");
	pod_state_free(s);
}
END_TEST

START_TEST(init_containers_run_again_and_sidecars_are_waited_for)
{
	struct pod_state *s = resumed("'initContainers':[{'name':'i'},{'name':'s','restartPolicy':'Always'}],'containers':[{'name':'a'}]",
				      "'initContainerStatuses':[{'name':'i','restartCount':1,'state':{'terminated':{'exitCode':0,'reason':'Completed'}}},"
				      "{'name':'s','restartCount':2,'state':{" RUNNING "}}],'containerStatuses':[{'name':'a','restartCount':3,'state':{" RUNNING "}}]");
	s->sandbox = SANDBOX_READY;
	ASSERT_PLAN(s, 5000, "start:i");
	run(s, "i", 5000);
	quit(s, "i", 0, 5001);
	ck_assert_int_eq(pod_state_find(s, "i")->restart_count, 1);
	ASSERT_PLAN(s, 5001, "start:s");
	run(s, "s", 5002);
	ck_assert_int_eq(pod_state_find(s, "s")->restart_count, 3);
	ASSERT_PLAN(s, 5003, "start:a");
	pod_state_free(s);
}
END_TEST

START_TEST(what_is_never_restarted_has_failed)
{
	struct pod_state *s = resumed("'restartPolicy':'Never','containers':[{'name':'a'}]",
				      "'containerStatuses':[{'name':'a','restartCount':0,'state':{" RUNNING "}}]");
	ck_assert_str_eq(pod_phase(s), "Failed");
	ASSERT_PLAN(s, 5000, "teardown");
	pod_state_free(s);
}
END_TEST

/* An id becomes part of paths. */
START_TEST(ids_of_others_are_left_out)
{
	static const char *const ids[] = {"knarr://../../etc", "containerd://" ID_A, "knarr://" ID_A "a", "knarr://", ""};
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		AUTO_FREE char *status = xasprintf("'containerStatuses':[{'name':'a','containerID':'%s','state':{" RUNNING "}}]", ids[i]);
		struct pod_state *s = resumed("'containers':[{'name':'a'}]", status);
		ck_assert_str_eq(s->containers[0].id, "");
		pod_state_free(s);
	}
	struct pod_state *s = resumed("'containers':[{'name':'a'}]",
				      "'containerStatuses':[{'name':'a','containerID':'knarr://" ID_A "','state':{" RUNNING "}}]");
	ck_assert_str_eq(s->containers[0].id, ID_A);
	pod_state_free(s);
}
END_TEST

TESTS_TABLE("pod_resume", a_container_goes_on, ARRAY_LEN(rows), no_status_no_change, init_containers_run_again_and_sidecars_are_waited_for,
	    what_is_never_restarted_has_failed, ids_of_others_are_left_out)
