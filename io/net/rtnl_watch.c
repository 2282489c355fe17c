/* Notifications of rtnetlink: told apart only as far as somebody has to look again. What is lost because the socket overflows
 * counts as a change. */
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/net/rtnl_internal.h"

enum { BUFFER = 32 * 1024 };

int rtnl_watch_open(struct err *e)
{
	struct sockaddr_nl a = {.nl_family = AF_NETLINK,
				.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |
					     RTMGRP_IPV6_ROUTE | RTMGRP_NEIGH};
	AUTO_FD int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return err_sys(e, "rtnetlink notifications");
	return TAKE_FD(fd);
}

static bool matters(const struct nlmsghdr *h, uint8_t route_protocol, int neigh_index)
{
	switch (h->nlmsg_type) {
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return ((const struct rtmsg *)NLMSG_DATA(h))->rtm_protocol == route_protocol;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		return ((const struct ndmsg *)NLMSG_DATA(h))->ndm_ifindex == neigh_index &&
		       (((const struct ndmsg *)NLMSG_DATA(h))->ndm_state & NUD_PERMANENT || h->nlmsg_type == RTM_DELNEIGH);
	default:
		return true;
	}
}

bool rtnl_watch_drain(int fd, uint8_t route_protocol, int neigh_index)
{
	_Alignas(struct nlmsghdr) char buf[BUFFER];
	bool changed = false;
	for (;;) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);
		if (n < 0 && errno == ENOBUFS) {
			changed = true;
			continue;
		}
		if (n <= 0)
			return changed;
		for (struct nlmsghdr *h = (struct nlmsghdr *)buf; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n))
			changed |= matters(h, route_protocol, neigh_index);
	}
}
