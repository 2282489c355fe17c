/* The name server under foreign bytes: a client's requests, and what other servers answer. The first byte chooses which, the
 * transport, and how much the client takes. Whatever is replied has to be a reply to the request, readable, and not too long. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "dns/resolver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ANSWERS = 1, TCP = 2, STRANGER = 4 };

static struct resolver *resolver;

static json_t *json(const char *text)
{
	json_t *j = NULL;
	if (json_parse(text, strlen(text), &j, NULL) < 0)
		abort();
	return j;
}

static struct zone *make_zone(void)
{
	static const char *const services[] = {
	    "{\"metadata\":{\"name\":\"web\",\"namespace\":\"ns\"},\"spec\":{\"clusterIPs\":[\"10.96.0.7\",\"fd00::7\"],"
	    "\"ports\":[{\"name\":\"http\",\"port\":80},{\"name\":\"dns\",\"port\":53,\"protocol\":\"UDP\"}]}}",
	    "{\"metadata\":{\"name\":\"db\",\"namespace\":\"ns\"},\"spec\":{\"clusterIP\":\"None\"}}",
	    "{\"metadata\":{\"name\":\"out\",\"namespace\":\"ns\"},\"spec\":{\"type\":\"ExternalName\",\"externalName\":"
	    "\"web.ns.svc.cluster.local\"}}",
	    "{\"metadata\":{\"name\":\"ring\",\"namespace\":\"ns\"},\"spec\":{\"type\":\"ExternalName\",\"externalName\":"
	    "\"ring.ns.svc.cluster.local\"}}"};
	struct zone_config c = {.domain = "cluster.local"};
	struct zone *z = zone_new(&c);
	for (size_t i = 0; i < ARRAY_LEN(services); i++) {
		AUTO_JSON *j = json(services[i]);
		zone_set_service(z, zone_service_parse(j));
	}
	AUTO_STR text = STR_INIT;
	str_add(&text, "{\"metadata\":{\"name\":\"db-1\",\"namespace\":\"ns\",\"labels\":{\"kubernetes.io/service-name\":\"db\","
		       "\"service.kubernetes.io/headless\":\"\"}},\"ports\":[{\"name\":\"pg\",\"port\":5432}],\"endpoints\":["
		       "{\"addresses\":[\"10.244.0.2\"],\"hostname\":\"db-0\"}");
	for (int i = 3; i < 60; i++) /* more than a datagram takes */
		str_addf(&text, ",{\"addresses\":[\"10.244.0.%d\"]}", i);
	str_add(&text, "]}");
	AUTO_JSON *slice = json(text.p);
	zone_set_slice(z, zone_slice_parse(slice));
	zone_set_namespace(z, "ns", true);
	return z;
}

static const char *namespace_of(void *arg, const struct ip *client)
{
	(void)arg;
	return client->b[0] ? "ns" : NULL;
}

static void make(void)
{
	struct loop *l = NULL;
	static const char *const searches[] = {"corp.test", NULL};
	if (loop_new(&l, NULL) < 0)
		abort();
	struct resolver_config c = {.zone = make_zone(), .upstream = upstream_new(l), .meter = meter_new(), .namespace_of = namespace_of};
	resolver = resolver_new(&c);
	resolver_set_searches(resolver, (char *const *)(uintptr_t)searches);
}

struct request {
	const uint8_t *p;
	size_t len, limit;
	int replies;
};

static void on_reply(void *arg, const uint8_t *bytes, size_t len)
{
	struct request *r = arg;
	ldns_pkt *p = NULL;
	if (r->replies++)
		abort();
	if (!bytes)
		return;
	if (len < DNS_HEADER || len > r->limit || bytes[0] != r->p[0] || bytes[1] != r->p[1] || !(bytes[2] & 0x80))
		abort();
	if (ldns_wire2pkt(&p, bytes, len) != LDNS_STATUS_OK)
		abort();
	ldns_pkt_free(p);
}

static void request(uint8_t flags, const uint8_t *p, size_t size)
{
	struct ip client = {.family = AF_INET, .b = {flags & STRANGER ? 0 : 10}};
	struct request r = {p, size, flags & TCP ? (size_t)MESSAGE_MAX : (size_t)DNS_UDP_MAX, 0};
	resolver_answer(resolver, p, size, flags & TCP, &client, on_reply, &r);
	if (r.replies != 1)
		abort();
}

static void answer(uint8_t flags, const uint8_t *p, size_t size)
{
	static const char asked[] = "\0\0\1\0\0\1\0\0\0\0\0\1\3WWW\7example\4test\0\0\1\0\1\0\0\x29\x10\0\0\0\0\0\0\0";
	static uint8_t out[MESSAGE_MAX];
	struct question q;
	struct message m;
	size_t limit = flags & TCP ? (size_t)MESSAGE_MAX : (size_t)DNS_UDP_PLAIN;
	if (question_parse((const uint8_t *)asked, sizeof(asked) - 1, &q) < 0)
		abort();
	if (message_read(&q, 0, p, size, &m) < 0)
		return;
	size_t len = message_relay(&q, &m, flags >> 3, limit, out);
	ldns_pkt *packet = NULL;
	if (len > limit || (len && ldns_wire2pkt(&packet, out, len) != LDNS_STATUS_OK))
		abort();
	ldns_pkt_free(packet);
	ldns_pkt_free(message_packet(&m));
	message_done(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!resolver)
		make();
	if (!size)
		return 0;
	uint8_t *copy = xmemdup(data + 1, size - 1); /* so that a byte too far is noticed */
	(data[0] & ANSWERS ? answer : request)(data[0], copy, size - 1);
	free(copy);
	return 0;
}
