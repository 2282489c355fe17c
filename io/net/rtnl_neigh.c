/* Neighbours and the forwarding table of vxlan links: set, delete, list.
 *
 * Entries are permanent: they stand until somebody deletes them. One that is gone already at rtnl_neigh_del() is a success. */
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "io/net/rtnl_internal.h"

static struct nl_msg *neigh_msg(int type, int flags, const struct rtnl_neigh *n)
{
	struct ndmsg h = {.ndm_family = n->fdb ? AF_BRIDGE : (uint8_t)n->ip.family,
			  .ndm_ifindex = n->index,
			  .ndm_state = n->fdb ? NUD_NOARP | NUD_PERMANENT : NUD_PERMANENT,
			  .ndm_flags = n->fdb ? NTF_SELF : 0};
	struct nl_msg *m = rtnl_msg(type, flags, &h, sizeof(h));
	nla_put(m, NDA_DST, (int)ip_len(&n->ip), n->ip.b);
	nla_put(m, NDA_LLADDR, sizeof(n->mac), n->mac);
	return m;
}

static int neigh_error(int rc, const char *verb, const struct rtnl_neigh *n, struct err *e)
{
	char ip[IP_TEXT_MAX], mac[MAC_TEXT_MAX];
	return err_code(e, rc, "%s %s %s at %s", verb, n->fdb ? "forwarding entry" : "neighbour", mac_text(n->mac, mac),
			ip_text(&n->ip, ip));
}

int rtnl_neigh_set(struct rtnl *r, const struct rtnl_neigh *n, struct err *e)
{
	AUTO_MSG *m = neigh_msg(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, n);
	int rc = rtnl_talk(r, m, NULL, NULL);
	return rc < 0 ? neigh_error(rc, "set", n, e) : 0;
}

int rtnl_neigh_del(struct rtnl *r, const struct rtnl_neigh *n, struct err *e)
{
	AUTO_MSG *m = neigh_msg(RTM_DELNEIGH, 0, n);
	int rc = rtnl_talk(r, m, NULL, NULL);
	return rc < 0 && rc != -ENOENT && rc != -ENODEV ? neigh_error(rc, "delete", n, e) : 0;
}

struct neigh_list {
	struct rtnl_neigh *v;
	size_t n;
	int index;
	bool fdb;
};

static void parse_neigh(void *arg, struct nlmsghdr *h)
{
	struct neigh_list *list = arg;
	struct ndmsg *m = NLMSG_DATA(h);
	struct nlattr *tb[NDA_MAX + 1];
	if (h->nlmsg_type != RTM_NEWNEIGH || nlmsg_parse(h, sizeof(*m), tb, NDA_MAX, NULL) || m->ndm_ifindex != list->index ||
	    !(m->ndm_state & NUD_PERMANENT) || !tb[NDA_DST] || !tb[NDA_LLADDR] || nla_len(tb[NDA_LLADDR]) != 6)
		return;
	struct rtnl_neigh n = {.index = m->ndm_ifindex, .fdb = list->fdb};
	n.ip.family = nla_len(tb[NDA_DST]) == 4 ? AF_INET : AF_INET6;
	memcpy(n.ip.b, nla_data(tb[NDA_DST]), MIN((size_t)nla_len(tb[NDA_DST]), ip_len(&n.ip)));
	memcpy(n.mac, nla_data(tb[NDA_LLADDR]), sizeof(n.mac));
	list->v = xreallocarray(list->v, list->n + 1, sizeof(*list->v));
	list->v[list->n++] = n;
}

int rtnl_neigh_list(struct rtnl *r, int index, bool fdb, struct rtnl_neigh **ret, size_t *ret_n, struct err *e)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	struct neigh_list list = {.index = index, .fdb = fdb};
	int rc = 0;
	for (size_t i = 0; rc >= 0 && i < (fdb ? 1 : ARRAY_LEN(families)); i++) {
		struct ndmsg h = {.ndm_family = fdb ? AF_BRIDGE : families[i]};
		AUTO_MSG *m = rtnl_msg(RTM_GETNEIGH, NLM_F_DUMP, &h, sizeof(h));
		rc = rtnl_talk(r, m, parse_neigh, &list);
	}
	if (rc < 0) {
		free(list.v);
		return err_code(e, rc, "neighbours of link %d", index);
	}
	*ret = list.v;
	*ret_n = list.n;
	return 0;
}
