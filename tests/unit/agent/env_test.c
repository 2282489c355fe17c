#include "tests/unit/agent/pods.h"

#include <errno.h>

#include "agent/env.h"
#include "base/mem.h"

static json_t *config_map, *secret;

static const json_t *object(void *arg, const char *resource, const char *name)
{
	(void)arg;
	if (strcmp(name, "o"))
		return NULL;
	return strcmp(resource, "secrets") ? config_map : secret;
}

static int build(const char *container, struct map **ret, struct err *e)
{
	AUTO_FREE char *spec = xasprintf("'containers':[%s]", container);
	AUTO_JSON *pod = pod_object(spec);
	char *node_ips[] = {(char *)"192.0.2.1", (char *)"fd00::2:1", NULL};
	char *ips[] = {(char *)"10.244.0.5", (char *)"fd00::5", NULL};
	AUTO_JSON *mine =
	    json_pack("{s:{s:s,s:s},s:{s:s,s:[{s:i,s:s,s:s}]}}", "metadata", "name", "my-db", "namespace", "ns", "spec",
		      "clusterIP", "10.96.0.9", "ports", "port", 5432, "protocol", "TCP", "name", "pg");
	AUTO_JSON *other = json_pack("{s:{s:s,s:s},s:{s:s,s:[{s:i}]}}", "metadata", "name", "x", "namespace",
				     "elsewhere", "spec", "clusterIP", "10.96.0.8", "ports", "port", 1);
	AUTO_JSON *api = json_pack("{s:{s:s,s:s},s:{s:s,s:[{s:i}]}}", "metadata", "name", "kubernetes", "namespace",
				   "default", "spec", "clusterIP", "10.96.0.1", "ports", "port", 443);
	AUTO_JSON *services = json_pack("[O,O,O]", mine, other, api);
	struct env_in in = {.facts = {.pod = pod,
				      .node_name = "n1",
				      .host_ips = node_ips,
				      .ips = ips,
				      .node_cpu_milli = 4000,
				      .node_memory_bytes = 1 << 30},
			    .container = json_array_get(json_at(pod, "spec.containers"), 0),
			    .object = object,
			    .services = services};
	config_map = json_pack("{s:{s:s,s:s}}", "data", "a", "1", "b", "2");
	secret = json_pack("{s:{s:s}}", "data", "pw", "c2VjcmV0");
	int r = env_build(&in, ret, e);
	json_decref(config_map);
	json_decref(secret);
	return r;
}

START_TEST(values)
{
	AUTO_MAP *m = NULL;
	ck_assert_int_eq(
	    build("{'name':'c','resources':{'limits':{'cpu':'1500m'},'requests':{'memory':'64Mi'}},'envFrom':["
		  "{'prefix':'P_','configMapRef':{'name':'o'}},{'secretRef':{'name':'none','optional':true}}],'env':["
		  "{'name':'A','value':'x'},{'name':'B','value':'$(A)-$(NONE)-$$(A)'},"
		  "{'name':'IP','valueFrom':{'fieldRef':{'fieldPath':'status.podIP'}}},"
		  "{'name':'IPS','valueFrom':{'fieldRef':{'fieldPath':'status.podIPs'}}},"
		  "{'name':'L','valueFrom':{'fieldRef':{'fieldPath':'metadata.labels[~app~]'}}},"
		  "{'name':'CPU','valueFrom':{'resourceFieldRef':{'resource':'limits.cpu'}}},"
		  "{'name':'MEM','valueFrom':{'resourceFieldRef':{'resource':'requests.memory','divisor':'1Mi'}}},"
		  "{'name':'MAXMEM','valueFrom':{'resourceFieldRef':{'resource':'limits.memory'}}},"
		  "{'name':'CM','valueFrom':{'configMapKeyRef':{'name':'o','key':'b'}}},"
		  "{'name':'PW','valueFrom':{'secretKeyRef':{'name':'o','key':'pw'}}},"
		  "{'name':'OPT','valueFrom':{'secretKeyRef':{'name':'o','key':'zz','optional':true}}}]}",
		  &m, NULL),
	    0);
	static const char *const want[][2] = {
	    {"P_a", "1"},
	    {"A", "x"},
	    {"B", "x-$(NONE)-$(A)"},
	    {"IP", "10.244.0.5"},
	    {"IPS", "10.244.0.5,fd00::5"},
	    {"L", "web"},
	    {"CPU", "2"},
	    {"MEM", "64"},
	    {"MAXMEM", "1073741824"},
	    {"CM", "2"},
	    {"PW", "secret"},
	    {"MY_DB_SERVICE_HOST", "10.96.0.9"},
	    {"MY_DB_SERVICE_PORT", "5432"},
	    {"MY_DB_SERVICE_PORT_PG", "5432"},
	    {"MY_DB_PORT", "tcp://10.96.0.9:5432"},
	    {"MY_DB_PORT_5432_TCP_ADDR", "10.96.0.9"},
	    {"KUBERNETES_SERVICE_HOST", "10.96.0.1"},
	};
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		ck_assert_msg(map_has(m, want[i][0]), "%s", want[i][0]);
		ck_assert_str_eq(map_get(m, want[i][0]), want[i][1]);
	}
	ck_assert(!map_has(m, "OPT") && !map_has(m, "X_SERVICE_HOST"));
}
END_TEST

START_TEST(errors)
{
	static const struct {
		const char *env, *text;
	} cases[] = {
	    {"{'configMapKeyRef':{'name':'no','key':'b'}}", "configmap \"no\" not found"},
	    {"{'secretKeyRef':{'name':'o','key':'b'}}", "couldn't find key b in Secret ns/o"},
	    {"{'fieldRef':{'fieldPath':'spec.x'}}", "unsupported fieldPath: spec.x"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err e = ERR_INIT;
		struct map *m = NULL;
		AUTO_FREE char *c = xasprintf("{'name':'c','env':[{'name':'A','valueFrom':%s}]}", cases[i].env);
		ck_assert_int_lt(build(c, &m, &e), 0);
		ck_assert_str_eq(err_text(&e), cases[i].text);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {values, errors};
	return run_suite("env", tests, ARRAY_LEN(tests));
}
