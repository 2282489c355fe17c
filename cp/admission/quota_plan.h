/* Charging a namespace's quotas with one request. Pure. */
#ifndef KNARR_CP_ADMISSION_QUOTA_PLAN_H
#define KNARR_CP_ADMISSION_QUOTA_PLAN_H

#include <jansson.h>

#include "cp/schema/schema.h"

/* Adds what object (in place of old, NULL for a new one) uses to status.used of those quotas (an array of ResourceQuota,
 * changed in place) that count it. Returns why it does not fit (owned, nothing is charged then) or NULL with *ret_charged
 * owned: quantities by resource, by the quota's name; empty when nothing is charged. */
char *quota_plan_charge(json_t *quotas, const struct kind *k, const json_t *object, const json_t *old, json_t **ret_charged);
/* Takes back what was charged, as far as it is still there. */
void quota_plan_refund(json_t *quotas, const json_t *charged);

#endif
