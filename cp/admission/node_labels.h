/* Which labels of its Node a node may set itself. Pure. */
#ifndef KNARR_CP_ADMISSION_NODE_LABELS_H
#define KNARR_CP_ADMISSION_NODE_LABELS_H

#include <jansson.h>

/* The labels that differ between labels and before (either may be NULL) and that a node may not change, sorted and joined
 * by ", ". Returns owned, NULL when there is none. */
char *node_labels_forbidden(const json_t *labels, const json_t *before);

#endif
