/* What is packed comes back as it was: services, slices, elements of every kind. */
#include "netfilter/service_pack.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "netfilter/service_parse.h"
#include "tests/unit/check_main.h"

static json_t *json(const char *text)
{
	json_t *j = NULL;
	ck_assert_msg(json_parse(text, strlen(text), &j, NULL) == 0, "%s", text);
	return j;
}

static const char *const services[] = {
    "{\"metadata\":{\"name\":\"s\"},\"spec\":{\"clusterIP\":\"10.96.0.9\"}}",
    "{\"metadata\":{\"name\":\"s\"},\"spec\":{\"clusterIPs\":[\"10.96.0.9\",\"fd00::9\"],\"clusterIP\":\"10.96.0.9\","
    "\"ports\":[{\"name\":\"a\",\"port\":80,\"nodePort\":30080},{\"name\":\"\",\"port\":65535,\"protocol\":\"UDP\"},"
    "{\"name\":\"long-name-of-a-port\",\"port\":1,\"protocol\":\"SCTP\"}],\"externalIPs\":[\"1.2.3.4\",\"fe80::1\"]}}",
    "{\"metadata\":{\"name\":\"s\"},\"spec\":{\"type\":\"LoadBalancer\",\"clusterIP\":\"10.96.0.9\","
    "\"loadBalancerSourceRanges\":[\"10.0.0.0/8\",\"fd00::/8\",\"0.0.0.0/0\"],\"externalTrafficPolicy\":\"Local\","
    "\"healthCheckNodePort\":31000,\"internalTrafficPolicy\":\"Local\",\"sessionAffinity\":\"ClientIP\","
    "\"ports\":[{\"port\":80}]},\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"5.5.5.5\"}]}}}",
};

static void same_service(const struct service *a, const struct service *b)
{
	ck_assert(a->internal_local == b->internal_local && a->external_local == b->external_local);
	ck_assert_uint_eq(a->affinity_s, b->affinity_s);
	ck_assert_uint_eq(a->health_port, b->health_port);
	ck_assert(a->n_cluster_ips == b->n_cluster_ips && a->n_external_ips == b->n_external_ips);
	ck_assert(a->n_balancer_ips == b->n_balancer_ips && a->n_sources == b->n_sources && a->n_ports == b->n_ports);
	for (size_t i = 0; i < a->n_cluster_ips; i++)
		ck_assert(ip_eq(&a->cluster_ips[i], &b->cluster_ips[i]));
	for (size_t i = 0; i < a->n_external_ips; i++)
		ck_assert(ip_eq(&a->external_ips[i], &b->external_ips[i]));
	for (size_t i = 0; i < a->n_balancer_ips; i++)
		ck_assert(ip_eq(&a->balancer_ips[i], &b->balancer_ips[i]));
	for (size_t i = 0; i < a->n_sources; i++)
		ck_assert(ip_eq(&a->sources[i].ip, &b->sources[i].ip) && a->sources[i].prefix == b->sources[i].prefix);
	for (size_t i = 0; i < a->n_ports; i++) {
		ck_assert_str_eq(a->ports[i].name, b->ports[i].name);
		ck_assert_int_eq(a->ports[i].protocol, b->ports[i].protocol);
		ck_assert(a->ports[i].port == b->ports[i].port && a->ports[i].node_port == b->ports[i].node_port);
	}
}

START_TEST(a_service)
{
	AUTO_JSON *j = json(services[_i]);
	struct service *before = service_parse(j);
	struct packed *p = service_pack(before);
	struct service *after = service_unpack(p);
	struct packed *again = service_pack(after);
	same_service(before, after);
	ck_assert(packed_same(p, again));
	ck_assert(!packed_same(p, NULL) && packed_same(NULL, NULL));
	free(p), free(again);
	service_free(before), service_free(after);
}
END_TEST

START_TEST(a_slice)
{
	AUTO_JSON *j = json(
	    "{\"metadata\":{\"name\":\"s-1\",\"labels\":{\"kubernetes.io/service-name\":\"s\"}},\"addressType\":\"IPv6\","
	    "\"endpoints\":[{\"addresses\":[\"fd00::1\"],\"nodeName\":\"n1\",\"hints\":{\"forZones\":[{\"name\":\"z1\"}]}},"
	    "{\"addresses\":[\"10.0.0.1\"],\"hints\":{\"forNodes\":[{\"name\":\"n1\"}],\"forZones\":[{\"name\":\"z2\"}]},"
	    "\"conditions\":{\"ready\":false,\"serving\":true,\"terminating\":true}}],"
	    "\"ports\":[{\"port\":80},{\"name\":\"u\",\"port\":53,\"protocol\":\"UDP\"}]}");
	struct service_slice *before = service_slice_parse(j, "n1", "z1");
	AUTO_STR p = STR_INIT;
	service_slice_pack(before, &p);
	struct service_slice *after = service_slice_unpack(p.p);
	ck_assert(after->six);
	ck_assert_uint_eq(after->n_endpoints, 2);
	ck_assert_uint_eq(after->n_ports, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct service_endpoint *a = &before->endpoints[i], *b = &after->endpoints[i];
		ck_assert(ip_eq(&a->ip, &b->ip));
		ck_assert(a->ready == b->ready && a->serving == b->serving && a->terminating == b->terminating);
		ck_assert(a->local == b->local && a->zone_hints == b->zone_hints && a->my_zone == b->my_zone);
		ck_assert(a->node_hints == b->node_hints && a->my_node == b->my_node);
		ck_assert_str_eq(before->ports[i].name, after->ports[i].name);
		ck_assert_int_eq(before->ports[i].protocol, after->ports[i].protocol);
		ck_assert_uint_eq(before->ports[i].port, after->ports[i].port);
	}
	service_slice_free(before), service_slice_free(after);
}
END_TEST

/* Elements of all kinds in both families, from a plan. */
START_TEST(elements)
{
	AUTO_JSON *j = json(
	    "{\"metadata\":{\"name\":\"s\"},\"spec\":{\"type\":\"LoadBalancer\",\"clusterIPs\":[\"10.96.0.9\",\"fd00::9\"],"
	    "\"clusterIP\":\"10.96.0.9\",\"loadBalancerSourceRanges\":[\"10.0.0.0/8\",\"fd00::/8\"],"
	    "\"externalTrafficPolicy\":\"Local\",\"sessionAffinity\":\"ClientIP\",\"externalIPs\":[\"1.1.1.1\",\"fd11::1\"],"
	    "\"ports\":[{\"name\":\"u\",\"port\":53,\"protocol\":\"UDP\"},{\"name\":\"t\",\"port\":80}]},"
	    "\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"5.5.5.5\"},{\"ip\":\"fd55::5\"}]}}}");
	AUTO_JSON *k = json(
	    "{\"metadata\":{\"name\":\"s-1\",\"labels\":{\"kubernetes.io/service-name\":\"s\"}},\"addressType\":\"IPv6\","
	    "\"endpoints\":[{\"addresses\":[\"fd44::1\"],\"nodeName\":\"n1\"},{\"addresses\":[\"10.0.0.1\"]},"
	    "{\"addresses\":[\"fd44::2\"],\"conditions\":{\"ready\":false,\"serving\":true,\"terminating\":true}}],"
	    "\"ports\":[{\"name\":\"u\",\"port\":5353,\"protocol\":\"UDP\"}]}");
	struct service *s = service_parse(j);
	struct service_slice *slice = service_slice_parse(k, "n1", "");
	struct service_context ctx = {0};
	struct svc_elem *before, *after;
	size_t n, n_after, kinds[SVC_KINDS] = {0};
	service_plan(s, &slice, 1, &ctx, &before, &n);
	struct packed *p = svc_elems_pack(before, n);
	svc_elems_unpack(p, &after, &n_after);
	ck_assert_uint_eq(n, n_after);
	ck_assert_mem_eq(before, after, n * sizeof(*before));
	for (size_t i = 0; i < n; i++)
		kinds[before[i].kind]++;
	for (size_t i = 0; i < SVC_KINDS; i++)
		ck_assert_msg(kinds[i] > 0, "no element of kind %zu", i);
	free(p), free(before), free(after);
	ck_assert_ptr_null(svc_elems_pack(NULL, 0));
	svc_elems_unpack(NULL, &after, &n_after);
	ck_assert(!after && !n_after);
	service_free(s), service_slice_free(slice);
}
END_TEST

TESTS_TABLE("service_pack", a_service, sizeof(services) / sizeof(services[0]), a_slice, elements)
