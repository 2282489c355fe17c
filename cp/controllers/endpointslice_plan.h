/* What the EndpointSlices of a Service shall hold. Pure. */
#ifndef KNARR_CP_CONTROLLERS_ENDPOINTSLICE_PLAN_H
#define KNARR_CP_CONTROLLERS_ENDPOINTSLICE_PLAN_H

#include "cp/controllers/plan.h"

struct endpointslice_observed {
	const json_t *service;
	const json_t *pods;   /* array: those it selects */
	const json_t *zones;  /* object: zone by node name; NULL: none known */
	const json_t *slices; /* array: its slices that this controller manages */
};

/* (discovery.k8s.io/v1; at most 100 endpoints a slice.) Endpoints that are in a slice stay in that slice. */
void endpointslice_plan(const struct endpointslice_observed *o, struct plan *plan);

#define ENDPOINTSLICE_SERVICE "kubernetes.io/service-name"
#define ENDPOINTSLICE_MANAGED_BY "endpointslice.kubernetes.io/managed-by"
#define ENDPOINTSLICE_MANAGER "endpointslice-controller.k8s.io"

#endif
