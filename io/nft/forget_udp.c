/* Stale UDP connections of ports.
 *
 * A client that keeps sending from one port keeps its connection-tracking entry alive, and with it the decision that
 * was made for its first packet. The table is dumped once, and what was sent to one of the ports is deleted by its
 * original tuple. Fails only where the kernel refuses the dump; an entry that is gone meanwhile is fine. */
#include <netinet/in.h> /* before the kernel headers, which yield to it */

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdlib.h>

#include "io/nft/nft_internal.h"

#define TUPLE_MAX 256 /* bytes of a tuple's attribute: two addresses, protocol, ports and zone */

struct tuple {
	uint16_t len;
	char bytes[TUPLE_MAX];
};

struct sweep {
	uint32_t seq;
	const uint16_t *ports;
	size_t n_ports;
	struct tuple *found;
	size_t n_found;
};

static bool is_meant(const struct sweep *s, const struct nlattr *tuple)
{
	const struct nlattr *proto = attr_find(tuple, CTA_TUPLE_PROTO), *num = attr_find(proto, CTA_PROTO_NUM);
	uint16_t port = attr_get_be16(attr_find(proto, CTA_PROTO_DST_PORT));
	if (!num || attr_len(num) < 1 || *(const uint8_t *)attr_data(num) != IPPROTO_UDP)
		return false;
	for (size_t i = 0; i < s->n_ports; i++)
		if (s->ports[i] == port)
			return true;
	return false;
}

static int take_entry(void *arg, const struct nlmsghdr *h)
{
	struct sweep *s = arg;
	const struct nlattr *a;
	if (h->nlmsg_seq != s->seq)
		return 0;
	if (h->nlmsg_type == NLMSG_DONE)
		return 1;
	if (h->nlmsg_type == NLMSG_ERROR)
		return ((const struct nlmsgerr *)NLMSG_DATA(h))->error;
	ATTR_EACH(a, h, sizeof(struct nfgenmsg))
	{
		if (attr_type(a) != CTA_TUPLE_ORIG || a->nla_len > TUPLE_MAX || !is_meant(s, a))
			continue;
		s->found = xreallocarray(s->found, s->n_found + 1, sizeof(*s->found));
		s->found[s->n_found].len = a->nla_len;
		memcpy(s->found[s->n_found++].bytes, a, a->nla_len);
	}
	return 0;
}

static int take_ack(void *arg, const struct nlmsghdr *h)
{
	const uint32_t *seq = arg;
	int error;
	if (h->nlmsg_type != NLMSG_ERROR || h->nlmsg_seq != *seq)
		return 0;
	error = ((const struct nlmsgerr *)NLMSG_DATA(h))->error;
	return error && error != -ENOENT ? error : 1;
}

static int delete_entry(struct nft *n, int family, const struct tuple *t)
{
	char buf[1024];
	struct nlmsghdr *h = nft_request(n, buf, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE, family, NLM_F_ACK);
	uint32_t seq = h->nlmsg_seq;
	memcpy(buf + h->nlmsg_len, t->bytes, t->len);
	h->nlmsg_len += NLA_ALIGN(t->len);
	return nft_exchange(n, h, h->nlmsg_len, take_ack, &seq);
}

int nft_forget_udp(struct nft *n, int family, const uint16_t *ports, size_t n_ports, struct err *e)
{
	char buf[1024];
	struct nlmsghdr *h = nft_request(n, buf, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET, family, NLM_F_DUMP);
	struct sweep s = {.seq = h->nlmsg_seq, .ports = ports, .n_ports = n_ports};
	int r = n_ports ? nft_exchange(n, h, h->nlmsg_len, take_entry, &s) : 0;
	for (size_t i = 0; r >= 0 && i < s.n_found; i++)
		r = delete_entry(n, family, &s.found[i]);
	free(s.found);
	return r < 0 ? err_code(e, r, "connection tracking") : 0;
}
