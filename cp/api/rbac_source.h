/* Keeps the server's index of roles and bindings (cp/auth/rbac.h) in step with the cache. */
#ifndef KNARR_CP_API_RBAC_SOURCE_H
#define KNARR_CP_API_RBAC_SOURCE_H

#include "cp/api/api_internal.h"
#include "cp/auth/rbac.h"

struct rbac_source;

/* Takes in what the cache holds and follows it. Returns owned. */
int rbac_source_new(struct api *a, struct rbac_source **ret, struct err *e);
void rbac_source_free(struct rbac_source *s); /* NULL is fine */
const struct rbac *rbac_source_rbac(const struct rbac_source *s);
/* Nobody grants more than she has: what a write of a role or binding would violate. Status or NULL. */
json_t *rbac_check_escalation(struct req *q, const struct kind *k, const json_t *object, const json_t *old);

#endif
