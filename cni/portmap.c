/* The portmap plugin.
 *
 * ADD plans each family's elements and puts them in one transaction, lets packets from the node's loopback address out
 * to the container's link, forgets UDP connections of the ports, and passes the result on; DEL and GC need nothing but
 * the names. Fails where there is no result to chain on, or a mapping is none. What always holds: the mappings of one
 * family are all there or not at all. */
#include <netinet/in.h> /* before the kernel headers, which yield to it */

#include "cni/portmap.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <stdlib.h>

#include "base/fs.h"
#include "base/json.h"
#include "cni/portmap_plan.h"
#include "io/net/rtnl.h"

static const int families[] = {NFPROTO_IPV4, NFPROTO_IPV6};

/* A packet from 127.0.0.1 leaves a link only where this is allowed. */
static int allow_loopback(const struct ip *to, struct err *e)
{
	AUTO_RTNL *net = NULL;
	struct rtnl_link link;
	int oif, r = rtnl_open(-1, &net, e);
	if (r < 0 || rtnl_route_oif(net, to, &oif, NULL) < 0 || rtnl_link_get_index(net, oif, &link, NULL) < 0)
		return r < 0 ? r : 0; /* no route: nothing to allow */
	AUTO_FREE char *path = xasprintf("/proc/sys/net/ipv4/conf/%s/route_localnet", link.name);
	AUTO_STR now = STR_INIT;
	if (fs_read_file(path, 16, &now, NULL) >= 0 && str_has_prefix(str_text(&now), "1"))
		return 0;
	return fs_write_existing(path, "1", e);
}

static void forget_udp(struct nft *n, const struct portmap_conf *conf, int family)
{
	AUTO_FREE uint16_t *ports = xcalloc(conf->n_maps + 1, sizeof(*ports));
	size_t count = 0;
	for (size_t i = 0; i < conf->n_maps; i++)
		if (conf->maps[i].protocol == IPPROTO_UDP)
			ports[count++] = conf->maps[i].host_port;
	if (count) /* a failure leaves old connections as they were: ignoring it */
		nft_forget_udp(n, family == NFPROTO_IPV4 ? AF_INET : AF_INET6, ports, count, NULL);
}

static int put_family(const struct cni_call *c, struct nft *n, const struct portmap_conf *conf, int family,
		      struct err *e)
{
	char owner[NFT_COMMENT_MAX + 1];
	struct portmap_plan p;
	owned_by(owner, c->name, c->container_id, c->ifname);
	portmap_plan(conf, family, owner, &p);
	struct cni_call del = *c;
	del.command = "DEL";
	int r = p.conditional[0] ? portmap_clear(&del, n, family, e) : 0; /* rules of old conditions */
	if (r >= 0 && p.n)
		r = owned_put(c, n, family, p.elems, p.n, portmap_setup, &p, e);
	if (r >= 0 && p.n && conf->snat && family == NFPROTO_IPV4)
		r = allow_loopback(&p.addr.ip, e);
	if (r >= 0)
		forget_udp(n, conf, family);
	portmap_plan_done(&p);
	return r;
}

static int check_family(const struct cni_call *c, struct nft *n, const struct portmap_conf *conf, int family,
			struct err *e)
{
	char owner[NFT_COMMENT_MAX + 1];
	struct portmap_plan p;
	owned_by(owner, c->name, c->container_id, c->ifname);
	portmap_plan(conf, family, owner, &p);
	int r = owned_check(c, n, family, p.elems, p.n, e);
	portmap_plan_done(&p);
	return r;
}

static int each_family(const struct cni_call *c, struct portmap_conf *conf,
		       int (*fn)(const struct cni_call *c, struct nft *n, const struct portmap_conf *conf, int family,
				 struct err *e),
		       struct err *e)
{
	struct nft *n = NULL;
	int r = portmap_conf_conditions(c, conf, e);
	if (r >= 0)
		r = nft_open(&n, e);
	for (size_t i = 0; r >= 0 && i < ARRAY_LEN(families); i++)
		if (conf->addrs[i].ip.family)
			r = fn(c, n, conf, families[i], e);
	nft_close(n);
	return r;
}

static int portmap_remove(const struct cni_call *c, struct err *e)
{
	struct nft *n = NULL;
	int r = nft_open(&n, e);
	for (size_t i = 0; r >= 0 && i < ARRAY_LEN(families); i++)
		r = portmap_clear(c, n, families[i], e);
	nft_close(n);
	return r;
}

static int portmap_add(const struct cni_call *c, json_t **ret, struct err *e)
{
	struct portmap_conf conf;
	int r = portmap_conf_parse(c, &conf, e);
	if (r < 0)
		return err_wrap(e, r, "failed to parse config");
	if (!conf.prev)
		r = err_set(e, -EINVAL, "must be called as chained plugin");
	else if (conf.n_maps && (r = each_family(c, &conf, put_family, e)) < 0) {
		struct cni_call del = *c;
		del.command = "DEL";
		portmap_remove(&del, NULL);
	}
	if (r >= 0)
		*ret = TAKE(conf.prev);
	portmap_conf_done(&conf);
	return r;
}

static int portmap_del(const struct cni_call *c, struct err *e)
{
	struct portmap_conf conf;
	int r = portmap_conf_parse(c, &conf, e);
	if (r < 0)
		return err_wrap(e, r, "failed to parse config");
	portmap_conf_done(&conf);
	return portmap_remove(c, e);
}

static int portmap_check(const struct cni_call *c, struct err *e)
{
	struct portmap_conf conf;
	int r = portmap_conf_parse(c, &conf, e);
	if (r < 0)
		return r;
	if (!conf.prev)
		r = err_set(e, -EINVAL, "Required prevResult missing");
	else if (conf.n_maps)
		r = each_family(c, &conf, check_family, e);
	portmap_conf_done(&conf);
	return r;
}

const struct cni_plugin portmap_plugin = {
    .name = "portmap",
    .members = "snat:b masqAll:b markMasqBit:n externalSetMarkChain:s backend:s conditionsV4.[]:s "
	       "conditionsV6.[]:s runtimeConfig.portMappings.[].hostPort:n "
	       "runtimeConfig.portMappings.[].containerPort:n runtimeConfig.portMappings.[].protocol:s "
	       "runtimeConfig.portMappings.[].hostIP:s",
    .add = portmap_add,
    .del = portmap_del,
    .check = portmap_check,
    .gc = portmap_remove,
};
