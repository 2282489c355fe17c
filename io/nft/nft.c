/* The nf_tables socket: transactions and their answers.
 *
 * A batch goes out in one send; the kernel answers with an error for each message that it refused and with the
 * acknowledgement that the last message asks for, in order. The first error wins and is told with the label of its
 * message. Fails also where the kernel refuses the whole batch (no memory, a commit that failed). What always holds:
 * answers of an earlier exchange are told apart by sequence numbers. */
#include "io/nft/nft.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "io/nft/nft_internal.h"

#define SEND_BYTES (64 << 20)
#define RECEIVE_BYTES (8 << 20)
#define CHUNK (128 << 10)
#define ANSWER_TIMEOUT_S 20
#define MARKER_ROOM 64
#define QUIET_BYTES (64 << 10) /* a batch from here on is one that no watch of this process hears */

struct nft {
	int fd;
	uint32_t seq;
	char *buf;
};

/* Beyond the system's limit where we may; the plain option otherwise. */
static void set_buffer(int fd, int force, int plain, int bytes)
{
	if (setsockopt(fd, SOL_SOCKET, force, &bytes, sizeof(bytes)))
		setsockopt(fd, SOL_SOCKET, plain, &bytes, sizeof(bytes));
}

int nft_open(struct nft **ret, struct err *e)
{
	struct timeval limit = {.tv_sec = ANSWER_TIMEOUT_S};
	int one = 1;
	AUTO_FD int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	if (fd < 0)
		return err_sys(e, "nf_tables socket");
	set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, SEND_BYTES);
	set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, RECEIVE_BYTES);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	struct nft *n = xcalloc(1, sizeof(*n));
	n->fd = TAKE_FD(fd);
	n->buf = xmalloc(CHUNK);
	n->seq = (uint32_t)time(NULL);
	*ret = n;
	return 0;
}

void nft_close(struct nft *n)
{
	if (!n)
		return;
	close(n->fd);
	free(n->buf);
	free(n);
}

uint32_t nft_port(const struct nft *n)
{
	struct sockaddr_nl a = {0};
	socklen_t len = sizeof(a);
	return getsockname(n->fd, (struct sockaddr *)&a, &len) == 0 ? a.nl_pid : 0;
}

struct nlmsghdr *nft_request(struct nft *n, char *buf, int type, int family, int flags)
{
	struct nfgenmsg *g;
	struct nlmsghdr *h = attr_message(buf, (uint16_t)type, (uint16_t)(NLM_F_REQUEST | flags), sizeof(*g), &g);
	h->nlmsg_seq = ++n->seq;
	g->nfgen_family = (uint8_t)family;
	return h;
}

int nft_exchange(struct nft *n, const void *bytes, size_t len, int (*fn)(void *arg, const struct nlmsghdr *h),
		 void *arg)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	if (sendto(n->fd, bytes, len, 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return -errno;
	for (;;) {
		ssize_t got = recv(n->fd, n->buf, CHUNK, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		for (struct nlmsghdr *h = (void *)n->buf; NLMSG_OK(h, got); h = NLMSG_NEXT(h, got)) {
			int r = fn(arg, h);
			if (r)
				return r > 0 ? 0 : r;
		}
	}
}

struct verdict {
	uint32_t first, last; /* sequence numbers of the batch */
	uint32_t failed_seq;
	int error;
};

static int take_answer(void *arg, const struct nlmsghdr *h)
{
	struct verdict *v = arg;
	if (h->nlmsg_type != NLMSG_ERROR || h->nlmsg_seq - v->first > v->last - v->first)
		return 0;
	int error = ((const struct nlmsgerr *)NLMSG_DATA(h))->error;
	if (error && !v->error) {
		v->error = error;
		v->failed_seq = h->nlmsg_seq;
	}
	return h->nlmsg_seq == v->last || h->nlmsg_seq == v->first; /* the first is the batch itself */
}

/* Gives the batch's messages, numbered from 0, numbers of this socket's own. */
static void number(struct nft_batch *b, uint32_t first)
{
	for (size_t at = 0; at < b->len;) {
		struct nlmsghdr *h = (struct nlmsghdr *)(b->buf + at);
		h->nlmsg_seq += first;
		at += NLMSG_ALIGN(h->nlmsg_len);
	}
}

static struct nlmsghdr *put_marker(char *buf, int type, uint32_t seq)
{
	struct nfgenmsg *g;
	struct nlmsghdr *h = attr_message(buf, (uint16_t)type, NLM_F_REQUEST, sizeof(*g), &g);
	h->nlmsg_seq = seq;
	g->res_id = htons(NFNL_SUBSYS_NFTABLES);
	return h;
}

static const char *label_of(const struct nft_batch *b, uint32_t seq)
{
	const char *text = "batch";
	for (size_t i = 0; i < b->n_labels && b->labels[i].seq <= seq; i++)
		text = b->labels[i].text;
	return text;
}

static int exchange_batch(struct nft *n, const struct nft_batch *b, size_t len, struct verdict *v)
{
	uint32_t generation = 0;
	bool away = len >= QUIET_BYTES && nft_watches_leave(n, &generation);
	int r = nft_exchange(n, b->buf, len, take_answer, v);
	if (away)
		nft_watches_return(generation, r >= 0 && !v->error);
	return r;
}

int nft_commit(struct nft *n, struct nft_batch *b, struct err *e)
{
	if (nft_batch_is_empty(b))
		return 0;
	struct verdict v = {.first = n->seq + 1, .last = n->seq + 1 + b->seq};
	struct nlmsghdr *last = (struct nlmsghdr *)b->buf;
	n->seq = v.last + 1;
	number(b, v.first);
	struct nlmsghdr *begin = put_marker(b->buf, NFNL_MSG_BATCH_BEGIN, v.first);
	if (b->generation)
		attr_be32(begin, NFNL_BATCH_GENID, b->generation);
	for (size_t at = 0; at < b->len; at += NLMSG_ALIGN(last->nlmsg_len))
		last = (struct nlmsghdr *)(b->buf + at);
	last->nlmsg_flags |= NLM_F_ACK;
	b->buf = xrealloc(b->buf, b->len + MARKER_ROOM);
	struct nlmsghdr *end = put_marker(b->buf + b->len, NFNL_MSG_BATCH_END, v.last + 1);
	int r = exchange_batch(n, b, b->len + end->nlmsg_len, &v);
	if (r >= 0)
		r = v.error;
	return r < 0 ? err_code(e, r, "nf_tables: %s", v.error ? label_of(b, v.failed_seq - v.first) : "batch") : 0;
}
