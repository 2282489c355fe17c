/* cp/schema/validate_meta.c: metadata on create and on update. */
#include "tests/unit/cp/schema/support.h"

#define SUBDOMAIN                                                                                                      \
	"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "     \
	"start and end with an "                                                                                       \
	"alphanumeric character (e.g. 'example.com', regex used for validation is "                                    \
	"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"

static const struct {
	const char *plural, *meta, *old, *errors; /* errors NULL: some */
} cases[] = {
    {"configmaps", "{'name':'a','namespace':'n','labels':{'a/b':'c'},'annotations':{'A.b/c':'x y'}}", NULL, ""},
    {"configmaps", "{'namespace':'n'}", NULL, "metadata.name: Required value: name or generateName is required"},
    {"configmaps", "{'name':'A_b','namespace':'n'}", NULL, "metadata.name: Invalid value: \"A_b\": " SUBDOMAIN},
    {"configmaps", "{'name':'a'}", NULL, "metadata.namespace: Required value"},
    {"nodes", "{'name':'a','namespace':'x'}", NULL, "metadata.namespace: Forbidden: not allowed on this type"},
    {"namespaces", "{'name':'a.b'}", NULL, NULL},
    {"services", "{'name':'a.b','namespace':'n'}", NULL, NULL},
	{"services", "{'name':'1a','namespace':'n'}", NULL, ""},
    {"configmaps", "{'generateName':'a-','name':'a-x','namespace':'n'}", NULL, ""},
    {"configmaps", "{'generateName':'-','name':'x','namespace':'n'}", NULL, NULL},
    {"configmaps", "{'name':'a','namespace':'n','labels':{'bad key':'x'}}", NULL, NULL},
    {"configmaps", "{'name':'a','namespace':'n','labels':{'a':'b c'}}", NULL, NULL},
    {"configmaps", "{'name':'a','namespace':'n','annotations':{'x~y':''}}", NULL,
     "metadata.annotations: Invalid value: \"x~y\": name part must consist of alphanumeric characters, '-', '_' or "
     "'.', and must start and end with an "
     "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
     "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"},
    {"configmaps", "{'name':'a','namespace':'n','finalizers':['no-slash']}", NULL,
     "metadata.finalizers[0]: Invalid value: \"no-slash\": name is neither a standard finalizer name nor is it fully "
     "qualified"},
    {"configmaps", "{'name':'a','namespace':'n','finalizers':['orphan','foregroundDeletion']}", NULL, NULL},
    {"configmaps", "{'name':'a','namespace':'n','finalizers':['kubernetes','ex.com/x']}", NULL, ""},
    {"configmaps",
     "{'name':'a','namespace':'n','ownerReferences':[{'apiVersion':'v1','kind':'Pod','name':'x','uid':''}]}", NULL,
     "metadata.ownerReferences.uid: Invalid value: \"\": must not be empty"},
    {"configmaps",
     "{'name':'a','namespace':'n','ownerReferences':[{'apiVersion':'v1','kind':'Pod','name':'x','uid':'1','controller':"
     "true},{'apiVersion':'v1',"
     "'kind':'Pod','name':'y','uid':'2','controller':true}]}",
     NULL,
     "metadata.ownerReferences: Invalid value: "
     "[{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"name\":\"x\",\"uid\":\"1\",\"controller\":true},{\"apiVersion\":"
     "\"v1\","
     "\"kind\":\"Pod\",\"name\":\"y\",\"uid\":\"2\",\"controller\":true}]: Only one reference can have Controller set "
     "to true. Found \"true\" in references for "
     "Pod/x and Pod/y"},
    {"configmaps", "{'name':'a','namespace':'n','uid':'2'}", "{'name':'a','namespace':'n','uid':'1'}",
     "metadata.uid: Invalid value: \"2\": field is immutable"},
    {"configmaps", "{'name':'a','namespace':'n','deletionTimestamp':'2001-01-01T00:00:00Z'}",
     "{'name':'a','namespace':'n'}",
     "metadata.deletionTimestamp: Invalid value: \"2001-01-01T00:00:00Z\": field is immutable"},
    {"configmaps", "{'name':'a','namespace':'n','generation':1}", "{'name':'a','namespace':'n','generation':2}",
     "metadata.generation: Invalid value: 1: must not be decremented"},
    {"configmaps", "{'name':'a','finalizers':['a.b/c'],'deletionTimestamp':'2001-01-01T00:00:00Z'}",
     "{'name':'a','deletionTimestamp':'2001-01-01T00:00:00Z'}",
     "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new "
     "finalizers []string{\"a.b/c\"}"},
    {"configmaps", "{'name':'a','labels':{'x':'y'}}", "{'name':'a'}", ""},
};

START_TEST(rules)
{
	AUTO_JSON *j = json_pack("{s:o}", "metadata", js(cases[_i].meta));
	AUTO_JSON *old = cases[_i].old ? json_pack("{s:o}", "metadata", js(cases[_i].old)) : NULL;
	AUTO_FIELD_ERRORS errors = {0};
	AUTO_FREE char *got = NULL;

	schema_validate_meta(kind_named("", cases[_i].plural), j, old, &errors);
	got = error_lines(&errors);
	if (cases[_i].errors)
		ck_assert_str_eq(got, cases[_i].errors);
	else
		ck_assert_uint_gt(errors.n, 0);
}
END_TEST

START_TEST(long_annotations)
{
	AUTO_FREE char *text = xcalloc(1, 262144 + 1);
	AUTO_JSON *j = NULL;
	AUTO_FIELD_ERRORS errors = {0};
	AUTO_FREE char *got = NULL;

	memset(text, 'x', 262144);
	j = json_pack("{s:{s:s,s:s,s:{s:s}}}", "metadata", "name", "c", "namespace", "n", "annotations", "a", text);
	schema_validate_meta(kind_named("", "configmaps"), j, NULL, &errors);
	got = error_lines(&errors);
	ck_assert_str_eq(got, "metadata.annotations: Too long: may not be more than 262144 bytes");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("meta");

	tcase_add_loop_test(t, rules, 0, (int)ARRAY_LEN(cases));
	tcase_add_test(t, long_annotations);
	return run("cp/schema/validate_meta", t);
}
