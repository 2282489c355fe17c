/* The rules of a cluster role that is made of others (rbac.authorization.k8s.io, aggregationRule). Pure. */
#ifndef KNARR_CP_CONTROLLERS_CLUSTERROLE_AGGREGATION_PLAN_H
#define KNARR_CP_CONTROLLERS_CLUSTERROLE_AGGREGATION_PLAN_H

#include "cp/controllers/plan.h"

/* role NULL: there is none, or it is going away. all: every cluster role, in order of names. */
void clusterrole_aggregation_plan(const json_t *role, const json_t *all, struct plan *plan);

#endif
