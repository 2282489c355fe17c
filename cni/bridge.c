/* The bridge plugin.
 *
 * ADD: bridge, veth pair, addresses from the IPAM plugin, configuration inside, gateway on the bridge. DEL: addresses
 * back to IPAM, the container's interface removed, where namespace and interface are still there. Fails with the
 * IPAM plugin's own words or the name of the link. What always holds: a failed ADD leaves neither a pair nor an
 * address behind; DEL twice is the same as once. */
#include "cni/bridge.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "cni/bridge_check.h"
#include "cni/bridge_link.h"
#include "cni/delegate.h"

/* Fills in gateways that IPAM left open and the default route that isDefaultGateway wants. */
static int complete_gateways(struct bridge_add *a, struct err *e)
{
	size_t i, k;
	json_t *ip, *route;
	json_array_foreach(json_object_get(a->result, "ips"), i, ip)
	{
		char text[IP_TEXT_MAX];
		struct ip_net net;
		bool has_default = false;
		if (ip_net_parse(json_member(ip, "address"), &net) < 0)
			return err_set(e, -EINVAL, "IPAM plugin returned invalid address");
		const char *any = net.ip.family == AF_INET ? "0.0.0.0/0" : "::/0";
		if (!json_member(ip, "gateway")) {
			struct ip first = ip_net_first(&net);
			first = ip_next(&first);
			json_set_str(ip, "gateway", ip_text(&first, text));
		}
		json_array_foreach(json_object_get(a->result, "routes"), k, route) has_default |=
		    str_eq(json_member(route, "dst"), any);
		if (a->conf.is_default_gateway && !has_default)
			json_array_append_new(json_array_at(a->result, "routes"),
					      json_pack("{s:s, s:s}", "dst", any, "gw", json_member(ip, "gateway")));
	}
	return 0;
}

static int run_ipam(struct bridge_add *a, struct err *e)
{
	size_t i;
	json_t *ip;
	int r = cni_delegate(a->call, a->conf.ipam_type, "ADD", &a->result, e);
	if (r < 0)
		return r;
	a->ipam_done = true;
	if (!a->result || !json_array_size(json_object_get(a->result, "ips")))
		return err_set(e, -EINVAL, "IPAM plugin returned missing IP config");
	json_object_del(a->result, "interfaces");
	json_array_foreach(json_object_get(a->result, "ips"), i, ip)
	    json_object_set_new(ip, "interface", json_integer(2));
	return a->conf.is_gateway ? complete_gateways(a, e) : 0;
}

static void describe(struct bridge_add *a)
{
	char bridge[MAC_TEXT_MAX], veth[MAC_TEXT_MAX], inside[MAC_TEXT_MAX];
	json_object_set_new(a->result, "interfaces",
			    json_pack("[{s:s, s:s}, {s:s, s:s}, {s:s, s:s, s:s}]", "name", a->conf.bridge, "mac",
				      mac_text(a->bridge.mac, bridge), "name", a->veth, "mac",
				      mac_text(a->veth_mac, veth), "name", a->call->ifname, "mac",
				      mac_text(a->mac, inside), "sandbox", a->call->netns));
	if (json_object_size(a->conf.dns))
		json_object_set_new(a->result, "dns", json_deep_copy(a->conf.dns));
}

static int attach(struct bridge_add *a, struct err *e)
{
	int r = bridge_link_ensure(a, e);
	if (r >= 0)
		r = bridge_link_connect(a, e);
	if (r >= 0 && a->conf.ipam_type)
		r = run_ipam(a, e);
	if (r < 0)
		return r;
	if (!a->result)
		a->result = json_object();
	if (!a->conf.no_container_if && (r = bridge_link_configure(a, e)) < 0)
		return r;
	if (a->conf.is_gateway && (r = bridge_link_gateways(a, e)) < 0)
		return r;
	describe(a);
	return 0;
}

static void undo(struct bridge_add *a)
{
	if (a->veth[0])
		rtnl_link_del(a->host, a->veth, NULL);
	if (a->ipam_done)
		cni_delegate(a->call, a->conf.ipam_type, "DEL", NULL, NULL);
}

static void add_done(struct bridge_add *a)
{
	rtnl_close(a->host);
	rtnl_close(a->inside);
	close_fd(&a->netns_fd);
	json_decref(a->result);
}

static int bridge_add(const struct cni_call *c, json_t **ret, struct err *e)
{
	struct bridge_add a = {.call = c, .netns_fd = -1};
	int r = bridge_conf_parse(c, &a.conf, e);
	if (r < 0 || (r = bridge_conf_check_add(c, &a.conf, e)) < 0)
		return r;
	a.netns_fd = netns_open(c->netns, e);
	if (a.netns_fd < 0)
		return err_wrap(e, a.netns_fd, "failed to open netns \"%s\"", c->netns);
	if ((r = rtnl_open(-1, &a.host, e)) >= 0 && (r = rtnl_open(a.netns_fd, &a.inside, e)) >= 0)
		r = attach(&a, e);
	if (r < 0)
		undo(&a);
	else
		*ret = TAKE(a.result);
	add_done(&a);
	return r;
}

/* A namespace that is gone took its end of the pair along, and the kernel the other. */
static int remove_link(const struct cni_call *c, struct err *e)
{
	AUTO_RTNL *inside = NULL;
	AUTO_FD int netns = *c->netns ? netns_open(c->netns, NULL) : -1;
	if (netns < 0)
		return 0;
	int r = rtnl_open(netns, &inside, e);
	return r < 0 ? r : rtnl_link_del(inside, c->ifname, e);
}

static int bridge_del(const struct cni_call *c, struct err *e)
{
	struct bridge_conf conf;
	int r = bridge_conf_parse(c, &conf, e);
	if (r < 0)
		return r;
	int link = remove_link(c, e);
	if (conf.ipam_type)
		r = cni_delegate(c, conf.ipam_type, "DEL", NULL, link < 0 ? NULL : e);
	return link < 0 ? link : r;
}

static int bridge_check_verb(const struct cni_call *c, struct err *e)
{
	struct bridge_conf conf;
	int r = bridge_conf_parse(c, &conf, e);
	if (r >= 0 && conf.ipam_type)
		r = cni_delegate(c, conf.ipam_type, "CHECK", NULL, e);
	return r < 0 ? r : bridge_check(c, &conf, e);
}

static int bridge_ipam_only(const struct cni_call *c, struct err *e)
{
	struct bridge_conf conf;
	int r = bridge_conf_parse(c, &conf, e);
	if (r >= 0 && conf.ipam_type)
		r = cni_delegate(c, conf.ipam_type, c->command, NULL, e);
	return r;
}

const struct cni_plugin bridge_plugin = {
    .name = "bridge",
    .add = bridge_add,
    .del = bridge_del,
    .check = bridge_check_verb,
    .status = bridge_ipam_only,
    .gc = bridge_ipam_only,
};
