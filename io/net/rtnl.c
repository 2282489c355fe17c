/* The rtnetlink socket: one request, its answer or acknowledgement.
 *
 * libnl's message and attribute functions build and take apart the bytes; the exchange itself is a plain send and
 * receive, since every caller waits for its answer. The kernel's error comes back as -errno; the callers name the
 * object. What always holds: after rtnl_talk() no part of an answer is left in the socket. Dumps use strict checking
 * so that the kernel filters by interface. */
#include "io/net/rtnl.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/net/rtnl_internal.h"

#define RECEIVE_BYTES (64 * 1024)

struct rtnl {
	int fd;
	uint32_t seq;
	char *buf;
};

int rtnl_open(int netns_fd, struct rtnl **ret, struct err *e)
{
	int previous = -1, one = 1;
	if (netns_fd >= 0 && (previous = netns_enter(netns_fd, e)) < 0)
		return previous;
	AUTO_FD int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	int saved = errno;
	netns_leave(previous);
	if (fd < 0)
		return err_code(e, -saved, "rtnetlink socket");
	setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one, sizeof(one));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	struct rtnl *r = xcalloc(1, sizeof(*r));
	r->fd = TAKE_FD(fd);
	r->buf = xmalloc(RECEIVE_BYTES);
	*ret = r;
	return 0;
}

int rtnl_open_generic(struct rtnl **ret, struct err *e)
{
	AUTO_FD int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (fd < 0)
		return err_sys(e, "generic netlink socket");
	struct rtnl *r = xcalloc(1, sizeof(*r));
	r->fd = TAKE_FD(fd);
	r->buf = xmalloc(RECEIVE_BYTES);
	*ret = r;
	return 0;
}

int rtnl_fd(const struct rtnl *r)
{
	return r->fd;
}

void rtnl_close(struct rtnl *r)
{
	if (!r)
		return;
	close(r->fd);
	free(r->buf);
	free(r);
}

void rtnl_close_ptr(struct rtnl **r)
{
	rtnl_close(*r);
	*r = NULL;
}

void rtnl_msg_free(struct nl_msg **m)
{
	if (*m)
		nlmsg_free(*m);
}

struct nl_msg *rtnl_msg(int type, int flags, const void *header, size_t len)
{
	struct nl_msg *m = nlmsg_alloc_simple(type, NLM_F_REQUEST | flags);
	if (!m || nlmsg_append(m, (void *)header, len, NLMSG_ALIGNTO))
		abort();
	return m;
}

/* Handles one datagram; 1 when the answer is complete, 0 to go on, or the kernel's -errno. */
static int take_datagram(struct rtnl *r, ssize_t n, bool dump, rtnl_each each, void *arg)
{
	for (struct nlmsghdr *h = (struct nlmsghdr *)r->buf; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
		if (h->nlmsg_seq != r->seq)
			continue;
		if (h->nlmsg_type == NLMSG_ERROR) {
			int code = ((struct nlmsgerr *)NLMSG_DATA(h))->error;
			return code ? code : 1;
		}
		if (h->nlmsg_type == NLMSG_DONE) {
			int code = h->nlmsg_len >= NLMSG_LENGTH(sizeof(int)) ? *(int *)NLMSG_DATA(h) : 0;
			return code < 0 ? code : 1;
		}
		if (each)
			each(arg, h);
		if (!dump && !(h->nlmsg_flags & NLM_F_MULTI) && each)
			return 1;
	}
	return 0;
}

int rtnl_talk(struct rtnl *r, struct nl_msg *m, rtnl_each each, void *arg)
{
	struct nlmsghdr *h = nlmsg_hdr(m);
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	bool dump = (h->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	if (!each)
		h->nlmsg_flags |= NLM_F_ACK;
	h->nlmsg_seq = ++r->seq;
	h->nlmsg_pid = 0;
	if (sendto(r->fd, h, h->nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return -errno;
	for (;;) {
		ssize_t n = recv(r->fd, r->buf, RECEIVE_BYTES, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		int done = take_datagram(r, n, dump, each, arg);
		if (done)
			return done > 0 ? 0 : done;
	}
}
