/* Links of any kind, made by one message that names, addresses and places them, so that no half-made one is seen.
 * Failures are the kernel's, with the link's name put before. */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>

#include "io/net/rtnl_internal.h"

static void put_macvlan(struct nl_msg *m, const struct rtnl_new *n)
{
	nla_put_u32(m, IFLA_MACVLAN_MODE, n->mode);
	if (n->bc_queue_len)
		nla_put_u32(m, IFLA_MACVLAN_BC_QUEUE_LEN, (uint32_t)n->bc_queue_len);
}

static void put_ipvlan(struct nl_msg *m, const struct rtnl_new *n)
{
	nla_put_u16(m, IFLA_IPVLAN_MODE, (uint16_t)n->mode);
}

static void put_vlan(struct nl_msg *m, const struct rtnl_new *n)
{
	nla_put_u16(m, IFLA_VLAN_ID, (uint16_t)n->vlan_id);
}

static void put_vxlan(struct nl_msg *m, const struct rtnl_new *n)
{
	const struct rtnl_vxlan *v = &n->vxlan;
	nla_put_u32(m, IFLA_VXLAN_ID, v->vni);
	nla_put_u16(m, IFLA_VXLAN_PORT, htons(v->port));
	nla_put(m, v->local.family == AF_INET ? IFLA_VXLAN_LOCAL : IFLA_VXLAN_LOCAL6, (int)ip_len(&v->local), v->local.b);
	nla_put_u8(m, IFLA_VXLAN_LEARNING, 0);
}

static const struct {
	const char *kind;
	void (*put)(struct nl_msg *m, const struct rtnl_new *n);
} kinds[] = {{"macvlan", put_macvlan}, {"ipvlan", put_ipvlan}, {"vlan", put_vlan}, {"vxlan", put_vxlan}};

static void put_kind(struct nl_msg *m, const struct rtnl_new *n)
{
	struct nlattr *info = nla_nest_start(m, IFLA_LINKINFO);
	nla_put_string(m, IFLA_INFO_KIND, n->kind);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (strcmp(kinds[i].kind, n->kind))
			continue;
		struct nlattr *data = nla_nest_start(m, IFLA_INFO_DATA);
		kinds[i].put(m, n);
		nla_nest_end(m, data);
	}
	nla_nest_end(m, info);
}

int rtnl_link_new(struct rtnl *r, const struct rtnl_new *n, struct err *e)
{
	struct ifinfomsg i = {.ifi_flags = n->up ? IFF_UP : 0, .ifi_change = n->up ? IFF_UP : 0};
	AUTO_MSG *m = rtnl_msg(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &i, sizeof(i));
	nla_put_string(m, IFLA_IFNAME, n->name);
	if (n->parent)
		nla_put_u32(m, IFLA_LINK, (uint32_t)n->parent);
	if (n->netns_fd >= 0)
		nla_put_u32(m, IFLA_NET_NS_FD, (uint32_t)n->netns_fd);
	if (n->mac)
		nla_put(m, IFLA_ADDRESS, 6, n->mac);
	if (n->mtu)
		nla_put_u32(m, IFLA_MTU, (uint32_t)n->mtu);
	if (n->group)
		nla_put_u32(m, IFLA_GROUP, n->group);
	put_kind(m, n);
	int rc = rtnl_talk(r, m, NULL, NULL);
	return rc < 0 ? err_code(e, rc, "make %s %s", n->kind, n->name) : 0;
}
