/* Addresses of links.
 *
 * IPv6 addresses are added without duplicate address detection, so they work at once. An address that is there
 * already, or that is gone at deletion, is a success. Lists are filtered by the kernel (strict dumps). */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "io/net/rtnl_internal.h"

static struct nl_msg *addr_msg(int type, int flags, int index, const struct ip_net *net, uint32_t ifa_flags)
{
	struct ifaddrmsg a = {
	    .ifa_family = (uint8_t)net->ip.family, .ifa_prefixlen = (uint8_t)net->prefix, .ifa_index = (uint32_t)index};
	struct nl_msg *m = rtnl_msg(type, flags, &a, sizeof(a));
	nla_put(m, IFA_LOCAL, (int)ip_len(&net->ip), net->ip.b);
	nla_put(m, IFA_ADDRESS, (int)ip_len(&net->ip), net->ip.b);
	if (ifa_flags)
		nla_put_u32(m, IFA_FLAGS, ifa_flags);
	if (type == RTM_NEWADDR && net->ip.family == AF_INET && net->prefix < 31) {
		struct ip last = ip_net_last(net);
		nla_put(m, IFA_BROADCAST, 4, last.b);
	}
	return m;
}

int rtnl_addr_add(struct rtnl *r, int index, const struct ip_net *net, bool dad, struct err *e)
{
	return rtnl_addr_add_flags(r, index, net, !dad && net->ip.family == AF_INET6 ? IFA_F_NODAD : 0, e);
}

int rtnl_addr_add_flags(struct rtnl *r, int index, const struct ip_net *net, uint32_t flags, struct err *e)
{
	char text[IP_TEXT_MAX];
	AUTO_MSG *m = addr_msg(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, index, net, flags);
	int rc = rtnl_talk(r, m, NULL, NULL);
	return rc < 0 && rc != -EEXIST ? err_code(e, rc, "add address %s to link %d", ip_net_text(net, text), index)
				       : 0;
}

int rtnl_addr_del(struct rtnl *r, int index, const struct ip_net *net, struct err *e)
{
	char text[IP_TEXT_MAX];
	AUTO_MSG *m = addr_msg(RTM_DELADDR, 0, index, net, 0);
	int rc = rtnl_talk(r, m, NULL, NULL);
	if (rc < 0 && rc != -EADDRNOTAVAIL && rc != -ENODEV)
		return err_code(e, rc, "delete address %s of link %d", ip_net_text(net, text), index);
	return 0;
}

struct addr_list {
	struct rtnl_addr *v;
	size_t n;
};

static void parse_addr(void *arg, struct nlmsghdr *h)
{
	struct addr_list *list = arg;
	struct ifaddrmsg *a = NLMSG_DATA(h);
	struct nlattr *tb[IFA_MAX + 1];
	if (h->nlmsg_type != RTM_NEWADDR || nlmsg_parse(h, sizeof(*a), tb, IFA_MAX, NULL))
		return;
	struct nlattr *value = tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS];
	struct rtnl_addr addr = {.index = (int)a->ifa_index, .flags = a->ifa_flags};
	if ((a->ifa_family != AF_INET && a->ifa_family != AF_INET6) || !value)
		return;
	addr.net.ip.family = a->ifa_family;
	addr.net.prefix = a->ifa_prefixlen;
	memcpy(addr.net.ip.b, nla_data(value), MIN((size_t)nla_len(value), ip_len(&addr.net.ip)));
	if (tb[IFA_FLAGS])
		addr.flags = nla_get_u32(tb[IFA_FLAGS]);
	list->v = xreallocarray(list->v, list->n + 1, sizeof(*list->v));
	list->v[list->n++] = addr;
}

int rtnl_addr_list(struct rtnl *r, int index, int family, struct rtnl_addr **ret, size_t *ret_n, struct err *e)
{
	struct ifaddrmsg a = {.ifa_family = (uint8_t)family, .ifa_index = (uint32_t)index};
	AUTO_MSG *m = rtnl_msg(RTM_GETADDR, NLM_F_DUMP, &a, sizeof(a));
	struct addr_list list = {0};
	int rc = rtnl_talk(r, m, parse_addr, &list);
	if (rc < 0) {
		free(list.v);
		return err_code(e, rc, "addresses of link %d", index);
	}
	*ret = list.v;
	*ret_n = list.n;
	return 0;
}
