/* Objects that nobody set anything of. */
#include "tests/unit/cp/schema/support.h"

static const struct {
	const char *group, *version, *plural, *object;
} cases[] = {
    {"", "v1", "configmaps", "{'kind':'ConfigMap','apiVersion':'v1','metadata':{}}"},
    {"", "v1", "pods", "{'kind':'Pod','apiVersion':'v1','metadata':{},'spec':{'containers':null},'status':{}}"},
    {"", "v1", "services", "{'kind':'Service','apiVersion':'v1','metadata':{},'spec':{},'status':{'loadBalancer':{}}}"},
    {"apps", "v1", "deployments",
     "{'kind':'Deployment','apiVersion':'apps/v1','metadata':{},'spec':{'replicas':0,'selector':null,'template':{'metadata':{},"
     "'spec':{'containers':null}},'strategy':{}},'status':{}}"},
    {"coordination.k8s.io", "v1", "leases", "{'kind':'Lease','apiVersion':'coordination.k8s.io/v1','metadata':{},'spec':{}}"},
};

START_TEST(zeros)
{
	const struct kind *k = schema_find(builtin, cases[_i].group, cases[_i].version, cases[_i].plural);
	AUTO_JSON *zero = schema_zero(k);

	assert_json(zero, cases[_i].object);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("zero");

	tcase_add_loop_test(t, zeros, 0, (int)ARRAY_LEN(cases));
	return run("cp/schema/zero", t);
}
