/* What is counted of requests, under CoreDNS' names and labels, so that its dashboards show it. */
#ifndef KNARR_DNS_METER_H
#define KNARR_DNS_METER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/metrics.h"

struct meter;

struct meter_reply {
	int family; /* of the client: AF_INET, AF_INET6 */
	uint16_t type; /* of the question */
	uint8_t rcode;
	bool tcp, forwarded; /* forwarded: from another server */
	size_t request_bytes, reply_bytes;
	int64_t us; /* from request to reply */
};

/* What is read only when somebody asks. */
struct meter_gauges {
	uint64_t shortened, forwarded, refused;
	uint64_t hits[2], misses, entries[2]; /* of names that are there, of those that are not */
};

struct meter *meter_new(void);
void meter_free(struct meter *m); /* NULL is fine */
void meter_reply(struct meter *m, const struct meter_reply *r);
/* Adds everything in Prometheus' text format. */
void meter_write(struct meter *m, const struct meter_gauges *g, struct str *out);

#endif
