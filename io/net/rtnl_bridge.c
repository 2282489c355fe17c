/* Bridges and their ports. Failures are the kernel's, with the link's name put before. */
#include <errno.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "io/net/rtnl_internal.h"

int rtnl_bridge_add(struct rtnl *r, const char *name, const uint8_t mac[6], int mtu, bool vlan_filtering, struct err *e)
{
	struct ifinfomsg i = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	AUTO_MSG *m = rtnl_msg(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &i, sizeof(i));
	nla_put_string(m, IFLA_IFNAME, name);
	nla_put(m, IFLA_ADDRESS, 6, mac);
	if (mtu)
		nla_put_u32(m, IFLA_MTU, (uint32_t)mtu);
	struct nlattr *info = nla_nest_start(m, IFLA_LINKINFO);
	nla_put_string(m, IFLA_INFO_KIND, "bridge");
	if (vlan_filtering) {
		struct nlattr *data = nla_nest_start(m, IFLA_INFO_DATA);
		nla_put_u8(m, IFLA_BR_VLAN_FILTERING, 1);
		nla_nest_end(m, data);
	}
	nla_nest_end(m, info);
	int rc = rtnl_talk(r, m, NULL, NULL);
	return rc < 0 ? err_code(e, rc, "make bridge %s", name) : 0;
}

int rtnl_port_set(struct rtnl *r, const char *name, bool hairpin, bool isolated, struct err *e)
{
	struct rtnl_link l;
	int rc = rtnl_link_get(r, name, &l, e);
	if (rc < 0)
		return rc;
	struct ifinfomsg i = {.ifi_family = AF_BRIDGE, .ifi_index = l.index};
	AUTO_MSG *m = rtnl_msg(RTM_SETLINK, 0, &i, sizeof(i));
	struct nlattr *info = nla_nest_start(m, IFLA_PROTINFO | NLA_F_NESTED);
	nla_put_u8(m, IFLA_BRPORT_MODE, hairpin);
	nla_put_u8(m, IFLA_BRPORT_ISOLATED, isolated);
	nla_nest_end(m, info);
	rc = rtnl_talk(r, m, NULL, NULL);
	return rc < 0 ? err_code(e, rc, "bridge port %s", name) : 0;
}

static void put_vlan(struct nl_msg *m, int vlan, uint16_t flags)
{
	struct bridge_vlan_info info = {.flags = flags, .vid = (uint16_t)vlan};
	nla_put(m, IFLA_BRIDGE_VLAN_INFO, sizeof(info), &info);
}

static struct nl_msg *vlan_msg(int type, int index, struct nlattr **ret_spec)
{
	struct ifinfomsg i = {.ifi_family = AF_BRIDGE, .ifi_index = index};
	struct nl_msg *m = rtnl_msg(type, 0, &i, sizeof(i));
	*ret_spec = nla_nest_start(m, IFLA_AF_SPEC);
	nla_put_u16(m, IFLA_BRIDGE_FLAGS, BRIDGE_FLAGS_MASTER);
	return m;
}

int rtnl_port_vlan_add(struct rtnl *r, int index, int first, int last, bool pvid, struct err *e)
{
	struct nlattr *spec;
	AUTO_MSG *m = vlan_msg(RTM_SETLINK, index, &spec);
	uint16_t flags = pvid ? BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED : 0;
	if (first == last) {
		put_vlan(m, first, flags);
	} else {
		put_vlan(m, first, BRIDGE_VLAN_INFO_RANGE_BEGIN);
		put_vlan(m, last, BRIDGE_VLAN_INFO_RANGE_END);
	}
	nla_nest_end(m, spec);
	int rc = rtnl_talk(r, m, NULL, NULL);
	return rc < 0 ? err_code(e, rc, "VLAN %d on port %d", first, index) : 0;
}

int rtnl_port_vlan_del(struct rtnl *r, int index, int vlan, struct err *e)
{
	struct nlattr *spec;
	AUTO_MSG *m = vlan_msg(RTM_DELLINK, index, &spec);
	put_vlan(m, vlan, 0);
	nla_nest_end(m, spec);
	int rc = rtnl_talk(r, m, NULL, NULL);
	return rc < 0 && rc != -ENOENT ? err_code(e, rc, "VLAN %d of port %d", vlan, index) : 0;
}
