/* When an Event has had its time. Pure. */
#ifndef KNARR_CP_CONTROLLERS_EVENT_TTL_PLAN_H
#define KNARR_CP_CONTROLLERS_EVENT_TTL_PLAN_H

#include "cp/controllers/plan.h"

#define EVENT_TTL_MS 3600000

void event_ttl_plan(const json_t *event, int64_t now_ms, struct plan *plan);

#endif
