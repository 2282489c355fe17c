/* Removal of connection-tracking entries of UDP that lead to endpoints which are gone. */
#ifndef KNARR_NETFILTER_CONNTRACK_H
#define KNARR_NETFILTER_CONNTRACK_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/net/ip.h"

/* Entries sent to front:port that were translated to target (family 0: that were not translated at all, because the
 * service had no endpoint yet). */
struct conntrack_match {
	struct ip front, target;
	uint16_t port, target_port;
};

/* Deletes UDP entries that match one of n. Returns how many. */
int conntrack_delete_udp(int family, const struct conntrack_match *v, size_t n, struct err *e);

#endif
