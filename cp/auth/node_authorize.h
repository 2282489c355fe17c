/* What a node may do (Kubernetes, Using Node Authorization): a rule for each resource, the graph for what its pods use. */
#ifndef KNARR_CP_AUTH_NODE_AUTHORIZE_H
#define KNARR_CP_AUTH_NODE_AUTHORIZE_H

#include "cp/auth/authorize.h"

/* Whether the node of that name may. reason gets the words about why not, where there are some; it may be NULL. Names and
 * content of what it writes are NodeRestriction's to check (cp/admission). */
bool node_authorize(const struct auth_env *env, const char *node, const struct auth_attributes *a, struct str *reason);

#endif
