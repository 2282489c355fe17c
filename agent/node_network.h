/* Whether the node's pods can have a network: the configuration is there and whole, and its plugins say that they are
 * ready (CNI specification 1.1.0, STATUS). */
#ifndef KNARR_AGENT_NODE_NETWORK_H
#define KNARR_AGENT_NODE_NETWORK_H

#include "agent/agent.h"

struct node_network;

enum {
	NODE_NETWORK_STATUS_MS = 5000, /* what one plugin may take to answer */
	NODE_NETWORK_EVERY_MS = 8000,  /* an answer counts that long */
};

/* on_config: files in the directory of configurations have changed; on_change: what node_network_error() says has, by an
 * answer of the plugins. Both from the loop. */
struct node_network *node_network_new(struct agent *a, void (*on_config)(void *arg), void (*on_change)(void *arg), void *arg);
void node_network_free(struct node_network *w); /* a plugin that runs is ended; NULL is fine */

/* Reads the configuration anew, made before for the pods' addresses (NULL: none are known), and asks its plugins: their
 * answer comes later. again: also where they are being asked or have answered lately, because what they were asked about
 * may have changed. */
void node_network_check(struct node_network *w, const char *pod_cidr, bool again);
/* There is nothing to look at yet, and this is why. */
void node_network_wait(struct node_network *w, const char *why);
/* Why the network is not ready: the reader's or the plugin's own words; NULL: it is. Borrowed until the loop runs. */
const char *node_network_error(const struct node_network *w);
/* It is known; else on_change will tell. */
bool node_network_settled(const struct node_network *w);

#endif
