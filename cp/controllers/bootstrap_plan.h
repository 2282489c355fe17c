/* Bootstrap tokens: their end, and the signatures that they put under the ConfigMap cluster-info in kube-public, by which a
 * joining machine knows the cluster. Pure (Kubernetes, Authenticating with Bootstrap Tokens). */
#ifndef KNARR_CP_CONTROLLERS_BOOTSTRAP_PLAN_H
#define KNARR_CP_CONTROLLERS_BOOTSTRAP_PLAN_H

#include "cp/controllers/plan.h"

/* The secret goes when its expiration has come. */
void token_cleaner_plan(const json_t *secret, int64_t now_ms, struct plan *plan);
/* info: the ConfigMap (NULL: there is none); secrets: all of the tokens' type, an array. */
void bootstrap_signer_plan(const json_t *info, const json_t *secrets, int64_t now_ms, struct plan *plan);

#endif
