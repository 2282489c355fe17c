/* Routes: add, replace, delete, list.
 *
 * Without a gateway a route has link scope (IPv4), with one global scope. A route that is there already at
 * rtnl_route_add(), or gone at rtnl_route_del(), is a success. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "io/net/rtnl_internal.h"

static struct nl_msg *route_msg(int type, int flags, const struct rtnl_route *route)
{
	int scope = route->scope >= 0 ? route->scope : ip_is_unset(&route->gw) ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	uint32_t table = route->table ? route->table : RT_TABLE_MAIN;
	struct rtmsg h = {.rtm_family = (uint8_t)route->dst.ip.family,
			  .rtm_dst_len = (uint8_t)route->dst.prefix,
			  .rtm_table = table < 256 ? (uint8_t)table : RT_TABLE_UNSPEC,
			  .rtm_type = RTN_UNICAST,
			  .rtm_protocol = route->protocol ? route->protocol : RTPROT_BOOT,
			  .rtm_scope = (uint8_t)scope,
			  .rtm_flags = route->onlink ? RTNH_F_ONLINK : 0};
	if (type == RTM_DELROUTE && route->scope < 0)
		h.rtm_scope = RT_SCOPE_NOWHERE;
	struct nl_msg *m = rtnl_msg(type, flags, &h, sizeof(h));
	nla_put(m, RTA_DST, (int)ip_len(&route->dst.ip), route->dst.ip.b);
	if (!ip_is_unset(&route->gw))
		nla_put(m, RTA_GATEWAY, (int)ip_len(&route->gw), route->gw.b);
	if (!ip_is_unset(&route->src))
		nla_put(m, RTA_PREFSRC, (int)ip_len(&route->src), route->src.b);
	if (route->oif)
		nla_put_u32(m, RTA_OIF, (uint32_t)route->oif);
	if (route->priority)
		nla_put_u32(m, RTA_PRIORITY, route->priority);
	nla_put_u32(m, RTA_TABLE, table);
	if (route->mtu || route->advmss) {
		struct nlattr *metrics = nla_nest_start(m, RTA_METRICS);
		if (route->mtu)
			nla_put_u32(m, RTAX_MTU, route->mtu);
		if (route->advmss)
			nla_put_u32(m, RTAX_ADVMSS, route->advmss);
		nla_nest_end(m, metrics);
	}
	return m;
}

static int route_error(int rc, const char *verb, const struct rtnl_route *route, struct err *e)
{
	char text[IP_TEXT_MAX];
	return err_code(e, rc, "%s route %s", verb, ip_net_text(&route->dst, text));
}

int rtnl_route_add(struct rtnl *r, const struct rtnl_route *route, struct err *e)
{
	AUTO_MSG *m = route_msg(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, route);
	int rc = rtnl_talk(r, m, NULL, NULL);
	return rc < 0 && rc != -EEXIST ? route_error(rc, "add", route, e) : 0;
}

int rtnl_route_replace(struct rtnl *r, const struct rtnl_route *route, struct err *e)
{
	AUTO_MSG *m = route_msg(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, route);
	int rc = rtnl_talk(r, m, NULL, NULL);
	return rc < 0 ? route_error(rc, "replace", route, e) : 0;
}

int rtnl_route_del(struct rtnl *r, const struct rtnl_route *route, struct err *e)
{
	AUTO_MSG *m = route_msg(RTM_DELROUTE, 0, route);
	int rc = rtnl_talk(r, m, NULL, NULL);
	return rc < 0 && rc != -ESRCH && rc != -ENODEV ? route_error(rc, "delete", route, e) : 0;
}

struct route_list {
	struct rtnl_route *v;
	size_t n;
};

static void take_ip(struct ip *ip, int family, const struct nlattr *a)
{
	ip->family = family;
	if (a)
		memcpy(ip->b, nla_data(a), MIN((size_t)nla_len(a), ip_len(ip)));
}

static void parse_route(void *arg, struct nlmsghdr *h)
{
	struct route_list *list = arg;
	struct rtmsg *m = NLMSG_DATA(h);
	struct nlattr *tb[RTA_MAX + 1], *metrics[RTAX_MAX + 1] = {0};
	if (h->nlmsg_type != RTM_NEWROUTE || nlmsg_parse(h, sizeof(*m), tb, RTA_MAX, NULL))
		return;
	uint32_t table = tb[RTA_TABLE] ? nla_get_u32(tb[RTA_TABLE]) : m->rtm_table;
	if (m->rtm_type != RTN_UNICAST || table == RT_TABLE_LOCAL || (m->rtm_flags & RTM_F_CLONED))
		return;
	struct rtnl_route route = {
	    .dst.prefix = m->rtm_dst_len, .table = table, .scope = m->rtm_scope, .protocol = m->rtm_protocol,
	    .onlink = m->rtm_flags & RTNH_F_ONLINK};
	take_ip(&route.dst.ip, m->rtm_family, tb[RTA_DST]);
	if (tb[RTA_GATEWAY])
		take_ip(&route.gw, m->rtm_family, tb[RTA_GATEWAY]);
	route.oif = tb[RTA_OIF] ? (int)nla_get_u32(tb[RTA_OIF]) : 0;
	route.priority = tb[RTA_PRIORITY] ? nla_get_u32(tb[RTA_PRIORITY]) : 0;
	if (tb[RTA_METRICS] && !nla_parse_nested(metrics, RTAX_MAX, tb[RTA_METRICS], NULL)) {
		route.mtu = metrics[RTAX_MTU] ? nla_get_u32(metrics[RTAX_MTU]) : 0;
		route.advmss = metrics[RTAX_ADVMSS] ? nla_get_u32(metrics[RTAX_ADVMSS]) : 0;
	}
	list->v = xreallocarray(list->v, list->n + 1, sizeof(*list->v));
	list->v[list->n++] = route;
}

int rtnl_route_list(struct rtnl *r, int family, struct rtnl_route **ret, size_t *ret_n, struct err *e)
{
	struct rtmsg h = {.rtm_family = (uint8_t)family};
	AUTO_MSG *m = rtnl_msg(RTM_GETROUTE, NLM_F_DUMP, &h, sizeof(h));
	struct route_list list = {0};
	int rc = rtnl_talk(r, m, parse_route, &list);
	if (rc < 0) {
		free(list.v);
		return err_code(e, rc, "routes");
	}
	*ret = list.v;
	*ret_n = list.n;
	return 0;
}

static void parse_oif(void *arg, struct nlmsghdr *h)
{
	struct nlattr *tb[RTA_MAX + 1];
	if (h->nlmsg_type == RTM_NEWROUTE && !nlmsg_parse(h, sizeof(struct rtmsg), tb, RTA_MAX, NULL) && tb[RTA_OIF])
		*(int *)arg = (int)nla_get_u32(tb[RTA_OIF]);
}

int rtnl_route_oif(struct rtnl *r, const struct ip *to, int *ret, struct err *e)
{
	struct rtmsg h = {.rtm_family = (uint8_t)to->family, .rtm_dst_len = (uint8_t)ip_bits(to)};
	AUTO_MSG *m = rtnl_msg(RTM_GETROUTE, 0, &h, sizeof(h));
	char text[IP_TEXT_MAX];
	int oif = 0;
	nla_put(m, RTA_DST, (int)ip_len(to), to->b);
	int rc = rtnl_talk(r, m, parse_oif, &oif);
	if (rc < 0 || !oif)
		return err_code(e, rc < 0 ? rc : -ENETUNREACH, "route to %s", ip_text(to, text));
	*ret = oif;
	return 0;
}
