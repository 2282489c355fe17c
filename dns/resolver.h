/* One request, one reply: from the cluster's zone, along a pod's search path, or from other servers. */
#ifndef KNARR_DNS_RESOLVER_H
#define KNARR_DNS_RESOLVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/meter.h"
#include "dns/upstream.h"
#include "dns/zone.h"

struct resolver;

struct resolver_config {
	struct zone *zone;         /* borrowed */
	struct upstream *upstream; /* borrowed */
	struct meter *meter;       /* borrowed; may be NULL */
	/* The namespace of the pod that has an address, where its search path is the cluster's usual one; else NULL. May be
	 * NULL itself. */
	const char *(*namespace_of)(void *arg, const struct ip *client);
	void *arg;
};

struct resolver *resolver_new(const struct resolver_config *c);
void resolver_free(struct resolver *r); /* after the upstream; NULL is fine */
/* The search domains of the node, copied. */
void resolver_set_searches(struct resolver *r, char *const *searches);

/* bytes NULL: nothing is to be sent. Valid during the call. */
typedef void (*resolver_fn)(void *arg, const uint8_t *bytes, size_t len);
/* fn is called once, perhaps before this returns. */
void resolver_answer(struct resolver *r, const uint8_t *p, size_t len, bool tcp, const struct ip *client, resolver_fn fn,
		     void *arg);

/* Asks other servers for a name of ours that nobody else can know: whoever asks it back sends our questions to us. fn: a
 * server answered, or none did; whether it came back. Not while one is under way. */
void resolver_probe_loop(struct resolver *r, void (*fn)(void *arg, bool looped), void *arg);

/* How many were answered along a search path. */
uint64_t resolver_shortened(const struct resolver *r);

#endif
