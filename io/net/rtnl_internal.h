/* What the rtnl_*.c files share: requests with one acknowledgement, and dumps. */
#ifndef KNARR_IO_NET_RTNL_INTERNAL_H
#define KNARR_IO_NET_RTNL_INTERNAL_H

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "base/err.h"
#include "base/mem.h"
#include "io/net/rtnl.h"

typedef void (*rtnl_each)(void *arg, struct nlmsghdr *h);

void rtnl_msg_free(struct nl_msg **m);
#define AUTO_MSG AUTO(rtnl_msg_free) struct nl_msg

/* A message with its fixed header appended; aborts when memory is out. */
struct nl_msg *rtnl_msg(int type, int flags, const void *header, size_t len);
/* Sends and reads to the end: each (may be NULL) sees every message of the answer. Returns the kernel's -errno bare. */
int rtnl_talk(struct rtnl *r, struct nl_msg *m, rtnl_each each, void *arg);
/* A message of traffic control; kind NULL: none. And the time that burst bytes take at rate bytes a second, in its unit. */
struct nl_msg *rtnl_tc_msg(int type, int flags, int index, uint32_t handle, uint32_t parent, const char *kind);
uint32_t rtnl_tc_ticks(uint64_t rate, uint32_t burst);
int rtnl_fd(const struct rtnl *r); /* borrowed */

#endif
