/* What each namespace has to hold: a default ServiceAccount and the cluster's CA. Pure. */
#ifndef KNARR_CP_CONTROLLERS_SERVICEACCOUNT_PLAN_H
#define KNARR_CP_CONTROLLERS_SERVICEACCOUNT_PLAN_H

#include "cp/controllers/plan.h"

#define ROOT_CA_NAME "kube-root-ca.crt"

/* ns NULL: there is none, or it is going away. have NULL: it is missing. */
void serviceaccount_plan(const json_t *ns, const json_t *have, struct plan *plan);
/* ca: PEM text; NULL: nothing to publish. */
void root_ca_plan(const json_t *ns, const json_t *have, const char *ca, struct plan *plan);

#endif
