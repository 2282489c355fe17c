/* Limits for some subnets: a hierarchical token bucket (htb) with two classes, and u32 filters that compare the
 * destination. Classes and numbers are those of the reference's bandwidth plugin. Failures are the kernel's:
 * -EOPNOTSUPP or -ENOENT where it lacks a discipline. What always holds: until the last filter is there, traffic is
 * limited rather than not. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "io/net/rtnl_internal.h"
#include "io/net/rtnl_tc.h"

#define ROOT TC_H_MAKE(1u << 16, 0)
#define FREE 1u
#define SHAPED 0x30u
#define FREE_RATE 100000000000u /* bytes a second */
#define QUANTUM 15140           /* ten packets */
#define HTB_VERSION 3
#define HTB_R2Q 10
#define KEYS_MAX 4
#define IPV4_DESTINATION 16
#define IPV6_DESTINATION 24

static uint32_t class_of(uint32_t minor)
{
	return TC_H_MAKE(1u << 16, minor);
}

static int add_root(struct rtnl *r, int index, uint32_t other)
{
	struct tc_htb_glob glob = {.version = HTB_VERSION, .rate2quantum = HTB_R2Q, .defcls = other};
	AUTO_MSG *m = rtnl_tc_msg(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, index, ROOT, TC_H_ROOT, "htb");
	struct nlattr *options = nla_nest_start(m, TCA_OPTIONS);
	nla_put(m, TCA_HTB_INIT, sizeof(glob), &glob);
	nla_nest_end(m, options);
	return rtnl_talk(r, m, NULL, NULL);
}

static int add_class(struct rtnl *r, int index, uint32_t minor, uint64_t rate, uint32_t burst)
{
	struct tc_ratespec spec = {.rate = rate > UINT32_MAX ? UINT32_MAX : (uint32_t)rate,
				   .linklayer = TC_LINKLAYER_ETHERNET};
	struct tc_htb_opt opt = {.rate = spec,
				 .ceil = spec,
				 .buffer = rtnl_tc_ticks(rate, burst),
				 .cbuffer = rtnl_tc_ticks(rate, burst),
				 .quantum = QUANTUM};
	AUTO_MSG *m = rtnl_tc_msg(RTM_NEWTCLASS, NLM_F_CREATE | NLM_F_EXCL, index, class_of(minor), ROOT, "htb");
	struct nlattr *options = nla_nest_start(m, TCA_OPTIONS);
	nla_put(m, TCA_HTB_PARMS, sizeof(opt), &opt);
	if (rate > UINT32_MAX) {
		nla_put_u64(m, TCA_HTB_RATE64, rate);
		nla_put_u64(m, TCA_HTB_CEIL64, rate);
	}
	nla_nest_end(m, options);
	return rtnl_talk(r, m, NULL, NULL);
}

/* The filters of a priority are of one protocol. */
static int add_filter(struct rtnl *r, int index, const struct ip_net *net, uint32_t minor)
{
	bool four = net->ip.family == AF_INET;
	struct ip first = ip_net_first(net);
	struct {
		struct tc_u32_sel sel;
		struct tc_u32_key keys[KEYS_MAX];
	} match = {.sel = {.flags = TC_U32_TERMINAL, .nkeys = (unsigned char)(ip_len(&first) / 4)}};
	for (int i = 0; i < match.sel.nkeys; i++) {
		int bits = net->prefix - i * 32;
		uint32_t mask = bits <= 0 ? 0 : bits >= 32 ? UINT32_MAX : ~(UINT32_MAX >> bits);
		match.keys[i].mask = htonl(mask);
		memcpy(&match.keys[i].val, first.b + (size_t)i * 4, 4);
		match.keys[i].off = (four ? IPV4_DESTINATION : IPV6_DESTINATION) + i * 4;
	}
	AUTO_MSG *m = rtnl_tc_msg(RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, index, 0, ROOT, "u32");
	struct tcmsg *t = nlmsg_data(nlmsg_hdr(m));
	t->tcm_info = TC_H_MAKE((four ? 16u : 15u) << 16, htons(four ? ETH_P_IP : ETH_P_IPV6));
	struct nlattr *options = nla_nest_start(m, TCA_OPTIONS);
	nla_put_u32(m, TCA_U32_CLASSID, class_of(minor));
	nla_put(m, TCA_U32_SEL, (int)(sizeof(match.sel) + match.sel.nkeys * sizeof(match.keys[0])), &match);
	nla_nest_end(m, options);
	return rtnl_talk(r, m, NULL, NULL);
}

int rtnl_tc_shape(struct rtnl *r, int index, const struct rtnl_tc_shape *shape, struct err *e)
{
	char text[IP_TEXT_MAX];
	int rc = add_root(r, index, shape->only ? FREE : SHAPED);
	if (rc >= 0)
		rc = add_class(r, index, SHAPED, shape->rate, shape->burst);
	if (rc >= 0)
		rc = add_class(r, index, FREE, FREE_RATE, UINT16_MAX);
	if (rc < 0)
		return err_code(e, rc, "limits of link %d", index);
	for (size_t i = 0; i < shape->n; i++)
		if ((rc = add_filter(r, index, &shape->subnets[i], shape->only ? SHAPED : FREE)) < 0)
			return err_code(e, rc, "limit of link %d for %s", index, ip_net_text(&shape->subnets[i], text));
	return 0;
}

struct class
{
	int index;
	bool found;
	uint64_t rate;
};

static void parse_class(void *arg, struct nlmsghdr *h)
{
	struct class *c = arg;
	struct tcmsg *t = NLMSG_DATA(h);
	struct nlattr *tb[TCA_MAX + 1], *options[TCA_HTB_MAX + 1];
	if (h->nlmsg_type != RTM_NEWTCLASS || t->tcm_ifindex != c->index || t->tcm_handle != class_of(SHAPED) ||
	    nlmsg_parse(h, sizeof(*t), tb, TCA_MAX, NULL) || !tb[TCA_KIND] ||
	    strcmp(nla_get_string(tb[TCA_KIND]), "htb") || !tb[TCA_OPTIONS] ||
	    nla_parse_nested(options, TCA_HTB_MAX, tb[TCA_OPTIONS], NULL) || !options[TCA_HTB_PARMS] ||
	    (size_t)nla_len(options[TCA_HTB_PARMS]) < sizeof(struct tc_htb_opt))
		return;
	c->found = true;
	c->rate = ((struct tc_htb_opt *)nla_data(options[TCA_HTB_PARMS]))->rate.rate;
	if (options[TCA_HTB_RATE64])
		c->rate = nla_get_u64(options[TCA_HTB_RATE64]);
}

int rtnl_tc_shape_check(struct rtnl *r, int index, const struct rtnl_tc_shape *shape, struct err *e)
{
	struct class c = {.index = index};
	AUTO_MSG *m = rtnl_tc_msg(RTM_GETTCLASS, NLM_F_DUMP, index, 0, 0, NULL);
	int rc = rtnl_talk(r, m, parse_class, &c);
	if (rc < 0)
		return err_code(e, rc, "limits of link %d", index);
	if (!c.found)
		return err_set(e, -ENOENT, "Failed to find htb qdisc");
	return c.rate == shape->rate ? 0
				     : err_set(e, -EINVAL, "Rate does not match for the shaped class (%llu != %llu)",
					       (unsigned long long)c.rate, (unsigned long long)shape->rate);
}
