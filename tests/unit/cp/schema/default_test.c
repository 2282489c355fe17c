/* cp/schema/default.c: defaults of the built-in kinds, and where they do not apply. */
#include "tests/unit/cp/schema/support.h"

static const struct {
	const char *group, *plural, *in, *out;
} cases[] = {
    {"", "pods",
     "{'metadata':{'name':'p'},'spec':{'containers':[{'name':'c','image':'i','ports':[{'containerPort':80}],"
     "'livenessProbe':{'httpGet':{'port':80}}}],'volumes':[{'name':'v','configMap':{'name':'m'}},{'name':'h','hostPath'"
     ":{'path':'/x'}}]}}",
     "{'metadata':{'name':'p'},'spec':{'volumes':[{'name':'v','configMap':{'name':'m','defaultMode':420}},{'name':'h','"
     "hostPath':{'path':'/x','type':''}}],"
     "'containers':[{'name':'c','image':'i','ports':[{'containerPort':80,'protocol':'TCP'}],'resources':{},'"
     "livenessProbe':{'httpGet':{'path':'/','port':80,"
     "'scheme':'HTTP'},'timeoutSeconds':1,'periodSeconds':10,'successThreshold':1,'failureThreshold':3},'"
     "terminationMessagePath':'/dev/termination-log',"
     "'terminationMessagePolicy':'File'}],'restartPolicy':'Always','terminationGracePeriodSeconds':30,'dnsPolicy':'"
     "ClusterFirst','securityContext':{},"
     "'schedulerName':'default-scheduler','enableServiceLinks':true},'status':{}}"},
    {"", "pods",
     "{'metadata':{},'spec':{'enableServiceLinks':false,'terminationGracePeriodSeconds':0},'status':{'conditions':[{'"
     "type':'Ready','status':'True'}]}}",
     "{'metadata':{},'spec':{'restartPolicy':'Always','terminationGracePeriodSeconds':0,'dnsPolicy':'ClusterFirst','"
     "securityContext':{},"
     "'schedulerName':'default-scheduler','enableServiceLinks':false},'status':{'conditions':[{'type':'Ready','status':"
     "'True','lastProbeTime':null,"
     "'lastTransitionTime':null}]}}"},
    {"", "services", "{'metadata':{},'spec':{'ports':[{'port':80}]}}",
     "{'metadata':{},'spec':{'ports':[{'protocol':'TCP','port':80}],'type':'ClusterIP','sessionAffinity':'None'},'"
     "status':{'loadBalancer':{}}}"},
    {"apps", "replicasets", "{'metadata':{},'spec':{'replicas':0}}",
     "{'metadata':{},'spec':{'replicas':0,'template':{'metadata':{},'spec':{'restartPolicy':'Always',"
     "'terminationGracePeriodSeconds':30,'dnsPolicy':'ClusterFirst','securityContext':{},'schedulerName':'default-"
     "scheduler'}}},'status':{'replicas':0}}"},
    {"", "namespaces", "{'metadata':{}}", "{'metadata':{},'spec':{},'status':{'phase':'Active'}}"},
    {"coordination.k8s.io", "leases", "{'metadata':{}}", "{'metadata':{},'spec':{}}"},
};

START_TEST(defaults)
{
	AUTO_JSON *j = js(cases[_i].in), *expected = js(cases[_i].out);

	schema_default(kind_named(cases[_i].group, cases[_i].plural), j);
	assert_json(j, cases[_i].out);
	schema_default(kind_named(cases[_i].group, cases[_i].plural), j);
	ck_assert(json_equal(j, expected));
}
END_TEST

START_TEST(strategy_of_a_deployment)
{
	AUTO_JSON *j = js("{'spec':{}}");

	schema_default(kind_named("apps", "deployments"), j);
	assert_json(json_at(j, "spec.strategy"), "{'type':'RollingUpdate'}");
	ck_assert_int_eq(json_int_at(j, "spec.revisionHistoryLimit", 0), 10);
	ck_assert_int_eq(json_int_at(j, "spec.progressDeadlineSeconds", 0), 600);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("default");

	tcase_add_loop_test(t, defaults, 0, (int)ARRAY_LEN(cases));
	tcase_add_test(t, strategy_of_a_deployment);
	return run("cp/schema/default", t);
}
