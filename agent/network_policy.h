/* NetworkPolicies in force on this node: what the API server has, and the addresses that pods have got here. */
#ifndef KNARR_AGENT_NETWORK_POLICY_H
#define KNARR_AGENT_NETWORK_POLICY_H

#include <stdbool.h>

#include "base/err.h"

struct agent;
struct network_policy;
struct pod;

/* After pods were restored. Sets a->network_policy, or leaves NULL where policies are switched off or there is no API
 * server. */
int network_policy_start(struct agent *a, struct err *e);
void network_policy_stop(struct network_policy *np); /* what is in the kernel stays; NULL is fine */
/* Whether the pod may get a network now; if not, it is kicked when it may. True for pods on the node's network. */
bool network_policy_ready(const struct pod *p);
/* The pod has got its addresses and no process yet: when this returns 0 its policies are in force. -EAGAIN: the first
 * policy has just appeared. */
int network_policy_pod_added(struct pod *p, struct err *e);
/* Its addresses were given back. */
void network_policy_pod_removed(const struct pod *p);

#endif
