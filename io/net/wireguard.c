/* Setting up WireGuard links. Happy path: the family's number is asked for once, and one message says all, for as many peers as
 * fit into it; more go into further messages. What can fail: a kernel without WireGuard, a link of another kind. */
#include "io/net/wireguard.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/wireguard.h>
#include <string.h>

#include "io/net/ip_socket.h"
#include "io/net/rtnl_internal.h"

enum { PEERS_AT_ONCE = 8 }; /* of a message of one page */

static void parse_family(void *arg, struct nlmsghdr *h)
{
	struct nlattr *tb[CTRL_ATTR_MAX + 1];
	if (h->nlmsg_type == GENL_ID_CTRL && !nlmsg_parse(h, sizeof(struct genlmsghdr), tb, CTRL_ATTR_MAX, NULL) &&
	    tb[CTRL_ATTR_FAMILY_ID])
		*(int *)arg = nla_get_u16(tb[CTRL_ATTR_FAMILY_ID]);
}

static int find_family(struct rtnl *r, struct err *e)
{
	struct genlmsghdr g = {.cmd = CTRL_CMD_GETFAMILY, .version = 1};
	AUTO_MSG *m = rtnl_msg(GENL_ID_CTRL, 0, &g, sizeof(g));
	int family = 0;
	nla_put_string(m, CTRL_ATTR_FAMILY_NAME, WG_GENL_NAME);
	int rc = rtnl_talk(r, m, parse_family, &family);
	return rc < 0 || !family ? err_code(e, -EOPNOTSUPP, "WireGuard") : family;
}

static void put_endpoint(struct nl_msg *m, const struct wireguard_peer *p)
{
	struct sockaddr_storage a;
	socklen_t len = ip_sockaddr(&p->endpoint, p->port, &a);
	nla_put(m, WGPEER_A_ENDPOINT, (int)len, &a);
}

static void put_allowed(struct nl_msg *m, const struct wireguard_peer *p)
{
	struct nlattr *list = nla_nest_start(m, WGPEER_A_ALLOWEDIPS);
	for (size_t i = 0; i < p->n_allowed; i++) {
		const struct ip_net *net = &p->allowed[i];
		struct nlattr *one = nla_nest_start(m, 0);
		nla_put_u16(m, WGALLOWEDIP_A_FAMILY, (uint16_t)net->ip.family);
		nla_put(m, WGALLOWEDIP_A_IPADDR, (int)ip_len(&net->ip), net->ip.b);
		nla_put_u8(m, WGALLOWEDIP_A_CIDR_MASK, (uint8_t)net->prefix);
		nla_nest_end(m, one);
	}
	nla_nest_end(m, list);
}

static void put_peer(struct nl_msg *m, const struct wireguard_peer *p)
{
	struct nlattr *one = nla_nest_start(m, 0);
	nla_put(m, WGPEER_A_PUBLIC_KEY, WIREGUARD_KEY, p->key);
	nla_put_u32(m, WGPEER_A_FLAGS, p->remove ? WGPEER_F_REMOVE_ME : WGPEER_F_REPLACE_ALLOWEDIPS);
	if (!p->remove) {
		put_endpoint(m, p);
		put_allowed(m, p);
	}
	nla_nest_end(m, one);
}

int wireguard_set(int index, const uint8_t *private_key, uint16_t port, const struct wireguard_peer *v, size_t n, bool fresh,
		  struct err *e)
{
	AUTO(rtnl_close_ptr) struct rtnl *r = NULL;
	struct genlmsghdr g = {.cmd = WG_CMD_SET_DEVICE, .version = WG_GENL_VERSION};
	int rc = rtnl_open_generic(&r, e);
	int family = rc < 0 ? rc : find_family(r, e);
	if (family < 0)
		return family;
	for (size_t at = 0; at == 0 || at < n; at += PEERS_AT_ONCE) {
		AUTO_MSG *m = rtnl_msg(family, 0, &g, sizeof(g));
		nla_put_u32(m, WGDEVICE_A_IFINDEX, (uint32_t)index);
		if (at == 0 && private_key) {
			nla_put(m, WGDEVICE_A_PRIVATE_KEY, WIREGUARD_KEY, private_key);
			nla_put_u16(m, WGDEVICE_A_LISTEN_PORT, port);
		}
		if (at == 0 && fresh)
			nla_put_u32(m, WGDEVICE_A_FLAGS, WGDEVICE_F_REPLACE_PEERS);
		struct nlattr *peers = nla_nest_start(m, WGDEVICE_A_PEERS);
		for (size_t i = at; i < n && i < at + PEERS_AT_ONCE; i++)
			put_peer(m, &v[i]);
		nla_nest_end(m, peers);
		rc = rtnl_talk(r, m, NULL, NULL);
		if (rc < 0)
			return err_code(e, rc, "WireGuard link %d", index);
	}
	return 0;
}
