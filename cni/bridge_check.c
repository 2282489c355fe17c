/* CHECK of the bridge plugin.
 *
 * Reads prevResult; the container's interface must exist with its MAC address, be a veth whose other end is the host's
 * interface of the result, on the bridge; every address and route of the result must be there. The first difference
 * fails with its name. Changes nothing. */
#include "cni/bridge_check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "cni/mac_check.h"
#include "cni/masq.h"
#include "cni/sandbox_check.h"
#include "io/net/rtnl.h"

struct check {
	const struct cni_call *call;
	const struct bridge_conf *conf;
	json_t *result;
	struct rtnl *host;
	struct rtnl_link inside_link;
	char port[IFNAMSIZ];
};

static int check_outside(struct check *k, struct err *e)
{
	struct rtnl_link bridge, veth;
	size_t i;
	json_t *j;
	if (rtnl_link_get(k->host, k->conf->bridge, &bridge, NULL) < 0)
		return err_set(e, -ENODEV, "Bridge interface %s not found", k->conf->bridge);
	if (strcmp(bridge.kind, "bridge"))
		return err_set(e, -EINVAL, "Interface %s does not have link type of bridge", k->conf->bridge);
	if (k->conf->promisc && !bridge.promisc)
		return err_set(e, -EINVAL, "Bridge interface %s is not in promiscuous mode", k->conf->bridge);
	json_array_foreach(json_object_get(k->result, "interfaces"), i, j)
	{
		const char *name = json_member(j, "name");
		if (!str_empty(json_member(j, "sandbox")) || !name || !strcmp(name, k->conf->bridge))
			continue;
		if (rtnl_link_get(k->host, name, &veth, NULL) < 0)
			return err_set(e, -ENODEV, "Interface name %s not found", name);
		if (veth.index == k->inside_link.peer && veth.master != bridge.index)
			return err_set(e, -EINVAL, "Interface %s is not on bridge %s", name, k->conf->bridge);
		snprintf(k->port, sizeof(k->port), "%s", veth.name);
		if (veth.index == k->inside_link.peer)
			return 0;
	}
	return err_set(e, -ENODEV, "the other end of %s is no interface of prevResult", k->call->ifname);
}

int bridge_check(const struct cni_call *c, const struct bridge_conf *conf, struct err *e)
{
	AUTO_FD int netns = netns_open(c->netns, e);
	AUTO_JSON *result = NULL;
	AUTO_RTNL *host = NULL, *inside = NULL;
	int r;
	if (netns < 0)
		return err_wrap(e, netns, "failed to open netns \"%s\"", c->netns);
	if ((r = cni_prev_result(c, "Required prevResult missing", &result, e)) < 0 ||
	    (r = rtnl_open(-1, &host, e)) < 0 || (r = rtnl_open(netns, &inside, e)) < 0)
		return r;
	struct check k = {.call = c, .conf = conf, .result = result, .host = host};
	if ((r = sandbox_check_find(c, inside, result, "veth", &k.inside_link, e)) < 0 ||
	    (r = check_outside(&k, e)) < 0)
		return r;
	struct sandbox_if s = {inside, k.inside_link.index, c->ifname};
	if ((r = sandbox_check_result(&s, result, e)) < 0)
		return r;
	if (conf->masq && conf->ipam_type && (r = masq_check(c, result, e)) < 0)
		return r;
	return conf->mac_check ? mac_check_check(c, k.port, k.inside_link.mac, e) : 0;
}
