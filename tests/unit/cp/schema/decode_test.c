/* cp/schema/decode.c: canonical forms, dropped members, unknown fields, type errors. */
#include "tests/unit/cp/schema/support.h"

static const struct {
	const char *group, *plural, *in, *out;
} good[] = {
    {"", "pods",
     "{'spec':{'containers':[{'resources':{'limits':{'memory':'1024Mi','cpu':0.5}},'name':'c'}]},'kind':'Pod'}",
     "{'kind':'Pod','spec':{'containers':[{'name':'c','resources':{'limits':{'memory':'1Gi','cpu':'500m'}}}]}}"},
    {"", "pods",
     "{'spec':{'hostNetwork':false,'hostUsers':false,'priority':0,'nodeName':'','volumes':[],'nodeSelector':{},'"
     "affinity':{}}}",
     "{'spec':{'affinity':{},'priority':0,'hostUsers':false}}"},
    {"", "pods", "{'spec':null,'metadata':{'labels':{'a':null}}}", "{'metadata':{'labels':{'a':''}}}"},
    {"", "pods", "{'spec':{'containers':[{'args':['a',null],'command':[]}]}}",
     "{'spec':{'containers':[{'args':['a','']}]}}"},
    {"", "configmaps", "{'data':{'a':''},'immutable':false,'binaryData':{'b':'AAE=\\n'}}",
     "{'immutable':false,'data':{'a':''},'binaryData':{'b':'AAE='}}"},
    {"", "pods", "{'metadata':{'creationTimestamp':'2024-05-01T12:00:00.5+02:00','name':'x'}}",
     "{'metadata':{'name':'x','creationTimestamp':'2024-05-01T10:00:00Z'}}"},
    {"coordination.k8s.io", "leases", "{'spec':{'renewTime':'2024-05-01T12:00:00Z','leaseTransitions':0}}",
     "{'spec':{'renewTime':'2024-05-01T12:00:00.000000Z','leaseTransitions':0}}"},
    {"apps", "deployments", "{'spec':{'strategy':{'rollingUpdate':{'maxSurge':0,'maxUnavailable':'10%'}}}}",
     "{'spec':{'strategy':{'rollingUpdate':{'maxUnavailable':'10%','maxSurge':0}}}}"},
    {"", "pods", "{'metadata':{'managedFields':[{'fieldsV1':{'f:x':{'.':{}}}}]}}",
     "{'metadata':{'managedFields':[{'fieldsV1':{'f:x':{'.':{}}}}]}}"},
};

START_TEST(decodes)
{
	AUTO_JSON *j = js(good[_i].in);
	struct err e = ERR_INIT;
	AUTO_STRV char **unknown = NULL;

	ck_assert_msg(!schema_decode(kind_named(good[_i].group, good[_i].plural), j, &unknown, &e), "%s", e.text);
	assert_json(j, good[_i].out);
	ck_assert_ptr_null(unknown);
	ck_assert(!schema_decode(kind_named(good[_i].group, good[_i].plural), j, &unknown, &e));
	assert_json(j, good[_i].out);
}
END_TEST

START_TEST(unknown_fields)
{
	AUTO_JSON *j = js("{'metadata':{'name':'d','wrong':'x'},'spec':{'template':{'spec':{'containers':[{'name':'c','"
			  "imagePullPolcy':'Always',"
			  "'ports':[{'containerport':80}]}]}},'Replicas':1},'bogus':1}");
	AUTO_STRV char **unknown = NULL;
	AUTO_FREE char *all = NULL;

	ck_assert(!schema_decode(kind_named("apps", "deployments"), j, &unknown, NULL));
	all = str_join(unknown, ", ");
	ck_assert_str_eq(
	    all, "unknown field \"metadata.wrong\", unknown field \"spec.template.spec.containers[0].imagePullPolcy\", "
		 "unknown field \"spec.template.spec.containers[0].ports[0].containerport\", unknown field "
		 "\"spec.Replicas\", "
		 "unknown field \"bogus\"");
	assert_json(
	    j, "{'metadata':{'name':'d'},'spec':{'template':{'spec':{'containers':[{'name':'c','ports':[{}]}]}}}}");
}
END_TEST

static const struct {
	const char *group, *plural, *in, *message;
} bad[] = {
    {"", "configmaps", "{'metadata':{'name':true}}",
     "json: cannot unmarshal bool into Go struct field ObjectMeta.metadata.name of type string"},
    {"", "configmaps", "[]", "json: cannot unmarshal array into Go value of type v1.ConfigMap"},
    {"apps", "deployments", "{'spec':{'replicas':'2'}}",
     "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32"},
    {"apps", "deployments", "{'spec':{'replicas':1.5}}",
     "json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32"},
    {"apps", "deployments", "{'spec':{'replicas':3000000000}}",
     "json: cannot unmarshal number 3000000000 into Go struct field DeploymentSpec.spec.replicas of type int32"},
    {"", "pods", "{'spec':{'containers':{'name':'c'}}}",
     "json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container"},
    {"", "pods", "{'spec':{'containers':[{'name':1}]}}",
     "json: cannot unmarshal number into Go struct field Container.spec.containers.name of type string"},
    {"", "pods", "{'metadata':{'labels':{'a':1}}}",
     "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string"},
    {"", "pods", "{'metadata':{'labels':[]}}",
     "json: cannot unmarshal array into Go struct field ObjectMeta.metadata.labels of type map[string]string"},
    {"", "pods", "{'spec':'x'}", "json: cannot unmarshal string into Go struct field Pod.spec of type v1.PodSpec"},
    {"", "pods", "{'spec':{'containers':[{'resources':{'limits':{'cpu':'1x'}}}]}}",
     "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"},
    {"", "pods", "{'metadata':{'creationTimestamp':'x'}}",
     "parsing time \"x\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"x\" as \"2006\""},
    {"", "configmaps", "{'binaryData':{'a':'!!'}}", "illegal base64 data at input byte 0"},
    {"", "services", "{'spec':{'ports':[{'targetPort':true}]}}",
     "json: cannot unmarshal bool into Go value of type int32"},
};

START_TEST(type_errors)
{
	AUTO_JSON *j = js(bad[_i].in);
	struct err e = ERR_INIT;

	ck_assert_int_eq(schema_decode(kind_named(bad[_i].group, bad[_i].plural), j, NULL, &e), -EINVAL);
	ck_assert_str_eq(e.text, bad[_i].message);
}
END_TEST

START_TEST(bare_type)
{
	AUTO_JSON *j = js("{'spec':{'replicas':0},'apiVersion':'autoscaling/v1','kind':'Scale'}");

	ck_assert(!schema_decode_type(schema_type(builtin, "autoscaling.v1.Scale"), j, NULL, NULL));
	assert_json(j, "{'kind':'Scale','apiVersion':'autoscaling/v1','spec':{}}");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("decode");

	tcase_add_loop_test(t, decodes, 0, (int)ARRAY_LEN(good));
	tcase_add_test(t, unknown_fields);
	tcase_add_loop_test(t, type_errors, 0, (int)ARRAY_LEN(bad));
	tcase_add_test(t, bare_type);
	return run("cp/schema/decode", t);
}
