/* Role-based access (rbac.authorization.k8s.io): roles and bindings, kept as an index by subject, and the questions that
 * authorisation asks of it. Pure memory; whoever owns it feeds it the objects as they change. */
#ifndef KNARR_CP_AUTH_RBAC_H
#define KNARR_CP_AUTH_RBAC_H

#include <jansson.h>
#include <stdbool.h>

#include "base/str.h"
#include "cp/auth/authorize.h"

struct rbac;

struct rbac *rbac_new(void);
void rbac_free(struct rbac *r); /* NULL is fine */

enum rbac_kind { RBAC_ROLE, RBAC_CLUSTER_ROLE, RBAC_ROLE_BINDING, RBAC_CLUSTER_ROLE_BINDING, RBAC_KINDS };
extern const char *const rbac_plurals[RBAC_KINDS]; /* "roles" ... */
/* The object is now so (borrowed), or gone (NULL). ns is "" for the kinds of the cluster. */
void rbac_set(struct rbac *r, enum rbac_kind kind, const char *ns, const char *name, const json_t *object);

/* Whether a binding allows it; reason gets the words about which one, or about roles that bindings of the user miss; it may be
 * NULL. */
bool rbac_allows(const struct rbac *r, const struct auth_user *u, const struct auth_attributes *a, struct str *reason);

/* All rules that a user has in ns ("" for those of the cluster only): an array of PolicyRule objects, owned; bindings of the
 * cluster first, each in the order of their names. Roles that are not there are added to *ret_missing (owned vector; NULL when
 * empty). */
json_t *rbac_rules_of(const struct rbac *r, const struct auth_user *u, const char *ns, char ***ret_missing);
/* What of rbac_rules_of()'s missing roles is told: of one resource (clusterrole...) or, plural, of many. Owned. */
char *rbac_missing_text(char *const *missing, bool plural);
/* The rules of the role that a binding in ns refers to; an array, borrowed; NULL when there is no such role. */
const json_t *rbac_role_rules(const struct rbac *r, const char *kind, const char *ns, const char *name);

#endif
