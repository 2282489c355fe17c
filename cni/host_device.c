/* The host-device plugin.
 *
 * ADD moves the interface into the container, where it bears the name that the caller wants and its own as its alias,
 * asks IPAM for addresses, if there is one, and configures it. DEL brings it back under its own name; one whose
 * namespace is gone was brought back, or destroyed, by the kernel. Fails where the interface is not found, its name is
 * taken, or with IPAM's words. What always holds: a failed ADD has brought the interface back. */
#include "cni/host_device.h"

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "cni/host_device_find.h"
#include "cni/ipam.h"
#include "cni/sandbox_check.h"
#include "cni/sandbox_if.h"

/* Under its own name again, and out; a move that fails leaves it as it was. */
static int move_out(struct rtnl *inside, const char *ifname, struct err *e)
{
	struct rtnl_link link;
	AUTO_FD int own = netns_open_own(e);
	int r = own < 0 ? own : rtnl_link_get(inside, ifname, &link, NULL);
	if (r == -ENODEV)
		return 0;
	if (r < 0)
		return err_code(e, r, "failed to find \"%s\"", ifname);
	bool rename = *link.alias && strcmp(link.alias, ifname);
	if ((r = rtnl_link_set(inside, link.index, &(struct rtnl_change){.down = true}, e)) < 0)
		return err_wrap(e, r, "failed to set \"%s\" down", ifname);
	if (rename && (r = rtnl_link_set(inside, link.index, &(struct rtnl_change){.name = link.alias}, e)) < 0)
		return err_wrap(e, r, "failed to restore \"%s\" to original name \"%s\"", ifname, link.alias);
	r = rtnl_link_set(inside, link.index, &(struct rtnl_change){.netns_fd_plus1 = own + 1}, e);
	if (r >= 0)
		return 0;
	if (rename)
		rtnl_link_set(inside, link.index, &(struct rtnl_change){.name = ifname}, NULL);
	if (link.flags & IFF_UP)
		rtnl_link_set(inside, link.index, &(struct rtnl_change){.up = true}, NULL);
	return err_wrap(e, r, "failed to move \"%s\" to host netns", link.alias);
}

static int move_in(const struct cni_call *c, struct rtnl *host, struct rtnl *inside, int netns, struct rtnl_link *ret,
		   struct err *e)
{
	struct rtnl_link link;
	int taken, r = host_device_find(c, host, &link, e);
	if (r < 0)
		return r;
	if (rtnl_link_index(inside, c->ifname, &taken, NULL) >= 0)
		return err_set(e, -EEXIST, "failed to rename device \"%s\" to \"%s\": file exists", link.name,
			       c->ifname);
	/* the new name counts in the other namespace already, whatever bears the old one there */
	struct rtnl_change in = {.netns_fd_plus1 = netns + 1, .name = c->ifname, .alias = link.name, .down = true};
	if ((r = rtnl_link_set(host, link.index, &in, e)) < 0)
		return err_wrap(e, r, "failed to move link %s", link.name);
	return rtnl_link_get(inside, c->ifname, ret, e);
}

static int configure(const struct cni_call *c, struct rtnl *inside, const struct rtnl_link *link, json_t **ret,
		     struct err *e)
{
	char mac[MAC_TEXT_MAX];
	const json_t *dns = json_object_get(c->conf, "dns");
	int r = ipam_type(c) ? ipam_add(c, 0, ret, e) : 0;
	if (r < 0)
		return r;
	if (!*ret)
		*ret = json_object();
	else if (json_object_size(dns))
		json_object_set_new(*ret, "dns", json_deep_copy(dns));
	if (!inside)
		return 0;
	struct sandbox_if s = {inside, link->index, c->ifname};
	json_object_set_new(
	    *ret, "interfaces",
	    json_pack("[{s:s, s:s, s:s}]", "name", c->ifname, "mac", mac_text(link->mac, mac), "sandbox", c->netns));
	r = sandbox_if_configure(&s, *ret, false, e);
	if (r < 0)
		ipam_run(c, "DEL", NULL);
	return r;
}

static int host_device_add(const struct cni_call *c, json_t **ret, struct err *e)
{
	AUTO_RTNL *host = NULL, *inside = NULL;
	AUTO_JSON *result = NULL;
	struct rtnl_link link;
	AUTO_FD int netns = netns_open(c->netns, e);
	if (netns < 0)
		return err_wrap(e, netns, "failed to open netns \"%s\"", c->netns);
	int dpdk = host_device_find_dpdk(c, e), r = dpdk;
	if (!dpdk && (r = rtnl_open(-1, &host, e)) >= 0 && (r = rtnl_open(netns, &inside, e)) >= 0)
		r = move_in(c, host, inside, netns, &link, e);
	if (r < 0)
		return r;
	if ((r = configure(c, inside, &link, &result, e)) < 0) {
		if (inside)
			move_out(inside, c->ifname, NULL);
		return r;
	}
	*ret = TAKE(result);
	return 0;
}

static int host_device_del(const struct cni_call *c, struct err *e)
{
	AUTO_RTNL *inside = NULL;
	AUTO_FD int netns = *c->netns ? netns_open(c->netns, NULL) : -1;
	int r = ipam_run(c, "DEL", e), moved = 0;
	if (netns >= 0 && host_device_find_dpdk(c, NULL) <= 0 &&
	    (moved = rtnl_open(netns, &inside, r < 0 ? NULL : e)) >= 0)
		moved = move_out(inside, c->ifname, r < 0 ? NULL : e);
	return r < 0 ? r : moved;
}

static int host_device_check(const struct cni_call *c, struct err *e)
{
	AUTO_JSON *prev = NULL;
	struct rtnl_link link;
	int dpdk = host_device_find_dpdk(c, e);
	return dpdk < 0 ? dpdk
	       : dpdk   ? ipam_run(c, "CHECK", e)
			: sandbox_check_attachment(c, NULL, "Required prevResult missing", &prev, &link, e);
}

static int host_device_pass(const struct cni_call *c, struct err *e)
{
	return ipam_run(c, c->command, e);
}

const struct cni_plugin host_device_plugin = {.name = "host-device",
    .members = "device:s hwaddr:s kernelpath:s pciBusID:s runtimeConfig.deviceID:s",
					      .add = host_device_add,
					      .del = host_device_del,
					      .check = host_device_check,
					      .status = host_device_pass,
					      .gc = host_device_pass};
