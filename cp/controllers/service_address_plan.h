/* IPAddress objects and the services they belong to: what a crash of older versions, a restore or somebody's hand has taken
 * apart is put together again. Pure. */
#ifndef KNARR_CP_CONTROLLERS_SERVICE_ADDRESS_PLAN_H
#define KNARR_CP_CONTROLLERS_SERVICE_ADDRESS_PLAN_H

#include "cp/controllers/plan.h"

/* Each address of the service has its object; has() tells whether one is there. service NULL: nothing to do. */
void service_address_plan(const json_t *service, bool (*has)(void *arg, const char *address), void *arg, struct plan *plan);
/* An object that services' addresses are claimed by goes when its service (NULL: there is none) does not hold it. Objects
 * that are not managed by the allocator are left alone. */
void address_owner_plan(const json_t *address, const json_t *service, struct plan *plan);
/* A range is Ready and keeps its finalizer as long as it is there; one that is to go waits until none of the addresses
 * (array of texts) is in it that other ranges (array of ServiceCIDR objects) do not hold, too. */
void service_range_plan(const json_t *range, const json_t *others, const json_t *addresses, int64_t now_ms, struct plan *plan);

#endif
