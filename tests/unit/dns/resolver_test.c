/* Requests answered from the zone, again from what was kept, and along a pod's search path. */
#include "dns/resolver.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

static struct loop *loop;
static struct zone *zone;
static struct upstream *upstream;
static struct resolver *resolver;

static const char *namespace_of(void *arg, const struct ip *client)
{
	(void)arg;
	return client->b[3] == 1 ? "ns" : NULL;
}

static void set_web(const char *address)
{
	AUTO_JSON *j = json_pack("{s:{s:s,s:s},s:{s:[s]}}", "metadata", "name", "web", "namespace", "ns", "spec", "clusterIPs", address);
	zone_set_service(zone, zone_service_parse(j));
}

static void setup(void)
{
	struct zone_config c = {.domain = "cluster.local"};
	ck_assert_int_eq(loop_new(&loop, NULL), 0);
	zone = zone_new(&c);
	zone_set_namespace(zone, "ns", true);
	set_web("10.96.0.1");
	upstream = upstream_new(loop);
	struct resolver_config r = {.zone = zone, .upstream = upstream, .namespace_of = namespace_of};
	resolver = resolver_new(&r);
}

static void teardown(void)
{
	upstream_free(upstream);
	resolver_free(resolver);
	zone_free(zone);
	loop_free(loop);
}

static void print(void *arg, const uint8_t *bytes, size_t len)
{
	struct str *out = arg;
	ldns_pkt *p = NULL;
	ck_assert_int_eq(ldns_wire2pkt(&p, bytes, len), LDNS_STATUS_OK);
	str_addf(out, "%d%s", ldns_pkt_get_rcode(p), ldns_pkt_aa(p) ? " aa" : "");
	for (size_t i = 0; i < ldns_rr_list_rr_count(ldns_pkt_answer(p)); i++) {
		AUTO_FREE char *text = ldns_rdf2str(ldns_rr_rdf(ldns_rr_list_rr(ldns_pkt_answer(p), i), 0));
		AUTO_FREE char *owner = ldns_rdf2str(ldns_rr_owner(ldns_rr_list_rr(ldns_pkt_answer(p), i)));
		str_addf(out, " %.3s %s", owner, text);
	}
	ldns_pkt_free(p);
}

/* name: as on the wire, A. */
static char *ask(const char *name, size_t len, bool pod)
{
	struct str out = STR_INIT;
	uint8_t wire[512] = {0, 7, 1, 0, 0, 1};
	struct ip client = {.family = AF_INET, .b = {10, 0, 0, pod}};
	memcpy(wire + 12, name, len);
	memcpy(wire + 12 + len, "\0\0\1\0\1", 5);
	resolver_answer(resolver, wire, 12 + len + 5, false, &client, print, &out);
	return out.p;
}

#define IS(name, pod, wanted)                                                                                          \
	do {                                                                                                           \
		AUTO_FREE char *got = ask(name, sizeof(name) - 1, pod);                                                \
		ck_assert_str_eq(got, wanted);                                                                         \
	} while (0)
#define TAIL "\2ns\3svc\7cluster\5local"

START_TEST(keeps)
{
	setup();
	for (int i = 0; i < 2; i++) {
		IS("\3web" TAIL, false, "0 aa web 10.96.0.1");
		IS("\3wEb" TAIL, true, "0 aa wEb 10.96.0.1");
		IS("\3not" TAIL, false, "3 aa");
	}
	set_web("10.96.0.2");
	IS("\3web" TAIL, false, "0 aa web 10.96.0.2");
	zone_delete_service(zone, "ns/web");
	IS("\3web" TAIL, false, "3 aa");
	teardown();
}
END_TEST

START_TEST(paths)
{
	setup();
	for (int i = 0; i < 2; i++) {
		IS("\3web\2ns" TAIL, false, "3 aa");
		IS("\3web\2ns" TAIL, true, "0 aa web web.ns.svc.cluster.local. web 10.96.0.1");
	}
	ck_assert_uint_eq(resolver_shortened(resolver), 2);
	IS("\3www\4test" TAIL, true, "2"); /* nobody to ask */
	IS("\3www\4test" TAIL, false, "3 aa");
	teardown();
}
END_TEST

#include "tests/unit/check_main.h"
TESTS("resolver", keeps, paths)
