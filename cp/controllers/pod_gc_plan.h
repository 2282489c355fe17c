/* Which pods nobody else will clean up. Pure. */
#ifndef KNARR_CP_CONTROLLERS_POD_GC_PLAN_H
#define KNARR_CP_CONTROLLERS_POD_GC_PLAN_H

#include <stdbool.h>

#include "cp/controllers/plan.h"

#define POD_GC_TERMINATED_MAX 12500
#define POD_GC_QUARANTINE_MS 40000

/* One pod and its node. node_gone_ms: wall time since when its node is known to be missing, -1: it is there. Deletes
 * pods of nodes that were missing for 40 s and pods that are being deleted and were never bound. */
void pod_gc_plan(const json_t *pod, int64_t node_gone_ms, int64_t now_ms, struct plan *plan);
/* The oldest of the ended pods (array), beyond max. */
void pod_gc_terminated_plan(const json_t *ended, size_t max, struct plan *plan);

#endif
