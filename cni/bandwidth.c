/* The bandwidth plugin.
 *
 * What goes to the container is shaped by a token bucket on the node's end of the pair; what comes from it is
 * redirected to a link of its own (ifb, named as the reference names it) and shaped there. With subnets the bucket is
 * one class of two. DEL removes that link; the rest goes with the pair. Fails where a rate has no burst, or the kernel
 * has not what is needed. GC knows the links by the group of links that each network has. */
#include "cni/bandwidth.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cni/hash.h"
#include "cni/sandbox_if.h"
#include "cni/sha512.h"
#include "io/net/rtnl_tc.h"

#define PREFIX "bwp"
#define NAME_LEN 15

struct limits {
	uint64_t ingress_rate, ingress_burst, egress_rate, egress_burst; /* bits, bits a second; 0: none */
	struct ip_net *subnets; /* limited, or (unless only) not limited; owned */
	size_t n;
	bool only;
};

static void limits_done(struct limits *l)
{
	free(l->subnets);
	*l = (struct limits){0};
}
#define AUTO_LIMITS AUTO(limits_done) struct limits

static int take_pair(const json_t *j, const char *rate, const char *burst, uint64_t *ret_rate, uint64_t *ret_burst,
		     struct err *e)
{
	int64_t r = json_int_at(j, rate, 0), b = json_int_at(j, burst, 0);
	if (r < 0 || b < 0)
		return err_set(e, -EINVAL, "%s and %s must not be negative", rate, burst);
	if (r && !b)
		return err_set(e, -EINVAL, "if rate is set, burst must also be set");
	if (b && !r)
		return err_set(e, -EINVAL, "if burst is set, rate must also be set");
	if (b / 8 >= UINT32_MAX)
		return err_set(e, -EINVAL, "burst cannot be more than 4GB");
	*ret_rate = (uint64_t)r;
	*ret_burst = (uint64_t)b;
	return 0;
}

/* The runtime, which knows rates, may leave the subnets to the configuration. */
static int take_subnets(const struct cni_call *c, const json_t *from, struct limits *l, struct err *e)
{
	if (!json_object_get(from, "shapedSubnets") && !json_object_get(from, "unshapedSubnets"))
		from = c->conf;
	const json_t *only = json_object_get(from, "shapedSubnets"), *but = json_object_get(from, "unshapedSubnets");
	size_t i;
	json_t *j;
	if (json_array_size(only) && json_array_size(but))
		return err_set(
		    e, -EINVAL,
		    "unshapedSubnets and shapedSubnets cannot be both specified, one of them should be discarded");
	l->only = json_array_size(only);
	const json_t *list = l->only ? only : but;
	l->subnets = xcalloc(json_array_size(list) + 1, sizeof(*l->subnets));
	json_array_foreach(list, i, j)
	{
		const char *text = json_is_string(j) ? json_string_value(j) : "";
		if (ip_net_parse(text, &l->subnets[l->n++]) < 0)
			return err_set(e, -EINVAL, "bad subnet \"%s\" provided, details invalid CIDR address: %s", text, text);
	}
	return 0;
}

/* The configuration's own limits, or else those that the runtime gives. */
static int parse(const struct cni_call *c, struct limits *l, struct err *e)
{
	static const char *const keys[] = {"ingressRate", "ingressBurst", "egressRate", "egressBurst"};
	const json_t *from = json_at(c->conf, "runtimeConfig.bandwidth");
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (json_object_get(c->conf, keys[i]))
			from = c->conf;
	int r = take_pair(from, keys[0], keys[1], &l->ingress_rate, &l->ingress_burst, e);
	if (r >= 0)
		r = take_pair(from, keys[2], keys[3], &l->egress_rate, &l->egress_burst, e);
	return r < 0 ? r : take_subnets(c, from, l, e);
}

static int limit(struct rtnl *host, int index, const struct limits *l, uint64_t rate, uint64_t burst, struct err *e)
{
	struct rtnl_tc_shape shape = {rate / 8, (uint32_t)(burst / 8), l->subnets, l->n, l->only};
	return l->n ? rtnl_tc_shape(host, index, &shape, e) : rtnl_tc_limit(host, index, shape.rate, shape.burst, e);
}

static int check_limit(struct rtnl *host, int index, const struct limits *l, uint64_t rate, struct err *e)
{
	struct rtnl_tc_shape shape = {.rate = rate / 8};
	return l->n ? rtnl_tc_shape_check(host, index, &shape, e) : rtnl_tc_check(host, index, shape.rate, e);
}

static char *name_of(const char *network, const char *container_id, char ret[NAME_LEN + 1])
{
	AUTO_FREE char *text = xasprintf("%s%s", network, container_id);
	uint8_t sum[64];
	sha512(text, strlen(text), sum);
	size_t n = (size_t)snprintf(ret, NAME_LEN + 1, PREFIX);
	for (size_t i = 0; n + 2 <= NAME_LEN; i++, n += 2)
		snprintf(ret + n, NAME_LEN + 1 - n, "%02x", sum[i]);
	return ret;
}

static char *ifb_name(const struct cni_call *c, char ret[NAME_LEN + 1])
{
	return name_of(c->name, c->container_id, ret);
}

/* A link's group is set by the message that makes it, so that no link without one is ever left. */
static uint32_t group_of(const struct cni_call *c)
{
	return (uint32_t)cni_hash(c->name) | 1;
}

/* The node's end of the container's pair, which must be in the result. */
static int find_port(const struct cni_call *c, const json_t *prev, struct rtnl *host, struct rtnl_link *ret,
		     struct err *e)
{
	AUTO_RTNL *inside = NULL;
	struct rtnl_link link;
	size_t i;
	json_t *j;
	AUTO_FD int netns = netns_open(c->netns, e);
	if (netns < 0)
		return err_wrap(e, netns, "failed to open netns \"%s\"", c->netns);
	int r = rtnl_open(netns, &inside, e);
	if (r < 0)
		return r;
	if (rtnl_link_get(inside, c->ifname, &link, NULL) < 0 || !link.peer)
		return err_set(e, -ENODEV, "container interface %s has no veth peer", c->ifname);
	if (rtnl_link_get_index(host, link.peer, ret, NULL) < 0)
		return err_set(e, -ENODEV, "veth peer with index %d is not in host ns", link.peer);
	json_array_foreach(json_object_get(prev, "interfaces"), i,
			   j) if (str_eq(json_member(j, "name"), ret->name) &&
				  str_empty(json_member(j, "sandbox"))) return 0;
	return err_set(e, -ENODEV, "no veth peer of container interface found in host ns");
}

static int shape_egress(const struct cni_call *c, const struct limits *l, struct rtnl *host,
			const struct rtnl_link *port, json_t *result, struct err *e)
{
	char name[NAME_LEN + 1], mac[MAC_TEXT_MAX];
	struct rtnl_new n = {.kind = "ifb",
			     .name = ifb_name(c, name),
			     .netns_fd = -1,
			     .mtu = port->mtu,
			     .up = true,
			     .group = group_of(c)};
	struct rtnl_link ifb;
	int r = rtnl_link_del(host, name, e); /* of an ADD whose DEL was lost */
	if (r < 0 || (r = rtnl_link_new(host, &n, e)) < 0 || (r = rtnl_link_get(host, name, &ifb, e)) < 0 ||
	    (r = rtnl_tc_redirect(host, port->index, ifb.index, e)) < 0 ||
	    (r = limit(host, ifb.index, l, l->egress_rate, l->egress_burst, e)) < 0)
		return r;
	json_array_append_new(json_array_at(result, "interfaces"),
			      json_pack("{s:s, s:s}", "name", name, "mac", mac_text(ifb.mac, mac)));
	return 0;
}

static int bandwidth_add(const struct cni_call *c, json_t **ret, struct err *e)
{
	AUTO_JSON *prev = NULL;
	AUTO_RTNL *host = NULL;
	AUTO_LIMITS l = {0};
	struct rtnl_link port;
	char name[NAME_LEN + 1];
	int r = parse(c, &l, e);
	if (r < 0 || (r = cni_prev_result(c, "must be called as chained plugin", &prev, e)) < 0)
		return r;
	if ((l.ingress_rate || l.egress_rate) &&
	    ((r = rtnl_open(-1, &host, e)) < 0 || (r = find_port(c, prev, host, &port, e)) < 0))
		return r;
	if (l.ingress_rate)
		r = limit(host, port.index, &l, l.ingress_rate, l.ingress_burst, e);
	if (r >= 0 && l.egress_rate && (r = shape_egress(c, &l, host, &port, prev, e)) < 0)
		rtnl_link_del(host, ifb_name(c, name), NULL);
	if (r >= 0)
		*ret = TAKE(prev);
	return r;
}

static int bandwidth_del(const struct cni_call *c, struct err *e)
{
	AUTO_RTNL *host = NULL;
	char name[NAME_LEN + 1];
	int r = rtnl_open(-1, &host, e);
	return r < 0 ? r : rtnl_link_del(host, ifb_name(c, name), e);
}

static int bandwidth_check(const struct cni_call *c, struct err *e)
{
	AUTO_JSON *prev = NULL;
	AUTO_RTNL *host = NULL;
	AUTO_LIMITS l = {0};
	struct rtnl_link port, ifb;
	char name[NAME_LEN + 1];
	int r = parse(c, &l, e);
	if (r < 0 || (r = cni_prev_result(c, "must be called as a chained plugin", &prev, e)) < 0 ||
	    (r = rtnl_open(-1, &host, e)) < 0 || (r = find_port(c, prev, host, &port, e)) < 0)
		return r;
	if (l.ingress_rate && (r = check_limit(host, port.index, &l, l.ingress_rate, e)) < 0)
		return err_wrap(e, r, "%s", port.name);
	if (!l.egress_rate)
		return 0;
	if ((r = rtnl_link_get(host, ifb_name(c, name), &ifb, e)) < 0)
		return err_wrap(e, r, "get ifb device");
	return check_limit(host, ifb.index, &l, l.egress_rate, e);
}

static bool is_valid(const struct cni_call *c, const char *link)
{
	char name[NAME_LEN + 1];
	size_t i;
	json_t *a;
	json_array_foreach(json_object_get(c->conf, "cni.dev/valid-attachments"), i,
			   a) if (!strcmp(name_of(c->name, json_str_or(a, "containerID", ""), name), link)) return true;
	return false;
}

static int bandwidth_gc(const struct cni_call *c, struct err *e)
{
	AUTO_RTNL *host = NULL;
	AUTO_FREE struct rtnl_link *v = NULL;
	size_t n = 0;
	if (!json_is_array(json_object_get(c->conf, "cni.dev/valid-attachments")))
		return 0;
	int r = rtnl_open(-1, &host, e);
	if (r >= 0)
		r = rtnl_link_list(host, &v, &n, e);
	for (size_t i = 0; r >= 0 && i < n; i++)
		if (!strcmp(v[i].kind, "ifb") && v[i].group == group_of(c) && str_has_prefix(v[i].name, PREFIX) &&
		    !is_valid(c, v[i].name))
			r = rtnl_link_del(host, v[i].name, e);
	return r;
}

const struct cni_plugin bandwidth_plugin = {
    .name = "bandwidth",
    .members = "ingressRate:n ingressBurst:n egressRate:n egressBurst:n shapedSubnets.[]:s "
	       "unshapedSubnets.[]:s runtimeConfig.bandwidth.ingressRate:n "
	       "runtimeConfig.bandwidth.ingressBurst:n runtimeConfig.bandwidth.egressRate:n "
	       "runtimeConfig.bandwidth.egressBurst:n runtimeConfig.bandwidth.shapedSubnets.[]:s "
	       "runtimeConfig.bandwidth.unshapedSubnets.[]:s",
 .add = bandwidth_add, .del = bandwidth_del, .check = bandwidth_check, .gc = bandwidth_gc};
