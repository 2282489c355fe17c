/* Taints and tolerations (Kubernetes concepts, Taints and Tolerations). Pure. */
#ifndef KNARR_CP_CONTROLLERS_TOLERATION_H
#define KNARR_CP_CONTROLLERS_TOLERATION_H

#include <jansson.h>
#include <stdbool.h>

bool toleration_tolerates(const json_t *toleration, const json_t *taint);
/* Whether one of an array of tolerations does. */
bool tolerations_tolerate(const json_t *tolerations, const json_t *taint);

#endif
