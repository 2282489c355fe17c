/* Which objects a node has to do with: those that the pods bound to it name, what those lead to, and its own attachments
 * and resource slices. Pure memory; whoever owns it feeds it the objects as they change. Every change and every question
 * costs what the object names, however many objects there are. */
#ifndef KNARR_CP_AUTH_NODE_GRAPH_H
#define KNARR_CP_AUTH_NODE_GRAPH_H

#include <jansson.h>
#include <stdbool.h>

struct node_graph;

struct node_graph *node_graph_new(void);
void node_graph_free(struct node_graph *g); /* NULL is fine */

/* The kinds that lead from a node to others. */
enum node_graph_source { NODE_GRAPH_POD, NODE_GRAPH_VOLUME, NODE_GRAPH_ATTACHMENT, NODE_GRAPH_SLICE, NODE_GRAPH_SOURCES };
/* An object was so (NULL: it is new) and is now so (NULL: it has gone). Borrows both; before is what was given as now. */
void node_graph_change(struct node_graph *g, enum node_graph_source source, const json_t *before, const json_t *now);

/* Whether the node may read an object of a resource ("secrets", "configmaps", "persistentvolumeclaims",
 * "persistentvolumes", "serviceaccounts", "resourceclaims", "volumeattachments", "resourceslices"). ns is "" for those of
 * the cluster. */
bool node_graph_reaches(const struct node_graph *g, const char *node, const char *resource, const char *ns, const char *name);

#endif
