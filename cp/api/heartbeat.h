/* Tells heartbeats from changes. */
#ifndef KNARR_CP_API_HEARTBEAT_H
#define KNARR_CP_API_HEARTBEAT_H

#include <jansson.h>
#include <stdbool.h>

#include "cp/schema/schema.h"

/* Whether a and b differ in nothing but the time of a heartbeat: a Lease's spec.renewTime, the lastHeartbeatTime of a
 * Node's conditions. False for other kinds. */
bool heartbeat_only(const struct kind *k, const json_t *a, const json_t *b);

#endif
