/* Health-check node ports: where load balancers ask whether this node has endpoints of a service. */
#ifndef KNARR_NETFILTER_HEALTH_PORT_H
#define KNARR_NETFILTER_HEALTH_PORT_H

#include <stddef.h>
#include <stdint.h>

#include "io/net/ip.h"

struct loop;
struct proxy;
struct health_ports;

/* loop NULL: nothing is served. */
struct health_ports *health_ports_new(struct loop *l, const struct proxy *p);
void health_ports_free(struct health_ports *h); /* NULL is fine */
/* The service "namespace/name" is asked for at a port (0: not any more) of these addresses, and has so many endpoints
 * here. A port that cannot be had is logged and tried again when the service changes. */
void health_ports_set(struct health_ports *h, const char *key, uint16_t port, size_t count, const struct ip *ips,
		      size_t n_ips);

#endif
