/* The ptp plugin.
 *
 * ADD: addresses from IPAM, the pair, inside a link route to the gateway and everything else by it, outside the
 * gateway's address on the pair's end and a route to each address. DEL: the interface, rules, addresses back. Fails
 * with IPAM's words or naming the link or route. What always holds: a failed ADD leaves neither pair, rule nor address
 * behind. */
#include "cni/ptp.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "cni/ipam.h"
#include "cni/masq.h"
#include "cni/sandbox_check.h"
#include "cni/sandbox_if.h"

struct ptp {
	const struct cni_call *call;
	struct rtnl *host, *inside;
	int netns_fd;
	struct rtnl_link outer, inner;
	char veth[IFNAMSIZ];
	json_t *result;
};

static int whole(const struct ip *ip)
{
	return ip_bits(ip);
}

/* The address without a route to its subnet; a route to the gateway on the link; the subnet by the gateway. */
static int configure_address(struct ptp *p, const struct ip_net *net, const struct ip *gw, struct err *e)
{
	uint32_t flags = IFA_F_NOPREFIXROUTE | (net->ip.family == AF_INET6 ? IFA_F_NODAD : 0);
	struct ip_net subnet = {ip_net_first(net), net->prefix};
	struct rtnl_route to_gw = {
	    .dst = {*gw, whole(gw)}, .oif = p->inner.index, .src = net->ip, .scope = RT_SCOPE_LINK};
	struct rtnl_route by_gw = {.dst = subnet, .gw = *gw, .oif = p->inner.index, .src = net->ip, .scope = -1};
	int r = rtnl_addr_add_flags(p->inside, p->inner.index, net, flags, e);
	if (r >= 0)
		r = rtnl_route_add(p->inside, &to_gw, e);
	return r < 0 ? r : rtnl_route_add(p->inside, &by_gw, e);
}

static int configure_outside(struct ptp *p, const struct ip_net *net, const struct ip *gw, struct err *e)
{
	struct ip_net own = {*gw, whole(gw)};
	struct rtnl_route to = {.dst = {net->ip, whole(&net->ip)}, .oif = p->outer.index, .scope = -1};
	if (net->ip.family == AF_INET)
		to.scope = RT_SCOPE_HOST;
	int r = rtnl_addr_add(p->host, p->outer.index, &own, false, e);
	if (r >= 0)
		r = rtnl_route_add(p->host, &to, e);
	return r < 0 ? r : cni_forward(net->ip.family, e);
}

static int configure_addresses(struct ptp *p, struct err *e)
{
	size_t i;
	json_t *j;
	json_array_foreach(json_object_get(p->result, "ips"), i, j)
	{
		struct ip_net net;
		struct ip gw;
		if (ip_net_parse(json_member(j, "address"), &net) < 0)
			return err_set(e, -EINVAL, "IPAM plugin returned invalid address");
		if (!json_member(j, "gateway") || ip_parse(json_member(j, "gateway"), &gw) < 0)
			return err_set(e, -EINVAL, "IPAM plugin returned no gateway for %s", json_member(j, "address"));
		int r = configure_address(p, &net, &gw, e);
		if (r >= 0)
			r = configure_outside(p, &net, &gw, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int make_pair(struct ptp *p, struct err *e)
{
	struct rtnl_veth v = {.name = p->veth,
			      .peer_name = p->call->ifname,
			      .mtu = (int)json_int_at(p->call->conf, "mtu", 0),
			      .peer_netns_fd = p->netns_fd,
			      .up = true};
	int r = sandbox_if_make_pair(&v, p->veth, p->host, p->inside, e);
	if (r >= 0)
		r = rtnl_link_get(p->host, p->veth, &p->outer, e);
	if (r >= 0)
		r = rtnl_link_get(p->inside, p->call->ifname, &p->inner, e);
	return r < 0
		   ? r
		   : rtnl_link_set(p->inside, p->inner.index, &(struct rtnl_change){.up = true, .arp_notify = true}, e);
}

static void describe(struct ptp *p)
{
	char outer[MAC_TEXT_MAX], inner[MAC_TEXT_MAX];
	const json_t *dns = json_object_get(p->call->conf, "dns");
	json_object_set_new(p->result, "interfaces",
			    json_pack("[{s:s, s:s}, {s:s, s:s, s:s}]", "name", p->veth, "mac",
				      mac_text(p->outer.mac, outer), "name", p->call->ifname, "mac",
				      mac_text(p->inner.mac, inner), "sandbox", p->call->netns));
	if (json_object_size(dns))
		json_object_set_new(p->result, "dns", json_deep_copy(dns));
}

static int attach(struct ptp *p, struct err *e)
{
	int masq = masq_wanted(p->call, e);
	if (masq < 0)
		return masq;
	if (!ipam_type(p->call))
		return err_set(e, -EINVAL, "ipam: type is missing");
	int r = ipam_add(p->call, 1, &p->result, e);
	if (r < 0 || (r = make_pair(p, e)) < 0 || (r = configure_addresses(p, e)) < 0)
		return r;
	struct sandbox_if inside = {p->inside, p->inner.index, p->call->ifname};
	if ((r = sandbox_if_add_routes(&inside, p->result, e)) < 0 ||
	    (masq && (r = masq_add(p->call, p->result, e)) < 0))
		return r;
	describe(p);
	return 0;
}

static void undo(struct ptp *p)
{
	struct cni_call del = *p->call;
	del.command = "DEL";
	if (json_bool_at(del.conf, "ipMasq", false))
		masq_remove(&del, NULL);
	if (p->veth[0])
		rtnl_link_del(p->host, p->veth, NULL);
	if (p->result)
		ipam_run(&del, "DEL", NULL);
}

static int ptp_add(const struct cni_call *c, json_t **ret, struct err *e)
{
	AUTO_RTNL *host = NULL, *inside = NULL;
	AUTO_FD int netns = netns_open(c->netns, e);
	if (netns < 0)
		return err_wrap(e, netns, "failed to open netns \"%s\"", c->netns);
	int r = rtnl_open(-1, &host, e);
	if (r < 0 || (r = rtnl_open(netns, &inside, e)) < 0)
		return r;
	struct ptp p = {.call = c, .host = host, .inside = inside, .netns_fd = netns};
	if ((r = attach(&p, e)) < 0)
		undo(&p);
	else
		*ret = TAKE(p.result);
	json_decref(p.result);
	return r;
}

static int remove_rules(const struct cni_call *c, struct err *e)
{
	return json_bool_at(c->conf, "ipMasq", false) ? masq_remove(c, e) : 0;
}

/* The first failure is told, the rest is done all the same. */
static int ptp_del(const struct cni_call *c, struct err *e)
{
	int r = ipam_run(c, "DEL", e), link = sandbox_if_remove(c, r < 0 ? NULL : e);
	r = r < 0 ? r : link;
	int rules = remove_rules(c, r < 0 ? NULL : e);
	return r < 0 ? r : rules;
}

static int ptp_check(const struct cni_call *c, struct err *e)
{
	AUTO_JSON *prev = NULL;
	struct rtnl_link link;
	int r = sandbox_check_attachment(c, "veth", "ptp: Required prevResult missing", &prev, &link, e);
	return r >= 0 && json_bool_at(c->conf, "ipMasq", false) ? masq_check(c, prev, e) : r;
}

static int ptp_status(const struct cni_call *c, struct err *e)
{
	return ipam_run(c, "STATUS", e);
}

static int ptp_gc(const struct cni_call *c, struct err *e)
{
	int r = remove_rules(c, e), ipam = ipam_run(c, "GC", r < 0 ? NULL : e);
	return r < 0 ? r : ipam;
}

const struct cni_plugin ptp_plugin = {
    .name = "ptp",
    .members = "ipMasq:b ipMasqBackend:s mtu:n",
 .add = ptp_add, .del = ptp_del, .check = ptp_check, .status = ptp_status, .gc = ptp_gc};
