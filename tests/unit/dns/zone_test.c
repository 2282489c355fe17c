/* The records of a cluster's names, by the specification's own list, and names that are not there. */
#include "dns/zone.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "tests/unit/quoted_json.h"

static struct zone *zone;

static void add_service(const char *text)
{
	AUTO_JSON *j = quoted_json(text);
	zone_set_service(zone, zone_service_parse(j));
}

static void add_slice(const char *text)
{
	AUTO_JSON *j = quoted_json(text);
	struct zone_slice *s = zone_slice_parse(j);
	ck_assert_ptr_nonnull(s);
	zone_set_slice(zone, s);
}

#define SLICE(name, service, headless, rest)                                                                           \
	"{'metadata':{'name':'" name "','namespace':'ns','labels':{'kubernetes.io/service-name':'" service "'" headless     \
	"}}," rest "}"

static void setup(void)
{
	struct ip server;
	struct ip_net pods;
	ip_parse("10.96.0.10", &server);
	ip_net_parse("10.244.0.0/16", &pods);
	struct zone_config c = {.domain = "cluster.local", .servers = &server, .n_servers = 1, .reverse = &pods, .n_reverse = 1};
	zone = zone_new(&c);
	zone_set_namespace(zone, "ns", true);
	add_service("{'metadata':{'name':'web','namespace':'ns'},'spec':{'clusterIP':'10.96.0.7','clusterIPs':['10.96.0.7',"
		    "'fd00::7'],'ports':[{'name':'HTTP','port':80},{'name':'dns','port':53,'protocol':'UDP'}]}}");
	add_service("{'metadata':{'name':'db','namespace':'ns'},'spec':{'clusterIP':'None'}}");
	add_service("{'metadata':{'name':'empty','namespace':'ns'},'spec':{'clusterIP':'None','ports':[{'port':1}]}}");
	add_service("{'metadata':{'name':'plain','namespace':'ns'},'spec':{'clusterIP':'10.96.0.9','ports':[{'port':1}]}}");
	add_service("{'metadata':{'name':'out','namespace':'ns'},'spec':{'type':'ExternalName','externalName':'WWW.example.com'}}");
	add_service("{'metadata':{'name':'number','namespace':'ns'},'spec':{'type':'ExternalName','externalName':'192.0.2.1'}}");
	add_slice(SLICE("web-1", "web", "", "'endpoints':[{'addresses':['10.244.0.9']},{'addresses':['10.244.0.7'],"
			"'hostname':'web-0'}],'ports':[{'name':'http','port':8080}]"));
	add_slice(SLICE("db-1", "db", ",'service.kubernetes.io/headless':''",
			"'endpoints':[{'addresses':['10.244.0.2'],'hostname':'db-0'},{'addresses':['10.244.0.3']},"
			"{'addresses':['10.244.0.4'],'conditions':{'ready':false}}],'ports':[{'name':'pg','port':5432}]"));
	add_slice(SLICE("db-2", "db", ",'service.kubernetes.io/headless':''",
			"'endpoints':[{'addresses':['fd00:1::2'],'hostname':'db-0'}],'ports':[{'name':'pg','port':5432}]"));
}

static void teardown(void)
{
	zone_free(zone);
}

/* "A 10.96.0.7;..." of a list, in order. */
static void print(struct str *out, const ldns_rr_list *list)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(list, i);
		AUTO_FREE char *type = ldns_rr_type2str(ldns_rr_get_type(rr)), *owner = ldns_rdf2str(ldns_rr_owner(rr));
		str_addf(out, "%s%s %s", i ? ";" : "", owner, type);
		for (size_t k = 0; k < ldns_rr_rd_count(rr); k++) {
			AUTO_FREE char *value = ldns_rdf2str(ldns_rr_rdf(rr, k));
			str_addf(out, " %s", value);
		}
	}
}

#define S ".ns.svc.cluster.local"
#define D ".cluster.local."
static const struct {
	const char *name;
	ldns_rr_type type;
	enum zone_result result;
	const char *answer, *extra;
} cases[] = {
    {"web" S, LDNS_RR_TYPE_A, ZONE_FOUND, "web" S ". A 10.96.0.7", ""},
    {"web" S, LDNS_RR_TYPE_AAAA, ZONE_FOUND, "web" S ". AAAA fd00::7", ""},
    {"web" S, LDNS_RR_TYPE_MX, ZONE_FOUND, "", ""},
    {"_http._tcp.web" S, LDNS_RR_TYPE_SRV, ZONE_FOUND, "_http._tcp.web" S ". SRV 0 50 80 web" S ".",
     "web" S ". A 10.96.0.7;web" S ". AAAA fd00::7"},
    {"_dns._udp.web" S, LDNS_RR_TYPE_SRV, ZONE_FOUND, "_dns._udp.web" S ". SRV 0 50 53 web" S ".",
     "web" S ". A 10.96.0.7;web" S ". AAAA fd00::7"},
    {"_dns._udp.web" S, LDNS_RR_TYPE_A, ZONE_FOUND, "", ""},
    {"_dns._tcp.web" S, LDNS_RR_TYPE_SRV, ZONE_NXDOMAIN, "", ""},
    {"_tcp.web" S, LDNS_RR_TYPE_A, ZONE_FOUND, "", ""},
    {"_sctp.web" S, LDNS_RR_TYPE_A, ZONE_NXDOMAIN, "", ""},
    {"10-244-0-9.web" S, LDNS_RR_TYPE_A, ZONE_FOUND, "10-244-0-9.web" S ". A 10.244.0.9", ""},
    {"10-244-0-9.web" S, LDNS_RR_TYPE_AAAA, ZONE_FOUND, "", ""},
    {"10-244-0-8.web" S, LDNS_RR_TYPE_A, ZONE_NXDOMAIN, "", ""},
    {"web-0.web" S, LDNS_RR_TYPE_A, ZONE_FOUND, "web-0.web" S ". A 10.244.0.7", ""},
    {"web" S, LDNS_RR_TYPE_SRV, ZONE_FOUND, "web" S ". SRV 0 25 80 web" S ".;web" S ". SRV 0 25 53 web" S ".",
     "web" S ". A 10.96.0.7;web" S ". AAAA fd00::7"},
    {"plain" S, LDNS_RR_TYPE_SRV, ZONE_FOUND, "plain" S ". SRV 0 100 1 plain" S ".", "plain" S ". A 10.96.0.9"},
    {"db" S, LDNS_RR_TYPE_A, ZONE_FOUND, "db" S ". A 10.244.0.2;db" S ". A 10.244.0.3", ""},
    {"db" S, LDNS_RR_TYPE_AAAA, ZONE_FOUND, "db" S ". AAAA fd00:1::2", ""},
    {"db-0.db" S, LDNS_RR_TYPE_A, ZONE_FOUND, "db-0.db" S ". A 10.244.0.2", ""},
    {"10-244-0-3.db" S, LDNS_RR_TYPE_A, ZONE_FOUND, "10-244-0-3.db" S ". A 10.244.0.3", ""},
    {"10-244-0-3.db" S, LDNS_RR_TYPE_AAAA, ZONE_FOUND, "", ""},
    {"10-244-0-4.db" S, LDNS_RR_TYPE_A, ZONE_NXDOMAIN, "", ""},
    {"_pg._tcp.db" S, LDNS_RR_TYPE_SRV, ZONE_FOUND,
     "_pg._tcp.db" S ". SRV 0 33 5432 db-0.db" S ".;_pg._tcp.db" S ". SRV 0 33 5432 10-244-0-3.db" S ".",
     "db-0.db" S ". A 10.244.0.2;10-244-0-3.db" S ". A 10.244.0.3;db-0.db" S ". AAAA fd00:1::2"},
    {"empty" S, LDNS_RR_TYPE_A, ZONE_NXDOMAIN, "", ""},
    {"_._tcp.empty" S, LDNS_RR_TYPE_SRV, ZONE_NXDOMAIN, "", ""},
    {"_._tcp.plain" S, LDNS_RR_TYPE_SRV, ZONE_NXDOMAIN, "", ""},
    {"out" S, LDNS_RR_TYPE_A, ZONE_ALIAS, "out" S ". CNAME www.example.com.", ""},
    {"out" S, LDNS_RR_TYPE_CNAME, ZONE_FOUND, "out" S ". CNAME www.example.com.", ""},
    {"x.out" S, LDNS_RR_TYPE_A, ZONE_NXDOMAIN, "", ""},
    {"number" S, LDNS_RR_TYPE_A, ZONE_NXDOMAIN, "", ""},
    {"none" S, LDNS_RR_TYPE_A, ZONE_NXDOMAIN, "", ""},
    {"web.other.svc.cluster.local", LDNS_RR_TYPE_A, ZONE_NXDOMAIN, "", ""},
    {"ns.svc.cluster.local", LDNS_RR_TYPE_A, ZONE_FOUND, "", ""},
    {"other.svc.cluster.local", LDNS_RR_TYPE_A, ZONE_NXDOMAIN, "", ""},
    {"svc.cluster.local", LDNS_RR_TYPE_A, ZONE_FOUND, "", ""},
    {"a.b.c.d.e.f.g.h.i.svc.cluster.local", LDNS_RR_TYPE_A, ZONE_NXDOMAIN, "", ""},
    {"nothing.cluster.local", LDNS_RR_TYPE_A, ZONE_NXDOMAIN, "", ""},
    {"10-1-2-3.ns.pod.cluster.local", LDNS_RR_TYPE_A, ZONE_FOUND, "10-1-2-3.ns.pod" D " A 10.1.2.3", ""},
    {"fd00--1.ns.pod.cluster.local", LDNS_RR_TYPE_AAAA, ZONE_FOUND, "fd00--1.ns.pod" D " AAAA fd00::1", ""},
    {"10-1-2-3.other.pod.cluster.local", LDNS_RR_TYPE_A, ZONE_NXDOMAIN, "", ""},
    {"10-1-2.ns.pod.cluster.local", LDNS_RR_TYPE_A, ZONE_NXDOMAIN, "", ""},
    {"dns-version.cluster.local", LDNS_RR_TYPE_TXT, ZONE_FOUND, "dns-version" D " TXT \"1.1.0\"", ""},
    {"ns.dns.cluster.local", LDNS_RR_TYPE_A, ZONE_FOUND, "ns.dns" D " A 10.96.0.10", ""},
    {"cluster.local", LDNS_RR_TYPE_NS, ZONE_FOUND, "cluster.local. NS ns.dns" D, "ns.dns" D " A 10.96.0.10"},
    {"7.0.96.10.in-addr.arpa", LDNS_RR_TYPE_PTR, ZONE_FOUND, "7.0.96.10.in-addr.arpa. PTR web" S ".", ""},
    {"2.0.244.10.in-addr.arpa", LDNS_RR_TYPE_PTR, ZONE_FOUND, "2.0.244.10.in-addr.arpa. PTR db-0.db" S ".", ""},
    {"9.0.244.10.in-addr.arpa", LDNS_RR_TYPE_PTR, ZONE_FOUND, "9.0.244.10.in-addr.arpa. PTR 10-244-0-9.web" S ".", ""},
    {"4.0.244.10.in-addr.arpa", LDNS_RR_TYPE_PTR, ZONE_NXDOMAIN, "", ""},
    {"8.8.8.8.in-addr.arpa", LDNS_RR_TYPE_PTR, ZONE_FOREIGN, "", ""},
    {"8.8.8.in-addr.arpa", LDNS_RR_TYPE_PTR, ZONE_FOREIGN, "", ""},
    {"2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.0.0.d.f.ip6.arpa", LDNS_RR_TYPE_PTR, ZONE_FOUND,
     "2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.0.0.d.f.ip6.arpa. PTR db-0.db" S ".", ""},
    {"example.com", LDNS_RR_TYPE_A, ZONE_FOREIGN, "", ""},
    {"notcluster.local", LDNS_RR_TYPE_A, ZONE_FOREIGN, "", ""},
    {"", LDNS_RR_TYPE_NS, ZONE_FOREIGN, "", ""},
};

START_TEST(names)
{
	AUTO_STR answer = STR_INIT, extra = STR_INIT;
	setup();
	ldns_rr_list *a = ldns_rr_list_new(), *x = ldns_rr_list_new();
	ck_assert_msg(zone_lookup(zone, cases[_i].name, cases[_i].type, a, x) == cases[_i].result, "%s", cases[_i].name);
	print(&answer, a);
	print(&extra, x);
	ck_assert_str_eq(str_text(&answer), cases[_i].answer);
	ck_assert_str_eq(str_text(&extra), cases[_i].extra);
	ldns_rr_list_deep_free(a);
	ldns_rr_list_deep_free(x);
	teardown();
}
END_TEST

static enum zone_result look(const char *name, ldns_rr_type type)
{
	ldns_rr_list *a = ldns_rr_list_new(), *x = ldns_rr_list_new();
	enum zone_result r = zone_lookup(zone, name, type, a, x);
	if (r == ZONE_FOUND && !ldns_rr_list_rr_count(a))
		r = ZONE_ALIAS; /* here: nothing of that type */
	ldns_rr_list_deep_free(a);
	ldns_rr_list_deep_free(x);
	return r;
}

START_TEST(changes)
{
	setup();
	uint64_t before = zone_generation(zone);
	add_service("{'metadata':{'name':'web','namespace':'ns'},'spec':{'clusterIP':'10.96.0.8'}}");
	ck_assert(zone_generation(zone) > before);
	ck_assert_int_eq(look("8.0.96.10.in-addr.arpa", LDNS_RR_TYPE_PTR), ZONE_FOUND);
	ck_assert_int_eq(look("7.0.96.10.in-addr.arpa", LDNS_RR_TYPE_PTR), ZONE_FOREIGN);
	zone_delete_slice(zone, "ns/db-1");
	ck_assert_int_eq(look("db" S, LDNS_RR_TYPE_A), ZONE_ALIAS);
	zone_delete_slice(zone, "ns/db-2");
	ck_assert_int_eq(look("db" S, LDNS_RR_TYPE_A), ZONE_NXDOMAIN);
	ck_assert_int_eq(look("2.0.244.10.in-addr.arpa", LDNS_RR_TYPE_PTR), ZONE_NXDOMAIN);
	zone_delete_service(zone, "ns/web");
	zone_delete_service(zone, "ns/web");
	ck_assert_int_eq(look("web" S, LDNS_RR_TYPE_A), ZONE_NXDOMAIN);
	zone_set_namespace(zone, "ns", false);
	ck_assert_int_eq(look("ns.svc.cluster.local", LDNS_RR_TYPE_A), ZONE_NXDOMAIN);
	teardown();
}
END_TEST

#include "tests/unit/check_main.h"
TESTS_TABLE("zone", names, ARRAY_LEN(cases), changes)
