/* Autoscalers of autoscaling/v1 as those of v2 and back. What v1 has no field for stands in annotations there, in the form
 * that Kubernetes gives them, so that nothing is lost between the two. Pure; in place; nothing fails: an annotation that is
 * not understood stays what it is. */
#ifndef KNARR_CP_KINDS_HPA_CONVERT_H
#define KNARR_CP_KINDS_HPA_CONVERT_H

#include <jansson.h>

void hpa_v1_to_v2(json_t *hpa);
void hpa_v2_to_v1(json_t *hpa);

#endif
