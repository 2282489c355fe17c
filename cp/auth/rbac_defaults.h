/* The roles and bindings of every cluster, from cp/auth/rbac_defaults.tbl. */
#ifndef KNARR_CP_AUTH_RBAC_DEFAULTS_H
#define KNARR_CP_AUTH_RBAC_DEFAULTS_H

#include <jansson.h>

#include "base/err.h"

/* Objects (ClusterRole, Role, ClusterRoleBinding, RoleBinding), in the table's order; an owned array. -EINVAL with the
 * line: a mistake in the table. */
int rbac_defaults(json_t **ret, struct err *e);

#endif
