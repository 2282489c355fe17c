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
#include "cni/ipam.h"
#include "cni/mac_check.h"
#include "cni/masq.h"
#include "cni/sandbox_if.h"

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
		    str_eq(json_member(route, "dst"), any) && json_member(route, "gw");
		if (a->conf.is_default_gateway && !has_default)
			json_array_append_new(json_array_at(a->result, "routes"),
					      json_pack("{s:s, s:s}", "dst", any, "gw", json_member(ip, "gateway")));
	}
	return 0;
}

static int run_ipam(struct bridge_add *a, struct err *e)
{
	int r = ipam_add(a->call, 2, &a->result, e);
	if (r < 0)
		return r;
	a->ipam_done = true;
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
	if (a->gateway.index)
		json_array_append_new(
		    json_object_get(a->result, "interfaces"),
		    json_pack("{s:s, s:s}", "name", a->gateway.name, "mac", mac_text(a->gateway.mac, bridge)));
	if (json_object_size(a->conf.dns))
		json_object_set_new(a->result, "dns", json_deep_copy(a->conf.dns));
}

static int attach(struct bridge_add *a, struct err *e)
{
	int r = bridge_link_ensure(a, e);
	if (r >= 0)
		r = bridge_link_connect(a, e);
	if (r >= 0 && a->conf.mac_check)
		r = mac_check_add(a->call, a->veth, a->mac, e);
	if (r >= 0 && a->conf.ipam_type)
		r = run_ipam(a, e);
	if (r < 0)
		return r;
	if (!a->result)
		a->result = json_object();
	struct sandbox_if inside = {a->inside, a->index, a->call->ifname};
	if (!a->conf.no_container_if && (r = sandbox_if_configure(&inside, a->result, a->conf.dad, e)) < 0)
		return r;
	if (a->conf.is_gateway && (r = bridge_link_gateways(a, e)) < 0)
		return r;
	if (a->conf.masq && a->conf.ipam_type && (r = masq_add(a->call, a->result, e)) < 0)
		return r;
	describe(a);
	return 0;
}

/* What DEL and GC have to take away besides the link and IPAM's addresses. */
static int remove_rules(const struct cni_call *c, const struct bridge_conf *conf, struct err *e)
{
	int r = conf->masq ? masq_remove(c, e) : 0, checks = conf->mac_check ? mac_check_remove(c, e) : 0;
	return r < 0 ? r : checks;
}

static void undo(struct bridge_add *a)
{
	struct cni_call del = *a->call;
	del.command = "DEL";
	remove_rules(&del, &a->conf, NULL);
	if (a->veth[0])
		rtnl_link_del(a->host, a->veth, NULL);
	if (a->ipam_done)
		ipam_run(a->call, "DEL", NULL);
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

/* The first failure is told, the rest is done all the same. A namespace that is gone took its end of the pair along,
 * and the kernel the other. */
static int bridge_del(const struct cni_call *c, struct err *e)
{
	struct bridge_conf conf;
	int r = bridge_conf_parse(c, &conf, e);
	if (r < 0)
		return r;
	r = sandbox_if_remove(c, e);
	int rules = remove_rules(c, &conf, r < 0 ? NULL : e);
	r = r < 0 ? r : rules;
	int ipam = ipam_run(c, "DEL", r < 0 ? NULL : e);
	return r < 0 ? r : ipam;
}

static int bridge_check_verb(const struct cni_call *c, struct err *e)
{
	struct bridge_conf conf;
	int r = bridge_conf_parse(c, &conf, e);
	if (r >= 0)
		r = ipam_run(c, "CHECK", e);
	return r < 0 ? r : bridge_check(c, &conf, e);
}

static int bridge_status(const struct cni_call *c, struct err *e)
{
	struct bridge_conf conf;
	int r = bridge_conf_parse(c, &conf, e);
	return r < 0 ? r : ipam_run(c, "STATUS", e);
}

static int bridge_gc(const struct cni_call *c, struct err *e)
{
	struct bridge_conf conf;
	int r = bridge_conf_parse(c, &conf, e);
	if (r < 0)
		return r;
	r = remove_rules(c, &conf, e);
	int ipam = ipam_run(c, "GC", r < 0 ? NULL : e);
	return r < 0 ? r : ipam;
}

const struct cni_plugin bridge_plugin = {
    .name = "bridge",
    .members = "bridge:s isGateway:b isDefaultGateway:b forceAddress:b ipMasq:b ipMasqBackend:s mtu:n "
	       "hairpinMode:b promiscMode:b vlan:n vlanTrunk.[].minID:n vlanTrunk.[].maxID:n "
	       "vlanTrunk.[].id:n preserveDefaultVlan:b macspoofchk:b enabledad:b portIsolation:b "
	       "disableContainerInterface:b mac:s args.cni.mac:s runtimeConfig.mac:s",
    .add = bridge_add,
    .del = bridge_del,
    .check = bridge_check_verb,
    .status = bridge_status,
    .gc = bridge_gc,
};
