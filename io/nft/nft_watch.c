/* Notifications of nf_tables.
 *
 * Happy path: what others change in a table is told apart from what we do by the port of the socket that it came from. While
 * anybody listens, in whatever network namespace, the kernel writes a message for every element that anybody adds or
 * deletes; so before this process commits much, its own watches leave the kernel's group, and come back behind it. What
 * they did not hear is found by the ruleset's generation: a commit moves it by one, and the answer to the question for it
 * arrives at the watch itself, among its notifications. What can fail: opening the socket; where the generation cannot be
 * read the watches stay. Notifications that were lost, and a generation that is not the expected one, count as a change. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/list.h"
#include "io/nft/nft_internal.h"

#define RECEIVE_BYTES (1 << 20)
#define CHUNK (64 << 10)
#define REQUEST_ROOM 64

struct nft_watch {
	struct list link; /* in watches */
	int fd;
	uint32_t port;
	bool away; /* out of the kernel's group */
};

/* Of this process; of one thread. */
static struct list watches = {&watches, &watches};

static uint32_t port_of(int fd)
{
	struct sockaddr_nl a = {0};
	socklen_t len = sizeof(a);
	return getsockname(fd, (struct sockaddr *)&a, &len) == 0 ? a.nl_pid : 0;
}

static int change_membership(int fd, int option)
{
	int group = NFNLGRP_NFTABLES;
	return setsockopt(fd, SOL_NETLINK, option, &group, sizeof(group)) < 0 ? -errno : 0;
}

int nft_watch_open(struct nft_watch **ret, struct err *e)
{
	struct sockaddr_nl a = {.nl_family = AF_NETLINK};
	int size = RECEIVE_BYTES;
	AUTO_FD int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || change_membership(fd, NETLINK_ADD_MEMBERSHIP) < 0)
		return err_sys(e, "nf_tables notifications");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	struct nft_watch *w = xcalloc(1, sizeof(*w));
	w->port = port_of(fd);
	w->fd = TAKE_FD(fd);
	list_add(&watches, &w->link);
	*ret = w;
	return 0;
}

void nft_watch_close(struct nft_watch *w)
{
	if (!w)
		return;
	list_remove(&w->link);
	close(w->fd);
	free(w);
}

int nft_watch_fd(const struct nft_watch *w)
{
	return w->fd;
}

/* The answer to this is known by its number, which is the generation that is expected. */
static int ask_generation(const struct nft_watch *w, uint32_t expected)
{
	_Alignas(struct nlmsghdr) char buf[REQUEST_ROOM];
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	struct nfgenmsg *g;
	struct nlmsghdr *h = attr_message(buf, (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETGEN, NLM_F_REQUEST, sizeof(*g), &g);
	h->nlmsg_seq = expected;
	return sendto(w->fd, buf, h->nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0 ? -errno : 0;
}

bool nft_watches_leave(struct nft *n, uint32_t *ret_generation)
{
	bool any = false;
	if (list_is_empty(&watches) || nft_generation(n, ret_generation, NULL) < 0)
		return false;
	LIST_FOR_EACH(w, &watches, struct nft_watch, link) {
		w->away = change_membership(w->fd, NETLINK_DROP_MEMBERSHIP) == 0;
		any |= w->away;
	}
	return any;
}

/* A generation is never 0. */
static uint32_t after(uint32_t generation)
{
	return generation + 1 ? generation + 1 : 1;
}

void nft_watches_return(uint32_t generation, bool committed)
{
	LIST_FOR_EACH(w, &watches, struct nft_watch, link) {
		if (!w->away)
			continue;
		w->away = false;
		(void)change_membership(w->fd, NETLINK_ADD_MEMBERSHIP); /* it left by the same call */
		(void)ask_generation(w, committed ? after(generation) : generation);
	}
}

static const struct nlattr *first_attr(const struct nlmsghdr *h, size_t *ret_len)
{
	const char *p = (const char *)h + NLMSG_SPACE(sizeof(struct nfgenmsg));
	const struct nlattr *a = (const void *)p;
	size_t room = h->nlmsg_len > (size_t)(p - (const char *)h) ? h->nlmsg_len - (size_t)(p - (const char *)h) : 0;
	if (room < NLA_HDRLEN || a->nla_len > room || a->nla_len < NLA_HDRLEN)
		return NULL;
	*ret_len = a->nla_len - (size_t)NLA_HDRLEN;
	return a;
}

/* The first attribute of what is told of a table, chain, rule, set or element is the table's name. */
static bool names(const struct nlattr *a, size_t len, const char *table)
{
	return a->nla_type == NFTA_TABLE_NAME && len == strlen(table) + 1 && memcmp((const char *)a + NLA_HDRLEN, table, len) == 0;
}

static bool is_other_generation(const struct nlattr *a, size_t len, uint32_t expected)
{
	uint32_t id;
	if (a->nla_type != NFTA_GEN_ID || len != sizeof(id))
		return false;
	memcpy(&id, (const char *)a + NLA_HDRLEN, sizeof(id));
	return ntohl(id) != expected;
}

static bool tells_change(const struct nft_watch *w, const struct nlmsghdr *h, uint32_t own_port, const char *table)
{
	size_t len = 0;
	const struct nlattr *a = first_attr(h, &len);
	if (h->nlmsg_type == NLMSG_ERROR && h->nlmsg_pid == w->port)
		return true; /* the generation was not told */
	if (h->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES || !a)
		return false;
	if ((h->nlmsg_type & 0xff) == NFT_MSG_NEWGEN)
		return h->nlmsg_pid == w->port && is_other_generation(a, len, h->nlmsg_seq);
	return h->nlmsg_pid != own_port && names(a, len, table);
}

bool nft_watch_drain(struct nft_watch *w, const struct nft *own, const char *table)
{
	_Alignas(struct nlmsghdr) static char buf[CHUNK];
	bool changed = false;
	uint32_t port = nft_port(own);
	for (;;) {
		ssize_t n = recv(w->fd, buf, sizeof(buf), 0);
		if (n < 0 && (errno == ENOBUFS || errno == EINTR)) {
			changed |= errno == ENOBUFS;
			continue;
		}
		if (n <= 0)
			return changed;
		for (struct nlmsghdr *h = (struct nlmsghdr *)buf; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n))
			changed |= tells_change(w, h, port, table);
	}
}
