/* Who may do what: masters everything, nodes what their pods need (node_authorize.h), everybody what roles say (rbac.h). */
#ifndef KNARR_CP_AUTH_AUTHORIZE_H
#define KNARR_CP_AUTH_AUTHORIZE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/str.h"
#include "cp/auth/user.h"

struct rbac;
struct node_graph;

/* What is asked for; texts are "" where they do not apply. path is set (and the rest "") for non-resource requests. */
struct auth_attributes {
	const char *verb, *group, *resource, *subresource, *ns, *name;
	const char *path; /* NULL for resource requests */
	const char *fields; /* the field selector of a list or watch; NULL: none */
};

/* What the rules have to know: roles and bindings (NULL: there are none), what nodes have to do with, what every node may
 * (rules of a role), and the node that a pod is bound to (NULL: no such pod or not bound). */
struct auth_env {
	const struct rbac *rbac;
	const struct node_graph *nodes; /* NULL: nothing */
	const json_t *node_rules;	/* NULL: nothing */
	const char *(*pod_node)(void *arg, const char *ns, const char *name);
	void *arg;
};

/* reason gets the words about what allows it, or about why not, where there are some; it may be NULL. */
bool auth_authorize(const struct auth_env *env, const struct auth_user *u, const struct auth_attributes *a,
		    struct str *reason);
/* Whether a URL path is in a list of nonResourceURLs: the same, or below one that ends with "*". */
bool auth_path_fits(const json_t *urls, const char *path);
/* The name of the node that u is ("node1" of system:node:node1 in system:nodes), NULL when it is none. */
const char *auth_node_name(const struct auth_user *u);

#endif
