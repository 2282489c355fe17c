/* Rules that webhooks and admission policies share. Pure. */
#ifndef KNARR_CP_KINDS_ADMISSION_RULES_H
#define KNARR_CP_KINDS_ADMISSION_RULES_H

#include <jansson.h>

#include "cp/schema/schema.h"

/* {operations, apiGroups, apiVersions, resources, scope, resourceNames} at path. */
void admission_rule_validate(const json_t *rule, const char *path, struct field_errors *errors);
/* {namespaceSelector, objectSelector, resourceRules, excludeResourceRules} at path. */
void match_resources_validate(const json_t *match, const char *path, struct field_errors *errors);
/* Mutations are of what is written: no rule may name other operations. */
void mutating_operations_validate(const json_t *match, const char *path, struct field_errors *errors);
/* Names and presence of conditions at path; their expressions are not compiled. */
void match_conditions_validate(const json_t *conditions, const char *path, struct field_errors *errors);

#endif
