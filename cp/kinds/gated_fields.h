/* Fields that belong to features which are off by default. Pure; in place. */
#ifndef KNARR_CP_KINDS_GATED_FIELDS_H
#define KNARR_CP_KINDS_GATED_FIELDS_H

#include <jansson.h>

/* Each takes away what the old state (NULL: none) does not use already: of a pod's spec, a claim's spec, a slice's spec, a
 * driver's spec. */
void gated_pod_drop(json_t *spec, const json_t *old);
void gated_claim_drop(json_t *spec, const json_t *old);
void gated_slice_drop(json_t *spec, const json_t *old);
void gated_driver_drop(json_t *spec, const json_t *old);

#endif
