/* cp/schema/validate.c, format.c, field_errors.c: what tables find, in the words that clients know. */
#include "tests/unit/cp/schema/support.h"

static const struct {
	const char *group, *plural, *in, *errors;
} cases[] = {
    {"", "pods", "{'spec':{}}", "spec.containers: Required value"},
    {"", "pods", "{'spec':{'containers':[]}}", "spec.containers: Required value"},
    {"", "pods", "{'spec':{'containers':[{'name':'c'}]}}", "spec.containers[0].image: Required value"},
    {"", "pods", "{'spec':{'containers':[{'name':'c','image':'a'},{'name':'c','image':'b'}]}}",
     "spec.containers[1].name: Duplicate value: \"c\""},
    {"", "pods",
     "{'spec':{'containers':[{'name':'C_','image':'a','ports':[{'containerPort':0},{'containerPort':70000,'protocol':'"
     "X','name':'waytoolongportname'}]}]}}",
     "spec.containers[0].name: Invalid value: \"C_\": a lowercase RFC 1123 label must consist of lower case "
     "alphanumeric characters or '-', and must start and "
     "end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
     "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')\n"
     "spec.containers[0].ports[0].containerPort: Required value\n"
     "spec.containers[0].ports[1].name: Invalid value: \"waytoolongportname\": must be no more than 15 characters\n"
     "spec.containers[0].ports[1].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive\n"
     "spec.containers[0].ports[1].protocol: Unsupported value: \"X\": supported values: \"SCTP\", \"TCP\", \"UDP\""},
    {"", "pods", "{'spec':{'containers':[{'name':'c','image':'a'}],'restartPolicy':'Sometimes','dnsPolicy':'Bad'}}",
     "spec.restartPolicy: Unsupported value: \"Sometimes\": supported values: \"Always\", \"OnFailure\", \"Never\"\n"
     "spec.dnsPolicy: Unsupported value: \"Bad\": supported values: \"ClusterFirstWithHostNet\", \"ClusterFirst\", "
     "\"Default\", \"None\""},
    {"", "pods",
     "{'spec':{'containers':[{'name':'c','image':'a'}],'tolerations':[{'key':'a','operator':'Equal','effect':'Bad'}]}}",
     "spec.tolerations[0].effect: Unsupported value: \"Bad\": supported values: \"NoSchedule\", \"PreferNoSchedule\", "
     "\"NoExecute\""},
    {"", "pods",
     "{'spec':{'containers':[{'name':'c','image':'a'}],'topologySpreadConstraints':[{'maxSkew':0,'topologyKey':'','"
     "whenUnsatisfiable':'X'}]}}",
     "spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero\n"
     "spec.topologySpreadConstraints[0].topologyKey: Required value: can not be empty\n"
     "spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: \"X\": supported values: "
     "\"DoNotSchedule\", \"ScheduleAnyway\""},
    {"coordination.k8s.io", "leases", "{'spec':{'leaseTransitions':-1,'leaseDurationSeconds':-1}}",
     "spec.leaseDurationSeconds: Invalid value: -1: must be greater than 0\nspec.leaseTransitions: Invalid value: -1: "
     "must be greater than or equal to 0"},
    {"", "services", "{'spec':{'ports':[{'port':0,'targetPort':'UPPER_bad!'}]}}",
     "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive\nspec.ports[0].targetPort: Invalid "
     "value: \"UPPER_bad!\": must contain only "
     "alpha-numeric characters (a-z, 0-9), and hyphens (-)"},
    {"", "services", "{'spec':{'selector':{'a':'b c'}}}", NULL},
    {"", "services", "{'status':{'loadBalancer':{'ingress':[{'ip':'300.1.1.1'}]}}}",
     "status.loadBalancer.ingress[0].ip: Invalid value: \"300.1.1.1\": must be a valid IP address, (e.g. 10.9.8.7 or "
     "2001:db8::ffff)"},
    {"", "pods",
     "{'spec':{'containers':[{'name':'c','image':'a'}],'volumes':[{'name':'v','configMap':{'name':'m','defaultMode':"
     "512}}]}}",
     "spec.volumes[0].configMap.defaultMode: Invalid value: 512: must be a number between 0 and 0777 (octal), both "
     "inclusive"},
    {"", "pods", "{'spec':{'containers':[{'name':'c','image':'a'}]}}", ""},
};

START_TEST(rules)
{
	AUTO_JSON *j = js(cases[_i].in);
	AUTO_FIELD_ERRORS errors = {0};
	AUTO_FREE char *got = NULL;

	schema_validate(kind_named(cases[_i].group, cases[_i].plural), j, NULL, &errors);
	got = error_lines(&errors);
	if (cases[_i].errors)
		ck_assert_str_eq(got, cases[_i].errors);
	else
		ck_assert_uint_gt(errors.n, 0);
}
END_TEST

START_TEST(updates)
{
	AUTO_JSON *old = js("{'addressType':'IPv4','endpoints':[]}"), *new = js("{'addressType':'IPv6','endpoints':[{}]}");
	const struct kind *k = kind_named("discovery.k8s.io", "endpointslices");
	AUTO_FIELD_ERRORS errors = {0};
	AUTO_FREE char *got = NULL;

	schema_validate_update(k, old, old, &errors);
	ck_assert_uint_eq(errors.n, 0);
	schema_validate_update(k, new, old, &errors);
	got = error_lines(&errors);
	ck_assert_str_eq(got, "addressType: Invalid value: \"IPv6\": field is immutable");
}
END_TEST

START_TEST(own_tables)
{
	AUTO_SCHEMA *s = NULL;
	AUTO_JSON *j = js(
	    "{'p':'abc','c':'10.0.0.0/"
	    "33','l':['a','z'],'m':{'k':{'n':''}},'t':'abcdef','u':['a','b','a'],'w':[{'a':1,'b':2},{'a':1,'b':2}]}");
	AUTO_FIELD_ERRORS errors = {0};
	AUTO_FREE char *got = NULL;
	struct err e = ERR_INIT;

	ck_assert_msg(
	    !schema_load_text(
		"package x\ntype A\n\tp string pattern=\"^[0-9]+$\"\n\tc string format=cidr\n\tl []string enum=a,b\n"
		"\tm map[B]\n\tt string max=5\n\tu []string list=set unique\n\tw []C list=map(a,b) unique\n"
		"type B\n\tn string required\ntype C\n\ta int32\n\tb int32\n",
		&s, &e),
	    "%s", e.text);
	schema_validate_type(schema_type(s, "x.A"), j, "top", &errors);
	got = error_lines(&errors);
	ck_assert_str_eq(
	    got,
	    "top.p: Invalid value: \"abc\": should match '^[0-9]+$'\n"
	    "top.c: Invalid value: \"10.0.0.0/33\": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)\n"
	    "top.l[1]: Unsupported value: \"z\": supported values: \"a\", \"b\"\n"
	    "top.m[k].n: Required value\n"
	    "top.t: Too long: may not be more than 5 bytes\n"
	    "top.u[2]: Duplicate value: \"a\"\n"
	    "top.w[1]: Duplicate value: {\"a\":1,\"b\":2}");
}
END_TEST

START_TEST(words)
{
	AUTO_FIELD_ERRORS f = {0};
	AUTO_JSON *text = json_string("a\x01\"b\n"), *object = js("{'a':1}");
	AUTO_FREE char *got = NULL;

	field_invalid(&f, "a", text, "no %s", "way");
	field_not_found(&f, "b", object);
	field_forbidden(&f, "c", "not here");
	field_too_long(&f, "d", 128);
	field_too_many(&f, "e", 5, 3);
	field_required(&f, "g", "why");
	field_required(&f, "g", "why");
	field_duplicate(&f, "h", NULL);
	field_add(&f, "FieldValueTypeInvalid", "i", "%d", 7);
	got = error_lines(&f);
	ck_assert_str_eq(
	    got, "a: Invalid value: \"a\\x01\\\"b\\n\": no way\nb: Not found: {\"a\":1}\nc: Forbidden: not here\n"
		 "d: Too long: may not be more than 128 bytes\ne: Too many: 5: must have at most 3 items\ng: Required "
		 "value: why\n"
		 "h: Duplicate value: null\ni: 7");
	ck_assert_str_eq(f.v[2].reason, "FieldValueForbidden");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("validate");

	tcase_add_loop_test(t, rules, 0, (int)ARRAY_LEN(cases));
	tcase_add_test(t, updates);
	tcase_add_test(t, own_tables);
	tcase_add_test(t, words);
	return run("cp/schema/validate", t);
}
