/* Addresses and ports that services take while they are written (service_alloc.h keeps the books). */
#ifndef KNARR_CP_KINDS_SERVICE_RESERVE_H
#define KNARR_CP_KINDS_SERVICE_RESERVE_H

#include "cp/kinds/kinds.h"

/* Whether a balancer asks the nodes which of them have endpoints. */
bool service_is_checked(const json_t *svc);

/* As in struct kind_ops. */
void service_reserve(struct kind_env *env, json_t *svc, const json_t *old, struct field_errors *errors, void **ticket);
void service_settle(struct kind_env *env, void *ticket, bool committed);
void service_claims(const json_t *svc, char ***names);

#endif
