/* The loopback plugin.
 *
 * ADD brings lo up (the kernel adds its addresses itself) and reports it, or passes on the result of the plugin before
 * it; DEL takes it down and is content with a namespace that is gone; CHECK wants it up. */
#include "cni/loopback.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>

#include "base/json.h"
#include "cni/result.h"
#include "io/net/rtnl.h"

static int open_lo(const char *netns, struct rtnl **ret, struct rtnl_link *ret_lo, struct err *e)
{
	AUTO_FD int fd = netns_open(netns, e);
	AUTO_RTNL *r = NULL;
	if (fd < 0)
		return err_wrap(e, fd, "failed to open netns \"%s\"", netns);
	int rc = rtnl_open(fd, &r, e);
	if (rc < 0 || (rc = rtnl_link_get(r, "lo", ret_lo, e)) < 0)
		return rc;
	*ret = TAKE(r);
	return 0;
}

static int report(struct rtnl *r, const struct rtnl_link *lo, const char *netns, json_t **ret, struct err *e)
{
	AUTO_FREE struct rtnl_addr *addrs = NULL;
	char mac[MAC_TEXT_MAX], text[IP_TEXT_MAX];
	size_t n = 0;
	int rc = rtnl_addr_list(r, lo->index, AF_UNSPEC, &addrs, &n, e);
	if (rc < 0)
		return rc;
	json_t *result = json_pack("{s:[{s:s, s:s, s:s}]}", "interfaces", "name", "lo", "mac", mac_text(lo->mac, mac),
				   "sandbox", netns);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(
		    json_array_at(result, "ips"),
		    json_pack("{s:s, s:i}", "address", ip_net_text(&addrs[i].net, text), "interface", 0));
	*ret = result;
	return 0;
}

static int loopback_add(const struct cni_call *c, json_t **ret, struct err *e)
{
	AUTO_RTNL *r = NULL;
	struct rtnl_link lo;
	const json_t *prev = json_object_get(c->conf, "prevResult");
	int rc = open_lo(c->netns, &r, &lo, e);
	if (rc < 0)
		return rc;
	if ((rc = rtnl_link_set(r, lo.index, &(struct rtnl_change){.up = true}, e)) < 0)
		return rc;
	if (json_is_object(prev))
		return cni_result_import(prev, ret, e);
	return report(r, &lo, c->netns, ret, e);
}

static int loopback_del(const struct cni_call *c, struct err *e)
{
	AUTO_RTNL *r = NULL;
	struct rtnl_link lo;
	if (!*c->netns || open_lo(c->netns, &r, &lo, NULL) < 0)
		return 0;
	return rtnl_link_set(r, lo.index, &(struct rtnl_change){.down = true}, e);
}

static int loopback_check(const struct cni_call *c, struct err *e)
{
	AUTO_RTNL *r = NULL;
	struct rtnl_link lo;
	int rc = open_lo(c->netns, &r, &lo, e);
	if (rc < 0)
		return rc;
	return lo.flags & IFF_UP ? 0 : err_set(e, -ENETDOWN, "loopback interface is down");
}

const struct cni_plugin loopback_plugin = {
    .name = "loopback",
    .add = loopback_add,
    .del = loopback_del,
    .check = loopback_check,
};
