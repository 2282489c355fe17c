/* The plans of namespaces, accounts, pod garbage collection and event expiry; events themselves. */
#include "cp/controllers/event_ttl_plan.h"
#include "cp/controllers/events.h"
#include "cp/controllers/namespace_plan.h"
#include "cp/controllers/pod_gc_plan.h"
#include "cp/controllers/resourcequota_plan.h"
#include "cp/controllers/serviceaccount_plan.h"
#include "tests/unit/cp/controllers/plans.h"

static json_t *going_namespace(void)
{
	return J("{'metadata':{'name':'t','uid':'u','resourceVersion':'9','deletionTimestamp':'2020-01-01T00:00:00Z'},"
		 "'spec':{'finalizers':['kubernetes','mine']},'status':{'phase':'Terminating'}}");
}

START_TEST(namespace_content)
{
	AUTO_JSON *ns = going_namespace();
	AUTO_JSON *content =
	    J("[{'group':'','version':'v1','plural':'secrets','count':2,'undeleted':0,'finalizers':{'a/b':2}},"
	      "{'group':'apps','version':'v1','plural':'deployments','count':1,'undeleted':1,'finalizers':{}}]");
	AUTO_PLAN plan = {0};
	namespace_plan(&(struct namespace_observed){.ns = ns, .content = content}, NOW, &plan);
	ck_assert_int_eq(count_actions(&plan, "DELETE", ""), 1);
	ck_assert_ptr_nonnull(find_action(&plan, "DELETE", "/apis/apps/v1/namespaces/t/deployments", 0));
	merge_into(ns, find_action(&plan, "PATCH", "/namespaces/t/status", 0)->body);
	const json_t *c = object_condition(json_object_get(ns, "status"), "NamespaceContentRemaining");
	ck_assert_str_eq(
	    json_member(c, "message"),
	    "Some resources are remaining: secrets. has 2 resource instances, deployments.apps has 1 resource instances");
	c = object_condition(json_object_get(ns, "status"), "NamespaceFinalizersRemaining");
	ck_assert_str_eq(json_member(c, "message"),
			 "Some content in the namespace has finalizers remaining: a/b in 2 resource instances");
	ck_assert_str_eq(
	    json_member(object_condition(json_object_get(ns, "status"), "NamespaceDeletionContentFailure"), "status"),
	    "False");
}
END_TEST

START_TEST(namespace_pods_first)
{
	AUTO_JSON *ns = going_namespace();
	AUTO_JSON *content = J("[{'group':'','version':'v1','plural':'secrets','count':1,'undeleted':1,'finalizers':{}},"
			       "{'group':'','version':'v1','plural':'pods','count':2,'undeleted':1,'finalizers':{}}]");
	AUTO_PLAN plan = {0};
	namespace_plan(&(struct namespace_observed){.ns = ns, .content = content}, NOW, &plan);
	ck_assert_int_eq(count_actions(&plan, "DELETE", ""), 1);
	ck_assert_ptr_nonnull(find_action(&plan, "DELETE", "/namespaces/t/pods", 0));
	merge_into(ns, find_action(&plan, "PATCH", "/namespaces/t/status", 0)->body);
	const json_t *c = object_condition(json_object_get(ns, "status"), "NamespaceContentRemaining");
	ck_assert_str_eq(json_member(c, "message"), "Some resources are remaining: pods. has 2 resource instances");
}
END_TEST

START_TEST(namespace_finalizes)
{
	AUTO_JSON *ns = going_namespace();
	AUTO_JSON *content = json_array();
	AUTO_PLAN plan = {0};
	namespace_plan(&(struct namespace_observed){.ns = ns, .content = content}, NOW, &plan);
	AUTO_JSON *left = J("['mine']");
	ck_assert(
	    json_equal(json_at(find_action(&plan, "PUT", "/namespaces/t/finalize", 0)->body, "spec.finalizers"), left));
	AUTO_PLAN none = {0};
	json_del_at(ns, "metadata.deletionTimestamp");
	namespace_plan(&(struct namespace_observed){.ns = ns, .content = content}, NOW, &none);
	ck_assert_uint_eq(none.n, 0);
}
END_TEST

START_TEST(accounts)
{
	AUTO_JSON *ns = J("{'metadata':{'name':'t'}}");
	AUTO_JSON *old = J("{'metadata':{'name':'kube-root-ca.crt'},'data':{'ca.crt':'old','more':'x'}}");
	AUTO_JSON *good = J("{'metadata':{'name':'kube-root-ca.crt'},'data':{'ca.crt':'PEM'}}");
	AUTO_PLAN plan = {0};
	serviceaccount_plan(ns, NULL, &plan);
	ck_assert_str_eq(plan.v[0].path, "/api/v1/namespaces/t/serviceaccounts");
	serviceaccount_plan(ns, old, &plan);
	serviceaccount_plan(NULL, NULL, &plan);
	root_ca_plan(ns, good, "PEM", &plan);
	root_ca_plan(ns, NULL, NULL, &plan);
	ck_assert_uint_eq(plan.n, 1);
	root_ca_plan(ns, NULL, "PEM", &plan);
	root_ca_plan(ns, old, "PEM", &plan);
	ck_assert_uint_eq(plan.n, 3);
	merge_into(old, plan.v[2].body);
	ck_assert(json_equal(json_object_get(old, "data"), json_object_get(good, "data")));
}
END_TEST

START_TEST(pods_without_node)
{
	static const struct {
		const char *meta, *spec;
		int64_t gone_ms;
		int deletes;
		int64_t again_ms;
	} cases[] = {
	    {"", "", -1, 0, 0},
	    {",'deletionTimestamp':'2020-01-01T00:00:00Z'", "", -1, 1, 0},
	    {"", "'nodeName':'n'", -1, 0, 0},
	    {"", "'nodeName':'n'", NOW - 10000, 0, 30000},
	    {"", "'nodeName':'n'", NOW - 40000, 1, 0},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_JSON *pod = J("{'metadata':{'name':'p','namespace':'ns','uid':'u'%s},'spec':{%s}}", cases[i].meta,
				   cases[i].spec);
		AUTO_PLAN plan = {0};
		pod_gc_plan(pod, cases[i].gone_ms, NOW, &plan);
		ck_assert_int_eq(count_actions(&plan, "DELETE", "/pods/p"), cases[i].deletes);
		ck_assert_int_eq(plan.again_ms, cases[i].again_ms);
		if (cases[i].deletes)
			ck_assert_int_eq(
			    json_int_at(find_action(&plan, "DELETE", "/pods/p", 0)->body, "gracePeriodSeconds", -1), 0);
	}
}
END_TEST

START_TEST(ended_pods)
{
	AUTO_JSON *pods = json_array();
	for (int i = 0; i < 5; i++)
		json_array_append_new(
		    pods, J("{'metadata':{'name':'p%d','namespace':'ns','creationTimestamp':'2020-01-0%dT00:00:00Z'},"
			    "'status':{'phase':'Failed'}}",
			    i, 5 - i));
	AUTO_PLAN plan = {0};
	pod_gc_terminated_plan(pods, 3, &plan);
	ck_assert_uint_eq(plan.n, 2);
	ck_assert_ptr_nonnull(find_action(&plan, "DELETE", "/p4", 0));
	ck_assert_ptr_nonnull(find_action(&plan, "DELETE", "/p3", 0));
}
END_TEST

START_TEST(event_expiry)
{
	static const struct {
		const char *times;
		int deletes;
		int64_t again_ms;
	} cases[] = {
	    {"'lastTimestamp':'2020-09-13T11:26:40Z'", 1, 0},
	    {"'lastTimestamp':'2020-09-13T11:26:41Z'", 0, 20000},
	    {"'lastTimestamp':'2020-09-13T10:00:00Z','series':{'lastObservedTime':'2020-09-13T12:26:40.000000Z'}", 0,
	     3620000},
	    {"'eventTime':'2030-01-01T00:00:00.000000Z'", 0, 3620000},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_JSON *e =
		    J("{'metadata':{'name':'e','namespace':'ns','creationTimestamp':'2020-09-13T10:00:00Z'},%s}",
		      cases[i].times);
		AUTO_PLAN plan = {0};
		event_ttl_plan(e, NOW, &plan);
		ck_assert_int_eq(count_actions(&plan, "DELETE", "/events/e"), cases[i].deletes);
		ck_assert_int_eq(plan.again_ms, cases[i].again_ms);
	}
}
END_TEST

START_TEST(events)
{
	AUTO_JSON *ref = J("{'kind':'Node','name':'n','uid':'u'}");
	AUTO_JSON *e = event_new(ref, "Normal", "R", "m", "c", NOW * 1000);
	ck_assert_str_eq(object_ns(e), "default");
	ck_assert_str_eq(object_name(e), "n.16345785d8a00000");
	ck_assert_int_eq(json_int_at(e, "count", 0), 1);
	ck_assert_str_eq(json_str_at(e, "source.component"), "c");
	AUTO_FREE char *a = event_key(ref, "Normal", "R", "m");
	AUTO_FREE char *b = event_key(ref, "Normal", "R", "other");
	ck_assert_str_ne(a, b);
}
END_TEST

START_TEST(quota_counts)
{
	static const char *const core[] = {NULL};
	struct kind maps = {.group = "", .version = "v1", .kind = "ConfigMap", .plural = "configmaps", .subresources = core};
	AUTO_JSON *quota = J("{'metadata':{'name':'q','namespace':'n','resourceVersion':'7'},'spec':{'hard':{'configmaps':'5',"
			     "'pods':'1'}},'status':{}}");
	AUTO_JSON *used = json_object();
	AUTO_JSON *map = J("{'metadata':{'name':'m'}}");
	AUTO_PLAN plan = {0}, again = {0};
	resourcequota_count(quota, &maps, map, used);
	resourcequota_count(quota, &maps, map, used);
	resourcequota_plan(quota, used, &plan);
	const struct action *a = find_action(&plan, "PATCH", "/api/v1/namespaces/n/resourcequotas/q/status", 0);
	ck_assert_ptr_nonnull(a);
	ck_assert_str_eq(json_str_at(a->body, "status.used.configmaps"), "2");
	ck_assert_str_eq(json_str_at(a->body, "status.used.pods"), "0");
	ck_assert_str_eq(json_str_at(a->body, "status.hard.configmaps"), "5");
	ck_assert_str_eq(json_str_at(a->body, "metadata.resourceVersion"), "7");
	json_object_set(quota, "status", json_at(a->body, "status"));
	resourcequota_plan(quota, used, &again);
	ck_assert_uint_eq(again.n, 0);
}
END_TEST

TESTS("small_plans", quota_counts, namespace_content, namespace_pods_first, namespace_finalizes, accounts, pods_without_node, ended_pods, event_expiry,
      events)
