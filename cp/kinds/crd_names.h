/* Names and conditions of CustomResourceDefinitions: a pure plan of their status. */
#ifndef KNARR_CP_KINDS_CRD_NAMES_H
#define KNARR_CP_KINDS_CRD_NAMES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define CRD_FINALIZER "customresourcecleanup.apiextensions.k8s.io"

/* The status that crd should have, given the others of its group (an array of objects; crd itself in it is skipped):
 * acceptedNames, conditions NamesAccepted, Established and, for protected groups, KubernetesAPIApprovalPolicyConformant.
 * now_ms is wall time. Returns owned. */
json_t *crd_plan_status(const json_t *crd, const json_t *others, int64_t now_ms);
/* Whether a status says that the kind is to be served. */
bool crd_is_established(const json_t *crd);
bool crd_condition_is(const json_t *crd, const char *type, const char *status);
/* Sets a condition; its time changes with its status. */
void crd_set_condition(json_t *crd, const char *type, const char *status, const char *reason, const char *message,
		       int64_t now_ms);
bool crd_group_is_protected(const char *group);

#endif
