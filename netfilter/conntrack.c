/* Stale UDP flows.
 *
 * A UDP client that keeps sending from one port keeps its connection-tracking entry alive, and with it an endpoint that
 * is gone, or the time in which there was none. The table is dumped once for all fronts of a change, and what leads
 * elsewhere than to an endpoint is deleted by its original tuple.
 * Fails only where the kernel refuses the dump; an entry that is gone meanwhile is fine. */
#include "netfilter/conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

#define BUFFER (64 << 10)

struct tuple {
	struct ip src, dst;
	uint16_t sport, dport;
	uint8_t protocol;
};

struct sweep {
	const struct conntrack_path *fronts, *paths;
	size_t n_fronts, n_paths;
	int family;
	struct tuple *found;
	size_t n_found;
};

static const struct nlattr *find(const struct nlattr *nest, int type)
{
	const struct nlattr *a;
	if (nest)
		mnl_attr_for_each_nested(a, nest) if (mnl_attr_get_type(a) == type) return a;
	return NULL;
}

static void take_ip(const struct nlattr *ips, int family, int v4, int v6, struct ip *ret)
{
	const struct nlattr *a = find(ips, family == AF_INET ? v4 : v6);
	ret->family = family;
	if (a)
		memcpy(ret->b, mnl_attr_get_payload(a), MIN((size_t)mnl_attr_get_payload_len(a), ip_len(ret)));
}

static void take_tuple(const struct nlattr *nest, int family, struct tuple *ret)
{
	const struct nlattr *ips = find(nest, CTA_TUPLE_IP), *proto = find(nest, CTA_TUPLE_PROTO), *a;
	*ret = (struct tuple){0};
	take_ip(ips, family, CTA_IP_V4_SRC, CTA_IP_V6_SRC, &ret->src);
	take_ip(ips, family, CTA_IP_V4_DST, CTA_IP_V6_DST, &ret->dst);
	if ((a = find(proto, CTA_PROTO_NUM)))
		ret->protocol = mnl_attr_get_u8(a);
	if ((a = find(proto, CTA_PROTO_SRC_PORT)))
		ret->sport = ntohs(mnl_attr_get_u16(a));
	if ((a = find(proto, CTA_PROTO_DST_PORT)))
		ret->dport = ntohs(mnl_attr_get_u16(a));
}

int conntrack_path_cmp(const void *pa, const void *pb)
{
	const struct conntrack_path *a = pa, *b = pb;
	int d = ip_cmp(&a->front, &b->front);
	d = d ? d : a->port - b->port;
	d = d ? d : ip_cmp(&a->target, &b->target);
	return d ? d : a->target_port - b->target_port;
}

static bool has_path(const struct conntrack_path *v, size_t n, const struct conntrack_path *like)
{
	return n && bsearch(like, v, n, sizeof(*v), conntrack_path_cmp);
}

static bool is_stale(const struct sweep *s, const struct tuple *orig, const struct tuple *reply)
{
	struct conntrack_path front = {.front = orig->dst, .port = orig->dport}, path = front;
	path.target = reply->src;
	path.target_port = reply->sport;
	return has_path(s->fronts, s->n_fronts, &front) && !has_path(s->paths, s->n_paths, &path);
}

static int each_entry(const struct nlmsghdr *h, void *arg)
{
	struct sweep *s = arg;
	const struct nlattr *a, *orig = NULL, *reply = NULL;
	struct tuple o, r;
	mnl_attr_for_each(a, h, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(a) == CTA_TUPLE_ORIG)
			orig = a;
		else if (mnl_attr_get_type(a) == CTA_TUPLE_REPLY)
			reply = a;
	}
	take_tuple(orig, s->family, &o);
	take_tuple(reply, s->family, &r);
	if (o.protocol == IPPROTO_UDP && is_stale(s, &o, &r)) {
		s->found = xreallocarray(s->found, s->n_found + 1, sizeof(*s->found));
		s->found[s->n_found++] = o;
	}
	return MNL_CB_OK;
}

static struct nlmsghdr *request(char *buf, int type, int flags, int family, uint32_t seq)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	h->nlmsg_type = (uint16_t)((NFNL_SUBSYS_CTNETLINK << 8) | type);
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	h->nlmsg_seq = seq;
	struct nfgenmsg *g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->nfgen_family = (uint8_t)family;
	return h;
}

/* Sends and handles the whole answer. */
static int talk(struct mnl_socket *nl, const struct nlmsghdr *h, mnl_cb_t cb, void *arg, char *buf)
{
	uint32_t seq = h->nlmsg_seq;
	if (mnl_socket_sendto(nl, h, h->nlmsg_len) < 0)
		return -errno;
	for (;;) {
		ssize_t n = mnl_socket_recvfrom(nl, buf, BUFFER);
		if (n < 0)
			return -errno;
		int r = mnl_cb_run(buf, (size_t)n, seq, mnl_socket_get_portid(nl), cb, arg);
		if (r <= MNL_CB_STOP)
			return r < 0 ? -errno : 0;
	}
}

static void put_tuple(struct nlmsghdr *h, const struct tuple *t, int family)
{
	bool four = family == AF_INET;
	struct nlattr *nest = mnl_attr_nest_start(h, CTA_TUPLE_ORIG), *sub = mnl_attr_nest_start(h, CTA_TUPLE_IP);
	mnl_attr_put(h, four ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, ip_len(&t->src), t->src.b);
	mnl_attr_put(h, four ? CTA_IP_V4_DST : CTA_IP_V6_DST, ip_len(&t->dst), t->dst.b);
	mnl_attr_nest_end(h, sub);
	sub = mnl_attr_nest_start(h, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(h, CTA_PROTO_NUM, t->protocol);
	mnl_attr_put_u16(h, CTA_PROTO_SRC_PORT, htons(t->sport));
	mnl_attr_put_u16(h, CTA_PROTO_DST_PORT, htons(t->dport));
	mnl_attr_nest_end(h, sub);
	mnl_attr_nest_end(h, nest);
}

static int sweep(struct mnl_socket *nl, struct sweep *s, char *buf)
{
	uint32_t seq = (uint32_t)time(NULL);
	int r = talk(nl, request(buf, IPCTNL_MSG_CT_GET, NLM_F_DUMP, s->family, seq), each_entry, s, buf);
	for (size_t i = 0; r >= 0 && i < s->n_found; i++) {
		struct nlmsghdr *h = request(buf, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, s->family, ++seq);
		put_tuple(h, &s->found[i], s->family);
		r = talk(nl, h, NULL, NULL, buf);
		if (r == -ENOENT)
			r = 0;
	}
	return r;
}

int conntrack_sweep_udp(int family, const struct conntrack_path *fronts, size_t n_fronts,
			const struct conntrack_path *paths, size_t n_paths, struct err *e)
{
	struct sweep s = {
	    .fronts = fronts, .n_fronts = n_fronts, .paths = paths, .n_paths = n_paths, .family = family};
	AUTO_FREE char *buf = xmalloc(BUFFER);
	struct mnl_socket *nl = n_fronts ? mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC) : NULL;
	if (!n_fronts)
		return 0;
	if (!nl)
		return err_sys(e, "conntrack socket");
	int r = mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 ? -errno : sweep(nl, &s, buf);
	mnl_socket_close(nl);
	free(s.found);
	return r < 0 ? err_code(e, r, "conntrack") : (int)s.n_found;
}
