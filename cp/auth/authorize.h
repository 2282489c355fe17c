/* Who may do what: a table of coarse rules for the identities of a cluster. */
#ifndef KNARR_CP_AUTH_AUTHORIZE_H
#define KNARR_CP_AUTH_AUTHORIZE_H

#include <stdbool.h>

#include "base/str.h"
#include "cp/auth/user.h"

struct rbac;

/* What is asked for; texts are "" where they do not apply. path is set (and the rest "") for non-resource requests. */
struct auth_attributes {
	const char *verb, *group, *resource, *subresource, *ns, *name;
	const char *path; /* NULL for resource requests */
};

/* What the rules have to know: roles and bindings (NULL: there are none), and the node that a pod is bound to (NULL: no
 * such pod or not bound). */
struct auth_env {
	const struct rbac *rbac;
	const char *(*pod_node)(void *arg, const char *ns, const char *name);
	void *arg;
};

/* reason gets the words about what allows it, where there are some; it may be NULL. */
bool auth_authorize(const struct auth_env *env, const struct auth_user *u, const struct auth_attributes *a,
		    struct str *reason);
/* The name of the node that u is ("node1" of system:node:node1 in system:nodes), NULL when it is none. */
const char *auth_node_name(const struct auth_user *u);

#endif
