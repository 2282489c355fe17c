/* Rules of roles (PolicyRule of rbac.authorization.k8s.io): what an array of them allows, and what it lacks. Pure. */
#ifndef KNARR_CP_AUTH_RBAC_RULES_H
#define KNARR_CP_AUTH_RBAC_RULES_H

#include <jansson.h>
#include <stdbool.h>

#include "cp/auth/authorize.h"

/* Whether one of the rules covers it. */
bool rbac_rules_allow(const json_t *rules, const struct auth_attributes *a);
/* What of wanted the owned rules do not cover: split as far as needed, then rules about the same with all their verbs in one;
 * an owned array, NULL when all is covered. */
json_t *rbac_rules_missing(const json_t *owned, const json_t *wanted);
/* {APIGroups:[""], Resources:["pods"], Verbs:["get"]}: a line for each rule, in order, in the words of the reference. Owned. */
char *rbac_rules_text(const json_t *rules);

#endif
