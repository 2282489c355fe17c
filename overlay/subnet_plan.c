/* The plan of the ways. Happy path: each other node gives one route a pods' network; by its address where that is on one of our
 * links, by its VXLAN end else. Nothing fails: a node without addresses or pods' networks has no way, nor one that shares no
 * family with us. */
#include "overlay/subnet_plan.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

static void parse_ips(const json_t *object, struct subnet_node *n)
{
	size_t i;
	json_t *a;
	json_array_foreach(json_at(object, "status.addresses"), i, a)
	{
		const char *type = json_str_or(a, "type", "");
		if (strcmp(type, "InternalIP") == 0 && n->n_ips < SUBNET_IPS_MAX &&
		    ip_parse(json_str_or(a, "address", ""), &n->ips[n->n_ips]) == 0)
			n->n_ips++;
	}
}

static void add_cidr(struct subnet_node *n, const char *text)
{
	if (text && n->n_cidrs < SUBNET_CIDRS_MAX && ip_net_parse(text, &n->cidrs[n->n_cidrs]) == 0)
		n->n_cidrs++;
}

static void parse_key(const json_t *object, struct subnet_node *n)
{
	const char *text = json_member(json_at(object, "metadata.annotations"), SUBNET_KEY_ANNOTATION);
	AUTO_STR key = STR_INIT;
	if (!text || base64_decode(&key, text, strlen(text)) < 0 || key.len != WIREGUARD_KEY)
		return;
	memcpy(n->key, key.p, WIREGUARD_KEY);
	n->has_key = true;
}

struct subnet_node *subnet_node_parse(const json_t *object)
{
	const char *name = json_str_at(object, "metadata.name");
	size_t i;
	json_t *v;
	if (!name)
		return NULL;
	struct subnet_node *n = xcalloc(1, sizeof(*n));
	n->name = xstrdup(name);
	parse_ips(object, n);
	parse_key(object, n);
	json_array_foreach(json_at(object, "spec.podCIDRs"), i, v) add_cidr(n, json_string_value(v));
	if (!n->n_cidrs)
		add_cidr(n, json_str_at(object, "spec.podCIDR"));
	return n;
}

void subnet_node_free(struct subnet_node *n)
{
	if (!n)
		return;
	free(n->name);
	free(n);
}

static bool same_net(const struct ip_net *a, const struct ip_net *b)
{
	return a->prefix == b->prefix && ip_eq(&a->ip, &b->ip);
}

bool subnet_node_same(const struct subnet_node *a, const struct subnet_node *b)
{
	bool same = a->n_ips == b->n_ips && a->n_cidrs == b->n_cidrs && a->has_key == b->has_key &&
		    memcmp(a->key, b->key, sizeof(a->key)) == 0;
	for (size_t i = 0; same && i < a->n_ips; i++)
		same = ip_eq(&a->ips[i], &b->ips[i]);
	for (size_t i = 0; same && i < a->n_cidrs; i++)
		same = same_net(&a->cidrs[i], &b->cidrs[i]);
	return same;
}

void subnet_vtep_mac(const struct subnet_node *n, uint8_t ret[6])
{
	struct ip first = n->n_cidrs ? ip_net_first(&n->cidrs[0]) : (struct ip){0};
	const uint8_t *b = first.b;
	uint8_t own[4] = {b[0], b[1], b[2], b[3]};
	for (size_t i = 4; first.family == AF_INET6 && i < sizeof(first.b); i++)
		own[i % 4] = (uint8_t)(own[i % 4] * 31 + b[i]);
	memcpy(ret, (const uint8_t[]){0x0a, 0x58, own[0], own[1], own[2], own[3]}, 6);
}

size_t subnet_vtep_addresses(const struct subnet_node *n, struct ip_net ret[SUBNET_CIDRS_MAX])
{
	for (size_t i = 0; i < n->n_cidrs; i++) {
		ret[i].ip = ip_net_first(&n->cidrs[i]);
		ret[i].prefix = ip_bits(&ret[i].ip);
	}
	return n->n_cidrs;
}

/* The link that an address of the node is on; NULL: none. */
static const struct subnet_link *shared_link(const struct subnet_in *in, const struct ip *ip)
{
	for (size_t i = 0; i < in->n_links; i++) {
		const struct subnet_link *l = &in->links[i];
		bool own = ip_eq(&l->net.ip, ip) || l->net.prefix == ip_bits(&l->net.ip);
		if (!own && l->index != in->vxlan_index && ip_net_contains(&l->net, ip))
			return l;
	}
	return NULL;
}

static void add_route(struct subnet_plan *p, const struct rtnl_route *r)
{
	p->routes = xreallocarray(p->routes, p->n_routes + 1, sizeof(*r));
	p->routes[p->n_routes++] = *r;
}

static void add_neigh(struct subnet_plan *p, const struct rtnl_neigh *n)
{
	p->neighs = xreallocarray(p->neighs, p->n_neighs + 1, sizeof(*n));
	p->neighs[p->n_neighs++] = *n;
}

/* By the node's own address of the network's family, on a link of ours. */
static bool plan_host_gw(const struct subnet_in *in, const struct subnet_node *n, const struct ip_net *cidr,
			 struct subnet_plan *p)
{
	for (size_t i = 0; in->mode != SUBNET_VXLAN && i < n->n_ips; i++) {
		const struct subnet_link *l = n->ips[i].family == cidr->ip.family ? shared_link(in, &n->ips[i]) : NULL;
		if (!l)
			continue;
		struct rtnl_route r = {.dst = {ip_net_first(cidr), cidr->prefix},
				       .gw = n->ips[i],
				       .oif = l->index,
				       .scope = -1,
				       .protocol = in->protocol};
		add_route(p, &r);
		return true;
	}
	return false;
}

/* The node's address of the family that VXLAN packets travel in: that of our own first address. */
static const struct ip *underlay(const struct subnet_in *in, const struct subnet_node *n)
{
	for (size_t i = 0; in->self->n_ips && i < n->n_ips; i++)
		if (n->ips[i].family == in->self->ips[0].family)
			return &n->ips[i];
	return NULL;
}

static void plan_vxlan(const struct subnet_in *in, const struct subnet_node *n, const struct ip_net *cidr, bool first,
		       struct subnet_plan *p)
{
	const struct ip *remote = underlay(in, n);
	if (in->mode == SUBNET_HOST_GW || !remote)
		return;
	p->wants_vxlan = true;
	if (!in->vxlan_index)
		return;
	struct rtnl_neigh end = {.ip = ip_net_first(cidr), .index = in->vxlan_index}, way = {.ip = *remote, .index = in->vxlan_index, .fdb = true};
	subnet_vtep_mac(n, end.mac);
	subnet_vtep_mac(n, way.mac);
	struct rtnl_route r = {.dst = {end.ip, cidr->prefix},
			       .gw = end.ip,
			       .oif = in->vxlan_index,
			       .scope = -1,
			       .protocol = in->protocol,
			       .onlink = true};
	add_route(p, &r);
	add_neigh(p, &end);
	if (first)
		add_neigh(p, &way);
}

static void plan_wireguard(const struct subnet_in *in, const struct subnet_node *n, struct subnet_plan *p)
{
	const struct ip *remote = underlay(in, n);
	if (!remote || !n->has_key || !in->wireguard_index)
		return;
	struct wireguard_peer peer = {.endpoint = *remote, .port = in->wireguard_port};
	memcpy(peer.key, n->key, sizeof(peer.key));
	for (size_t k = 0; k < n->n_cidrs; k++) {
		struct rtnl_route r = {.dst = {ip_net_first(&n->cidrs[k]), n->cidrs[k].prefix},
				       .oif = in->wireguard_index,
				       .scope = -1,
				       .protocol = in->protocol};
		peer.allowed[peer.n_allowed++] = r.dst;
		add_route(p, &r);
	}
	p->peers = xreallocarray(p->peers, p->n_peers + 1, sizeof(peer));
	p->peers[p->n_peers++] = peer;
}

void subnet_plan(const struct subnet_in *in, struct subnet_plan *ret)
{
	*ret = (struct subnet_plan){0};
	for (size_t i = 0; in->self && i < in->n_others; i++) {
		const struct subnet_node *n = in->others[i];
		bool first = true;
		if (strcmp(n->name, in->self->name) == 0)
			continue;
		if (in->mode == SUBNET_WIREGUARD) {
			plan_wireguard(in, n, ret);
			continue;
		}
		for (size_t k = 0; k < n->n_cidrs; k++) {
			if (plan_host_gw(in, n, &n->cidrs[k], ret))
				continue;
			plan_vxlan(in, n, &n->cidrs[k], first, ret);
			first = false;
		}
	}
}

void subnet_plan_done(struct subnet_plan *p)
{
	free(p->routes);
	free(p->neighs);
	free(p->peers);
	*p = (struct subnet_plan){0};
}

bool subnet_route_same(const struct rtnl_route *a, const struct rtnl_route *b)
{
	return same_net(&a->dst, &b->dst) && ip_eq(&a->gw, &b->gw) && a->oif == b->oif && a->onlink == b->onlink;
}

bool subnet_peer_same(const struct wireguard_peer *a, const struct wireguard_peer *b)
{
	bool same = memcmp(a->key, b->key, sizeof(a->key)) == 0 && ip_eq(&a->endpoint, &b->endpoint) && a->port == b->port &&
		    a->n_allowed == b->n_allowed;
	for (size_t i = 0; same && i < a->n_allowed; i++)
		same = same_net(&a->allowed[i], &b->allowed[i]);
	return same;
}

bool subnet_neigh_same(const struct rtnl_neigh *a, const struct rtnl_neigh *b)
{
	return a->fdb == b->fdb && a->index == b->index && ip_eq(&a->ip, &b->ip) && memcmp(a->mac, b->mac, sizeof(a->mac)) == 0;
}
