/* From services and endpoint slices to the elements of the proxy's maps: pure data in, pure data out. */
#ifndef KNARR_NETFILTER_SERVICE_PLAN_H
#define KNARR_NETFILTER_SERVICE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "io/net/ip.h"
#include "netfilter/svc_elem.h"

struct service_port {
	char *name;   /* "" for the only one */
	int protocol; /* IPPROTO_TCP, _UDP, _SCTP */
	uint16_t port, node_port;
};

/* A Service, as far as the proxy looks at it. */
struct service {
	char *key; /* "namespace/name" */
	struct ip *cluster_ips, *external_ips, *balancer_ips;
	struct ip_net *sources; /* whose connections to balancer_ips are taken; none: everybody's */
	struct service_port *ports;
	uint16_t n_cluster_ips, n_external_ips, n_balancer_ips, n_sources, n_ports;
	uint16_t health_port;                /* where load balancers ask for local endpoints; 0: none */
	uint32_t affinity_s;                 /* session affinity ClientIP; 0: none */
	bool internal_local, external_local; /* traffic policies */
};

/* Hints name zones or nodes; mine: this node, or the zone it is in, is among them. */
struct service_endpoint {
	struct ip ip;
	bool ready : 1, serving : 1, terminating : 1, local : 1;
	bool zone_hints : 1, my_zone : 1, node_hints : 1, my_node : 1;
};

struct slice_port {
	char *name;
	int protocol;
	uint16_t port;
};

/* An EndpointSlice. */
struct service_slice {
	char *key;     /* "namespace/name" */
	char *service; /* "namespace/name" of its service */
	int64_t trigger_us; /* when what it tells has come about, on the wall clock; 0: not told, or counted already */
	struct service_endpoint *endpoints;
	struct slice_port *ports;
	size_t n_endpoints, n_ports;
	bool six; /* addressType IPv6 */
};

void service_free(struct service *s);
void service_slice_free(struct service_slice *s);

struct service_context {
	const struct ip *node_ips; /* node ports answer there */
	size_t n_node_ips;
	bool know_pods[2]; /* whether pods' addresses can be told from others: IPv4, IPv6 */
	bool masquerade_all;
	/* An element as it stands now (same kind, family and key), or NULL: endpoints that stay keep their index. */
	const struct svc_elem *(*find)(void *arg, const struct svc_elem *like);
	void *arg;
};

/* The wanted elements of one service, sorted by svc_elem_cmp(), keys unique: *ret is an owned array. */
void service_plan(const struct service *s, struct service_slice *const *slices, size_t n_slices,
		  const struct service_context *ctx, struct svc_elem **ret, size_t *ret_n);

#endif
