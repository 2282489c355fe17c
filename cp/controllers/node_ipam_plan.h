/* Which addresses a node gives to its pods: a part of each of the cluster's ranges, its own as long as the node is there.
 * Pure. */
#ifndef KNARR_CP_CONTROLLERS_NODE_IPAM_PLAN_H
#define KNARR_CP_CONTROLLERS_NODE_IPAM_PLAN_H

#include "base/err.h"
#include "cp/controllers/plan.h"
#include "io/net/ip.h"

enum { NODE_IPAM_RANGES = 2 };

/* A range of the cluster and how long the prefixes are that nodes get of it. */
struct node_range {
	struct ip_net net;
	int node_bits;
};
struct node_ranges {
	struct node_range v[NODE_IPAM_RANGES];
	size_t n;
};

/* "10.244.0.0/16" or one of each family, "10.244.0.0/16,fd00::/48". -EINVAL names what is wrong: not a range, two of one
 * family, prefixes that do not fit or would be more than 65,536. */
int node_ranges_parse(const char *cidrs, int node_bits4, int node_bits6, struct node_ranges *ret, struct err *e);

/* used: spec.podCIDRs of every node, an array of texts. A node that has its own keeps it; where a range is full the node
 * gets nothing and an event. */
void node_ipam_plan(const struct node_ranges *ranges, const json_t *node, const json_t *used, struct plan *plan);

#endif
