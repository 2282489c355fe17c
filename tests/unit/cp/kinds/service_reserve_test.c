/* cp/kinds/service_reserve.c: which node ports a service gets, keeps and may not have. */
#include "cp/kinds/service_reserve.h"

#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/service_alloc.h"
#include "tests/unit/check_main.h"
#include "tests/unit/cp/cache/cache_fixture.h"

static struct kind_env env;

static void start(void)
{
	cache_setup();
	struct bucket *services = cache_add_bucket(cache, &(struct bucket_config){ .prefix = "/registry/services/specs/", .namespaced = true });
	load();
	ck_assert_int_eq(service_alloc_new(services, NULL, NULL, "10.96.0.0/24", 30000, 30099, &env.service_alloc, NULL), 0);
	put("/registry/services/specs/a/other", "{\"metadata\":{\"name\":\"other\",\"namespace\":\"a\",\"uid\":\"1\"},\"spec\":{\"type\":\"NodePort\",\"ports\":[{"
						"\"port\":80,\"protocol\":\"TCP\",\"nodePort\":30050}]}}");
}

static void stop(void)
{
	service_alloc_free(env.service_alloc);
	cache_teardown();
}

static json_t *service(const char *type_and_more, const char *ports)
{
	AUTO_FREE char *text = xasprintf("{\"spec\":{\"ipFamilyPolicy\":\"SingleStack\",\"type\":%s,\"ports\":[%s]}}", type_and_more, ports);
	json_t *o = json_loads(text, 0, NULL);
	ck_assert_msg(o != NULL, "%s", text);
	return o;
}

/* A number that was asked for, "new" for another one, "same" for one that an earlier port has got, too. */
static void add_port(struct str *out, int64_t port, int64_t asked, bool known)
{
	if (port && port == asked)
		str_addf(out, " %d", (int)port);
	else
		str_addf(out, " %s", !port ? "none" : known ? "same" : "new");
}

static void add_ports(struct str *out, const json_t *before, const json_t *now)
{
	const json_t *ports = json_at(now, "spec.ports");
	int64_t check = json_int_at(now, "spec.healthCheckNodePort", 0);
	for (size_t i = 0; i < json_array_size(ports); i++) {
		int64_t port = json_int_at(json_array_get(ports, i), "nodePort", 0);
		bool known = false;
		for (size_t k = 0; k < i; k++)
			known |= json_int_at(json_array_get(ports, k), "nodePort", 0) == port;
		add_port(out, port, json_int_at(json_array_get(json_at(before, "spec.ports"), i), "nodePort", 0), known);
	}
	if (check) {
		str_add(out, " check");
		add_port(out, check, json_int_at(before, "spec.healthCheckNodePort", 0), false);
	}
}

/* What a write gets, or why it is refused. Owned. */
static char *outcome(json_t *now, const json_t *old)
{
	AUTO_JSON *before = json_deep_copy(now);
	AUTO_FIELD_ERRORS errors = { 0 };
	struct str out = { 0 };
	void *ticket = NULL;
	service_reserve(&env, now, old, &errors, &ticket);
	for (size_t i = 0; i < errors.n; i++)
		str_addf(&out, " %s: %s", errors.v[i].field, errors.v[i].message);
	if (!errors.n)
		add_ports(&out, before, now);
	service_settle(&env, ticket, false);
	return str_take(&out);
}

#define TCP(more) "{\"name\":\"t\",\"port\":80,\"protocol\":\"TCP\"" more "}"
#define UDP(more) "{\"name\":\"u\",\"port\":80,\"protocol\":\"UDP\"" more "}"
#define OTHER(more) "{\"name\":\"o\",\"port\":81,\"protocol\":\"TCP\"" more "}"
#define AT(port) ",\"nodePort\":" #port
#define NODE "\"NodePort\""
#define LOCAL "\"LoadBalancer\",\"externalTrafficPolicy\":\"Local\""
#define TAKEN ": provided port is already allocated"
#define RANGE ": provided port is not in the valid range. The range of valid ports is 30000-30099"

static const struct {
	const char *type, *ports, *old_type, *old_ports, *wanted;
} rows[] = {
	{ NODE, TCP("") "," OTHER(""), NULL, NULL, " new new" },
	{ NODE, TCP("") "," UDP(""), NULL, NULL, " new same" },
	{ NODE, TCP("") "," UDP(AT(30001)), NULL, NULL, " new 30001" },
	{ NODE, TCP(AT(30001)) "," UDP(AT(30001)), NULL, NULL, " 30001 30001" },
	{ NODE, TCP(AT(30001)) "," UDP(AT(30002)), NULL, NULL, " 30001 30002" },
	{ NODE, TCP(AT(30001)) "," OTHER(AT(30001)), NULL, NULL, " spec.ports[1].nodePort: Invalid value: 30001" TAKEN },
	{ NODE, UDP(AT(30050)), NULL, NULL, " spec.ports[0].nodePort: Invalid value: 30050" TAKEN },
	{ NODE, TCP(AT(80)), NULL, NULL, " spec.ports[0].nodePort: Invalid value: 80" RANGE },
	{ "\"ClusterIP\"", TCP(""), NULL, NULL, " none" },
	{ "\"LoadBalancer\",\"allocateLoadBalancerNodePorts\":false", TCP("") "," OTHER(AT(30001)), NULL, NULL, " none 30001" },
	{ "\"LoadBalancer\",\"allocateLoadBalancerNodePorts\":false", TCP(AT(30050)), NULL, NULL, " spec.ports[0].nodePort: Invalid value: 30050" TAKEN },
	/* the port of the health check */
	{ LOCAL, TCP(AT(30001)), NULL, NULL, " 30001 check new" },
	{ LOCAL ",\"healthCheckNodePort\":30002", TCP(AT(30001)), NULL, NULL, " 30001 check 30002" },
	{ LOCAL ",\"healthCheckNodePort\":30001", TCP(AT(30001)), NULL, NULL, " spec.healthCheckNodePort: Invalid value: 30001" TAKEN },
	{ LOCAL ",\"healthCheckNodePort\":-1", TCP(AT(30001)), NULL, NULL, " spec.healthCheckNodePort: Invalid value: -1" RANGE },
	{ LOCAL, TCP(AT(30001)), "\"LoadBalancer\"", TCP(AT(30001)), " 30001 check new" },
	{ LOCAL ",\"healthCheckNodePort\":30050", TCP(AT(30001)), LOCAL ",\"healthCheckNodePort\":30050", TCP(AT(30001)), " 30001 check 30050" },
	/* updates: what it had is its own, by whatever protocol */
	{ NODE, UDP(AT(30050)), NODE, TCP(AT(30050)), " 30050" },
	{ NODE, TCP(AT(30001)) "," OTHER(AT(30050)), NODE, TCP(AT(30001)), " spec.ports[1].nodePort: Invalid value: 30050" TAKEN },
	{ NODE, TCP(AT(30001)) "," UDP(""), NODE, TCP(AT(30001)), " 30001 new" },
	{ NODE, TCP(""), "\"ClusterIP\"", TCP(""), " new" },
};

START_TEST(node_ports)
{
	start();
	AUTO_JSON *now = service(rows[_i].type, rows[_i].ports), *old = rows[_i].old_type ? service(rows[_i].old_type, rows[_i].old_ports) : NULL;
	AUTO_FREE char *got = outcome(now, old);
	ck_assert_str_eq(got, rows[_i].wanted);
	stop();
}
END_TEST

START_TEST(claims)
{
	AUTO_JSON *svc = service(LOCAL ",\"clusterIPs\":[\"10.96.0.1\",\"fd00::1\"],\"healthCheckNodePort\":30002", TCP(AT(30001)) "," OTHER(""));
	AUTO_STRV char **names = NULL;
	service_claims(svc, &names);
	AUTO_FREE char *all = str_join(names, " ");
	ck_assert_str_eq(all, "ip/10.96.0.1 ip/fd00::1 port/30001 port/30002");
}
END_TEST

TESTS_TABLE("service_reserve", node_ports, ARRAY_LEN(rows), claims)
