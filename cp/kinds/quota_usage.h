/* What one object uses of a namespace's quotas, and whether a quota counts it (Kubernetes, Resource Quotas). Pure. */
#ifndef KNARR_CP_KINDS_QUOTA_USAGE_H
#define KNARR_CP_KINDS_QUOTA_USAGE_H

#include <jansson.h>
#include <stdbool.h>

#include "cp/schema/schema.h"

/* Quantities by the names that quotas use: "pods", "requests.cpu", "count/deployments.apps" ... A pod that has ended
 * counts as an object only. Returns owned. */
json_t *quota_usage(const struct kind *k, const json_t *object);
/* Whether the scopes of a ResourceQuota (scopes and scopeSelector) fit the object. */
bool quota_scopes_fit(const json_t *quota, const struct kind *k, const json_t *object);
/* Which of the resources in hard are counted for the kind at all; returns an owned, sorted vector, NULL when none. */
char **quota_resources(const struct kind *k, const json_t *hard);
/* Compute resources in names that containers of a pod do not say: "requests.cpu for: a,b; ..."; owned, NULL when all is
 * said. */
char *quota_unspecified(char *const *names, const json_t *pod);

#endif
