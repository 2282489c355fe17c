/* Ways to other nodes' pods, out of the nodes: pure data in, pure data out. Where two nodes share a link, a route by the other
 * node (host-gw); otherwise a route by a VXLAN link, whose neighbours and forwarding entries say where the others are. */
#ifndef KNARR_OVERLAY_SUBNET_PLAN_H
#define KNARR_OVERLAY_SUBNET_PLAN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "io/net/ip.h"
#include "io/net/rtnl.h"
#include "io/net/wireguard.h"

enum { SUBNET_IPS_MAX = 2, SUBNET_CIDRS_MAX = 2 };

struct subnet_node {
	char *name;
	struct ip ips[SUBNET_IPS_MAX]; /* InternalIP, the first one first */
	struct ip_net cidrs[SUBNET_CIDRS_MAX]; /* of its pods */
	size_t n_ips, n_cidrs;
	uint8_t key[WIREGUARD_KEY]; /* of its WireGuard link */
	bool has_key;
};
/* Where a node publishes its key, in base64. */
#define SUBNET_KEY_ANNOTATION "knarr.io/wireguard-public-key"
/* From a Node object. Owned; NULL where it has no name. */
struct subnet_node *subnet_node_parse(const json_t *object);
void subnet_node_free(struct subnet_node *n); /* NULL is fine */
/* As far as ways depend on them. */
bool subnet_node_same(const struct subnet_node *a, const struct subnet_node *b);

enum subnet_mode {
	SUBNET_AUTO,    /* host-gw for nodes on one of our links, else VXLAN */
	SUBNET_HOST_GW, /* never VXLAN: nodes elsewhere have no way */
	SUBNET_VXLAN,   /* always VXLAN */
	SUBNET_WIREGUARD, /* encrypted, always; nodes without a key have no way */
};

/* An address of this machine with the link it is on. */
struct subnet_link {
	struct ip_net net;
	int index;
};

struct subnet_in {
	enum subnet_mode mode;
	const struct subnet_node *self; /* NULL: not known yet, nothing is planned */
	struct subnet_node *const *others;
	size_t n_others;
	const struct subnet_link *links;
	size_t n_links;
	int wireguard_index;
	uint16_t wireguard_port;
	int vxlan_index; /* 0: there is none, routes by it are left out (and wants_vxlan says that it is missing) */
	uint8_t protocol; /* of routes */
};

struct subnet_plan {
	struct rtnl_route *routes;
	struct rtnl_neigh *neighs; /* of the VXLAN link, both kinds */
	struct wireguard_peer *peers;
	size_t n_routes, n_neighs, n_peers;
	bool wants_vxlan;
};
void subnet_plan(const struct subnet_in *in, struct subnet_plan *ret);
void subnet_plan_done(struct subnet_plan *p);

/* The MAC address of a node's VXLAN link: made of the first address of its pods. */
void subnet_vtep_mac(const struct subnet_node *n, uint8_t ret[6]);
/* The addresses of a node's VXLAN link: the first ones of its pods' networks. */
size_t subnet_vtep_addresses(const struct subnet_node *n, struct ip_net ret[SUBNET_CIDRS_MAX]);

bool subnet_route_same(const struct rtnl_route *a, const struct rtnl_route *b);
bool subnet_peer_same(const struct wireguard_peer *a, const struct wireguard_peer *b);
bool subnet_neigh_same(const struct rtnl_neigh *a, const struct rtnl_neigh *b);

#endif
