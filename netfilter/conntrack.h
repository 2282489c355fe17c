/* Removal of connection-tracking entries of UDP that lead where their service does not lead any more. */
#ifndef KNARR_NETFILTER_CONNTRACK_H
#define KNARR_NETFILTER_CONNTRACK_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/net/ip.h"

/* From an address and port that a service answers on to one of its endpoints. */
struct conntrack_path {
	struct ip front, target;
	uint16_t port, target_port;
};

/* By front, port, target, its port. */
int conntrack_path_cmp(const void *a, const void *b);
/* Deletes the UDP entries that were sent to one of the fronts (target 0) and lead to none of their endpoints, among
 * them those that were not translated at all. Both arrays are sorted. Returns how many. */
int conntrack_sweep_udp(int family, const struct conntrack_path *fronts, size_t n_fronts,
			const struct conntrack_path *paths, size_t n_paths, struct err *e);

#endif
