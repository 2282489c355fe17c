/* rtnetlink.
 *
 * Happy path: send, receive until the acknowledgement or the end of a dump. What can fail: the kernel's refusal, by its
 * number. What always holds: only answers of the kernel to this request are looked at, and nothing is read beyond what was
 * received. */
#include "runtime/rtnl.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

#define ANSWER_MAX 32768

void rtnl_begin(struct rtnl_request *q, unsigned type, unsigned flags, const void *body, size_t n)
{
	memset(q, 0, sizeof(*q));
	q->h.nlmsg_type = (unsigned short)type;
	q->h.nlmsg_flags = (unsigned short)(NLM_F_REQUEST | flags);
	q->h.nlmsg_seq = 1;
	q->h.nlmsg_len = (unsigned)NLMSG_LENGTH(n);
	memcpy(NLMSG_DATA(&q->h), body, n);
}

void rtnl_attr(struct rtnl_request *q, unsigned short type, const void *data, size_t n)
{
	size_t at = NLMSG_ALIGN(q->h.nlmsg_len);
	if (at + RTA_SPACE(n) > sizeof(q->bytes)) {
		q->overflow = 1;
		return;
	}
	struct rtattr a = { .rta_len = (unsigned short)RTA_LENGTH(n), .rta_type = type };
	memcpy(q->bytes + at, &a, sizeof(a));
	memcpy(q->bytes + at + RTA_LENGTH(0), data, n);
	q->h.nlmsg_len = (unsigned)(at + RTA_LENGTH(n));
}

static int open_here(struct err *e)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK };
	AUTO_FD int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (sock < 0 || bind(sock, (struct sockaddr *)&a, sizeof(a)) < 0)
		return err_sys(e, "rtnetlink socket");
	return TAKE_FD(sock);
}

int rtnl_open(int ns_fd, struct err *e)
{
	if (ns_fd < 0)
		return open_here(e);
	AUTO_FD int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (own < 0 || setns(ns_fd, CLONE_NEWNET) < 0)
		return err_sys(e, "enter network namespace");
	AUTO_FD int sock = open_here(e);
	if (setns(own, CLONE_NEWNET) < 0)
		return err_sys(e, "leave network namespace");
	return TAKE_FD(sock);
}

/* One datagram: 1 to go on, 0 at the end, -errno. */
static int take(const char *bytes, size_t n, bool dump, rtnl_each_fn *fn, void *arg)
{
	const struct nlmsghdr *h = (const struct nlmsghdr *)bytes;
	for (; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
		if (h->nlmsg_seq != 1)
			continue;
		if (h->nlmsg_type == NLMSG_DONE)
			return 0;
		if (h->nlmsg_type == NLMSG_ERROR) {
			const struct nlmsgerr *why = NLMSG_DATA(h);
			if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*why)))
				return -EBADMSG;
			if (why->error || !dump)
				return why->error;
			continue;
		}
		int r = fn ? fn(arg, h) : 0;
		if (r < 0)
			return r;
	}
	return 1;
}

int rtnl_do(int sock, struct rtnl_request *q, rtnl_each_fn *fn, void *arg)
{
	bool dump = (q->h.nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	AUTO_FREE char *answer = xmalloc(ANSWER_MAX);
	if (q->overflow)
		return -EMSGSIZE;
	if (!dump)
		q->h.nlmsg_flags |= NLM_F_ACK;
	if (send(sock, q->bytes, q->h.nlmsg_len, 0) < 0)
		return -errno;
	for (;;) {
		struct sockaddr_nl from = { 0 };
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(sock, answer, ANSWER_MAX, 0, (struct sockaddr *)&from, &len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EPIPE;
		int r = from.nl_pid ? 1 : take(answer, (size_t)n, dump, fn, arg);
		if (r <= 0)
			return r;
	}
}
