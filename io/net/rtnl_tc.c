/* Queueing disciplines and filters.
 *
 * Only what limits of containers need. Failures are the kernel's: -EOPNOTSUPP or -ENOENT where it lacks a discipline.
 */
#include "io/net/rtnl_tc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <string.h>

#include "io/net/rtnl_internal.h"

#define LATENCY_MS 25
#define TICK_NS 64 /* the kernel's unit of time in these messages */
#define INGRESS_HANDLE 0xffff0000u

struct nl_msg *rtnl_tc_msg(int type, int flags, int index, uint32_t handle, uint32_t parent, const char *kind)
{
	struct tcmsg t = {.tcm_family = AF_UNSPEC, .tcm_ifindex = index, .tcm_handle = handle, .tcm_parent = parent};
	if (type == RTM_NEWTFILTER)
		t.tcm_info = TC_H_MAKE(1u << 16, htons(ETH_P_ALL));
	struct nl_msg *m = rtnl_msg(type, flags, &t, sizeof(t));
	if (kind)
		nla_put_string(m, TCA_KIND, kind);
	return m;
}

uint32_t rtnl_tc_ticks(uint64_t rate, uint32_t burst)
{
	double ticks = rate ? burst * 1000000000.0 / (double)rate / TICK_NS : 0;
	return ticks > UINT32_MAX ? UINT32_MAX : (uint32_t)ticks;
}

int rtnl_tc_limit(struct rtnl *r, int index, uint64_t rate, uint32_t burst, struct err *e)
{
	uint64_t limit = rate * LATENCY_MS / 1000 + burst;
	struct tc_tbf_qopt q = {
	    .rate = {.rate = rate > UINT32_MAX ? UINT32_MAX : (uint32_t)rate, .linklayer = TC_LINKLAYER_ETHERNET},
	    .limit = limit > UINT32_MAX ? UINT32_MAX : (uint32_t)limit,
	    .buffer = rtnl_tc_ticks(rate, burst)};
	AUTO_MSG *m =
	    rtnl_tc_msg(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, index, TC_H_MAKE(1u << 16, 0), TC_H_ROOT, "tbf");
	struct nlattr *options = nla_nest_start(m, TCA_OPTIONS);
	nla_put(m, TCA_TBF_PARMS, sizeof(q), &q);
	nla_put_u32(m, TCA_TBF_BURST, burst);
	if (rate > UINT32_MAX)
		nla_put_u64(m, TCA_TBF_RATE64, rate);
	nla_nest_end(m, options);
	int rc = rtnl_talk(r, m, NULL, NULL);
	return rc < 0 ? err_code(e, rc, "limit of link %d", index) : 0;
}

struct root {
	int index;
	bool found;
	uint64_t rate;
};

static void parse_qdisc(void *arg, struct nlmsghdr *h)
{
	struct root *root = arg;
	struct tcmsg *t = NLMSG_DATA(h);
	struct nlattr *tb[TCA_MAX + 1], *options[TCA_TBF_MAX + 1];
	if (h->nlmsg_type != RTM_NEWQDISC || t->tcm_ifindex != root->index || t->tcm_parent != TC_H_ROOT ||
	    nlmsg_parse(h, sizeof(*t), tb, TCA_MAX, NULL) || !tb[TCA_KIND] ||
	    strcmp(nla_get_string(tb[TCA_KIND]), "tbf") || !tb[TCA_OPTIONS] ||
	    nla_parse_nested(options, TCA_TBF_MAX, tb[TCA_OPTIONS], NULL) || !options[TCA_TBF_PARMS] ||
	    (size_t)nla_len(options[TCA_TBF_PARMS]) < sizeof(struct tc_tbf_qopt))
		return;
	root->found = true;
	root->rate = ((struct tc_tbf_qopt *)nla_data(options[TCA_TBF_PARMS]))->rate.rate;
	if (options[TCA_TBF_RATE64])
		root->rate = nla_get_u64(options[TCA_TBF_RATE64]);
}

int rtnl_tc_check(struct rtnl *r, int index, uint64_t rate, struct err *e)
{
	struct root root = {.index = index};
	AUTO_MSG *m = rtnl_tc_msg(RTM_GETQDISC, NLM_F_DUMP, index, 0, 0, NULL);
	int rc = rtnl_talk(r, m, parse_qdisc, &root);
	if (rc < 0)
		return err_code(e, rc, "limit of link %d", index);
	if (!root.found)
		return err_set(e, -ENOENT, "Failed to find qdisc");
	return root.rate == rate ? 0
				 : err_set(e, -EINVAL, "Rate doesn't match: %llu, %llu is configured",
					   (unsigned long long)root.rate, (unsigned long long)rate);
}

static void put_redirect(struct nl_msg *m, int to)
{
	struct tc_mirred mirred = {.action = TC_ACT_STOLEN, .eaction = TCA_EGRESS_REDIR, .ifindex = (uint32_t)to};
	struct nlattr *actions = nla_nest_start(m, TCA_U32_ACT), *first = nla_nest_start(m, 1);
	nla_put_string(m, TCA_ACT_KIND, "mirred");
	struct nlattr *options = nla_nest_start(m, TCA_ACT_OPTIONS);
	nla_put(m, TCA_MIRRED_PARMS, sizeof(mirred), &mirred);
	nla_nest_end(m, options);
	nla_nest_end(m, first);
	nla_nest_end(m, actions);
}

int rtnl_tc_redirect(struct rtnl *r, int from, int to, struct err *e)
{
	struct {
		struct tc_u32_sel sel;
		struct tc_u32_key key; /* nothing is compared: everything matches */
	} all = {.sel = {.flags = TC_U32_TERMINAL, .nkeys = 1}};
	AUTO_MSG *q = rtnl_tc_msg(RTM_NEWQDISC, NLM_F_CREATE, from, INGRESS_HANDLE, TC_H_INGRESS, "ingress");
	int rc = rtnl_talk(r, q, NULL, NULL);
	if (rc < 0 && rc != -EEXIST)
		return err_code(e, rc, "ingress of link %d", from);
	AUTO_MSG *m = rtnl_tc_msg(RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, from, 0, INGRESS_HANDLE, "u32");
	struct nlattr *options = nla_nest_start(m, TCA_OPTIONS);
	nla_put(m, TCA_U32_SEL, sizeof(all), &all);
	put_redirect(m, to);
	nla_nest_end(m, options);
	rc = rtnl_talk(r, m, NULL, NULL);
	return rc < 0 ? err_code(e, rc, "redirect link %d to %d", from, to) : 0;
}
