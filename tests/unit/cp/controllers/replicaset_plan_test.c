/* The plan of a ReplicaSet. */
#include "cp/controllers/replicaset_plan.h"

#include "tests/unit/cp/controllers/plans.h"

#define LABELS "'labels':{'app':'a'}"
#define OWNED "'ownerReferences':[{'apiVersion':'apps/v1','kind':'ReplicaSet','name':'rs','uid':'u','controller':true}]"
#define READY "'conditions':[{'type':'Ready','status':'True','lastTransitionTime':'2020-09-13T12:26:00Z'}]"

static json_t *replicaset(int replicas, const char *more)
{
	return J("{'apiVersion':'apps/"
		 "v1','kind':'ReplicaSet','metadata':{'name':'rs','namespace':'ns','uid':'u','generation':3},"
		 "'spec':{'replicas':%d%s,'selector':{'matchLabels':{'app':'a'}},'template':{'metadata':{" LABELS
		 ",'annotations':{'x':'y'}},'spec':{'containers':[{'name':'c'}]}}}}",
		 replicas, more);
}

static void add_pod(json_t *pods, const char *meta, const char *spec, const char *status)
{
	json_array_append_new(
	    pods, J("{'metadata':{'name':'p%zu','uid':'pu%zu','namespace':'ns',%s},'spec':{%s},'status':{%s}}",
		    json_array_size(pods), json_array_size(pods), meta, spec, status));
}

static void run(json_t *rs, json_t *pods, const char *error, struct plan *plan)
{
	replicaset_plan(&(struct replicaset_observed){.kind = &replicaset_kind, .replicaset = rs, .pods = pods, .last_error = error}, NOW, plan);
}

START_TEST(creates_in_growing_batches)
{
	AUTO_JSON *rs = replicaset(10, "");
	AUTO_JSON *pods = json_array();
	AUTO_PLAN plan = {0};
	run(rs, pods, NULL, &plan);
	ck_assert_int_eq(count_actions(&plan, "POST", "/pods"), 10);
	static const int batch[] = {0, 1, 1, 2, 2, 2, 2, 3, 3, 3};
	int first = find_action(&plan, "POST", "/pods", 0)->stage;
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(find_action(&plan, "POST", "/pods", i)->stage - first, batch[i]);
	const json_t *pod = find_action(&plan, "POST", "/pods", 0)->body;
	ck_assert_str_eq(json_str_at(pod, "metadata.generateName"), "rs-");
	ck_assert_str_eq(json_str_at(pod, "metadata.labels.app"), "a");
	ck_assert_str_eq(json_str_at(pod, "metadata.annotations.x"), "y");
	ck_assert_ptr_nonnull(json_at(pod, "spec.containers"));
	ck_assert(object_controlled_by(pod, "u"));
	ck_assert_str_eq(find_action(&plan, "POST", "/pods", 0)->ok.reason, "SuccessfulCreate");
	ck_assert_str_eq(find_action(&plan, "POST", "/pods", 0)->failed.reason, "FailedCreate");
	const json_t *status = find_action(&plan, "PATCH", "/status", 0)->body;
	ck_assert_int_eq(json_int_at(status, "status.replicas", -1), 0);
	ck_assert_int_eq(json_int_at(status, "status.observedGeneration", -1), 3);
}
END_TEST

START_TEST(nothing_when_settled)
{
	AUTO_JSON *rs = replicaset(1, "");
	AUTO_JSON *pods = json_array();
	add_pod(pods, LABELS "," OWNED, "'nodeName':'n'", "'phase':'Running'," READY);
	AUTO_PLAN plan = {0};
	run(rs, pods, NULL, &plan);
	ck_assert_uint_eq(plan.n, 1);
	merge_into(rs, find_action(&plan, "PATCH", "/status", 0)->body);
	ck_assert_int_eq(json_int_at(rs, "status.availableReplicas", -1), 1);
	ck_assert_int_eq(json_int_at(rs, "status.fullyLabeledReplicas", -1), 1);
	AUTO_PLAN again = {0};
	run(rs, pods, NULL, &again);
	ck_assert_uint_eq(again.n, 0);
	ck_assert_int_eq(again.again_ms, 0);
}
END_TEST

START_TEST(min_ready_seconds)
{
	AUTO_JSON *rs = replicaset(1, ",'minReadySeconds':60");
	AUTO_JSON *pods = json_array();
	add_pod(pods, LABELS "," OWNED, "'nodeName':'n'", "'phase':'Running'," READY);
	AUTO_PLAN plan = {0};
	run(rs, pods, NULL, &plan);
	const json_t *status = find_action(&plan, "PATCH", "/status", 0)->body;
	ck_assert_int_eq(json_int_at(status, "status.readyReplicas", -1), 1);
	ck_assert_int_eq(json_int_at(status, "status.availableReplicas", -1), -1);
	ck_assert_int_eq(plan.again_ms, 20000);
}
END_TEST

START_TEST(adopts_and_releases)
{
	AUTO_JSON *rs = replicaset(1, "");
	AUTO_JSON *pods = json_array();
	add_pod(pods, LABELS, "'nodeName':'n'", "'phase':'Running'"); /* an orphan: adopted */
	add_pod(pods, "'labels':{'app':'other'}," OWNED, "'nodeName':'n'", "'phase':'Running'"); /* released */
	add_pod(pods, LABELS ",'ownerReferences':[{'uid':'else','controller':true}]", "", "");   /* somebody's */
	add_pod(pods, LABELS ",'deletionTimestamp':'2020-01-01T00:00:00Z'", "", ""); /* going: not adopted */
	AUTO_PLAN plan = {0};
	run(rs, pods, NULL, &plan);
	ck_assert_int_eq(count_actions(&plan, "PATCH", "/pods/"), 2);
	const json_t *adopt = find_action(&plan, "PATCH", "/pods/p0", 0)->body;
	ck_assert_str_eq(json_str_at(adopt, "metadata.uid"), "pu0");
	ck_assert(object_controlled_by(adopt, "u"));
	const json_t *release = find_action(&plan, "PATCH", "/pods/p1", 0)->body;
	ck_assert_uint_eq(json_array_size(json_at(release, "metadata.ownerReferences")), 0);
	ck_assert_int_eq(count_actions(&plan, "POST", "/pods"), 0);
}
END_TEST

START_TEST(ended_pods_are_replaced)
{
	AUTO_JSON *rs = replicaset(2, "");
	AUTO_JSON *pods = json_array();
	add_pod(pods, LABELS "," OWNED, "'nodeName':'n'", "'phase':'Failed'");
	add_pod(pods, LABELS "," OWNED ",'deletionTimestamp':'2020-01-01T00:00:00Z'", "'nodeName':'n'",
		"'phase':'Running'");
	AUTO_PLAN plan = {0};
	run(rs, pods, NULL, &plan);
	ck_assert_int_eq(count_actions(&plan, "POST", "/pods"), 2);
	ck_assert_int_eq(json_int_at(find_action(&plan, "PATCH", "/status", 0)->body, "status.terminatingReplicas", -1),
			 1);
}
END_TEST

START_TEST(failure_is_a_condition)
{
	AUTO_JSON *rs = replicaset(1, "");
	AUTO_JSON *pods = json_array();
	AUTO_PLAN plan = {0};
	run(rs, pods, "pods is forbidden: quota", &plan);
	struct action *a = find_action(&plan, "PATCH", "/status", 0);
	merge_into(rs, a->body);
	const json_t *c = object_condition(json_object_get(rs, "status"), "ReplicaFailure");
	ck_assert_str_eq(json_member(c, "reason"), "FailedCreate");
	ck_assert_str_eq(json_member(c, "message"), "pods is forbidden: quota");
	ck_assert(a->flags & PLAN_ALWAYS);
	AUTO_PLAN next = {0};
	run(rs, pods, NULL, &next);
	merge_into(rs, find_action(&next, "PATCH", "/status", 0)->body);
	ck_assert_ptr_null(object_condition(json_object_get(rs, "status"), "ReplicaFailure"));
}
END_TEST

START_TEST(nothing_for_one_that_goes)
{
	AUTO_JSON *rs = replicaset(3, "");
	AUTO_JSON *pods = json_array();
	json_set_str(rs, "metadata.deletionTimestamp", "2020-01-01T00:00:00Z");
	add_pod(pods, LABELS, "", "");
	AUTO_PLAN plan = {0};
	run(rs, pods, NULL, &plan);
	ck_assert_int_eq(count_actions(&plan, "POST", ""), 0);
	ck_assert_int_eq(count_actions(&plan, "PATCH", "/pods/"), 0);
}
END_TEST

/* Each pod goes before the next one. */
START_TEST(order_of_deletion)
{
	static const struct {
		const char *meta, *spec, *status;
	} order[] = {
	    {"'x':0", "", "'phase':'Pending'"},
	    {"'x':0", "'nodeName':'n1'", "'phase':'Pending'"},
	    {"'x':0", "'nodeName':'n1'", "'phase':'Unknown'"},
	    {"'creationTimestamp':'2020-01-01T00:00:00Z'", "'nodeName':'n1'",
	     "'phase':'Running','containerStatuses':[{'restartCount':3}]"},
	    {"'creationTimestamp':'2020-01-02T00:00:00Z'", "'nodeName':'n1'", "'phase':'Running'"},
	    {"'creationTimestamp':'2020-01-01T00:00:00Z'", "'nodeName':'n1'", "'phase':'Running'"},
	    {"'annotations':{'controller.kubernetes.io/pod-deletion-cost':'-5'}", "'nodeName':'n1'",
	     "'phase':'Running'," READY},
	    {"'x':0", "'nodeName':'n1'",
	     "'phase':'Running','conditions':[{'type':'Ready','status':'True','lastTransitionTime':'2020-09-13T12:26:"
	     "20Z'}]"},
	    {"'x':0", "'nodeName':'n1'", "'phase':'Running'," READY},
	    {"'annotations':{'controller.kubernetes.io/pod-deletion-cost':'5'}", "'nodeName':'n1'",
	     "'phase':'Running'," READY},
	};
	AUTO_JSON *pods = json_array();
	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		add_pod(pods, order[i].meta, order[i].spec, order[i].status);
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		for (size_t k = 0; k < ARRAY_LEN(order); k++) {
			int have = replicaset_compare_pods(json_array_get(pods, i), 1, json_array_get(pods, k), 1);
			ck_assert_msg((have > 0) - (have < 0) == (i > k) - (i < k), "%zu and %zu", i, k);
		}
	}
	ck_assert_int_lt(replicaset_compare_pods(json_array_get(pods, 8), 2, json_array_get(pods, 8), 1), 0);
}
END_TEST

START_TEST(deletes_from_the_crowded_node)
{
	AUTO_JSON *rs = replicaset(2, "");
	AUTO_JSON *pods = json_array();
	add_pod(pods, LABELS "," OWNED, "'nodeName':'n1'", "'phase':'Running'," READY);
	add_pod(pods, LABELS "," OWNED, "'nodeName':'n2'", "'phase':'Running'," READY);
	add_pod(pods, LABELS "," OWNED, "'nodeName':'n2'", "'phase':'Running'," READY);
	AUTO_PLAN plan = {0};
	run(rs, pods, NULL, &plan);
	ck_assert_int_eq(count_actions(&plan, "DELETE", "/pods/"), 1);
	ck_assert_ptr_nonnull(find_action(&plan, "DELETE", "/pods/p1", 0));
	ck_assert_str_eq(json_str_at(find_action(&plan, "DELETE", "/pods/p1", 0)->body, "preconditions.uid"), "pu1");
}
END_TEST

TESTS("replicaset_plan", creates_in_growing_batches, nothing_when_settled, min_ready_seconds, adopts_and_releases,
      ended_pods_are_replaced, failure_is_a_condition, nothing_for_one_that_goes, order_of_deletion,
      deletes_from_the_crowded_node)
