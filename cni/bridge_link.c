/* Links and addresses of an attachment.
 *
 * A new attachment to an existing bridge costs a handful of messages: look up the bridge, make the pair (both names,
 * addresses, the master and the namespace in one message), look up the far end, its addresses, up, its routes. IPv6
 * addresses skip duplicate detection. Fails where a name is taken, where the bridge is none, or where it carries
 * another network's address. What always holds: the bridge keeps a MAC address of its own, whatever ports come. */
#include "cni/bridge_link.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/rand.h"
#include "cni/sandbox_if.h"

#define DEFAULT_VLAN 1

static void set_accept_ra(const char *bridge)
{
	AUTO_FREE char *path = xasprintf("/proc/sys/net/ipv6/conf/%s/accept_ra", bridge);
	fs_write_existing(path, "0", NULL);
}

static int make_bridge(struct bridge_add *a, struct err *e)
{
	uint8_t mac[6];
	mac_random(mac);
	int r = rtnl_bridge_add(a->host, a->conf.bridge, mac, a->conf.mtu, bridge_conf_has_vlans(&a->conf), e);
	if (r < 0 && r != -EEXIST) /* another plugin may have been faster */
		return err_wrap(e, r, "failed to create bridge \"%s\"", a->conf.bridge);
	if (r >= 0) /* routes of the bridge are ours to make; without IPv6 there is no such file */
		set_accept_ra(a->conf.bridge);
	return rtnl_link_get(a->host, a->conf.bridge, &a->bridge, e);
}

int bridge_link_ensure(struct bridge_add *a, struct err *e)
{
	struct rtnl_change change = {0};
	int r = rtnl_link_get(a->host, a->conf.bridge, &a->bridge, NULL);
	if (r == -ENODEV)
		r = make_bridge(a, e);
	if (r < 0)
		return r;
	if (strcmp(a->bridge.kind, "bridge"))
		return err_set(e, -EEXIST, "\"%s\" already exists but is not a bridge", a->conf.bridge);
	change.up = !(a->bridge.flags & IFF_UP);
	change.promisc = a->conf.promisc && !(a->bridge.flags & IFF_PROMISC);
	if (!change.up && !change.promisc)
		return 0;
	change.up = true; /* flags are changed together */
	return rtnl_link_set(a->host, a->bridge.index, &change, e);
}

static int make_pair(struct bridge_add *a, struct err *e)
{
	struct rtnl_veth v = {.name = a->veth,
			      .peer_name = a->call->ifname,
			      .mac = a->veth_mac,
			      .peer_mac = a->mac,
			      .mtu = a->conf.mtu,
			      .master = a->bridge.index,
			      .peer_netns_fd = a->netns_fd,
			      .up = true};
	return sandbox_if_make_pair(&v, a->veth, a->host, a->inside, e);
}

/* Which VLANs the port carries. A port gets the bridge's default VLAN by itself. */
static int set_vlans(struct bridge_add *a, int index, int vlan, bool trunk, struct err *e)
{
	int at = 1, first, last, r = 0;
	if (!a->conf.keep_default_vlan)
		r = rtnl_port_vlan_del(a->host, index, DEFAULT_VLAN, e);
	if (r >= 0 && vlan)
		r = rtnl_port_vlan_add(a->host, index, vlan, vlan, true, e);
	while (r >= 0 && trunk && bridge_conf_next_vlans(&a->conf, &at, &first, &last))
		r = rtnl_port_vlan_add(a->host, index, first, last, false, e);
	return r < 0 ? err_wrap(e, r, "failed to setup vlan tag on interface \"%s\"", a->veth) : 0;
}

static int connect_vlans(struct bridge_add *a, struct err *e)
{
	struct rtnl_link port;
	int r = rtnl_link_get(a->host, a->veth, &port, e);
	return r < 0 ? r : set_vlans(a, port.index, a->conf.vlan, a->conf.has_trunk, e);
}

int bridge_link_connect(struct bridge_add *a, struct err *e)
{
	mac_random(a->veth_mac);
	if (a->conf.has_mac)
		memcpy(a->mac, a->conf.mac, 6);
	else
		mac_random(a->mac);
	int r = make_pair(a, e);
	if (r < 0)
		return r;
	if ((a->conf.hairpin || a->conf.isolated) &&
	    (r = rtnl_port_set(a->host, a->veth, a->conf.hairpin, a->conf.isolated, e)) < 0)
		return r;
	if (bridge_conf_has_vlans(&a->conf) && (r = connect_vlans(a, e)) < 0)
		return r;
	return rtnl_link_index(a->inside, a->call->ifname, &a->index, e);
}

static bool is_link_local(const struct ip *ip)
{
	return ip->family == AF_INET6 && ip->b[0] == 0xfe && (ip->b[1] & 0xc0) == 0x80;
}

static int ensure_address(struct bridge_add *a, const struct rtnl_link *on, const struct ip_net *want, struct err *e)
{
	AUTO_FREE struct rtnl_addr *v = NULL;
	char text[IP_TEXT_MAX];
	size_t n = 0;
	int r = rtnl_addr_list(a->host, on->index, want->ip.family, &v, &n, e);
	for (size_t i = 0; r >= 0 && i < n; i++) {
		if (ip_eq(&v[i].net.ip, &want->ip) && v[i].net.prefix == want->prefix)
			return 0;
		bool overlap = ip_net_contains(want, &v[i].net.ip) || ip_net_contains(&v[i].net, &want->ip);
		if (is_link_local(&v[i].net.ip) || (want->ip.family == AF_INET6 && !overlap))
			continue;
		if (!a->conf.force_address)
			return err_set(e, -EEXIST,
				       "failed to set bridge addr: \"%s\" already has an IP address different from %s",
				       on->name, ip_net_text(want, text));
		r = rtnl_addr_del(a->host, on->index, &v[i].net, e);
	}
	if (r >= 0)
		r = rtnl_addr_add(a->host, on->index, want, false, e);
	return r < 0 ? err_wrap(e, r, "failed to set bridge addr") : 0;
}

/* The gateway of a VLAN: one end of a pair whose other end is a port of the bridge in that VLAN. */
static int ensure_vlan_link(struct bridge_add *a, struct err *e)
{
	struct rtnl_link port;
	struct rtnl_veth v = {.peer_name = a->gateway.name,
			      .mtu = a->conf.mtu,
			      .master = a->bridge.index,
			      .peer_netns_fd = -1,
			      .up = true};
	char name[IFNAMSIZ];
	uint32_t random;
	snprintf(a->gateway.name, sizeof(a->gateway.name), "%.10s.%d", a->conf.bridge, a->conf.vlan);
	if (rtnl_link_get(a->host, a->gateway.name, &a->gateway, NULL) >= 0)
		return 0;
	rand_bytes(&random, sizeof(random));
	snprintf(name, sizeof(name), "veth%08x", random);
	v.name = name;
	int r = rtnl_veth_add(a->host, &v, e);
	if (r >= 0 && (r = rtnl_link_get(a->host, name, &port, e)) >= 0)
		r = set_vlans(a, port.index, a->conf.vlan, false, e);
	if (r >= 0 || r == -EEXIST) /* another plugin may have been faster */
		r = rtnl_link_get(a->host, a->gateway.name, &a->gateway, e);
	if (r >= 0)
		r = rtnl_link_set(a->host, a->gateway.index, &(struct rtnl_change){.up = true}, e);
	return r < 0 ? err_wrap(e, r, "failed to create vlan interface") : 0;
}

int bridge_link_gateways(struct bridge_add *a, struct err *e)
{
	size_t i;
	json_t *j;
	if (a->conf.vlan && json_array_size(json_object_get(a->result, "ips"))) {
		int r = ensure_vlan_link(a, e);
		if (r < 0)
			return r;
	}
	json_array_foreach(json_object_get(a->result, "ips"), i, j)
	{
		struct ip_net net;
		if (ip_net_parse(json_member(j, "address"), &net) < 0 ||
		    ip_parse(json_member(j, "gateway"), &net.ip) < 0)
			continue;
		int r = ensure_address(a, a->conf.vlan ? &a->gateway : &a->bridge, &net, e);
		if (r >= 0)
			r = cni_forward(net.ip.family, e);
		if (r < 0)
			return r;
	}
	return 0;
}
