/* What becomes of an eviction under a disruption budget. Pure. */
#ifndef KNARR_CP_API_EVICTION_PLAN_H
#define KNARR_CP_API_EVICTION_PLAN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Whether budgets guard the pod at all: one that is over, or was never started, can go at any time. */
bool eviction_is_free(const json_t *pod);
/* budget NULL: none selects the pod. Returns a Status (owned) that refuses, or NULL. *ret_status (owned) is then the status
 * that the budget has after the eviction, NULL where it does not count. now_ms is wall time. */
json_t *eviction_plan(const json_t *pod, const json_t *budget, int64_t now_ms, json_t **ret_status);
/* Adds to a pod that it is about to be disrupted. */
void eviction_mark(json_t *pod, int64_t now_ms);

#endif
