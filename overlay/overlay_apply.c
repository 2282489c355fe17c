/* Applying the ways. Happy path: the VXLAN link is made where a way wants one, wrong and superfluous entries go, missing ones
 * come. What can fail: the kernel refuses something; what was done stays, and the next call goes on. What always holds: only
 * routes of our protocol and entries of our link are touched, and a way that stands right is not. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "overlay/overlay_internal.h"

enum { OVERHEAD_V4 = 50, OVERHEAD_V6 = 70, OVERHEAD_WIREGUARD = 80, LINKS_MAX = 256 };

struct apply {
	struct overlay_kernel *k;
	struct rtnl *rt;
	struct subnet_in in;
	struct subnet_link links[LINKS_MAX];
	struct err *e;
};

static int observe_links(struct apply *a)
{
	AUTO_FREE struct rtnl_addr *v = NULL;
	size_t n = 0;
	int r = rtnl_addr_list(a->rt, 0, 0, &v, &n, a->e);
	for (size_t i = 0; r == 0 && i < n && a->in.n_links < LINKS_MAX; i++)
		a->links[a->in.n_links++] = (struct subnet_link){v[i].net, v[i].index};
	a->in.links = a->links;
	return r;
}

/* The MTU of the link that has our address. */
static int underlay_mtu(const struct apply *a, const struct ip *local, int overhead)
{
	struct rtnl_link l;
	for (size_t i = 0; i < a->in.n_links; i++)
		if (ip_eq(&a->links[i].net.ip, local) && rtnl_link_get_index(a->rt, a->links[i].index, &l, NULL) == 0)
			return l.mtu - overhead;
	return 0;
}

static bool link_is_right(const struct rtnl_link *l, const struct ip *local, const uint8_t mac[6])
{
	return strcmp(l->kind, "vxlan") == 0 && l->vxlan.vni == OVERLAY_VNI && l->vxlan.port == OVERLAY_PORT &&
	       ip_eq(&l->vxlan.local, local) && memcmp(l->mac, mac, 6) == 0;
}

/* A link that stays follows the MTU of the one below it; what goes through it goes on. */
static int follow_mtu(struct apply *a, const struct rtnl_link *l, int mtu)
{
	struct rtnl_change c = {.mtu = mtu};
	if (mtu <= 0 || l->mtu == mtu)
		return 0;
	a->k->changed++;
	return rtnl_link_set(a->rt, l->index, &c, a->e);
}

static int make_link(struct apply *a, const struct ip *local, const uint8_t mac[6], int mtu, struct rtnl_link *ret)
{
	struct rtnl_new n = {.kind = "vxlan",
			     .name = OVERLAY_LINK,
			     .netns_fd = -1,
			     .mac = mac,
			     .mtu = mtu > 0 ? mtu : 0,
			     .up = true,
			     .vxlan = {OVERLAY_VNI, OVERLAY_PORT, *local}};
	int r = rtnl_link_del(a->rt, OVERLAY_LINK, a->e);
	if (r == 0)
		r = rtnl_link_new(a->rt, &n, a->e);
	a->k->changed++;
	return r < 0 ? r : rtnl_link_get(a->rt, OVERLAY_LINK, ret, a->e);
}

/* The addresses by which this machine itself speaks on such a link. */
static int own_addresses(struct apply *a, const struct rtnl_link *l)
{
	struct ip_net own[SUBNET_CIDRS_MAX];
	size_t n = subnet_vtep_addresses(a->in.self, own);
	struct rtnl_change up = {.up = true};
	int r = l->flags & IFF_UP ? 0 : rtnl_link_set(a->rt, l->index, &up, a->e);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = rtnl_addr_add(a->rt, l->index, &own[i], false, a->e);
	return r;
}

/* The link as it has to be, with its addresses, into in.vxlan_index. */
static int ensure_link(struct apply *a)
{
	const struct ip *local = &a->in.self->ips[0];
	uint8_t mac[6];
	struct rtnl_link l = {0};
	int mtu = underlay_mtu(a, local, local->family == AF_INET ? OVERHEAD_V4 : OVERHEAD_V6);
	int r = rtnl_link_get(a->rt, OVERLAY_LINK, &l, NULL);
	subnet_vtep_mac(a->in.self, mac);
	if (r < 0 || !link_is_right(&l, local, mac))
		r = make_link(a, local, mac, mtu, &l);
	else
		r = follow_mtu(a, &l, mtu);
	if (r == 0)
		r = own_addresses(a, &l);
	a->in.vxlan_index = r == 0 ? l.index : 0;
	return r;
}

/* The WireGuard link with its key, into in.wireguard_index. */
static int ensure_wireguard(struct apply *a)
{
	struct rtnl_link l = {0};
	int mtu = underlay_mtu(a, &a->in.self->ips[0], OVERHEAD_WIREGUARD);
	struct rtnl_new n = {.kind = "wireguard", .name = OVERLAY_WIREGUARD_LINK, .netns_fd = -1, .mtu = mtu > 0 ? mtu : 0};
	int r = rtnl_link_get(a->rt, OVERLAY_WIREGUARD_LINK, &l, NULL);
	if (r < 0) {
		a->k->changed++;
		r = rtnl_link_new(a->rt, &n, a->e);
		if (r == 0)
			r = rtnl_link_get(a->rt, OVERLAY_WIREGUARD_LINK, &l, a->e);
	}
	if (r == 0)
		r = follow_mtu(a, &l, mtu);
	if (r == 0 && l.index != a->k->wireguard_index) { /* another one than we know: its peers are not ours */
		r = wireguard_set(l.index, a->k->key, OVERLAY_WIREGUARD_PORT, NULL, 0, true, a->e);
		a->k->n_peers = 0;
	}
	if (r == 0)
		r = own_addresses(a, &l);
	a->k->wireguard_index = a->in.wireguard_index = r == 0 ? l.index : 0;
	return r;
}

static bool has_peer(const struct wireguard_peer *v, size_t n, const struct wireguard_peer *one)
{
	for (size_t i = 0; i < n; i++)
		if (subnet_peer_same(&v[i], one))
			return true;
	return false;
}

static bool has_key(const struct wireguard_peer *v, size_t n, const uint8_t *key)
{
	for (size_t i = 0; i < n; i++)
		if (memcmp(v[i].key, key, WIREGUARD_KEY) == 0)
			return true;
	return false;
}

/* Peers that stay as they are keep their sessions. */
static int apply_peers(struct apply *a, const struct subnet_plan *p)
{
	struct overlay_kernel *k = a->k;
	AUTO_FREE struct wireguard_peer *v = xcalloc(k->n_peers + p->n_peers + 1, sizeof(*v));
	size_t n = 0;
	for (size_t i = 0; i < k->n_peers; i++) {
		if (has_key(p->peers, p->n_peers, k->peers[i].key))
			continue;
		v[n] = k->peers[i];
		v[n++].remove = true;
	}
	for (size_t i = 0; i < p->n_peers; i++)
		if (!has_peer(k->peers, k->n_peers, &p->peers[i]))
			v[n++] = p->peers[i];
	int r = n ? wireguard_set(k->wireguard_index, NULL, 0, v, n, false, a->e) : 0;
	if (r < 0)
		return r;
	k->changed += n;
	free(k->peers);
	k->peers = xmemdup(p->peers, p->n_peers * sizeof(*p->peers));
	k->n_peers = p->n_peers;
	return 0;
}

static bool has_route(const struct rtnl_route *v, size_t n, const struct rtnl_route *one)
{
	for (size_t i = 0; i < n; i++)
		if (subnet_route_same(&v[i], one))
			return true;
	return false;
}

static bool has_neigh(const struct rtnl_neigh *v, size_t n, const struct rtnl_neigh *one)
{
	for (size_t i = 0; i < n; i++)
		if (subnet_neigh_same(&v[i], one))
			return true;
	return false;
}

/* New ones first: the kernel keeps the older of two routes to one network until that is deleted. */
static int apply_routes(struct apply *a, int family, const struct subnet_plan *p)
{
	AUTO_FREE struct rtnl_route *there = NULL;
	size_t n = 0, kept = 0;
	int r = rtnl_route_list(a->rt, family, &there, &n, a->e);
	for (size_t i = 0; r == 0 && i < n; i++)
		if (there[i].protocol == OVERLAY_ROUTE_PROTOCOL)
			there[kept++] = there[i];
	for (size_t i = 0; r == 0 && i < p->n_routes; i++) {
		if (p->routes[i].dst.ip.family != family || has_route(there, kept, &p->routes[i]))
			continue;
		a->k->changed++;
		r = rtnl_route_replace(a->rt, &p->routes[i], a->e);
	}
	for (size_t i = 0; r == 0 && i < kept; i++) {
		if (has_route(p->routes, p->n_routes, &there[i]))
			continue;
		a->k->changed++;
		r = rtnl_route_del(a->rt, &there[i], a->e);
	}
	return r;
}

static int apply_neighs(struct apply *a, bool fdb, const struct subnet_plan *p)
{
	AUTO_FREE struct rtnl_neigh *there = NULL;
	size_t n = 0;
	int r = rtnl_neigh_list(a->rt, a->in.vxlan_index, fdb, &there, &n, a->e);
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (has_neigh(p->neighs, p->n_neighs, &there[i]))
			continue;
		a->k->changed++;
		r = rtnl_neigh_del(a->rt, &there[i], a->e);
	}
	for (size_t i = 0; r == 0 && i < p->n_neighs; i++) {
		if (p->neighs[i].fdb != fdb || has_neigh(there, n, &p->neighs[i]))
			continue;
		a->k->changed++;
		r = rtnl_neigh_set(a->rt, &p->neighs[i], a->e);
	}
	return r;
}

static int apply_plan(struct apply *a, const struct subnet_plan *p)
{
	int r = 0;
	for (int fdb = 1; r == 0 && a->in.vxlan_index && fdb >= 0; fdb--)
		r = apply_neighs(a, fdb, p);
	if (r == 0 && a->in.wireguard_index)
		r = apply_peers(a, p);
	if (r == 0)
		r = apply_routes(a, AF_INET, p);
	return r < 0 ? r : apply_routes(a, AF_INET6, p);
}

/* Makes the links that ways want, and removes the others. */
static int apply_links(struct apply *a)
{
	struct subnet_plan p;
	subnet_plan(&a->in, &p);
	bool vxlan = p.wants_vxlan, wireguard = a->in.mode == SUBNET_WIREGUARD;
	subnet_plan_done(&p);
	int r = vxlan ? ensure_link(a) : rtnl_link_del(a->rt, OVERLAY_LINK, a->e);
	if (r == 0)
		r = wireguard ? ensure_wireguard(a) : rtnl_link_del(a->rt, OVERLAY_WIREGUARD_LINK, a->e);
	return r;
}

int overlay_apply(struct overlay_kernel *k, const struct subnet_node *self, struct subnet_node *const *others, size_t n_others,
		  struct err *e)
{
	struct subnet_plan p;
	AUTO_FREE struct apply *a = xcalloc(1, sizeof(*a));
	*a = (struct apply){.k = k, .rt = k->rt, .e = e};
	a->in = (struct subnet_in){.mode = k->mode,
				   .self = self,
				   .others = others,
				   .n_others = n_others,
				   .wireguard_port = OVERLAY_WIREGUARD_PORT,
				   .protocol = OVERLAY_ROUTE_PROTOCOL};
	k->changed = 0;
	int r = observe_links(a);
	if (r == 0)
		r = apply_links(a);
	subnet_plan(&a->in, &p);
	if (r == 0)
		r = apply_plan(a, &p);
	subnet_plan_done(&p);
	k->vxlan_index = a->in.vxlan_index;
	return r;
}

int overlay_cleanup(struct err *e)
{
	static const int families[] = {AF_INET, AF_INET6};
	struct rtnl *rt = NULL;
	int r = rtnl_open(-1, &rt, e);
	if (r == 0)
		r = rtnl_link_del(rt, OVERLAY_LINK, e);
	if (r == 0)
		r = rtnl_link_del(rt, OVERLAY_WIREGUARD_LINK, e);
	for (size_t f = 0; r == 0 && f < ARRAY_LEN(families); f++) {
		AUTO_FREE struct rtnl_route *v = NULL;
		size_t n = 0;
		r = rtnl_route_list(rt, families[f], &v, &n, e);
		for (size_t i = 0; r == 0 && i < n; i++)
			if (v[i].protocol == OVERLAY_ROUTE_PROTOCOL)
				r = rtnl_route_del(rt, &v[i], e);
	}
	rtnl_close(rt);
	return r;
}
