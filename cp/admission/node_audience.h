/* For whom a node may ask for tokens of its pods. */
#ifndef KNARR_CP_ADMISSION_NODE_AUDIENCE_H
#define KNARR_CP_ADMISSION_NODE_AUDIENCE_H

#include "cp/admission/plugin.h"

/* Whether the audience of a TokenRequest (a's object) is one that a volume of the pod, or the CSI driver behind one, asks
 * for, or one that the node was given by a role. Returns the Status that refuses, or NULL. */
json_t *node_audience_check(const struct admit *a, const json_t *pod);

#endif
