/* What the Endpoints of a Service shall hold. Pure. */
#ifndef KNARR_CP_CONTROLLERS_ENDPOINTS_PLAN_H
#define KNARR_CP_CONTROLLERS_ENDPOINTS_PLAN_H

#include "cp/controllers/plan.h"

struct endpoints_observed {
	const char *ns, *name;
	const json_t *service;   /* NULL: there is none (any more) */
	const json_t *pods;      /* array: those it selects */
	const json_t *endpoints; /* NULL: none yet */
};

/* (v1 Endpoints.) Services without selector are left to their owner. */
void endpoints_plan(const struct endpoints_observed *o, struct plan *plan);

#endif
