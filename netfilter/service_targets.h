/* Which endpoints of a service's port serve whom: by readiness, node and topology hints. Pure. */
#ifndef KNARR_NETFILTER_SERVICE_TARGETS_H
#define KNARR_NETFILTER_SERVICE_TARGETS_H

#include "netfilter/service_plan.h"

struct target {
	struct ip ip;
	uint16_t port;
	const struct service_endpoint *ep;
};

struct targets {
	struct target *v;
	size_t n;
};

/* The endpoints of a port, of one family: those for everybody, those of this node, and all that serve. Sorted. */
struct service_targets {
	struct targets cluster, local, serving;
};

/* Of one family (AF_INET, AF_INET6); to be given to service_targets_done(). */
struct service_targets service_targets_find(const struct service_port *port, struct service_slice *const *slices, size_t n,
					    int family);
void service_targets_done(struct service_targets *t);
/* The one with this address and port (as an endpoint's element has them) among sorted ones; NULL. */
const struct target *service_targets_at(const struct targets *t, int family, const uint8_t *data);
bool service_targets_has(const struct targets *t, const struct target *one);
/* The ready endpoints of this node, each address once. */
size_t service_count_local(struct service_slice *const *slices, size_t n_slices);

#endif
