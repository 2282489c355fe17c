/* Traffic control: limits of rate, and redirection of what comes in. tc(8), tbf, ingress, u32, mirred. */
#ifndef KNARR_IO_NET_RTNL_TC_H
#define KNARR_IO_NET_RTNL_TC_H

#include "io/net/rtnl.h"

/* A token bucket as the link's root: bytes a second and bytes; what waits longer than 25 ms is dropped. Replaces what
 * is there. */
int rtnl_tc_limit(struct rtnl *r, int index, uint64_t rate, uint32_t burst, struct err *e);
/* The link's root is a token bucket of this rate: -ENOENT, -EINVAL. */
int rtnl_tc_check(struct rtnl *r, int index, uint64_t rate, struct err *e);
/* A limit for some of the traffic: two classes of htb, one of them without a limit, and a filter a subnet. */
struct rtnl_tc_shape {
	uint64_t rate;  /* bytes a second */
	uint32_t burst; /* bytes */
	const struct ip_net *subnets;
	size_t n;
	bool only; /* only what goes to the subnets is limited; otherwise all but that */
};
int rtnl_tc_shape(struct rtnl *r, int index, const struct rtnl_tc_shape *shape, struct err *e);
/* The link's root is that: -ENOENT, -EINVAL for another rate. Filters are not compared. */
int rtnl_tc_shape_check(struct rtnl *r, int index, const struct rtnl_tc_shape *shape, struct err *e);
/* Everything that comes in by the link goes out by another one instead. */
int rtnl_tc_redirect(struct rtnl *r, int from, int to, struct err *e);

#endif
