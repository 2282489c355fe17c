/* CHECK of the bridge plugin.
 *
 * Reads prevResult; the container's interface must exist with its MAC address, be a veth whose other end is the host's
 * interface of the result, on the bridge; every address and route of the result must be there. The first difference
 * fails with its name. Changes nothing. */
#include "cni/bridge_check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cni/result.h"
#include "io/net/rtnl.h"

struct check {
	const struct cni_call *call;
	const struct bridge_conf *conf;
	json_t *result;
	struct rtnl *host, *inside;
	struct rtnl_link inside_link;
};

/* The result's interface inside (sandbox given) or outside with this name; NULL. */
static json_t *find_interface(const struct check *k, const char *name, bool inside)
{
	size_t i;
	json_t *j;
	json_array_foreach(json_object_get(k->result, "interfaces"), i, j)
	{
		const char *sandbox = json_member(j, "sandbox");
		if (inside == !str_empty(sandbox) && (!name || str_eq(json_member(j, "name"), name)))
			return j;
	}
	return NULL;
}

static int check_inside(struct check *k, struct err *e)
{
	const json_t *j = find_interface(k, k->call->ifname, true);
	char mac[MAC_TEXT_MAX];
	if (!j || !str_eq(json_member(j, "sandbox"), k->call->netns))
		return err_set(e, -EINVAL, "Sandbox in prevResult %s doesn't match configured netns: %s",
			       j ? json_str_or(j, "sandbox", "") : "", k->call->netns);
	if (rtnl_link_get(k->inside, k->call->ifname, &k->inside_link, NULL) < 0)
		return err_set(e, -ENODEV, "Interface name %s not found", k->call->ifname);
	if (strcmp(k->inside_link.kind, "veth"))
		return err_set(e, -EINVAL, "Error: Container interface %s not of type veth/p2p", k->call->ifname);
	if (json_member(j, "mac") && strcasecmp(json_member(j, "mac"), mac_text(k->inside_link.mac, mac)))
		return err_set(e, -EINVAL, "Interface %s Mac %s doesn't match container Mac: %s", k->call->ifname,
			       json_member(j, "mac"), mac);
	return 0;
}

static int check_outside(struct check *k, struct err *e)
{
	struct rtnl_link bridge, veth;
	size_t i;
	json_t *j;
	if (rtnl_link_get(k->host, k->conf->bridge, &bridge, NULL) < 0)
		return err_set(e, -ENODEV, "Bridge interface %s not found", k->conf->bridge);
	if (strcmp(bridge.kind, "bridge"))
		return err_set(e, -EINVAL, "Bridge interface %s is no bridge", k->conf->bridge);
	json_array_foreach(json_object_get(k->result, "interfaces"), i, j)
	{
		const char *name = json_member(j, "name");
		if (!str_empty(json_member(j, "sandbox")) || !name || !strcmp(name, k->conf->bridge))
			continue;
		if (rtnl_link_get(k->host, name, &veth, NULL) < 0)
			return err_set(e, -ENODEV, "Interface name %s not found", name);
		if (veth.index == k->inside_link.peer && veth.master != bridge.index)
			return err_set(e, -EINVAL, "Interface %s is not on bridge %s", name, k->conf->bridge);
		if (veth.index == k->inside_link.peer)
			return 0;
	}
	return err_set(e, -ENODEV, "the other end of %s is no interface of prevResult", k->call->ifname);
}

static int check_addresses(struct check *k, struct err *e)
{
	AUTO_FREE struct rtnl_addr *v = NULL;
	size_t n = 0, i, m;
	json_t *j;
	int r = rtnl_addr_list(k->inside, k->inside_link.index, AF_UNSPEC, &v, &n, e);
	if (r < 0)
		return r;
	json_array_foreach(json_object_get(k->result, "ips"), i, j)
	{
		struct ip_net net;
		if (ip_net_parse(json_member(j, "address"), &net) < 0)
			return err_set(e, -EINVAL, "prevResult: invalid address");
		for (m = 0; m < n; m++)
			if (ip_eq(&v[m].net.ip, &net.ip) && v[m].net.prefix == net.prefix)
				break;
		if (m == n)
			return err_set(e, -ENOENT, "Failed to match addr %s on interface %s", json_member(j, "address"),
				       k->call->ifname);
	}
	return 0;
}

static bool has_route(const struct rtnl_route *v, size_t n, const struct ip_net *dst, const struct ip *gw)
{
	struct ip first = ip_net_first(dst);
	for (size_t i = 0; i < n; i++)
		if (ip_eq(&v[i].dst.ip, &first) && v[i].dst.prefix == dst->prefix &&
		    (ip_is_unset(gw) || ip_eq(&v[i].gw, gw)))
			return true;
	return false;
}

static int check_routes(struct check *k, struct err *e)
{
	AUTO_FREE struct rtnl_route *v4 = NULL, *v6 = NULL;
	size_t n4 = 0, n6 = 0, i;
	json_t *j;
	int r = rtnl_route_list(k->inside, AF_INET, &v4, &n4, e);
	if (r >= 0)
		r = rtnl_route_list(k->inside, AF_INET6, &v6, &n6, e);
	if (r < 0)
		return r;
	json_array_foreach(json_object_get(k->result, "routes"), i, j)
	{
		struct ip_net dst;
		struct ip gw = {0};
		if (ip_net_parse(json_member(j, "dst"), &dst) < 0)
			return err_set(e, -EINVAL, "prevResult: invalid route");
		if (json_member(j, "gw") && ip_parse(json_member(j, "gw"), &gw) < 0)
			return err_set(e, -EINVAL, "prevResult: invalid gateway");
		bool four = dst.ip.family == AF_INET;
		if (!has_route(four ? v4 : v6, four ? n4 : n6, &dst, &gw))
			return err_set(e, -ENOENT, "Expected route %s not found in routing table",
				       json_member(j, "dst"));
	}
	return 0;
}

int bridge_check(const struct cni_call *c, const struct bridge_conf *conf, struct err *e)
{
	AUTO_FD int netns = netns_open(c->netns, e);
	AUTO_JSON *result = NULL;
	AUTO_RTNL *host = NULL, *inside = NULL;
	int r;
	if (netns < 0)
		return err_wrap(e, netns, "failed to open netns \"%s\"", c->netns);
	if (!json_is_object(json_object_get(c->conf, "prevResult")))
		return err_set(e, -EINVAL, "Required prevResult missing");
	if ((r = cni_result_import(json_object_get(c->conf, "prevResult"), &result, e)) < 0 ||
	    (r = rtnl_open(-1, &host, e)) < 0 || (r = rtnl_open(netns, &inside, e)) < 0)
		return r;
	struct check k = {.call = c, .conf = conf, .result = result, .host = host, .inside = inside};
	if ((r = check_inside(&k, e)) < 0 || (r = check_outside(&k, e)) < 0 || (r = check_addresses(&k, e)) < 0)
		return r;
	return check_routes(&k, e);
}
