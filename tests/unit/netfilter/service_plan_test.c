/* The plan of the proxy: fronts, endpoints, policies, stable indexes, differences, parsing. */
#include "netfilter/service_plan.h"

#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "netfilter/service_parse.h"
#include "netfilter/service_targets.h"
#include "tests/unit/quoted_json.h"

static struct service *service(const char *text)
{
	AUTO_JSON *j = quoted_json(text);
	return service_parse(j);
}

static struct service_slice *slice(const char *text)
{
	AUTO_JSON *j = quoted_json(text);
	return service_slice_parse(j, "n1", "z1");
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

/* "S 10.96.0.9/6/80 m2", "E .../0 10.244.0.2:8080", "H 10.244.0.2", one a line. */
static char *text_of(const struct svc_elem *v, size_t n)
{
	struct str out = STR_INIT;
	for (size_t i = 0; i < n; i++) {
		const struct svc_elem *e = &v[i];
		size_t a = e->family == AF_INET ? 4 : 16;
		struct ip ip = {.family = e->family}, to = {.family = e->family};
		char t[IP_TEXT_MAX], chain[32];
		memcpy(ip.b, e->key, a);
		str_addf(&out, "%c %s", "SEHKAL"[e->kind], ip_text(&ip, t));
		if (e->kind != SVC_HAIRPIN)
			str_addf(&out, "/%d/%d", e->key[a], e->key[a + 4] << 8 | e->key[a + 5]);
		if (e->kind == SVC_SERVICE)
			str_addf(&out, " %s", svc_choice_name(svc_elem_number(e), chain));
		if (e->kind == SVC_STICKY)
			str_addf(&out, " %u", svc_elem_number(e));
		if (e->kind == SVC_LINGER) {
			memcpy(to.b, e->key + a + 8, a);
			str_addf(&out, " %s:%d", ip_text(&to, t), e->key[a + 8 + a] << 8 | e->key[a + 8 + a + 1]);
		}
		if (e->kind == SVC_ALLOWED) {
			memcpy(ip.b, e->key + a + 8, a);
			memcpy(to.b, e->data, a);
			str_addf(&out, " %s-", ip_text(&ip, t));
			str_add(&out, ip_text(&to, t));
		}
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
#define ZONE(name) ",'hints':{'forZones':[{'name':'" name "'}]}"
#define BOTH "S 10.96.0.9/6/80 m2\nE 10.96.0.9/6/80/0 10.244.0.2:8080\nE 10.96.0.9/6/80/1 10.244.0.3:8080\n"
#define BALANCER(ranges)                                                                                               \
	"{'metadata':{'namespace':'d','name':'s'},'spec':{'type':'LoadBalancer','clusterIP':'10.96.0.9',"               \
	"'loadBalancerSourceRanges':[" ranges "],'ports':[{'port':80}]},'status':{'loadBalancer':{'ingress':[{'ip':"     \
	"'5.5.5.5','ipMode':'VIP'}]}}}"

static const struct {
	const char *name, *service, *slice, *want;
} plans[] = {
    {"cluster IP", SVC(PORT80), SLICE(EP("10.244.0.2", "") "," EP("10.244.0.3", ""), P8080),
     "S 10.96.0.9/6/80 m2\nE 10.96.0.9/6/80/0 10.244.0.2:8080\nE 10.96.0.9/6/80/1 10.244.0.3:8080\n"},
    {"no endpoints", SVC(PORT80), SLICE("", P8080), "S 10.96.0.9/6/80 refuse\n"},
    {"not ready", SVC(PORT80), SLICE(EP("10.244.0.2", ",'conditions':{'ready':false}"), P8080),
     "S 10.96.0.9/6/80 refuse\n"},
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
    {"terminating, and serving is unknown", SVC(PORT80),
     SLICE(EP("10.244.0.2", ",'conditions':{'ready':false,'terminating':true}"), P8080),
     "S 10.96.0.9/6/80 m1\nE 10.96.0.9/6/80/0 10.244.0.2:8080\n"},
    {"node port", SVC("'ports':[{'port':80,'nodePort':30080}]"), SLICE(EP("10.244.0.2", ""), P8080),
     "S 10.96.0.9/6/80 m1\nS 192.168.0.1/6/30080 a1\nE 10.96.0.9/6/80/0 10.244.0.2:8080\nE 192.168.0.1/6/30080/0 "
     "10.244.0.2:8080\n"},
    {"external and load-balancer addresses",
     "{'metadata':{'namespace':'d','name':'s'},'spec':{'clusterIP':'10.96.0.9','externalIPs':"
     "['1.2.3.4'],'ports':[{'port':80}]},'status':{'loadBalancer':{'ingress':[{'ip':'1.2.3.5'},{'ip':'1.2.3.6','ipMode'"
     ":'Proxy'}]}}}",
     SLICE("", P8080), "S 1.2.3.4/6/80 refuse\nS 1.2.3.5/6/80 refuse\nS 10.96.0.9/6/80 refuse\n"},
    {"external Local drops without a local endpoint, but not for who is inside",
     SVC("'externalTrafficPolicy':'Local','ports':[{'port':80,'nodePort':30080}]"),
     SLICE(EP("10.244.0.2", ",'nodeName':'n2'"), P8080),
     "S 10.96.0.9/6/80 m1\nS 192.168.0.1/6/30080 l0c1\nE 10.96.0.9/6/80/0 10.244.0.2:8080\n"
     "E 192.168.0.1/6/30080/65536 10.244.0.2:8080\n"},
    {"external Local with one", SVC("'externalTrafficPolicy':'Local','ports':[{'port':80,'nodePort':30080}]"),
     SLICE(EP("10.244.0.2", ",'nodeName':'n2'") "," EP("10.244.0.3", ",'nodeName':'n1'"), P8080),
     "S 10.96.0.9/6/80 m2h\nS 192.168.0.1/6/30080 l1c2h\nE 10.96.0.9/6/80/0 10.244.0.2:8080\nE 10.96.0.9/6/80/1 "
     "10.244.0.3:8080\n"
     "E 192.168.0.1/6/30080/0 10.244.0.3:8080\nE 192.168.0.1/6/30080/65536 10.244.0.2:8080\n"
     "E 192.168.0.1/6/30080/65537 10.244.0.3:8080\nH 10.244.0.3\n"},
    {"external Local without any", SVC("'externalTrafficPolicy':'Local','ports':[{'port':80,'nodePort':30080}]"),
     SLICE("", P8080), "S 10.96.0.9/6/80 refuse\nS 192.168.0.1/6/30080 refuse\n"},
    {"local ones that end, although others are ready",
     SVC("'internalTrafficPolicy':'Local'," PORT80),
     SLICE(EP("10.244.0.2", ",'nodeName':'n2'") "," EP(
	       "10.244.0.3", ",'nodeName':'n1','conditions':{'ready':false,'serving':true,'terminating':true}"),
	   P8080),
     "S 10.96.0.9/6/80 m1h\nE 10.96.0.9/6/80/0 10.244.0.3:8080\nH 10.244.0.3\n"},
    {"hints for this zone", SVC(PORT80), SLICE(EP("10.244.0.2", ZONE("z1")) "," EP("10.244.0.3", ZONE("z2")), P8080),
     "S 10.96.0.9/6/80 m1\nE 10.96.0.9/6/80/0 10.244.0.2:8080\n"},
    {"hints for other zones only", SVC(PORT80),
     SLICE(EP("10.244.0.2", ZONE("z3")) "," EP("10.244.0.3", ZONE("z2")), P8080), BOTH},
    {"hints are missing for one", SVC(PORT80), SLICE(EP("10.244.0.2", ZONE("z1")) "," EP("10.244.0.3", ""), P8080),
     BOTH},
    {"hints are missing for one that is not ready", SVC(PORT80),
     SLICE(EP("10.244.0.2", ZONE("z1")) "," EP("10.244.0.3", ",'conditions':{'ready':false}"), P8080),
     "S 10.96.0.9/6/80 m1\nE 10.96.0.9/6/80/0 10.244.0.2:8080\n"},
    {"hints for this node before those for its zone", SVC(PORT80),
     SLICE(EP("10.244.0.2", ",'hints':{'forZones':[{'name':'z1'}],'forNodes':[{'name':'n2'}]}") "," EP(
	       "10.244.0.3", ",'hints':{'forZones':[{'name':'z1'}],'forNodes':[{'name':'n1'}]}"),
	   P8080),
     "S 10.96.0.9/6/80 m1\nE 10.96.0.9/6/80/0 10.244.0.3:8080\n"},
    {"hints for other nodes, but this zone", SVC(PORT80),
     SLICE(EP("10.244.0.2", ",'hints':{'forZones':[{'name':'z1'}],'forNodes':[{'name':'n2'}]}") "," EP(
	       "10.244.0.3", ",'hints':{'forZones':[{'name':'z2'}],'forNodes':[{'name':'n3'}]}"),
	   P8080),
     "S 10.96.0.9/6/80 m1\nE 10.96.0.9/6/80/0 10.244.0.2:8080\n"},
    {"hints do not narrow a Local policy", SVC("'internalTrafficPolicy':'Local'," PORT80),
     SLICE(EP("10.244.0.3", ",'nodeName':'n1','hints':{'forZones':[{'name':'z2'}]}"), P8080),
     "S 10.96.0.9/6/80 m1h\nE 10.96.0.9/6/80/0 10.244.0.3:8080\nH 10.244.0.3\n"},
    {"load-balancer sources", BALANCER("'10.0.0.0/8','10.1.0.0/16',' 1.1.1.1/32 ','fd00::/8','nonsense'"),
     SLICE(EP("10.244.0.2", ""), P8080),
     "S 5.5.5.5/6/80 a1r\nS 10.96.0.9/6/80 m1\nE 5.5.5.5/6/80/0 10.244.0.2:8080\nE 10.96.0.9/6/80/0 10.244.0.2:8080\n"
     "A 5.5.5.5/6/80 1.1.1.1-1.1.1.1\nA 5.5.5.5/6/80 10.0.0.0-10.255.255.255\n"},
    {"load-balancer sources with the node among them", BALANCER("'192.168.0.0/24'"), SLICE(EP("10.244.0.2", ""), P8080),
     "S 5.5.5.5/6/80 a1r\nS 10.96.0.9/6/80 m1\nE 5.5.5.5/6/80/0 10.244.0.2:8080\nE 10.96.0.9/6/80/0 10.244.0.2:8080\n"
     "A 5.5.5.5/6/80 5.5.5.5-5.5.5.5\nA 5.5.5.5/6/80 192.168.0.0-192.168.0.255\n"},
    {"load-balancer sources of another family", BALANCER("'fd00::/8'"), SLICE(EP("10.244.0.2", ""), P8080),
     "S 5.5.5.5/6/80 a1\nS 10.96.0.9/6/80 m1\nE 5.5.5.5/6/80/0 10.244.0.2:8080\nE 10.96.0.9/6/80/0 "
     "10.244.0.2:8080\n"},
    {"SCTP", SVC("'ports':[{'port':80,'protocol':'SCTP'}]"),
     SLICE(EP("10.244.0.2", ""), "{'port':8080,'protocol':'SCTP'}"),
     "S 10.96.0.9/132/80 m1\nE 10.96.0.9/132/80/0 10.244.0.2:8080\n"},
    {"internal Local", SVC("'internalTrafficPolicy':'Local'," PORT80),
     SLICE(EP("10.244.0.2", ",'nodeName':'n2'") "," EP("10.244.0.3", ",'nodeName':'n1'"), P8080),
     "S 10.96.0.9/6/80 m1h\nE 10.96.0.9/6/80/0 10.244.0.3:8080\nH 10.244.0.3\n"},
    {"internal Local without one here", SVC("'internalTrafficPolicy':'Local'," PORT80),
     SLICE(EP("10.244.0.2", ",'nodeName':'n2'"), P8080), "S 10.96.0.9/6/80 l0c0\n"},
    {"ports by name and protocol", SVC("'ports':[{'name':'a','port':80},{'name':'b','port':53,'protocol':'UDP'}]"),
     SLICE(EP("10.244.0.2", ""),
	   "{'name':'a','port':8080},{'name':'b','port':5353,'protocol':'UDP'},{'name':'b','port':1}"),
     "S 10.96.0.9/6/80 m1\nS 10.96.0.9/17/53 m1\nE 10.96.0.9/6/80/0 10.244.0.2:8080\nE 10.96.0.9/17/53/0 "
     "10.244.0.2:5353\n"},
    {"UDP goes on to who serves, and to who is in another zone",
     SVC("'ports':[{'port':53,'protocol':'UDP'}]"),
     SLICE(EP("10.244.0.2", ZONE("z1")) "," EP("10.244.0.3", ZONE("z2")) "," EP(
	       "10.244.0.4", ",'conditions':{'ready':false,'serving':true,'terminating':true}") "," EP(
	       "10.244.0.5", ",'conditions':{'ready':false,'serving':false}"),
	   "{'port':5353,'protocol':'UDP'}"),
     "S 10.96.0.9/17/53 m1\nE 10.96.0.9/17/53/0 10.244.0.2:5353\nL 10.96.0.9/17/53 10.244.0.3:5353\n"
     "L 10.96.0.9/17/53 10.244.0.4:5353\n"},
    {"affinity", SVC("'sessionAffinity':'ClientIP','sessionAffinityConfig':{'clientIP':{'timeoutSeconds':60}}," PORT80),
     SLICE(EP("10.244.0.2", ""), P8080),
     "S 10.96.0.9/6/80 m1s\nE 10.96.0.9/6/80/0 10.244.0.2:8080\nK 10.96.0.9/6/80 60\n"},
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
	struct svc_elem a = {.kind = SVC_SERVICE, .family = AF_INET, .key_len = 12, .data_len = 4, .data = {1}}, b = a, c = a;
	b.key[0] = 1;
	c.data[0] = 2;
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

START_TEST(choices)
{
	static const struct {
		struct svc_choice choice;
		uint32_t number;
		const char *name;
	} cases[] = {
	    {{.count = 1}, 0x1, "n1"},
	    {{.count = 12, .mode = SVC_MARK_OTHERS}, 0x1000000c, "m12"},
	    {{.count = 3, .sticky = true}, 0x01000003, "n3s"},
	    {{.count = 2, .mode = SVC_MARK_ALL, .restricted = true}, 0x22000002, "a2r"},
	    {{.cluster = 3, .mode = SVC_LOCAL, .sticky = true, .restricted = true}, 0x33003000, "l0c3sr"},
	    {{.count = 4095, .cluster = 4095, .mode = SVC_LOCAL}, 0x30ffffff, "l4095c4095"},
	    {{.count = 2, .mode = SVC_MARK_OTHERS, .hairpin = true}, 0x14000002, "m2h"},
	    {{.mode = SVC_LOCAL}, 0x30000000, "l0c0"},
	    {{.mode = SVC_REFUSE}, 0x40000000, "refuse"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct svc_choice again;
		char name[32];
		ck_assert_uint_eq(svc_choice_number(&cases[i].choice), cases[i].number);
		svc_choice_read(cases[i].number, &again);
		ck_assert_uint_eq(svc_choice_number(&again), cases[i].number);
		ck_assert_str_eq(svc_choice_name(cases[i].number, name), cases[i].name);
	}
}
END_TEST

START_TEST(everything_masqueraded)
{
	const char *slices[] = {SLICE(EP("10.244.0.2", ""), P8080)};
	ctx.masquerade_all = true;
	char *got = plan(SVC(PORT80), slices, 1);
	ck_assert_str_eq(got, "S 10.96.0.9/6/80 a1\nE 10.96.0.9/6/80/0 10.244.0.2:8080\n");
	free(got);
}
END_TEST

START_TEST(health_ports)
{
	struct service *s = service("{'metadata':{'name':'s'},'spec':{'type':'LoadBalancer','clusterIP':'10.96.0.9',"
				    "'externalTrafficPolicy':'Local','healthCheckNodePort':31000}}"),
		       *other = service("{'metadata':{'name':'s'},'spec':{'type':'NodePort','clusterIP':'10.96.0.9',"
					"'externalTrafficPolicy':'Local','healthCheckNodePort':31000}}");
	struct service_slice *slices[] = {
	    slice(SLICE(EP("10.244.0.2", ",'nodeName':'n1'") "," EP("10.244.0.3", ",'nodeName':'n2'") "," EP(
			    "10.244.0.4", ",'nodeName':'n1','conditions':{'ready':false}"),
			P8080)),
	    slice(SLICE(EP("10.244.0.2", ",'nodeName':'n1'"), P8080))};
	ck_assert_int_eq(s->health_port, 31000);
	ck_assert_int_eq(other->health_port, 0);
	ck_assert_uint_eq(service_count_local(slices, 2), 1);
	service_free(s), service_free(other), service_slice_free(slices[0]), service_slice_free(slices[1]);
}
END_TEST

START_TEST(trigger_times)
{
	struct service_slice *s = slice("{'metadata':{'name':'s','labels':{'kubernetes.io/service-name':'s'},"
					"'annotations':{'endpoints.kubernetes.io/last-change-trigger-time':"
					"'1970-01-01T00:00:07Z'}}}");
	ck_assert_int_eq(s->trigger_us, 7000000);
	service_slice_free(s);
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
	ck_assert_ptr_null(
	    service("{'metadata':{'name':'s','labels':{'service.kubernetes.io/headless':''}},'spec':"
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
	tcase_add_test(t, choices);
	tcase_add_test(t, everything_masqueraded);
	tcase_add_test(t, health_ports);
	tcase_add_test(t, trigger_times);
	tcase_add_test(t, not_ours);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
