/* A little rtnetlink: one request at a time over one socket. rtnetlink(7). */
#ifndef KNARR_RUNTIME_RTNL_H
#define KNARR_RUNTIME_RTNL_H

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define RTNL_REQUEST_MAX 1024

/* A message that is being put together: header, family's own structure, attributes. Too much for it is an error of
 * rtnl_do(). */
struct rtnl_request {
	union {
		struct nlmsghdr h;
		char bytes[RTNL_REQUEST_MAX];
	};
	int overflow;
};
void rtnl_begin(struct rtnl_request *q, unsigned type, unsigned flags, const void *body, size_t n);
void rtnl_attr(struct rtnl_request *q, unsigned short type, const void *data, size_t n);

/* A socket in the network namespace ns_fd, -1: the caller's; the caller is in its own again when it returns. */
int rtnl_open(int ns_fd, struct err *e);
/* Gets one message of an answer, borrowed for the call; negative ends it with that. */
typedef int rtnl_each_fn(void *arg, const struct nlmsghdr *h);
/* Sends and waits for the kernel's word; messages that come before it go to fn (NULL: nobody). 0 or -errno. */
int rtnl_do(int sock, struct rtnl_request *q, rtnl_each_fn *fn, void *arg);

#endif
