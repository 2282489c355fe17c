/* The container's interface.
 *
 * Addresses are set before the interface comes up, routes after. IPv6 addresses skip duplicate detection unless it is
 * asked for. Fails naming the address or route; what was set before stays, the caller removes the whole interface. */
#include "cni/sandbox_if.h"

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
#include "cni/result.h"

#define NAME_TRIES 8
#define DAD_WAIT_MS 10000
#define DAD_STEP_MS 20

/* The gateway of the result's first address of the family. */
static bool gateway_of(const json_t *result, int family, struct ip *ret)
{
	size_t i;
	json_t *ip;
	json_array_foreach(json_object_get(result, "ips"), i,
			   ip) if (!ip_parse(json_member(ip, "gateway"), ret) && ret->family == family) return true;
	return false;
}

static int add_route(const struct sandbox_if *s, const json_t *result, const json_t *j, struct err *e)
{
	struct rtnl_route route = {.oif = s->index,
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
	if (!gw && route.scope != RT_SCOPE_LINK && !gateway_of(result, route.dst.ip.family, &route.gw))
		route.gw = (struct ip){0};
	return rtnl_route_add(s->net, &route, e);
}

/* Duplicate detection was asked for: waits until no address is tentative any more. */
static int wait_dad(const struct sandbox_if *s, struct err *e)
{
	for (int waited = 0; waited < DAD_WAIT_MS; waited += DAD_STEP_MS) {
		AUTO_FREE struct rtnl_addr *v = NULL;
		size_t n = 0, tentative = 0;
		int r = rtnl_addr_list(s->net, s->index, AF_INET6, &v, &n, e);
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

int sandbox_if_add_routes(const struct sandbox_if *s, const json_t *result, struct err *e)
{
	size_t i;
	json_t *j;
	int r;
	json_array_foreach(json_object_get(result, "routes"), i, j) if ((r = add_route(s, result, j, e)) < 0) return r;
	return 0;
}

int sandbox_if_make_pair(const struct rtnl_veth *v, char *name, struct rtnl *host, struct rtnl *inside, struct err *e)
{
	struct rtnl_link there;
	int r = -EEXIST;
	for (int i = 0; r == -EEXIST && i < NAME_TRIES; i++) {
		uint32_t random;
		rand_bytes(&random, sizeof(random));
		snprintf(name, IFNAMSIZ, "veth%08x", random);
		r = rtnl_veth_add(host, v, e);
		if (r == -EEXIST && rtnl_link_get(inside, v->peer_name, &there, NULL) >= 0)
			r = err_set(e, -ENOTUNIQ, "container veth name (\"%s\") peer provided (\"%s\") already exists",
				    v->peer_name, name);
	}
	if (r < 0)
		name[0] = '\0';
	return r;
}

int sandbox_if_configure(const struct sandbox_if *s, const json_t *result, bool dad, struct err *e)
{
	size_t i;
	json_t *j;
	int r;
	json_array_foreach(json_object_get(result, "ips"), i, j)
	{
		struct ip_net net;
		const char *address = json_member(j, "address");
		if (!address || ip_net_parse(address, &net) < 0)
			return err_set(e, -EINVAL, "IPAM plugin returned invalid address \"%s\"",
				       address ? address : "");
		if ((r = rtnl_addr_add(s->net, s->index, &net, dad, e)) < 0)
			return err_wrap(e, r, "%s", s->name);
	}
	if ((r = rtnl_link_set(s->net, s->index, &(struct rtnl_change){.up = true, .arp_notify = i > 0}, e)) < 0)
		return err_wrap(e, r, "%s", s->name);
	if ((r = sandbox_if_add_routes(s, result, e)) < 0)
		return r;
	return dad ? wait_dad(s, e) : 0;
}

int sandbox_if_remove(const struct cni_call *c, struct err *e)
{
	AUTO_RTNL *inside = NULL;
	AUTO_FD int netns = *c->netns ? netns_open(c->netns, NULL) : -1;
	if (netns < 0)
		return 0;
	int r = rtnl_open(netns, &inside, e);
	return r < 0 ? r : rtnl_link_del(inside, c->ifname, e);
}

int sandbox_if_mac(const struct cni_call *c, uint8_t ret[6], struct err *e)
{
	char from_args[64] = "";
	const char *text = json_str_or(c->conf, "runtimeConfig.mac", "");
	uint8_t mac[6];
	if (!*text)
		text = json_str_or(c->conf, "args.cni.mac", "");
	if (!*text && cni_args_get(c, "MAC", from_args, sizeof(from_args)))
		text = from_args;
	if (!*text)
		text = json_str_or(c->conf, "mac", "");
	if (!*text)
		return 0;
	if (mac_parse(text, mac) < 0 || (mac[0] & 1))
		return err_set(e, -EINVAL, "failed to parse MAC address %s", text);
	memcpy(ret, mac, sizeof(mac));
	return 1;
}

int cni_prev_result(const struct cni_call *c, const char *missing, json_t **ret, struct err *e)
{
	const json_t *prev = json_object_get(c->conf, "prevResult");
	if (!json_is_object(prev))
		return err_set(e, -EINVAL, "%s", missing);
	int r = cni_result_import(prev, ret, e);
	return r < 0 ? err_wrap(e, r, "could not parse prevResult") : 0;
}

int cni_forward(int family, struct err *e)
{
	const char *path =
	    family == AF_INET ? "/proc/sys/net/ipv4/ip_forward" : "/proc/sys/net/ipv6/conf/all/forwarding";
	AUTO_STR now = STR_INIT;
	if (fs_read_file(path, 16, &now, NULL) >= 0 && str_has_prefix(str_text(&now), "1"))
		return 0;
	int r = fs_write_existing(path, "1", e);
	return r < 0 ? err_wrap(e, r, "failed to enable forwarding") : 0;
}
