/* Keeps the server's graph of nodes and what they read (cp/auth/node_graph.h) in step with the cache. */
#ifndef KNARR_CP_API_NODE_SOURCE_H
#define KNARR_CP_API_NODE_SOURCE_H

#include "cp/api/api_internal.h"
#include "cp/auth/node_graph.h"

struct node_source;

/* Takes in what the cache holds and follows it. Returns owned. */
int node_source_new(struct api *a, struct node_source **ret, struct err *e);
void node_source_free(struct node_source *s); /* NULL is fine */
const struct node_graph *node_source_graph(const struct node_source *s);
/* The rules of the role system:node: what a node may beside what its pods use. */
const json_t *node_source_rules(const struct node_source *s);

#endif
