/* Pods that a workload makes of its template. Pure. */
#ifndef KNARR_CP_CONTROLLERS_TEMPLATE_H
#define KNARR_CP_CONTROLLERS_TEMPLATE_H

#include "cp/controllers/adopt.h"

/* A pod of a PodTemplateSpec, controlled by owner, with a name generated from the owner's; labels and annotations are its own to
 * change, the spec is shared with the template. Returns owned. */
json_t *template_pod(const json_t *template, const json_t *owner, const struct adopt_kind *kind);
/* What tells templates apart, in letters that names may have; collisions (an integer, or NULL) changes it. ret has room for 12. */
char *template_hash(const json_t *template, const json_t *collisions, char *ret);

#endif
