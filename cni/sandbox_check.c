/* CHECK of the container's interface.
 *
 * Every plugin that makes one asks the same: does IPAM still hold the addresses, is the interface of prevResult there,
 * of its kind and with its MAC address, and has it the result's addresses and routes? The first difference fails with
 * its name. Changes nothing. */
#include "cni/sandbox_check.h"

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "cni/ipam.h"

static int check_addresses(const struct sandbox_if *s, const json_t *result, struct err *e)
{
	AUTO_FREE struct rtnl_addr *v = NULL;
	size_t n = 0, i, m;
	json_t *j;
	int r = rtnl_addr_list(s->net, s->index, AF_UNSPEC, &v, &n, e);
	if (r < 0)
		return r;
	json_array_foreach(json_object_get(result, "ips"), i, j)
	{
		struct ip_net net;
		if (ip_net_parse(json_member(j, "address"), &net) < 0)
			return err_set(e, -EINVAL, "prevResult: invalid address");
		for (m = 0; m < n; m++)
			if (ip_eq(&v[m].net.ip, &net.ip) && v[m].net.prefix == net.prefix)
				break;
		if (m == n)
			return err_set(e, -ENOENT, "Failed to match addr %s on interface %s", json_member(j, "address"),
				       s->name);
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

static int check_routes(const struct sandbox_if *s, const json_t *result, struct err *e)
{
	AUTO_FREE struct rtnl_route *v4 = NULL, *v6 = NULL;
	size_t n4 = 0, n6 = 0, i;
	json_t *j;
	int r = rtnl_route_list(s->net, AF_INET, &v4, &n4, e);
	if (r >= 0)
		r = rtnl_route_list(s->net, AF_INET6, &v6, &n6, e);
	if (r < 0)
		return r;
	json_array_foreach(json_object_get(result, "routes"), i, j)
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

int sandbox_check_result(const struct sandbox_if *s, const json_t *result, struct err *e)
{
	int r = check_addresses(s, result, e);
	return r < 0 ? r : check_routes(s, result, e);
}

static const json_t *find_interface(const json_t *result, const char *name)
{
	size_t i;
	json_t *j;
	json_array_foreach(json_object_get(result, "interfaces"), i,
			   j) if (!str_empty(json_member(j, "sandbox")) &&
				  str_eq(json_member(j, "name"), name)) return j;
	return NULL;
}

int sandbox_check_find(const struct cni_call *c, struct rtnl *net, const json_t *result, const char *kind,
		       struct rtnl_link *ret, struct err *e)
{
	const json_t *j = find_interface(result, c->ifname);
	char mac[MAC_TEXT_MAX];
	if (!j || !str_eq(json_member(j, "sandbox"), c->netns))
		return err_set(e, -EINVAL, "Sandbox in prevResult %s doesn't match configured netns: %s",
			       j ? json_str_or(j, "sandbox", "") : "", c->netns);
	if (rtnl_link_get(net, c->ifname, ret, NULL) < 0)
		return err_set(e, -ENODEV, "Interface name %s not found", c->ifname);
	if (kind && strcmp(ret->kind, kind))
		return err_set(e, -EINVAL, "Error: Container interface %s not of type %s", c->ifname, kind);
	if (json_member(j, "mac") && *json_member(j, "mac") &&
	    strcasecmp(json_member(j, "mac"), mac_text(ret->mac, mac)))
		return err_set(e, -EINVAL, "Interface %s Mac %s doesn't match container Mac: %s", c->ifname,
			       json_member(j, "mac"), mac);
	return 0;
}

int sandbox_check_attachment(const struct cni_call *c, const char *kind, const char *missing, json_t **ret_prev,
			     struct rtnl_link *ret, struct err *e)
{
	AUTO_JSON *prev = NULL;
	AUTO_RTNL *inside = NULL;
	AUTO_FD int netns = netns_open(c->netns, e);
	if (netns < 0)
		return err_wrap(e, netns, "failed to open netns \"%s\"", c->netns);
	int r = ipam_run(c, "CHECK", e);
	if (r < 0 || (r = cni_prev_result(c, missing, &prev, e)) < 0 || (r = rtnl_open(netns, &inside, e)) < 0 ||
	    (r = sandbox_check_find(c, inside, prev, kind, ret, e)) < 0)
		return r;
	struct sandbox_if s = {inside, ret->index, c->ifname};
	r = sandbox_check_result(&s, prev, e);
	if (r >= 0)
		*ret_prev = TAKE(prev);
	return r;
}
