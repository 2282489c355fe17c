/* What a LimitRange adds to a pod, and what it does not let pass. Pure. */
#ifndef KNARR_CP_ADMISSION_LIMIT_PLAN_H
#define KNARR_CP_ADMISSION_LIMIT_PLAN_H

#include <jansson.h>

/* Fills requests and limits that the containers lack by the range's defaults and notes what was set in the annotation
 * kubernetes.io/limit-ranger. */
void limit_plan_defaults(json_t *pod, const json_t *limit_range);
/* Adds what is wrong with a pod or a claim to *ret (a vector of texts, each at most once). */
void limit_plan_check_pod(const json_t *pod, const json_t *limit_range, char ***ret);
void limit_plan_check_claim(const json_t *claim, const json_t *limit_range, char ***ret);

#endif
