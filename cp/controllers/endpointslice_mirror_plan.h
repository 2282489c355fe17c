/* What EndpointSlices show of Endpoints that somebody wrote by hand. Pure. */
#ifndef KNARR_CP_CONTROLLERS_ENDPOINTSLICE_MIRROR_PLAN_H
#define KNARR_CP_CONTROLLERS_ENDPOINTSLICE_MIRROR_PLAN_H

#include "cp/controllers/plan.h"

#define ENDPOINTSLICE_MIRROR_MANAGER "endpointslicemirroring-controller.k8s.io"

struct mirror_observed {
	const json_t *endpoints; /* NULL: gone */
	const json_t *service;	 /* of the same name; NULL: none */
	const json_t *slices;	 /* array: those that mirror Endpoints of this name */
};

/* (discovery.k8s.io/v1; Kubernetes concepts, EndpointSlices, mirroring.) A service with a selector has slices of its own, and
 * Endpoints may ask to be left alone. At most 1,000 addresses of a subset are mirrored. */
void endpointslice_mirror_plan(const struct mirror_observed *o, struct plan *plan);

#endif
