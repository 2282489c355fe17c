/* Counting requests. Happy path: a row is found once and remembered by protocol, family and type. Nothing fails. Rows are
 * bounded: types and codes that CoreDNS does not tell apart share "other". */
#include "dns/meter.h"

#include <ldns/ldns.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/mem.h"

#define SERVER "dns://:53"
#define VALUES(...) ((const char *const[]){__VA_ARGS__})
#define DEF(id, name, help, type, labels) static const struct metric_def id = {"coredns_" name, help, type, labels, NULL, 0, 0}
#define HISTOGRAM(id, name, help, labels, bounds)                                                                      \
	static const struct metric_def id = {"coredns_" name, help, METRIC_HISTOGRAM, labels, bounds, ARRAY_LEN(bounds), 0}

static const double seconds[] = {0.00025, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032,
				 0.064,	  0.128,  0.256, 0.512, 1.024, 2.048, 4.096, 8.192};
static const double sizes[] = {0, 100, 200, 300, 400, 511, 1023, 2047, 4095, 8291, 16e3, 32e3, 48e3, 64e3};

DEF(requests, "dns_requests_total", "Counter of DNS requests made per zone, protocol and family.", METRIC_COUNTER,
    "server,zone,view,proto,family,type");
DEF(responses, "dns_responses_total", "Counter of response status codes.", METRIC_COUNTER, "server,zone,view,rcode,plugin");
HISTOGRAM(duration, "dns_request_duration_seconds", "Histogram of the time (in seconds) each request took per zone.",
	  "server,zone,view", seconds);
HISTOGRAM(request_size, "dns_request_size_bytes", "Size of the request in bytes.", "server,zone,view,proto", sizes);
HISTOGRAM(reply_size, "dns_response_size_bytes", "Size of the returned response in bytes.", "server,zone,view,proto", sizes);
DEF(shortened, "autopath_success_total", "Counter of requests that did autopath.", METRIC_COUNTER, "server");
DEF(forwarded, "forward_requests_total", "Counter of requests made per upstream.", METRIC_COUNTER, "");
DEF(refused, "forward_max_concurrent_rejects_total",
    "Counter of the number of queries rejected because the concurrent queries were at maximum.", METRIC_COUNTER, "");
DEF(hits, "cache_hits_total", "The count of cache hits.", METRIC_COUNTER, "server,type,zones,view");
DEF(misses, "cache_misses_total", "The count of cache misses.", METRIC_COUNTER, "server,zones,view");
DEF(entries, "cache_entries", "The number of elements in the cache.", METRIC_GAUGE, "server,type,zones,view");

static const struct {
	uint16_t type;
	const char *name;
} types[] = {
    {0, "other"},	  {LDNS_RR_TYPE_A, "A"},   {LDNS_RR_TYPE_AAAA, "AAAA"}, {LDNS_RR_TYPE_MX, "MX"},
    {LDNS_RR_TYPE_SOA, "SOA"}, {LDNS_RR_TYPE_CNAME, "CNAME"}, {LDNS_RR_TYPE_PTR, "PTR"}, {LDNS_RR_TYPE_TXT, "TXT"},
    {LDNS_RR_TYPE_NS, "NS"}, {LDNS_RR_TYPE_SRV, "SRV"}, {LDNS_RR_TYPE_DS, "DS"}, {LDNS_RR_TYPE_DNSKEY, "DNSKEY"},
    {LDNS_RR_TYPE_RRSIG, "RRSIG"}, {LDNS_RR_TYPE_NSEC, "NSEC"}, {LDNS_RR_TYPE_NSEC3, "NSEC3"}, {LDNS_RR_TYPE_ANY, "ANY"},
    {65, "HTTPS"},
};
static const char *const rcodes[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "other"};
enum { TYPES = ARRAY_LEN(types), RCODES = ARRAY_LEN(rcodes) };

struct meter {
	struct metrics *metrics;
	struct metric *requests[2][2][TYPES], *replies[RCODES][2], *duration, *sizes[2][2]; /* NULL: not asked for yet */
};

static size_t type_index(uint16_t type)
{
	for (size_t i = 1; i < TYPES; i++)
		if (types[i].type == type)
			return i;
	return 0;
}

static struct metric *request_row(struct meter *m, const struct meter_reply *r)
{
	bool six = r->family == AF_INET6;
	size_t type = type_index(r->type);
	struct metric **row = &m->requests[r->tcp][six][type];
	if (!*row)
		*row = metrics_row(m->metrics, &requests,
				   VALUES(SERVER, ".", "", r->tcp ? "tcp" : "udp", six ? "2" : "1", types[type].name));
	return *row;
}

static struct metric *reply_row(struct meter *m, const struct meter_reply *r)
{
	size_t rcode = MIN((size_t)r->rcode, (size_t)RCODES - 1);
	struct metric **row = &m->replies[rcode][r->forwarded];
	if (!*row)
		*row = metrics_row(m->metrics, &responses,
				   VALUES(SERVER, ".", "", rcodes[rcode], r->forwarded ? "forward" : "kubernetes"));
	return *row;
}

static struct metric *size_row(struct meter *m, bool reply, bool tcp)
{
	struct metric **row = &m->sizes[reply][tcp];
	if (!*row)
		*row = metrics_row(m->metrics, reply ? &reply_size : &request_size, VALUES(SERVER, ".", "", tcp ? "tcp" : "udp"));
	return *row;
}

struct meter *meter_new(void)
{
	struct meter *m = xcalloc(1, sizeof(*m));
	m->metrics = metrics_new();
	m->duration = metrics_row(m->metrics, &duration, VALUES(SERVER, ".", ""));
	return m;
}

void meter_free(struct meter *m)
{
	if (!m)
		return;
	metrics_free(m->metrics);
	free(m);
}

void meter_reply(struct meter *m, const struct meter_reply *r)
{
	metric_add(request_row(m, r), 1);
	metric_add(reply_row(m, r), 1);
	metric_observe(m->duration, (double)r->us / 1e6);
	metric_observe(size_row(m, false, r->tcp), (double)r->request_bytes);
	metric_observe(size_row(m, true, r->tcp), (double)r->reply_bytes);
}

void meter_write(struct meter *m, const struct meter_gauges *g, struct str *out)
{
	static const char *const kinds[] = {"success", "denial"};
	metric_set(metrics_row(m->metrics, &shortened, VALUES(SERVER)), (double)g->shortened);
	metric_set(metrics_row(m->metrics, &forwarded, NULL), (double)g->forwarded);
	metric_set(metrics_row(m->metrics, &refused, NULL), (double)g->refused);
	metric_set(metrics_row(m->metrics, &misses, VALUES(SERVER, ".", "")), (double)g->misses);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		const char *const *values = VALUES(SERVER, kinds[i], ".", "");
		metric_set(metrics_row(m->metrics, &hits, values), (double)g->hits[i]);
		metric_set(metrics_row(m->metrics, &entries, values), (double)g->entries[i]);
	}
	metrics_write(m->metrics, out);
}
