/* The plans of StatefulSets and DaemonSets, of budgets, of mirrored Endpoints, and of the protection of storage. */
#include "cp/controllers/daemonset_plan.h"
#include "cp/controllers/disruption_plan.h"
#include "cp/controllers/endpointslice_mirror_plan.h"
#include "cp/controllers/history.h"
#include "cp/controllers/protection_plan.h"
#include "cp/controllers/statefulset_plan.h"
#include "tests/unit/cp/controllers/plans.h"

#define READY "'phase':'Running','conditions':[{'type':'Ready','status':'True','lastTransitionTime':'2020-09-13T12:20:00Z'}]"

static json_t *set(const char *kind, const char *spec, const char *status)
{
	return J("{'apiVersion':'apps/v1','kind':'%s','metadata':{'name':'s','namespace':'ns','uid':'u','generation':2},'spec':{%s"
		 "'selector':{'matchLabels':{'a':'b'}},'template':{'metadata':{'labels':{'a':'b'}},'spec':{'containers':[{'name':'c'}]}}},"
		 "'status':{%s}}",
		 kind, spec, status);
}

static void add(json_t *pods, const char *kind, const char *name, const char *hash, const char *meta, const char *spec, const char *status)
{
	json_array_append_new(pods, J("{'metadata':{'name':'%s','uid':'u-%s','namespace':'ns','creationTimestamp':'2020-09-13T12:00:00Z',"
				      "'labels':{'a':'b','controller-revision-hash':'%s'},'ownerReferences':[{'kind':'%s','name':'s',"
				      "'uid':'u','controller':true}]%s},'spec':{%s},'status':{%s}}",
				      name, name, hash, kind, meta, spec, status));
}

/* The revision of the set's template, as the controller makes it. */
static json_t *revision(const json_t *s, const struct adopt_kind *kind, const char *label, int64_t number)
{
	AUTO_FREE char *name = history_name(s);
	json_t *r = history_new(s, kind, label, name, number);
	json_set_str(r, "metadata.namespace", "ns");
	return r;
}

static const struct adopt_kind stateful_kind = {"apps/v1", "StatefulSet", "apps", "controllerrevisions"};

static void run_stateful(const json_t *s, const json_t *pods, const json_t *revisions, struct plan *plan)
{
	AUTO_JSON *claims = json_array();
	struct statefulset_observed o = {.set = s, .pods = pods, .revisions = revisions, .claims = claims};
	statefulset_plan(&o, NOW, plan);
}

START_TEST(stateful_one_after_the_other)
{
	AUTO_JSON *s = set("StatefulSet", "'replicas':3,'serviceName':'svc','volumeClaimTemplates':[{'metadata':{'name':'data'}}],", "");
	AUTO_JSON *pods = json_array();
	AUTO_JSON *revisions = json_array();
	AUTO_PLAN first = {0}, second = {0}, third = {0};
	run_stateful(s, pods, revisions, &first);
	ck_assert_int_eq(count_actions(&first, "POST", "/controllerrevisions"), 1);
	ck_assert_int_eq(count_actions(&first, "POST", "/pods"), 1);
	const struct action *claim = find_action(&first, "POST", "/persistentvolumeclaims", 0), *a = find_action(&first, "POST", "/pods", 0);
	ck_assert_str_eq(object_name(claim->body), "data-s-0");
	ck_assert_int_lt(claim->stage, a->stage);
	ck_assert_str_eq(object_name(a->body), "s-0");
	ck_assert_str_eq(json_str_at(a->body, "spec.hostname"), "s-0");
	ck_assert_str_eq(json_str_at(a->body, "spec.subdomain"), "svc");
	AUTO_FREE char *name = history_name(s);
	json_array_append_new(revisions, revision(s, &stateful_kind, "x", 1));
	add(pods, "StatefulSet", "s-0", name, "", "", "'phase':'Running'");
	run_stateful(s, pods, revisions, &second);
	ck_assert_int_eq(count_actions(&second, "POST", "/pods"), 0);
	json_array_clear(pods);
	add(pods, "StatefulSet", "s-0", name, "", "", READY);
	run_stateful(s, pods, revisions, &third);
	ck_assert_str_eq(object_name(find_action(&third, "POST", "/pods", 0)->body), "s-1");
}
END_TEST

START_TEST(stateful_down_from_the_top)
{
	AUTO_JSON *s = set("StatefulSet", "'replicas':0,", "");
	AUTO_JSON *pods = json_array();
	AUTO_JSON *revisions = json_array();
	AUTO_PLAN ordered = {0}, parallel = {0};
	AUTO_FREE char *name = history_name(s);
	json_array_append_new(revisions, revision(s, &stateful_kind, "x", 1));
	add(pods, "StatefulSet", "s-0", name, "", "", READY);
	add(pods, "StatefulSet", "s-10", name, "", "", READY);
	add(pods, "StatefulSet", "s-9", name, "", "", READY);
	run_stateful(s, pods, revisions, &ordered);
	ck_assert_int_eq(count_actions(&ordered, "DELETE", "/pods"), 1);
	ck_assert_ptr_nonnull(find_action(&ordered, "DELETE", "/pods/s-10", 0));
	json_set_str(s, "spec.podManagementPolicy", "Parallel");
	run_stateful(s, pods, revisions, &parallel);
	ck_assert_int_eq(count_actions(&parallel, "DELETE", "/pods"), 3);
}
END_TEST

START_TEST(stateful_rolls_above_the_partition)
{
	AUTO_JSON *s = set("StatefulSet", "'replicas':3,'updateStrategy':{'type':'RollingUpdate','rollingUpdate':{'partition':2}},",
			   "'currentRevision':'s-old'");
	AUTO_JSON *pods = json_array();
	AUTO_JSON *old = J("{'metadata':{'name':'s-old','namespace':'ns','labels':{'a':'b'},'ownerReferences':[{'uid':'u','controller':true}]},"
			   "'revision':1,'data':{'spec':{'template':{'spec':{'containers':[{'name':'old'}]}}}}}");
	AUTO_JSON *revisions = json_pack("[O, o]", old, revision(s, &stateful_kind, "x", 2));
	AUTO_PLAN first = {0}, second = {0};
	for (int i = 0; i < 3; i++) {
		AUTO_FREE char *name = xasprintf("s-%d", i);
		add(pods, "StatefulSet", name, "s-old", "", "", READY);
	}
	run_stateful(s, pods, revisions, &first);
	ck_assert_int_eq(count_actions(&first, "DELETE", "/pods"), 1);
	ck_assert_ptr_nonnull(find_action(&first, "DELETE", "/pods/s-2", 0));
	json_array_remove(pods, 0); /* s-0 was deleted by somebody: it comes back as it was */
	run_stateful(s, pods, revisions, &second);
	const json_t *pod = find_action(&second, "POST", "/pods", 0)->body;
	ck_assert_str_eq(json_member(object_labels(pod), HISTORY_HASH), "s-old");
	ck_assert_str_eq(json_str_at(json_array_get(json_at(pod, "spec.containers"), 0), "name"), "old");
}
END_TEST

static json_t *nodes(void)
{
	return J("[{'metadata':{'name':'n1','labels':{'disk':'ssd'}}},{'metadata':{'name':'n2'},'spec':{'taints':[{'key':'k','effect':"
		 "'NoSchedule'}]}},{'metadata':{'name':'n3','labels':{'disk':'ssd'}}}]");
}

static void run_daemons(const json_t *s, const json_t *pods, const json_t *revisions, struct plan *plan)
{
	AUTO_JSON *all = nodes();
	struct daemonset_observed o = {.set = s, .pods = pods, .revisions = revisions, .nodes = all};
	daemonset_plan(&o, NOW, plan);
}

START_TEST(daemons_on_their_nodes)
{
	AUTO_JSON *s = set("DaemonSet", "", "");
	AUTO_JSON *pods = json_array();
	AUTO_JSON *none = json_array();
	AUTO_PLAN plan = {0}, selected = {0};
	run_daemons(s, pods, none, &plan);
	ck_assert_int_eq(count_actions(&plan, "POST", "/controllerrevisions"), 1);
	ck_assert_int_eq(count_actions(&plan, "POST", "/pods"), 2);
	const json_t *status = find_action(&plan, "PATCH", "/status", 0)->body;
	ck_assert_int_eq(json_int_at(status, "status.desiredNumberScheduled", 0), 2);
	ck_assert_int_eq(json_int_at(status, "status.numberUnavailable", 0), 2);
	json_set_at(s, "spec.template.spec.nodeSelector", json_pack("{s:s}", "disk", "hdd"));
	add(pods, "DaemonSet", "p1", "h", "", "'nodeName':'n1'", READY);
	run_daemons(s, pods, none, &selected);
	ck_assert_int_eq(count_actions(&selected, "DELETE", "/pods/p1"), 1);
	ck_assert_int_eq(count_actions(&selected, "POST", "/pods"), 0);
}
END_TEST

START_TEST(daemons_roll)
{
	AUTO_JSON *s = set("DaemonSet", "'updateStrategy':{'type':'RollingUpdate','rollingUpdate':{'maxUnavailable':1}},", "");
	AUTO_JSON *surging = set("DaemonSet", "'updateStrategy':{'rollingUpdate':{'maxUnavailable':0,'maxSurge':1}},", "");
	AUTO_JSON *pods = json_array();
	AUTO_JSON *revisions = json_pack("[o]", revision(s, &daemonset_revisions, HISTORY_HASH, 1));
	AUTO_PLAN plan = {0}, surge = {0}, failed = {0};
	add(pods, "DaemonSet", "p1", "old", "", "'nodeName':'n1'", READY);
	add(pods, "DaemonSet", "p3", "old", "", "'nodeName':'n3'", READY);
	run_daemons(s, pods, revisions, &plan);
	ck_assert_int_eq(count_actions(&plan, "DELETE", "/pods"), 1);
	run_daemons(surging, pods, revisions, &surge);
	ck_assert_int_eq(count_actions(&surge, "DELETE", "/pods"), 0);
	ck_assert_int_eq(count_actions(&surge, "POST", "/pods"), 1);
	json_array_clear(pods);
	add(pods, "DaemonSet", "p1", "old", "", "'nodeName':'n1'", "'phase':'Failed'");
	run_daemons(s, pods, revisions, &failed);
	ck_assert_int_eq(count_actions(&failed, "DELETE", "/pods/p1"), 1);
}
END_TEST

START_TEST(budgets)
{
	static const struct {
		const char *spec;
		int64_t scale, wanted, allowed;
	} cases[] = {{"'minAvailable':2", 3, 2, 0}, {"'minAvailable':1", 3, 1, 1},	{"'minAvailable':'50%'", 3, 2, 0},
		     {"'maxUnavailable':1", 3, 2, 0}, {"'maxUnavailable':'67%'", 3, 0, 2}, {"'maxUnavailable':1", -1, -1, 0}};
	AUTO_JSON *pods = json_array();
	add(pods, "ReplicaSet", "a", "", "", "", READY);
	add(pods, "ReplicaSet", "b", "", "", "", READY);
	add(pods, "ReplicaSet", "c", "", "", "", "'phase':'Running'");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_JSON *b = J("{'metadata':{'name':'b','namespace':'ns','generation':1,'resourceVersion':'7'},'spec':{%s}}", cases[i].spec);
		AUTO_PLAN plan = {0};
		disruption_plan(&(struct disruption_observed){.budget = b, .pods = pods, .scale = cases[i].scale}, NOW, &plan);
		const json_t *body = find_action(&plan, "PATCH", "/status", 0)->body;
		ck_assert_str_eq(json_str_at(body, "metadata.resourceVersion"), "7");
		ck_assert_int_eq(json_int_at(body, "status.disruptionsAllowed", -1), cases[i].allowed);
		ck_assert_int_eq(json_int_at(body, "status.desiredHealthy", -1), cases[i].wanted);
	}
}
END_TEST

START_TEST(mirrored_endpoints)
{
	AUTO_JSON *e = J("{'metadata':{'name':'e','namespace':'ns','uid':'u'},'subsets':[{'addresses':[{'ip':'10.0.0.1'},{'ip':'fd00::1'}],"
			 "'notReadyAddresses':[{'ip':'10.0.0.2'}],'ports':[{'name':'p','port':80,'protocol':'TCP'}]}]}");
	AUTO_JSON *service = J("{'metadata':{'name':'e'},'spec':{}}");
	AUTO_JSON *none = json_array();
	AUTO_PLAN plan = {0}, same = {0}, gone = {0};
	endpointslice_mirror_plan(&(struct mirror_observed){e, service, none}, &plan);
	ck_assert_int_eq(count_actions(&plan, "POST", "/endpointslices"), 2);
	json_t *made = json_deep_copy(find_action(&plan, "POST", "/endpointslices", 0)->body);
	ck_assert_int_eq((int)json_array_size(json_object_get(made, "endpoints")), 2);
	json_set_str(made, "metadata.name", "e-1");
	AUTO_JSON *slices = json_pack("[o]", made);
	endpointslice_mirror_plan(&(struct mirror_observed){e, service, slices}, &same);
	ck_assert_int_eq(count_actions(&same, "PATCH", "/endpointslices"), 0);
	ck_assert_int_eq(count_actions(&same, "POST", "/endpointslices"), 1);
	endpointslice_mirror_plan(&(struct mirror_observed){NULL, service, slices}, &gone);
	ck_assert_int_eq(count_actions(&gone, "DELETE", "/endpointslices/e-1"), 1);
}
END_TEST

START_TEST(storage_in_use)
{
	static const char *const uses = "'nodeName':'n','volumes':[{'name':'v','persistentVolumeClaim':{'claimName':'c'}}]";
	AUTO_JSON *claim = J("{'metadata':{'name':'c','namespace':'ns','deletionTimestamp':'2020-09-13T12:00:00Z','finalizers':['x','%s']}}", PROTECTION_CLAIM);
	AUTO_JSON *pods = json_array();
	AUTO_PLAN held = {0}, free_now = {0}, bound = {0}, released = {0};
	add(pods, "ReplicaSet", "p", "", "", uses, "");
	protection_claim_plan(claim, pods, &held);
	ck_assert_int_eq((int)held.n, 0);
	json_array_clear(pods);
	protection_claim_plan(claim, pods, &free_now);
	const json_t *left = json_at(find_action(&free_now, "PATCH", "/persistentvolumeclaims/c", 0)->body, "metadata.finalizers");
	ck_assert_int_eq((int)json_array_size(left), 1);
	AUTO_JSON *volume = J("{'metadata':{'name':'v','deletionTimestamp':'2020-09-13T12:00:00Z','finalizers':['%s']},'status':{'phase':'Bound'}}", PROTECTION_VOLUME);
	protection_volume_plan(volume, &bound);
	ck_assert_int_eq((int)bound.n, 0);
	json_set_str(volume, "status.phase", "Released");
	protection_volume_plan(volume, &released);
	ck_assert_int_eq(count_actions(&released, "PATCH", "/persistentvolumes/v"), 1);
}
END_TEST

START_TEST(attributes_in_use)
{
	AUTO_JSON *class = J("{'metadata':{'name':'gold','deletionTimestamp':'2020-09-13T12:00:00Z','finalizers':['%s']}}", PROTECTION_ATTRIBUTES);
	AUTO_JSON *claims = J("[{'spec':{'volumeAttributesClassName':'tin'},'status':{'currentVolumeAttributesClassName':'gold'}}]");
	AUTO_JSON *volumes = J("[{'spec':{'volumeAttributesClassName':'gold'}}]"), *none = json_array(), *fresh = J("{'metadata':{'name':'gold'}}");
	AUTO_PLAN claimed = {0}, bound = {0}, unused = {0}, added = {0};
	protection_attributes_plan(class, claims, none, &claimed);
	protection_attributes_plan(class, none, volumes, &bound);
	ck_assert_int_eq((int)(claimed.n + bound.n), 0);
	protection_attributes_plan(class, none, none, &unused);
	ck_assert_int_eq(count_actions(&unused, "PATCH", "/apis/storage.k8s.io/v1/volumeattributesclasses/gold"), 1);
	protection_attributes_plan(fresh, none, none, &added);
	ck_assert_int_eq((int)added.n, 1);
}
END_TEST

TESTS("sets_plan", stateful_one_after_the_other, stateful_down_from_the_top, stateful_rolls_above_the_partition, daemons_on_their_nodes,
      daemons_roll, budgets, mirrored_endpoints, storage_in_use, attributes_in_use)
