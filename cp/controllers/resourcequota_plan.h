/* What a ResourceQuota's status has to say. Pure. */
#ifndef KNARR_CP_CONTROLLERS_RESOURCEQUOTA_PLAN_H
#define KNARR_CP_CONTROLLERS_RESOURCEQUOTA_PLAN_H

#include "cp/controllers/plan.h"
#include "cp/schema/schema.h"

/* Adds to used what the quota counts of one object. */
void resourcequota_count(const json_t *quota, const struct kind *k, const json_t *object, json_t *used);
/* Writes hard and used (all of hard, zero where nothing was counted) unless they are there, on the condition that the quota
 * is still the same. */
void resourcequota_plan(const json_t *quota, const json_t *used, struct plan *plan);

#endif
