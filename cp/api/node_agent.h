/* Where the agent of a node answers. */
#ifndef KNARR_CP_API_NODE_AGENT_H
#define KNARR_CP_API_NODE_AGENT_H

#include "cp/api/forward.h"

struct node_agent {
	char *host; /* numeric; owned */
	uint16_t port;
};
#define AUTO_NODE_AGENT AUTO(node_agent_done) struct node_agent

void node_agent_done(struct node_agent *a);
/* The address and the kubelet's port in a node's status. Returns a Status (404, 500 without an address) or NULL. */
json_t *node_agent_find(struct api *a, const char *node, struct node_agent *ret);
/* Passes the request on to it; 500 where it cannot be reached. prefix as for forward_opts. */
void node_agent_forward(struct req *q, const struct node_agent *a, const char *target, const char *prefix);

#endif
