/* The plans of node lifecycle and taint eviction. */
#include "cp/controllers/node_plan.h"

#include "tests/unit/cp/controllers/plans.h"

static json_t *node(const char *spec, const char *ready)
{
	return J(
	    "{'metadata':{'name':'n','uid':'nu','resourceVersion':'5','creationTimestamp':'2020-09-13T12:00:00Z'},'"
	    "spec':{%s},"
	    "'status':{'conditions':[{'type':'Ready','status':'%s','reason':'KubeletReady'},{'type':'MemoryPressure',"
	    "'status':'False'},{'type':'DiskPressure','status':'False'},{'type':'PIDPressure','status':'False'}]}}",
	    spec, ready);
}

static json_t *taints_after(const struct plan *plan)
{
	struct action *a = find_action(plan, "PATCH", "/nodes/n", 0);
	return a ? json_at(a->body, "spec.taints") : NULL;
}

static bool has_taint(const json_t *taints, const char *key, const char *effect)
{
	size_t i;
	json_t *t;
	json_array_foreach(taints, i, t)
	{
		if (str_eq(json_member(t, "key"), key) && str_eq(json_member(t, "effect"), effect))
			return true;
	}
	return false;
}

START_TEST(a_node_that_speaks)
{
	AUTO_JSON *n = node("", "True");
	AUTO_PLAN plan = {0};
	node_plan(&(struct node_observed){.node = n, .heard_ms = NOW - 30000}, NOW, &plan);
	ck_assert_uint_eq(plan.n, 0);
	ck_assert_int_eq(plan.again_ms, 10000);
}
END_TEST

START_TEST(a_silent_node)
{
	AUTO_JSON *n = node("'taints':[{'key':'mine','effect':'NoSchedule'}]", "True");
	AUTO_JSON *pods = J(
	    "[{'metadata':{'name':'p','namespace':'ns'},'status':{'conditions':[{'type':'Ready','status':'True'}]}},"
	    "{'metadata':{'name':'q','namespace':'ns'},'status':{'conditions':[{'type':'Ready','status':'False'}]}}]");
	struct node_observed o = {.node = n, .heard_ms = NOW - 40000, .pods = pods};
	AUTO_PLAN plan = {0};
	node_plan(&o, NOW, &plan);
	merge_into(n, find_action(&plan, "PATCH", "/nodes/n/status", 0)->body);
	json_t *status = json_object_get(n, "status");
	ck_assert_str_eq(json_member(object_condition(status, "Ready"), "status"), "Unknown");
	ck_assert_str_eq(json_member(object_condition(status, "Ready"), "reason"), "NodeStatusUnknown");
	ck_assert_str_eq(json_member(object_condition(status, "Ready"), "message"),
			 "Kubelet stopped posting node status.");
	ck_assert_str_eq(json_member(object_condition(status, "DiskPressure"), "status"), "Unknown");
	json_t *taints = taints_after(&plan);
	ck_assert_uint_eq(json_array_size(taints), 3);
	ck_assert(has_taint(taints, "mine", "NoSchedule"));
	ck_assert(has_taint(taints, "node.kubernetes.io/unreachable", "NoSchedule"));
	ck_assert(has_taint(taints, "node.kubernetes.io/unreachable", "NoExecute"));
	ck_assert_int_eq(count_actions(&plan, "PATCH", "/pods/p/status"), 1);
	ck_assert_int_eq(count_actions(&plan, "PATCH", "/pods/q/status"), 0);
	merge_into(n, find_action(&plan, "PATCH", "/nodes/n", 0)->body);
	json_array_clear(pods);
	AUTO_PLAN again = {0};
	node_plan(&o, NOW + 5000, &again);
	ck_assert_uint_eq(again.n, 0);
	/* It comes back. */
	json_set_str(object_condition(status, "Ready"), "status", "True");
	o.heard_ms = NOW + 6000;
	AUTO_PLAN back = {0};
	node_plan(&o, NOW + 6000, &back);
	ck_assert_uint_eq(json_array_size(taints_after(&back)), 1);
	ck_assert(has_taint(taints_after(&back), "mine", "NoSchedule"));
}
END_TEST

START_TEST(taints_by_condition)
{
	static const struct {
		const char *spec, *type, *status, *key;
		bool no_execute;
	} cases[] = {
	    {"", "Ready", "False", "node.kubernetes.io/not-ready", true},
	    {"", "MemoryPressure", "True", "node.kubernetes.io/memory-pressure", false},
	    {"", "DiskPressure", "True", "node.kubernetes.io/disk-pressure", false},
	    {"", "PIDPressure", "True", "node.kubernetes.io/pid-pressure", false},
	    {"'unschedulable':true", "PIDPressure", "False", "node.kubernetes.io/unschedulable", false},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_JSON *n = node(cases[i].spec, "True");
		json_set_str(object_condition(json_object_get(n, "status"), cases[i].type), "status", cases[i].status);
		AUTO_PLAN plan = {0};
		node_plan(&(struct node_observed){.node = n, .heard_ms = NOW}, NOW, &plan);
		ck_assert(has_taint(taints_after(&plan), cases[i].key, "NoSchedule"));
		ck_assert_int_eq(has_taint(taints_after(&plan), cases[i].key, "NoExecute"), cases[i].no_execute);
		ck_assert_str_eq(
		    json_str_at(find_action(&plan, "PATCH", "/nodes/n", 0)->body, "metadata.resourceVersion"), "5");
	}
}
END_TEST

START_TEST(a_new_node_keeps_its_taint)
{
	AUTO_JSON *n = J("{'metadata':{'name':'n'},'spec':{'taints':[{'key':'node.kubernetes.io/"
			 "not-ready','effect':'NoSchedule'}]}}");
	AUTO_PLAN plan = {0};
	node_plan(&(struct node_observed){.node = n, .heard_ms = NOW}, NOW, &plan);
	ck_assert_uint_eq(plan.n, 0);
}
END_TEST

/* want: ms until eviction, 0: now, -1: never. The taint is ten seconds old. */
static const struct {
	const char *tolerations;
	int64_t want;
} evictions[] = {
    {"", 0},
    {"{'key':'k','operator':'Exists'}", -1},
    {"{'key':'k','operator':'Equal','value':'v'}", -1},
    {"{'key':'k','operator':'Equal','value':'w'}", 0},
    {"{'key':'k','operator':'Exists','effect':'NoSchedule'}", 0},
    {"{'key':'k','operator':'Exists','effect':'NoExecute','tolerationSeconds':30}", 20000},
    {"{'key':'k','operator':'Exists','tolerationSeconds':30},{'operator':'Exists','tolerationSeconds':15}", 5000},
    {"{'key':'k','operator':'Exists','tolerationSeconds':5}", 0},
    {"{'key':'k','operator':'Exists','tolerationSeconds':-1}", 0},
    {"{'operator':'Exists'}", -1},
    {"{'key':'j','operator':'Exists'}", 0},
};

START_TEST(eviction)
{
	AUTO_JSON *pod = J("{'metadata':{'name':'p','namespace':'ns','uid':'u'},'spec':{'tolerations':[%s]}}",
			   evictions[_i].tolerations);
	AUTO_JSON *taints = J("[{'key':'x','effect':'NoSchedule'},{'key':'k','value':'v','effect':'NoExecute','"
			      "timeAdded':'2020-09-13T12:26:30Z'}]");
	AUTO_PLAN plan = {0};
	taint_eviction_plan(pod, taints, NOW, &plan);
	ck_assert_int_eq(count_actions(&plan, "DELETE", "/pods/p"), evictions[_i].want == 0);
	ck_assert_int_eq(plan.again_ms, MAX(evictions[_i].want, 0));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("node_plan");
	TCase *t = tcase_create("all");
	const TTest *const cases[] = {a_node_that_speaks, a_silent_node, taints_by_condition,
				      a_new_node_keeps_its_taint};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		tcase_add_test(t, cases[i]);
	tcase_add_loop_test(t, eviction, 0, (int)ARRAY_LEN(evictions));
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
