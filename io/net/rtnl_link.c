/* Links: look up, make veth pairs, change, delete.
 *
 * A veth pair is made by one message that names, addresses and places both ends, so that no half-made state is ever
 * seen. Failures are the kernel's, with the link's name put before. What always holds: deleting a link that is gone is
 * a success, making one that exists is -EEXIST. */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "io/net/rtnl_internal.h"

static void copy_text(char *to, size_t room, const struct nlattr *a)
{
	if (a)
		snprintf(to, room, "%.*s", nla_len(a), (const char *)nla_data(a));
}

static void parse_vxlan(struct nlattr *data, struct rtnl_vxlan *ret)
{
	struct nlattr *tb[IFLA_VXLAN_MAX + 1];
	if (!data || nla_parse_nested(tb, IFLA_VXLAN_MAX, data, NULL))
		return;
	ret->vni = tb[IFLA_VXLAN_ID] ? nla_get_u32(tb[IFLA_VXLAN_ID]) : 0;
	ret->port = tb[IFLA_VXLAN_PORT] ? ntohs(nla_get_u16(tb[IFLA_VXLAN_PORT])) : 0;
	const struct nlattr *local = tb[IFLA_VXLAN_LOCAL] ? tb[IFLA_VXLAN_LOCAL] : tb[IFLA_VXLAN_LOCAL6];
	ret->local.family = tb[IFLA_VXLAN_LOCAL] ? AF_INET : local ? AF_INET6 : 0;
	if (local)
		memcpy(ret->local.b, nla_data(local), MIN((size_t)nla_len(local), ip_len(&ret->local)));
}

static void parse_mode(struct nlattr *data, struct rtnl_link *ret)
{
	struct nlattr *tb[IFLA_MACVLAN_MAX + 1];
	if (!data || nla_parse_nested(tb, IFLA_MACVLAN_MAX, data, NULL))
		return;
	if (!strcmp(ret->kind, "macvlan") && tb[IFLA_MACVLAN_MODE])
		ret->mode = nla_get_u32(tb[IFLA_MACVLAN_MODE]);
	if (!strcmp(ret->kind, "ipvlan") && tb[IFLA_IPVLAN_MODE])
		ret->mode = nla_get_u16(tb[IFLA_IPVLAN_MODE]);
	if (!strcmp(ret->kind, "vlan") && tb[IFLA_VLAN_ID])
		ret->vlan_id = nla_get_u16(tb[IFLA_VLAN_ID]);
}

static void parse_kind(const struct nlattr *info, struct rtnl_link *ret)
{
	struct nlattr *tb[IFLA_INFO_MAX + 1];
	if (info && !nla_parse_nested(tb, IFLA_INFO_MAX, (struct nlattr *)info, NULL))
		copy_text(ret->kind, sizeof(ret->kind), tb[IFLA_INFO_KIND]);
	if (info && strcmp(ret->kind, "vxlan") == 0)
		parse_vxlan(tb[IFLA_INFO_DATA], &ret->vxlan);
	else if (info)
		parse_mode(tb[IFLA_INFO_DATA], ret);
}

static void parse_link(void *arg, struct nlmsghdr *h)
{
	struct rtnl_link *l = arg;
	struct ifinfomsg *i = NLMSG_DATA(h);
	struct nlattr *tb[IFLA_MAX + 1];
	if (h->nlmsg_type != RTM_NEWLINK || nlmsg_parse(h, sizeof(*i), tb, IFLA_MAX, NULL))
		return;
	*l = (struct rtnl_link){.index = i->ifi_index, .flags = i->ifi_flags};
	copy_text(l->name, sizeof(l->name), tb[IFLA_IFNAME]);
	copy_text(l->alias, sizeof(l->alias), tb[IFLA_IFALIAS]);
	parse_kind(tb[IFLA_LINKINFO], l);
	if (tb[IFLA_ADDRESS] && nla_len(tb[IFLA_ADDRESS]) == 6)
		memcpy(l->mac, nla_data(tb[IFLA_ADDRESS]), 6);
	l->mtu = tb[IFLA_MTU] ? (int)nla_get_u32(tb[IFLA_MTU]) : 0;
	l->master = tb[IFLA_MASTER] ? (int)nla_get_u32(tb[IFLA_MASTER]) : 0;
	l->peer = tb[IFLA_LINK] ? (int)nla_get_u32(tb[IFLA_LINK]) : 0;
	l->txqlen = tb[IFLA_TXQLEN] ? (int)nla_get_u32(tb[IFLA_TXQLEN]) : 0;
	l->group = tb[IFLA_GROUP] ? nla_get_u32(tb[IFLA_GROUP]) : 0;
	l->promisc = tb[IFLA_PROMISCUITY] && nla_get_u32(tb[IFLA_PROMISCUITY]) > 0;
}

int rtnl_link_get(struct rtnl *r, const char *name, struct rtnl_link *ret, struct err *e)
{
	struct ifinfomsg i = {.ifi_family = AF_UNSPEC};
	AUTO_MSG *m = rtnl_msg(RTM_GETLINK, 0, &i, sizeof(i));
	struct rtnl_link l = {0};
	nla_put_string(m, IFLA_IFNAME, name);
	nla_put_u32(m, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	int rc = rtnl_talk(r, m, parse_link, &l);
	if (rc < 0)
		return err_code(e, rc, "link %s", name);
	*ret = l;
	return 0;
}

int rtnl_link_index(struct rtnl *r, const char *name, int *ret, struct err *e)
{
	struct ifreq q = {0};
	snprintf(q.ifr_name, sizeof(q.ifr_name), "%s", name);
	if (ioctl(rtnl_fd(r), SIOCGIFINDEX, &q))
		return err_sys(e, "link %s", name);
	*ret = q.ifr_ifindex;
	return 0;
}

int rtnl_link_get_index(struct rtnl *r, int index, struct rtnl_link *ret, struct err *e)
{
	struct ifinfomsg i = {.ifi_family = AF_UNSPEC, .ifi_index = index};
	AUTO_MSG *m = rtnl_msg(RTM_GETLINK, 0, &i, sizeof(i));
	struct rtnl_link l = {0};
	nla_put_u32(m, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	int rc = rtnl_talk(r, m, parse_link, &l);
	if (rc < 0)
		return err_code(e, rc, "link %d", index);
	*ret = l;
	return 0;
}

/* One queue each way: the kernel uses no more of a veth unless told so, but would make one for every processor first.
 */
static void put_end(struct nl_msg *m, const char *name, const uint8_t *mac, int mtu)
{
	nla_put_string(m, IFLA_IFNAME, name);
	nla_put_u32(m, IFLA_NUM_TX_QUEUES, 1);
	nla_put_u32(m, IFLA_NUM_RX_QUEUES, 1);
	if (mac)
		nla_put(m, IFLA_ADDRESS, 6, mac);
	if (mtu)
		nla_put_u32(m, IFLA_MTU, (uint32_t)mtu);
}

int rtnl_veth_add(struct rtnl *r, const struct rtnl_veth *v, struct err *e)
{
	struct ifinfomsg i = {.ifi_flags = v->up ? IFF_UP : 0, .ifi_change = v->up ? IFF_UP : 0};
	struct ifinfomsg peer = {0};
	AUTO_MSG *m = rtnl_msg(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &i, sizeof(i));
	put_end(m, v->name, v->mac, v->mtu);
	if (v->master)
		nla_put_u32(m, IFLA_MASTER, (uint32_t)v->master);
	struct nlattr *info = nla_nest_start(m, IFLA_LINKINFO);
	nla_put_string(m, IFLA_INFO_KIND, "veth");
	struct nlattr *data = nla_nest_start(m, IFLA_INFO_DATA);
	struct nlattr *other = nla_nest_start(m, VETH_INFO_PEER);
	nlmsg_append(m, &peer, sizeof(peer), NLMSG_ALIGNTO);
	put_end(m, v->peer_name, v->peer_mac, v->mtu);
	if (v->peer_netns_fd >= 0)
		nla_put_u32(m, IFLA_NET_NS_FD, (uint32_t)v->peer_netns_fd);
	nla_nest_end(m, other);
	nla_nest_end(m, data);
	nla_nest_end(m, info);
	int rc = rtnl_talk(r, m, NULL, NULL);
	return rc < 0 ? err_code(e, rc, "make veth pair %s and %s", v->name, v->peer_name) : 0;
}

int rtnl_link_del(struct rtnl *r, const char *name, struct err *e)
{
	struct ifinfomsg i = {0};
	AUTO_MSG *m = rtnl_msg(RTM_DELLINK, 0, &i, sizeof(i));
	nla_put_string(m, IFLA_IFNAME, name);
	int rc = rtnl_talk(r, m, NULL, NULL);
	return rc < 0 && rc != -ENODEV ? err_code(e, rc, "delete link %s", name) : 0;
}

/* arp_notify of this link: IFLA_AF_SPEC { AF_INET { IFLA_INET_CONF { ARP_NOTIFY = 1 } } }. */
static void put_arp_notify(struct nl_msg *m)
{
	struct nlattr *spec = nla_nest_start(m, IFLA_AF_SPEC);
	struct nlattr *inet = nla_nest_start(m, AF_INET);
	struct nlattr *conf = nla_nest_start(m, IFLA_INET_CONF);
	nla_put_u32(m, IPV4_DEVCONF_ARP_NOTIFY, 1);
	nla_nest_end(m, conf);
	nla_nest_end(m, inet);
	nla_nest_end(m, spec);
}

int rtnl_link_set(struct rtnl *r, int index, const struct rtnl_change *c, struct err *e)
{
	struct ifinfomsg i = {.ifi_index = index};
	if (c->up || c->down)
		i.ifi_change |= IFF_UP;
	if (c->promisc || c->no_promisc)
		i.ifi_change |= IFF_PROMISC;
	if (c->allmulti || c->no_allmulti)
		i.ifi_change |= IFF_ALLMULTI;
	i.ifi_flags = (c->up ? IFF_UP : 0) | (c->promisc ? IFF_PROMISC : 0) | (c->allmulti ? IFF_ALLMULTI : 0);
	AUTO_MSG *m = rtnl_msg(RTM_SETLINK, 0, &i, sizeof(i));
	if (c->mac)
		nla_put(m, IFLA_ADDRESS, 6, c->mac);
	if (c->mtu)
		nla_put_u32(m, IFLA_MTU, (uint32_t)c->mtu);
	if (c->master)
		nla_put_u32(m, IFLA_MASTER, c->master < 0 ? 0 : (uint32_t)c->master);
	if (c->txqlen)
		nla_put_u32(m, IFLA_TXQLEN, (uint32_t)c->txqlen);
	if (c->name)
		nla_put_string(m, IFLA_IFNAME, c->name);
	if (c->alias)
		nla_put(m, IFLA_IFALIAS, (int)strlen(c->alias), c->alias);
	if (c->netns_fd_plus1)
		nla_put_u32(m, IFLA_NET_NS_FD, (uint32_t)(c->netns_fd_plus1 - 1));
	int rc = 0;
	if (c->arp_notify) { /* in a message of its own: it must stand before the link comes up */
		struct ifinfomsg only = {.ifi_index = index};
		AUTO_MSG *n = rtnl_msg(RTM_SETLINK, 0, &only, sizeof(only));
		put_arp_notify(n);
		rc = rtnl_talk(r, n, NULL, NULL);
	}
	if (rc >= 0)
		rc = rtnl_talk(r, m, NULL, NULL);
	return rc < 0 ? err_code(e, rc, "change link %d", index) : 0;
}

struct link_list {
	struct rtnl_link *v;
	size_t n;
};

static void parse_into_list(void *arg, struct nlmsghdr *h)
{
	struct link_list *list = arg;
	if (h->nlmsg_type != RTM_NEWLINK)
		return;
	list->v = xreallocarray(list->v, list->n + 1, sizeof(*list->v));
	list->v[list->n] = (struct rtnl_link){0};
	parse_link(&list->v[list->n++], h);
}

int rtnl_link_list(struct rtnl *r, struct rtnl_link **ret, size_t *ret_n, struct err *e)
{
	struct ifinfomsg i = {.ifi_family = AF_UNSPEC};
	AUTO_MSG *m = rtnl_msg(RTM_GETLINK, NLM_F_DUMP, &i, sizeof(i));
	struct link_list list = {0};
	nla_put_u32(m, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	int rc = rtnl_talk(r, m, parse_into_list, &list);
	if (rc < 0) {
		free(list.v);
		return err_code(e, rc, "links");
	}
	*ret = list.v;
	*ret_n = list.n;
	return 0;
}
