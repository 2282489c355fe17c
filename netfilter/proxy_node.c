/* The node that the proxy runs on, as its Node object tells it: addresses for node ports, zone, whether it is going.
 *
 * Happy path: a watch of one object; its addresses (of each family the first internal one, else the first external
 * one) and its topology label go to the proxy. A node that may not be read, or is not there, leaves what the
 * configuration said: services go on, without hints. Which addresses answer: the primary ones, or those of the machine
 * inside given networks, which are looked up anew whenever the kernel tells of a change. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/feed.h"
#include "base/json.h"
#include "base/log.h"
#include "io/net/rtnl.h"
#include "netfilter/proxy_internal.h"

#define TAINT_GOING "ToBeDeletedByClusterAutoscaler"
#define SETTLE_MS 50

struct proxy_node {
	struct proxy *proxy;
	struct feed_sub *sub;
	struct ip_net *nets; /* --nodeport-addresses */
	size_t n_nets;
	bool primary; /* the node's own addresses, as its object has them */
	struct ip *told;
	size_t n_told;
	int fd; /* of the kernel's notifications; -1 */
	struct fd_watch *watch;
	struct timer *timer;
	bool synced, going;
};

static void add(struct ip **v, size_t *n, const struct ip *ip)
{
	for (size_t i = 0; i < *n; i++)
		if (ip_eq(&(*v)[i], ip))
			return;
	*v = xreallocarray(*v, *n + 1, sizeof(**v));
	(*v)[(*n)++] = *ip;
}

static bool wanted(const struct proxy_node *n, const struct ip *ip)
{
	for (size_t i = 0; i < n->n_nets; i++)
		if (ip_net_contains(&n->nets[i], ip))
			return true;
	return false;
}

/* Loopback addresses are left out: a translated connection could not come back to them. */
static bool is_loopback(const struct ip *ip)
{
	static const uint8_t one[16] = {[15] = 1};
	return ip->family == AF_INET ? ip->b[0] == 127 : !memcmp(ip->b, one, sizeof(one));
}

static void refresh(struct proxy_node *n)
{
	struct ip *ips = NULL;
	size_t n_ips = 0, n_addrs = 0;
	struct rtnl_addr *addrs = NULL;
	AUTO_RTNL *r = NULL;
	struct err e = ERR_INIT;
	for (size_t i = 0; n->primary && i < n->n_told; i++)
		add(&ips, &n_ips, &n->told[i]);
	if (n->n_nets && (rtnl_open(-1, &r, &e) < 0 || rtnl_addr_list(r, 0, 0, &addrs, &n_addrs, &e) < 0))
		log_warn("addresses of node ports cannot be read error=\"%s\"", err_text(&e));
	for (size_t i = 0; i < n_addrs; i++)
		if (wanted(n, &addrs[i].net.ip) && !is_loopback(&addrs[i].net.ip))
			add(&ips, &n_ips, &addrs[i].net.ip);
	free(addrs);
	proxy_set_node_ips(n->proxy, ips, n_ips);
	free(ips);
}

/* Of each family the first address of the better kind. */
static void take_addresses(struct proxy_node *n, const json_t *node)
{
	static const char *const kinds[] = {"InternalIP", "ExternalIP"};
	bool have[2] = {false, false};
	size_t i;
	json_t *a;
	n->n_told = 0;
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
		json_array_foreach(json_at(node, "status.addresses"), i, a)
		{
			struct ip ip;
			if (!str_eq(json_member(a, "type"), kinds[k]) || ip_parse(json_member(a, "address"), &ip) < 0 ||
			    have[ip.family == AF_INET6])
				continue;
			have[ip.family == AF_INET6] = true;
			add(&n->told, &n->n_told, &ip);
		}
}

static bool is_going(const json_t *node)
{
	return json_str_at(node, "metadata.deletionTimestamp") ||
	       json_find(json_at(node, "spec.taints"), "key", TAINT_GOING);
}

static void on_node(void *arg, const char *key, json_t *old_object, json_t *new_object)
{
	struct proxy_node *n = arg;
	(void)old_object;
	if (strcmp(key, n->proxy->node_name) != 0)
		return;
	n->going = !new_object || is_going(new_object);
	if (!new_object)
		return; /* what it said last goes on */
	proxy_set_zone(n->proxy,
		       json_member(json_at(new_object, "metadata.labels"), "topology.kubernetes.io/zone"));
	if (n->primary) {
		take_addresses(n, new_object);
		refresh(n);
	}
}

static void node_known(struct proxy_node *n)
{
	if (n->synced)
		return;
	n->synced = true;
	proxy_schedule(n->proxy);
}

static void on_synced(void *arg)
{
	node_known(arg);
}

static void on_error(void *arg, const struct err *e)
{
	struct proxy_node *n = arg;
	if (!n->synced)
		log_warn("node cannot be read, going on without its zone error=\"%s\"", err_text(e));
	node_known(n);
}

static void on_timer(void *arg)
{
	refresh(arg);
}

static void on_notice(void *arg, int events)
{
	struct proxy_node *n = arg;
	char buf[8192];
	(void)events;
	while (recv(n->fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
	if (!timer_is_active(n->timer))
		timer_start(n->timer, SETTLE_MS);
}

static int listen_addresses(struct proxy_node *n, struct err *e)
{
	struct sockaddr_nl a = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
	n->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (n->fd < 0 || bind(n->fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return err_sys(e, "addresses of node ports");
	n->timer = timer_new(n->proxy->loop, on_timer, n);
	n->watch = fd_watch_new(n->proxy->loop, n->fd, FD_READ, on_notice, n);
	return 0;
}

static int parse_nets(struct proxy_node *n, const char *const *nets, struct err *e)
{
	n->primary = !nets || !nets[0];
	for (size_t i = 0; nets && nets[i]; i++) {
		struct ip_net net;
		if (!strcmp(nets[i], "primary")) {
			n->primary = true;
			continue;
		}
		if (ip_net_parse(nets[i], &net) < 0)
			return err_set(e, -EINVAL, "\"%s\" is no network of node port addresses", nets[i]);
		n->nets = xreallocarray(n->nets, n->n_nets + 1, sizeof(*n->nets));
		n->nets[n->n_nets++] = net;
	}
	return 0;
}

int proxy_node_start(struct proxy *p, const char *const *nets, struct err *e)
{
	static const struct informer_ops ops = {.on_change = on_node, .on_synced = on_synced, .on_error = on_error};
	struct proxy_node *n = p->node = xcalloc(1, sizeof(*n));
	n->proxy = p;
	n->fd = -1;
	int r = parse_nets(n, nets, e);
	if (p->n_node_ips)
		n->primary = false; /* the configuration has told them */
	if (r == 0 && n->n_nets)
		r = listen_addresses(n, e);
	if (r < 0)
		return r;
	if (n->n_nets)
		refresh(n);
	AUTO_FREE char *field = xasprintf("metadata.name=%s", p->node_name);
	n->sub = feed_subscribe(p->feed, "/api/v1/nodes", NULL, field, &ops, n);
	return 0;
}

void proxy_node_stop(struct proxy *p)
{
	struct proxy_node *n = p->node;
	if (!n)
		return;
	feed_unsubscribe(n->sub);
	fd_watch_free(n->watch);
	timer_free(n->timer);
	close_fd(&n->fd);
	free(n->nets);
	free(n->told);
	free(n);
	p->node = NULL;
}

bool proxy_node_known(const struct proxy *p)
{
	return p->node && p->node->synced;
}

bool proxy_node_is_going(const struct proxy *p)
{
	return p->node && p->node->going;
}
