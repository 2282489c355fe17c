/* Whether a node is one that a pod may run on: node selector and required affinity (Kubernetes concepts, Assigning Pods to
 * Nodes). Pure. */
#ifndef KNARR_CP_CONTROLLERS_NODE_AFFINITY_H
#define KNARR_CP_CONTROLLERS_NODE_AFFINITY_H

#include <jansson.h>
#include <stdbool.h>

/* One NodeSelectorTerm against a node's labels and name; a term that says nothing matches nothing. */
bool node_affinity_term(const json_t *term, const json_t *labels, const char *name);
/* spec.nodeSelector and spec.affinity of a pod; both may be NULL. */
bool node_affinity_matches(const json_t *node_selector, const json_t *affinity, const json_t *labels, const char *name);

#endif
