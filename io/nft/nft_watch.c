/* Notifications of nf_tables. Happy path: what others change in a table is told apart from what we do by the port of the
 * socket that it came from. What can fail: opening the socket. Notifications that were lost count as a change. */
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fs.h"
#include "io/nft/attr.h"
#include "io/nft/nft.h"
#include "io/nft/nft_internal.h"

#define RECEIVE_BYTES (1 << 20)
#define CHUNK (64 << 10)

int nft_watch_open(struct err *e)
{
	struct sockaddr_nl a = {.nl_family = AF_NETLINK, .nl_groups = 1 << (NFNLGRP_NFTABLES - 1)};
	int size = RECEIVE_BYTES;
	AUTO_FD int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return err_sys(e, "nf_tables notifications");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return TAKE_FD(fd);
}

/* The first attribute of what is told of a table, chain, rule, set or element is the table's name. */
static bool names(const struct nlmsghdr *h, const char *table)
{
	const char *p = (const char *)h + NLMSG_SPACE(sizeof(struct nfgenmsg));
	const struct nlattr *a = (const void *)p;
	size_t room = h->nlmsg_len > (size_t)(p - (const char *)h) ? h->nlmsg_len - (size_t)(p - (const char *)h) : 0;
	int what = h->nlmsg_type & 0xff;
	if (h->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES || what == NFT_MSG_NEWGEN || room < NLA_HDRLEN || a->nla_len > room)
		return false;
	size_t len = a->nla_len > NLA_HDRLEN ? a->nla_len - (size_t)NLA_HDRLEN : 0;
	return a->nla_type == NFTA_TABLE_NAME && len == strlen(table) + 1 && memcmp(p + NLA_HDRLEN, table, len) == 0;
}

bool nft_watch_drain(int fd, const struct nft *own, const char *table)
{
	_Alignas(struct nlmsghdr) static char buf[CHUNK];
	bool changed = false;
	uint32_t port = nft_port(own);
	for (;;) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);
		if (n < 0 && (errno == ENOBUFS || errno == EINTR)) {
			changed |= errno == ENOBUFS;
			continue;
		}
		if (n <= 0)
			return changed;
		for (struct nlmsghdr *h = (struct nlmsghdr *)buf; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n))
			changed |= h->nlmsg_pid != port && names(h, table);
	}
}
