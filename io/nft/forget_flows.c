/* Stale connections.
 *
 * A client that keeps sending from one port keeps its connection-tracking entry alive, and with it the decision that
 * was made for its first packet. The table is dumped, and what was sent to one of the ports, or has to do with an address,
 * is deleted by its original tuple. Kernels that can do it tell only of entries with the address. Fails only where the
 * kernel refuses the dump; an entry that is gone meanwhile is fine. */
#include <netinet/in.h> /* before the kernel headers, which yield to it */

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdlib.h>

#include "io/nft/nft_internal.h"

#define TUPLE_MAX 256 /* bytes of a tuple's attribute: two addresses, protocol, ports and zone */

/* What CTA_FILTER_ORIG_FLAGS and _REPLY_FLAGS name. */
enum { FILTER_SRC = 1, FILTER_DST = 2 };

struct tuple {
	uint16_t len;
	char bytes[TUPLE_MAX];
};

struct sweep {
	uint32_t seq;
	int family;
	const uint16_t *ports; /* NULL: by address */
	size_t n_ports;
	const uint8_t *address;
	struct tuple *found;
	size_t n_found;
};

static bool has_port(const struct sweep *s, const struct nlattr *tuple)
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

static bool has_address(const struct sweep *s, const struct nlattr *tuple)
{
	static const int types[2][2] = {{CTA_IP_V4_SRC, CTA_IP_V4_DST}, {CTA_IP_V6_SRC, CTA_IP_V6_DST}};
	bool six = s->family == AF_INET6;
	size_t len = six ? 16 : 4;
	const struct nlattr *ips = attr_find(tuple, CTA_TUPLE_IP);
	for (size_t i = 0; i < 2; i++) {
		const struct nlattr *a = attr_find(ips, types[six][i]);
		if (a && attr_len(a) == len && memcmp(attr_data(a), s->address, len) == 0)
			return true;
	}
	return false;
}

static void take_tuples(struct sweep *s, const struct nlattr *orig, const struct nlattr *reply)
{
	if (!orig || orig->nla_len > TUPLE_MAX ||
	    !(s->ports ? has_port(s, orig) : has_address(s, orig) || has_address(s, reply)))
		return;
	s->found = xreallocarray(s->found, s->n_found + 1, sizeof(*s->found));
	s->found[s->n_found].len = orig->nla_len;
	memcpy(s->found[s->n_found++].bytes, orig, orig->nla_len);
}

static int take_entry(void *arg, const struct nlmsghdr *h)
{
	struct sweep *s = arg;
	const struct nlattr *a, *orig = NULL, *reply = NULL;
	if (h->nlmsg_seq != s->seq)
		return 0;
	if (h->nlmsg_type == NLMSG_DONE)
		return 1;
	if (h->nlmsg_type == NLMSG_ERROR)
		return ((const struct nlmsgerr *)NLMSG_DATA(h))->error;
	ATTR_EACH(a, h, sizeof(struct nfgenmsg))
	{
		if (attr_type(a) == CTA_TUPLE_ORIG)
			orig = a;
		else if (attr_type(a) == CTA_TUPLE_REPLY)
			reply = a;
	}
	take_tuples(s, orig, reply);
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

static int delete_all(struct nft *n, struct sweep *s)
{
	int r = 0;
	for (size_t i = 0; r >= 0 && i < s->n_found; i++)
		r = delete_entry(n, s->family, &s->found[i]);
	free(s->found);
	s->found = NULL;
	s->n_found = 0;
	return r;
}

static struct nlmsghdr *dump(struct nft *n, char *buf, struct sweep *s)
{
	struct nlmsghdr *h = nft_request(n, buf, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET, s->family, NLM_F_DUMP);
	s->seq = h->nlmsg_seq;
	return h;
}

int nft_forget_udp(struct nft *n, int family, const uint16_t *ports, size_t n_ports, struct err *e)
{
	char buf[1024];
	struct sweep s = {.family = family, .ports = ports, .n_ports = n_ports};
	struct nlmsghdr *h = dump(n, buf, &s);
	int r = n_ports ? nft_exchange(n, h, h->nlmsg_len, take_entry, &s) : 0, d = delete_all(n, &s);
	r = r < 0 ? r : d;
	return r < 0 ? err_code(e, r, "connection tracking") : 0;
}

/* One dump: of entries whose original or reply tuple has the address as its source or destination. */
static int forget_one(struct nft *n, struct sweep *s, bool reply, uint32_t flag)
{
	char buf[1024];
	bool six = s->family == AF_INET6;
	uint32_t none = 0;
	int type = flag == FILTER_SRC ? six ? CTA_IP_V6_SRC : CTA_IP_V4_SRC : six ? CTA_IP_V6_DST : CTA_IP_V4_DST;
	struct nlmsghdr *h = dump(n, buf, s);
	struct nlattr *tuple = attr_begin(h, reply ? CTA_TUPLE_REPLY : CTA_TUPLE_ORIG), *ips = attr_begin(h, CTA_TUPLE_IP);
	attr_put(h, type, s->address, six ? 16 : 4);
	attr_end(h, ips);
	attr_end(h, tuple);
	struct nlattr *filter = attr_begin(h, CTA_FILTER);
	attr_put(h, CTA_FILTER_ORIG_FLAGS, reply ? &none : &flag, sizeof(flag));
	attr_put(h, CTA_FILTER_REPLY_FLAGS, reply ? &flag : &none, sizeof(flag));
	attr_end(h, filter);
	int r = nft_exchange(n, h, h->nlmsg_len, take_entry, s), d = delete_all(n, s);
	return r < 0 ? r : d;
}

int nft_forget_address(struct nft *n, int family, const uint8_t *address, struct err *e)
{
	struct sweep s = {.family = family, .address = address};
	int r = forget_one(n, &s, false, FILTER_SRC);
	if (r >= 0)
		r = forget_one(n, &s, false, FILTER_DST);
	if (r >= 0) /* to a service that led there */
		r = forget_one(n, &s, true, FILTER_SRC);
	return r < 0 ? err_code(e, r, "connection tracking") : 0;
}
