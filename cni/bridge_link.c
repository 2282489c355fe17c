/* Links and addresses of an attachment.
 *
 * A new attachment to an existing bridge costs a handful of messages: look up the bridge, make the pair (both names,
 * addresses, the master and the namespace in one message), look up the far end, its addresses, up, its routes. IPv6
 * addresses skip duplicate detection. Fails where a name is taken, where the bridge is none, or where it carries
 * another network's address. What always holds: the bridge keeps a MAC address of its own, whatever ports come. */
#include "cni/bridge_link.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/rand.h"

#define NAME_TRIES 8
#define DAD_WAIT_MS 10000
#define DAD_STEP_MS 20

static int make_bridge(struct bridge_add *a, struct err *e)
{
	uint8_t mac[6];
	mac_random(mac);
	int r = rtnl_bridge_add(a->host, a->conf.bridge, mac, a->conf.mtu, e);
	if (r < 0 && r != -EEXIST) /* another plugin may have been faster */
		return err_wrap(e, r, "failed to create bridge \"%s\"", a->conf.bridge);
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
	struct rtnl_link there;
	int r = -EEXIST;
	for (int i = 0; r == -EEXIST && i < NAME_TRIES; i++) {
		uint32_t random;
		rand_bytes(&random, sizeof(random));
		snprintf(a->veth, sizeof(a->veth), "veth%08x", random);
		r = rtnl_veth_add(a->host, &v, e);
		if (r == -EEXIST && rtnl_link_get(a->inside, a->call->ifname, &there, NULL) >= 0)
			r = err_set(e, -ENOTUNIQ, "container veth name (\"%s\") peer provided (\"%s\") already exists",
				    a->call->ifname, a->veth);
	}
	if (r < 0)
		a->veth[0] = '\0';
	return r;
}

int bridge_link_connect(struct bridge_add *a, struct err *e)
{
	struct rtnl_link inside;
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
	if ((r = rtnl_link_get(a->inside, a->call->ifname, &inside, e)) < 0)
		return r;
	a->index = inside.index;
	return 0;
}

/* The gateway of the result's first address of the family. */
static bool gateway_of(const json_t *result, int family, struct ip *ret)
{
	size_t i;
	json_t *ip;
	json_array_foreach(json_object_get(result, "ips"), i,
			   ip) if (!ip_parse(json_member(ip, "gateway"), ret) && ret->family == family) return true;
	return false;
}

static int add_route(struct bridge_add *a, const json_t *j, struct err *e)
{
	struct rtnl_route route = {.oif = a->index,
				   .scope = (int)json_int_at(j, "scope", -1),
				   .mtu = (uint32_t)json_int_at(j, "mtu", 0),
				   .advmss = (uint32_t)json_int_at(j, "advmss", 0),
				   .priority = (uint32_t)json_int_at(j, "priority", 0),
				   .table = (uint32_t)json_int_at(j, "table", 0)};
	const char *dst = json_member(j, "dst"), *gw = json_member(j, "gw");
	if (!dst || ip_net_parse(dst, &route.dst) < 0)
		return err_set(e, -EINVAL, "invalid route destination \"%s\"", dst ? dst : "");
	if (gw && ip_parse(gw, &route.gw) < 0)
		return err_set(e, -EINVAL, "invalid gateway \"%s\" of route %s", gw, dst);
	if (!gw && route.scope != RT_SCOPE_LINK && !gateway_of(a->result, route.dst.ip.family, &route.gw))
		route.gw = (struct ip){0};
	return rtnl_route_add(a->inside, &route, e);
}

/* Duplicate detection was asked for: waits until no address is tentative any more. */
static int wait_dad(struct bridge_add *a, struct err *e)
{
	for (int waited = 0; waited < DAD_WAIT_MS; waited += DAD_STEP_MS) {
		AUTO_FREE struct rtnl_addr *v = NULL;
		size_t n = 0, tentative = 0;
		int r = rtnl_addr_list(a->inside, a->index, AF_INET6, &v, &n, e);
		if (r < 0)
			return r;
		for (size_t i = 0; i < n; i++) {
			if (v[i].flags & IFA_F_DADFAILED)
				return err_set(e, -EADDRINUSE, "IPv6 address in use by another host");
			tentative += (v[i].flags & IFA_F_TENTATIVE) != 0;
		}
		if (!tentative)
			return 0;
		nanosleep(&(struct timespec){.tv_nsec = DAD_STEP_MS * 1000000L}, NULL);
	}
	return err_set(e, -ETIMEDOUT, "IPv6 addresses are still tentative after %d s", DAD_WAIT_MS / 1000);
}

int bridge_link_configure(struct bridge_add *a, struct err *e)
{
	size_t i;
	json_t *j;
	int r;
	json_array_foreach(json_object_get(a->result, "ips"), i, j)
	{
		struct ip_net net;
		const char *address = json_member(j, "address");
		if (!address || ip_net_parse(address, &net) < 0)
			return err_set(e, -EINVAL, "IPAM plugin returned invalid address \"%s\"",
				       address ? address : "");
		if ((r = rtnl_addr_add(a->inside, a->index, &net, a->conf.dad, e)) < 0)
			return err_wrap(e, r, "%s", a->call->ifname);
	}
	if ((r = rtnl_link_set(a->inside, a->index, &(struct rtnl_change){.up = true, .arp_notify = i > 0}, e)) < 0)
		return err_wrap(e, r, "%s", a->call->ifname);
	json_array_foreach(json_object_get(a->result, "routes"), i, j) if ((r = add_route(a, j, e)) < 0) return r;
	return a->conf.dad ? wait_dad(a, e) : 0;
}

static bool is_link_local(const struct ip *ip)
{
	return ip->family == AF_INET6 && ip->b[0] == 0xfe && (ip->b[1] & 0xc0) == 0x80;
}

static int ensure_address(struct bridge_add *a, const struct ip_net *want, struct err *e)
{
	AUTO_FREE struct rtnl_addr *v = NULL;
	char text[IP_TEXT_MAX];
	size_t n = 0;
	int r = rtnl_addr_list(a->host, a->bridge.index, want->ip.family, &v, &n, e);
	for (size_t i = 0; r >= 0 && i < n; i++) {
		if (ip_eq(&v[i].net.ip, &want->ip) && v[i].net.prefix == want->prefix)
			return 0;
		bool overlap = ip_net_contains(want, &v[i].net.ip) || ip_net_contains(&v[i].net, &want->ip);
		if (is_link_local(&v[i].net.ip) || (want->ip.family == AF_INET6 && !overlap))
			continue;
		if (!a->conf.force_address)
			return err_set(e, -EEXIST,
				       "failed to set bridge addr: \"%s\" already has an IP address different from %s",
				       a->conf.bridge, ip_net_text(want, text));
		r = rtnl_addr_del(a->host, a->bridge.index, &v[i].net, e);
	}
	if (r >= 0)
		r = rtnl_addr_add(a->host, a->bridge.index, want, false, e);
	return r < 0 ? err_wrap(e, r, "failed to set bridge addr") : 0;
}

static int forward(int family, struct err *e)
{
	const char *path =
	    family == AF_INET ? "/proc/sys/net/ipv4/ip_forward" : "/proc/sys/net/ipv6/conf/all/forwarding";
	AUTO_STR now = STR_INIT;
	if (fs_read_file(path, 16, &now, NULL) >= 0 && str_has_prefix(str_text(&now), "1"))
		return 0;
	int r = fs_write_existing(path, "1", e);
	return r < 0 ? err_wrap(e, r, "failed to enable forwarding") : 0;
}

int bridge_link_gateways(struct bridge_add *a, struct err *e)
{
	size_t i;
	json_t *j;
	json_array_foreach(json_object_get(a->result, "ips"), i, j)
	{
		struct ip_net net;
		if (ip_net_parse(json_member(j, "address"), &net) < 0 ||
		    ip_parse(json_member(j, "gateway"), &net.ip) < 0)
			continue;
		int r = ensure_address(a, &net, e);
		if (r >= 0)
			r = forward(net.ip.family, e);
		if (r < 0)
			return r;
	}
	return 0;
}
