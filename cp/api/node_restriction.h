/* What a node identity may write beyond what the authoriser sees: only its own Node, pods and lease. */
#ifndef KNARR_CP_API_NODE_RESTRICTION_H
#define KNARR_CP_API_NODE_RESTRICTION_H

#include "cp/api/api_internal.h"

/* A Status when q's user is a node and may not write object; NULL otherwise. old is NULL on create. */
json_t *node_restriction_check(const struct req *q, const struct kind *k, const json_t *object, const json_t *old);

#endif
