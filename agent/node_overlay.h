/* The ways to other nodes' pods, kept by the agent. */
#ifndef KNARR_AGENT_NODE_OVERLAY_H
#define KNARR_AGENT_NODE_OVERLAY_H

#include "agent/agent.h"

struct node_overlay;

/* Where the configuration asks for it (--overlay). NULL otherwise, or where it cannot (logged): pods run all the same. */
struct node_overlay *node_overlay_start(struct agent *a);
void node_overlay_stop(struct node_overlay *o); /* NULL is fine; the ways stay */

#endif
