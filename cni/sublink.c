/* Interfaces on top of others: one way for three kinds, which a table tells apart.
 *
 * ADD makes the link inside by one message, asks IPAM for addresses (or takes those of prevResult, where there is no
 * IPAM plugin), configures it. DEL removes it and gives the addresses back. Fails naming the member that is wrong, the
 * master that is missing, or with IPAM's words. What always holds: a failed ADD leaves neither link nor address. */
#include "cni/sublink.h"

#include <errno.h>
#include <linux/if_link.h>
#include <string.h>

#include "base/json.h"
#include "cni/ipam.h"
#include "cni/sandbox_check.h"
#include "cni/sandbox_if.h"

#define VLAN_MAX 4094

struct mode {
	const char *name;
	uint32_t value;
};

struct kind {
	const char *name;
	bool has_mac, needs_master;
	struct mode modes[5]; /* the first is the default; the last has no name */
};

static const struct kind macvlan = {"macvlan",
				    true,
				    false,
				    {{"bridge", MACVLAN_MODE_BRIDGE},
				     {"private", MACVLAN_MODE_PRIVATE},
				     {"vepa", MACVLAN_MODE_VEPA},
				     {"passthru", MACVLAN_MODE_PASSTHRU},
				     {NULL, 0}}};
static const struct kind ipvlan = {
    "ipvlan",
    false,
    false,
    {{"l2", IPVLAN_MODE_L2}, {"l3", IPVLAN_MODE_L3}, {"l3s", IPVLAN_MODE_L3S}, {NULL, 0}, {NULL, 0}}};
static const struct kind vlan = {"vlan", false, true, {{NULL, 0}}};

static int parse_mode(const struct cni_call *c, const struct kind *k, uint32_t *ret, struct err *e)
{
	const char *name = json_str_or(c->conf, "mode", "");
	*ret = k->modes[0].value;
	for (size_t i = 0; *name && k->modes[0].name && i < ARRAY_LEN(k->modes); i++) {
		if (!k->modes[i].name)
			return err_set(e, -EINVAL, "unknown %s mode: \"%s\"", k->name, name);
		if (!strcmp(k->modes[i].name, name)) {
			*ret = k->modes[i].value;
			return 0;
		}
	}
	return 0;
}

static int default_master(struct rtnl *net, struct rtnl_link *ret, struct err *e)
{
	static const int families[] = {AF_INET, AF_INET6};
	for (size_t f = 0; f < ARRAY_LEN(families); f++) {
		AUTO_FREE struct rtnl_route *v = NULL;
		size_t n = 0;
		int r = rtnl_route_list(net, families[f], &v, &n, e);
		if (r < 0)
			return r;
		for (size_t i = 0; i < n; i++)
			if (!v[i].dst.prefix && v[i].oif)
				return rtnl_link_get_index(net, v[i].oif, ret, e);
	}
	return err_set(e, -ENOENT, "no default route interface found");
}

/* An ipvlan that is chained sits on the one interface of the plugin before it. */
static int chained_master(const struct cni_call *c, const struct kind *k, const char **ret, struct err *e)
{
	const json_t *prev = json_object_get(c->conf, "prevResult"), *list = json_object_get(prev, "interfaces");
	const char *name = json_member(json_array_get(list, 0), "name");
	if (k != &ipvlan || !json_is_object(prev))
		return 0;
	if (json_array_size(list) != 1 || str_empty(name))
		return err_set(e, -EINVAL, "chained master failure. PrevResult lacks a single named interface");
	*ret = name;
	return 0;
}

static int find_master(const struct cni_call *c, const struct kind *k, struct rtnl *net, struct rtnl_link *ret,
		       struct err *e)
{
	const char *master = json_str_or(c->conf, "master", "");
	if (!*master && k->needs_master)
		return err_set(
		    e, -EINVAL,
		    "\"master\" field is required. It specifies the host interface name to create the VLAN for.");
	int r = *master ? 0 : chained_master(c, k, &master, e);
	if (r < 0)
		return r;
	if (!*master)
		return default_master(net, ret, e);
	r = rtnl_link_get(net, master, ret, e);
	return r < 0 ? err_wrap(e, r, "failed to lookup master \"%s\"", master) : 0;
}

static int parse(const struct cni_call *c, const struct kind *k, struct rtnl_new *n, uint8_t mac[6], struct err *e)
{
	int64_t vlan_id = json_int_at(c->conf, "vlanId", 0);
	int r = cni_args_check(c, e);
	*n = (struct rtnl_new){.kind = k->name,
			       .name = c->ifname,
			       .netns_fd = -1,
			       .mtu = (int)json_int_at(c->conf, "mtu", 0),
			       .bc_queue_len = (int)json_int_at(c->conf, "bcqueuelen", 0),
			       .vlan_id = (int)vlan_id};
	if (r < 0 || (r = parse_mode(c, k, &n->mode, e)) < 0)
		return r;
	if (k == &vlan && (vlan_id < 0 || vlan_id > VLAN_MAX))
		return err_set(e, -EINVAL, "invalid VLAN ID %lld (must be between 0 and 4095 inclusive)",
			       (long long)vlan_id);
	if (k->has_mac && (r = sandbox_if_mac(c, mac, e)) > 0)
		n->mac = mac;
	return r < 0 ? r : 0;
}

static int make_link(const struct cni_call *c, const struct kind *k, int netns, struct rtnl *inside, struct err *e)
{
	AUTO_RTNL *host = NULL;
	struct rtnl_new n;
	struct rtnl_link master;
	uint8_t mac[6];
	bool in_container = json_bool_at(c->conf, "linkInContainer", false);
	int r = parse(c, k, &n, mac, e);
	if (r < 0 || (r = rtnl_open(-1, &host, e)) < 0)
		return r;
	struct rtnl *net = in_container ? inside : host;
	if ((r = find_master(c, k, net, &master, e)) < 0)
		return r;
	if (n.mtu < 0 || n.mtu > master.mtu)
		return err_set(e, -EINVAL, "invalid MTU %d, must be [0, master MTU(%d)]", n.mtu, master.mtu);
	n.parent = master.index;
	n.netns_fd = in_container ? -1 : netns;
	if (!n.mtu)
		n.mtu = master.mtu;
	r = rtnl_link_new(net, &n, e);
	return r < 0 ? err_wrap(e, r, "failed to create %s", k->name) : 0;
}

/* Addresses of IPAM, or of the plugin before, or none. */
static int find_addresses(const struct cni_call *c, json_t **ret, bool *ret_ipam, struct err *e)
{
	AUTO_JSON *prev = NULL;
	size_t i;
	json_t *ip;
	if (ipam_type(c)) {
		int r = ipam_add(c, 0, ret, e);
		*ret_ipam = r >= 0;
		return r;
	}
	if (cni_prev_result(c, "", &prev, NULL) < 0)
		prev = json_object();
	json_object_del(prev, "interfaces");
	json_array_foreach(json_object_get(prev, "ips"), i, ip) json_object_set_new(ip, "interface", json_integer(0));
	*ret = TAKE(prev);
	return 0;
}

static int configure(const struct cni_call *c, struct rtnl *inside, json_t **ret, bool *ret_ipam, struct err *e)
{
	struct rtnl_link link;
	char mac[MAC_TEXT_MAX];
	const json_t *dns = json_object_get(c->conf, "dns");
	int r = rtnl_link_get(inside, c->ifname, &link, e);
	if (r < 0 || (r = find_addresses(c, ret, ret_ipam, e)) < 0)
		return r;
	struct sandbox_if s = {inside, link.index, c->ifname};
	if ((r = sandbox_if_configure(&s, *ret, false, e)) < 0)
		return r;
	json_object_set_new(
	    *ret, "interfaces",
	    json_pack("[{s:s, s:s, s:s}]", "name", c->ifname, "mac", mac_text(link.mac, mac), "sandbox", c->netns));
	if (json_object_size(dns))
		json_object_set_new(*ret, "dns", json_deep_copy(dns));
	return 0;
}

static int add(const struct cni_call *c, const struct kind *k, json_t **ret, struct err *e)
{
	AUTO_RTNL *inside = NULL;
	AUTO_JSON *result = NULL;
	bool ipam = false;
	AUTO_FD int netns = netns_open(c->netns, e);
	if (netns < 0)
		return err_wrap(e, netns, "failed to open netns \"%s\"", c->netns);
	int r = rtnl_open(netns, &inside, e);
	if (r < 0 || (r = make_link(c, k, netns, inside, e)) < 0)
		return r;
	if ((r = configure(c, inside, &result, &ipam, e)) < 0) {
		rtnl_link_del(inside, c->ifname, NULL);
		if (ipam)
			ipam_run(c, "DEL", NULL);
		return r;
	}
	*ret = TAKE(result);
	return 0;
}

static int sublink_del(const struct cni_call *c, struct err *e)
{
	int r = ipam_run(c, "DEL", e), link = sandbox_if_remove(c, r < 0 ? NULL : e);
	return r < 0 ? r : link;
}

static const char *mode_name(const struct kind *k, uint32_t mode)
{
	for (size_t i = 0; i < ARRAY_LEN(k->modes) && k->modes[i].name; i++)
		if (k->modes[i].value == mode)
			return k->modes[i].name;
	return "unknown";
}

/* The master is there, and the link is what the configuration asks for. */
static int check_kind(const struct cni_call *c, const struct kind *k, const struct rtnl_link *link, struct err *e)
{
	const char *master = json_str_or(c->conf, "master", "");
	AUTO_RTNL *net = NULL;
	AUTO_FD int netns = json_bool_at(c->conf, "linkInContainer", false) ? netns_open(c->netns, NULL) : -1;
	int64_t vlan_id = json_int_at(c->conf, "vlanId", 0);
	int index;
	uint32_t mode;
	int r = parse_mode(c, k, &mode, e);
	if (r < 0 || (r = rtnl_open(netns, &net, e)) < 0)
		return r;
	if (*master && (r = rtnl_link_index(net, master, &index, e)) < 0)
		return err_wrap(e, r, "failed to lookup master \"%s\"", master);
	if (k->modes[0].name && link->mode != mode)
		return err_set(e, -EINVAL, "container %s mode %s does not match expected value: %s", k->name,
			       mode_name(k, link->mode), mode_name(k, mode));
	if (k == &vlan && link->vlan_id != vlan_id)
		return err_set(e, -EINVAL, "container vlan id %d does not match expected value: %lld", link->vlan_id,
			       (long long)vlan_id);
	return 0;
}

static int check(const struct cni_call *c, const struct kind *k, struct err *e)
{
	AUTO_JSON *prev = NULL;
	struct rtnl_link link;
	int r = sandbox_check_attachment(c, k->name, "Required prevResult missing", &prev, &link, e);
	return r < 0 ? r : check_kind(c, k, &link, e);
}

static int sublink_pass(const struct cni_call *c, struct err *e)
{
	return ipam_run(c, c->command, e);
}

static int macvlan_add(const struct cni_call *c, json_t **ret, struct err *e)
{
	return add(c, &macvlan, ret, e);
}

static int ipvlan_add(const struct cni_call *c, json_t **ret, struct err *e)
{
	return add(c, &ipvlan, ret, e);
}

static int vlan_add(const struct cni_call *c, json_t **ret, struct err *e)
{
	return add(c, &vlan, ret, e);
}

static int macvlan_check(const struct cni_call *c, struct err *e)
{
	return check(c, &macvlan, e);
}

static int ipvlan_check(const struct cni_call *c, struct err *e)
{
	return check(c, &ipvlan, e);
}

static int vlan_check(const struct cni_call *c, struct err *e)
{
	return check(c, &vlan, e);
}

#define MEMBERS "master:s mode:s mtu:n linkInContainer:b "

const struct cni_plugin macvlan_plugin = {"macvlan",
					  MEMBERS "bcqueuelen:n mac:s args.cni.mac:s runtimeConfig.mac:s",
					  macvlan_add,
					  sublink_del,
					  macvlan_check,
					  sublink_pass,
					  sublink_pass};
const struct cni_plugin ipvlan_plugin = {
    "ipvlan", MEMBERS, ipvlan_add, sublink_del, ipvlan_check, sublink_pass, sublink_pass};
const struct cni_plugin vlan_plugin = {
    "vlan", MEMBERS "vlanId:n", vlan_add, sublink_del, vlan_check, sublink_pass, sublink_pass};
