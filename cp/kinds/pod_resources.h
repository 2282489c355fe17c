/* What a pod as a whole asks for. Pure. */
#ifndef KNARR_CP_KINDS_POD_RESOURCES_H
#define KNARR_CP_KINDS_POD_RESOURCES_H

#include <jansson.h>
#include <stdbool.h>

/* The sum of "requests" or "limits" over a pod's containers: what runs together, or the greatest of what runs before it
 * (init containers with the sidecars started by then); the pod's own resources in place of the sum where they are given;
 * its overhead on top when asked for (of limits: only where there is one). Quantities by resource; returns owned. */
json_t *pod_resources(const json_t *pod_spec, const char *which, bool overhead);

#endif
