/* The plan of the proxy: fronts, endpoints, policies, stable indexes, differences, parsing. */
#include "netfilter/service_plan.h"

#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "netfilter/service_parse.h"

static json_t *json(const char *text)
{
	json_t *j = NULL;
	char *copy = xstrdup(text);
	for (char *p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	ck_assert_msg(json_parse(copy, strlen(copy), &j, NULL) == 0, "%s", copy);
	free(copy);
	return j;
}

static struct service *service(const char *text)
{
	AUTO_JSON *j = json(text);
	return service_parse(j);
}

static struct service_slice *slice(const char *text)
{
	AUTO_JSON *j = json(text);
	return service_slice_parse(j, "n1");
}

static struct service_context ctx;
static struct ip node_ip;

static void setup(void)
{
	memset(&ctx, 0, sizeof(ctx));
	ip_parse("192.168.0.1", &node_ip);
	ctx.node_ips = &node_ip;
	ctx.n_node_ips = 1;
	ctx.know_pods[0] = true;
}

/* "S 10.96.0.9/6/80 m2", "E .../0 10.244.0.2:8080", "U ... reject", "H 10.244.0.2", one a line. */
static char *text_of(const struct svc_elem *v, size_t n)
{
	struct str out = STR_INIT;
	for (size_t i = 0; i < n; i++) {
		const struct svc_elem *e = &v[i];
		size_t a = e->family == AF_INET ? 4 : 16;
		struct ip ip = {.family = e->family}, to = {.family = e->family};
		char t[IP_TEXT_MAX], chain[32];
		memcpy(ip.b, e->key, a);
		str_addf(&out, "%c %s", "SEUHK"[e->kind], ip_text(&ip, t));
		if (e->kind != SVC_HAIRPIN)
			str_addf(&out, "/%d/%d", e->key[a], e->key[a + 4] << 8 | e->key[a + 5]);
		if (e->kind == SVC_SERVICE || e->kind == SVC_STICKY)
			str_addf(&out, " %s", svc_chain_name(e, chain));
		if (e->kind == SVC_UNAVAILABLE)
			str_addf(&out, " %s", e->drop ? "drop" : "reject");
		if (e->kind == SVC_ENDPOINT) {
			uint32_t index;
			memcpy(&index, e->key + a + 8, 4);
			memcpy(to.b, e->data, a);
			str_addf(&out, "/%u %s:%d", index, ip_text(&to, t), e->data[a] << 8 | e->data[a + 1]);
		}
		str_addc(&out, '\n');
	}
	return str_take(&out);
}

static char *plan(const char *svc, const char *slices[], size_t n)
{
	struct service *s = service(svc);
	struct service_slice *v[4];
	struct svc_elem *elems;
	size_t count;
	ck_assert_ptr_nonnull(s);
	for (size_t i = 0; i < n; i++)
		ck_assert_ptr_nonnull(v[i] = slice(slices[i]));
	service_plan(s, v, n, &ctx, &elems, &count);
	char *text = text_of(elems, count);
	free(elems);
	for (size_t i = 0; i < n; i++)
		service_slice_free(v[i]);
	service_free(s);
	return text;
}

#define SVC(spec) "{'metadata':{'namespace':'d','name':'s'},'spec':{'clusterIP':'10.96.0.9'," spec "}}"
#define PORT80 "'ports':[{'port':80}]"
#define SLICE(eps, ports)                                                                                              \
	"{'metadata':{'namespace':'d','name':'s-1','labels':{'kubernetes.io/service-name':'s'}},'addressType':'IPv4'," \
	"'endpoints':[" eps "],'ports':[" ports "]}"
#define EP(ip, more) "{'addresses':['" ip "']" more "}"
#define P8080 "{'port':8080}"

static const struct {
	const char *name, *service, *slice, *want;
} plans[] = {
    {"cluster IP", SVC(PORT80), SLICE(EP("10.244.0.2", "") "," EP("10.244.0.3", ""), P8080),
     "S 10.96.0.9/6/80 m2\nE 10.96.0.9/6/80/0 10.244.0.2:8080\nE 10.96.0.9/6/80/1 10.244.0.3:8080\n"},
    {"no endpoints", SVC(PORT80), SLICE("", P8080), "U 10.96.0.9/6/80 reject\n"},
    {"not ready", SVC(PORT80), SLICE(EP("10.244.0.2", ",'conditions':{'ready':false}"), P8080),
     "U 10.96.0.9/6/80 reject\n"},
    {"ready is unknown", SVC(PORT80), SLICE(EP("10.244.0.2", ",'conditions':{}"), P8080),
     "S 10.96.0.9/6/80 m1\nE 10.96.0.9/6/80/0 10.244.0.2:8080\n"},
    {"terminating only where nothing is ready", SVC(PORT80),
     SLICE(EP("10.244.0.2", ",'conditions':{'ready':false,'serving':true,'terminating':true}") "," EP("10.244.0.3", ""),
	   P8080),
     "S 10.96.0.9/6/80 m1\nE 10.96.0.9/6/80/0 10.244.0.3:8080\n"},
    {"terminating and serving", SVC(PORT80),
     SLICE(EP("10.244.0.2", ",'conditions':{'ready':false,'serving':true,'terminating':true}") "," EP(
	       "10.244.0.3", ",'conditions':{'ready':false,'serving':false,'terminating':true}"),
	   P8080),
     "S 10.96.0.9/6/80 m1\nE 10.96.0.9/6/80/0 10.244.0.2:8080\n"},
    {"node port", SVC("'ports':[{'port':80,'nodePort':30080}]"), SLICE(EP("10.244.0.2", ""), P8080),
     "S 10.96.0.9/6/80 m1\nS 192.168.0.1/6/30080 m1\nE 10.96.0.9/6/80/0 10.244.0.2:8080\nE 192.168.0.1/6/30080/0 "
     "10.244.0.2:8080\n"},
    {"external and load-balancer addresses",
     "{'metadata':{'namespace':'d','name':'s'},'spec':{'clusterIP':'10.96.0.9','externalIPs':"
     "['1.2.3.4'],'ports':[{'port':80}]},'status':{'loadBalancer':{'ingress':[{'ip':'1.2.3.5'},{'ip':'1.2.3.6','ipMode'"
     ":'Proxy'}]}}}",
     SLICE("", P8080), "U 1.2.3.4/6/80 reject\nU 1.2.3.5/6/80 reject\nU 10.96.0.9/6/80 reject\n"},
    {"external Local keeps the source and drops without a local endpoint",
     SVC("'externalTrafficPolicy':'Local','ports':[{'port':80,'nodePort':30080}]"),
     SLICE(EP("10.244.0.2", ",'nodeName':'n2'"), P8080),
     "S 10.96.0.9/6/80 m1\nE 10.96.0.9/6/80/0 10.244.0.2:8080\nU 192.168.0.1/6/30080 drop\n"},
    {"external Local with one", SVC("'externalTrafficPolicy':'Local','ports':[{'port':80,'nodePort':30080}]"),
     SLICE(EP("10.244.0.2", ",'nodeName':'n2'") "," EP("10.244.0.3", ",'nodeName':'n1'"), P8080),
     "S 10.96.0.9/6/80 m2\nS 192.168.0.1/6/30080 n1\nE 10.96.0.9/6/80/0 10.244.0.2:8080\nE 10.96.0.9/6/80/1 "
     "10.244.0.3:8080\n"
     "E 192.168.0.1/6/30080/0 10.244.0.3:8080\nH 10.244.0.3\n"},
    {"internal Local", SVC("'internalTrafficPolicy':'Local'," PORT80),
     SLICE(EP("10.244.0.2", ",'nodeName':'n2'") "," EP("10.244.0.3", ",'nodeName':'n1'"), P8080),
     "S 10.96.0.9/6/80 m1\nE 10.96.0.9/6/80/0 10.244.0.3:8080\nH 10.244.0.3\n"},
    {"ports by name and protocol", SVC("'ports':[{'name':'a','port':80},{'name':'b','port':53,'protocol':'UDP'}]"),
     SLICE(EP("10.244.0.2", ""),
	   "{'name':'a','port':8080},{'name':'b','port':5353,'protocol':'UDP'},{'name':'b','port':1}"),
     "S 10.96.0.9/6/80 m1\nS 10.96.0.9/17/53 m1\nE 10.96.0.9/6/80/0 10.244.0.2:8080\nE 10.96.0.9/17/53/0 "
     "10.244.0.2:5353\n"},
    {"affinity", SVC("'sessionAffinity':'ClientIP','sessionAffinityConfig':{'clientIP':{'timeoutSeconds':60}}," PORT80),
     SLICE(EP("10.244.0.2", ""), P8080),
     "S 10.96.0.9/6/80 m1s\nE 10.96.0.9/6/80/0 10.244.0.2:8080\nK 10.96.0.9/6/80 sticky-60\n"},
    {"an endpoint twice", SVC(PORT80), SLICE(EP("10.244.0.2", "") "," EP("10.244.0.2", ""), P8080),
     "S 10.96.0.9/6/80 m1\nE 10.96.0.9/6/80/0 10.244.0.2:8080\n"},
    {"both families",
     "{'metadata':{'namespace':'d','name':'s'},'spec':{'clusterIP':'fd96::9','clusterIPs':['fd96::9','10.96.0.9'],"
     "'ports':[{'port':80}]}}",
     SLICE(EP("10.244.0.2", "") "," EP("fd44::2", ""), P8080),
     "S 10.96.0.9/6/80 m1\nS fd96::9/6/80 n1\nE 10.96.0.9/6/80/0 10.244.0.2:8080\nE fd96::9/6/80/0 fd44::2:8080\n"},
};

START_TEST(plans_right)
{
	const char *slices[] = {plans[_i].slice};
	char *got = plan(plans[_i].service, slices, 1);
	ck_assert_msg(!strcmp(got, plans[_i].want), "%s: got\n%swanted\n%s", plans[_i].name, got, plans[_i].want);
	free(got);
}
END_TEST

struct known {
	struct svc_elem *v;
	size_t n;
};

static const struct svc_elem *find(void *arg, const struct svc_elem *like)
{
	const struct known *k = arg;
	return bsearch(like, k->v, k->n, sizeof(*k->v), svc_elem_cmp);
}

START_TEST(indexes_stay)
{
	struct service *s = service(SVC(PORT80));
	struct service_slice *before =
	    slice(SLICE(EP("10.244.0.2", "") "," EP("10.244.0.3", "") "," EP("10.244.0.4", ""), P8080));
	struct service_slice *after =
	    slice(SLICE(EP("10.244.0.3", "") "," EP("10.244.0.4", "") "," EP("10.244.0.5", ""), P8080));
	struct known old;
	struct svc_elem *wanted;
	const struct svc_elem **del, **add;
	size_t n, n_del, n_add;
	service_plan(s, &before, 1, &ctx, &old.v, &old.n);
	ctx.find = find;
	ctx.arg = &old;
	service_plan(s, &after, 1, &ctx, &wanted, &n);
	svc_elem_diff(old.v, old.n, wanted, n, &del, &n_del, &add, &n_add);
	/* one endpoint replaced: its index, nothing else */
	ck_assert_uint_eq(n_del, 1);
	ck_assert_uint_eq(n_add, 1);
	ck_assert_int_eq(add[0]->kind, SVC_ENDPOINT);
	ck_assert_int_eq(svc_elem_cmp(del[0], add[0]), 0);
	free(del), free(add), free(wanted), free(old.v);
	service_free(s), service_slice_free(before), service_slice_free(after);
}
END_TEST

START_TEST(differences)
{
	struct svc_elem a = {.kind = SVC_SERVICE, .family = AF_INET, .key_len = 12, .count = 1}, b = a, c = a;
	b.key[0] = 1;
	c.count = 2;
	const struct svc_elem **del, **add;
	size_t n_del, n_add;
	svc_elem_diff(&a, 1, &b, 1, &del, &n_del, &add, &n_add);
	ck_assert(n_del == 1 && n_add == 1);
	free(del), free(add);
	svc_elem_diff(&a, 1, &c, 1, &del, &n_del, &add, &n_add);
	ck_assert(n_del == 1 && n_add == 1);
	free(del), free(add);
	svc_elem_diff(&a, 1, &a, 1, &del, &n_del, &add, &n_add);
	ck_assert(n_del == 0 && n_add == 0);
	free(del), free(add);
	svc_elem_diff(NULL, 0, NULL, 0, &del, &n_del, &add, &n_add);
	ck_assert(n_del == 0 && n_add == 0);
	free(del), free(add);
}
END_TEST

START_TEST(chain_names)
{
	struct svc_elem e = {0};
	static const char *const good[] = {"n1", "m12", "n3s", "sticky-10800"},
				 *const bad[] = {"",         "n",       "x1",
						 "n01",      "nope",    "n1-",
						 "n1ss",     "sticky-", "sticky-postrouting",
						 "n99999999"};
	char name[32];
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		ck_assert(svc_chain_parse(good[i], &e));
		ck_assert_str_eq(svc_chain_name(&e, name), good[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(!svc_chain_parse(bad[i], &e), "%s", bad[i]);
}
END_TEST

START_TEST(not_ours)
{
	ck_assert_ptr_null(service("{'metadata':{'name':'s'},'spec':{'clusterIP':'None'}}"));
	ck_assert_ptr_null(service("{'metadata':{'name':'s'},'spec':{'type':'ExternalName'}}"));
	ck_assert_ptr_null(service("{'metadata':{'name':'s'},'spec':{}}"));
	ck_assert_ptr_null(
	    service("{'metadata':{'name':'s','labels':{'service.kubernetes.io/service-proxy-name':'x'}},'spec':"
		    "{'clusterIP':'10.96.0.9'}}"));
	ck_assert_ptr_null(slice("{'metadata':{'name':'s'}}"));
	ck_assert_ptr_null(
	    slice("{'metadata':{'name':'s','labels':{'kubernetes.io/service-name':'s'}},'addressType':'FQDN'}"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("service_plan");
	TCase *t = tcase_create("all");
	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_loop_test(t, plans_right, 0, (int)ARRAY_LEN(plans));
	tcase_add_test(t, indexes_stay);
	tcase_add_test(t, differences);
	tcase_add_test(t, chain_names);
	tcase_add_test(t, not_ours);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
