/* What a Deployment needs done: replica sets to create, scale or delete, its status. Pure. */
#ifndef KNARR_CP_CONTROLLERS_DEPLOYMENT_PLAN_H
#define KNARR_CP_CONTROLLERS_DEPLOYMENT_PLAN_H

#include "cp/controllers/plan.h"

struct deployment_observed {
	const json_t *deployment;
	const json_t *replicasets; /* array: those of its namespace that its selector matches or that it controls */
	const json_t *name_taken;  /* the object that has deployment_new_name() and is not in replicasets; NULL: none */
	bool old_pods_running;     /* pods of replica sets other than the newest that have not ended (for Recreate) */
};

/* (apps/v1 Deployment; Kubernetes concepts, Deployment.) */
void deployment_plan(const struct deployment_observed *o, int64_t now_ms, struct plan *plan);

/* pod-template-hash of the deployment's template; ret has room for 12. Returns ret. */
char *deployment_template_hash(const json_t *deployment, char *ret);
/* The name that a new replica set gets. Returns owned. */
char *deployment_new_name(const json_t *deployment);
/* The one among replicasets (those that the deployment owns) that has its template, the oldest; NULL: none. Borrowed.
 */
json_t *deployment_find_new(const json_t *deployment, const json_t *replicasets);

/* The bounds of a rolling update (0 and replicas for Recreate), rounded as Kubernetes rounds percentages. */
struct deployment_bounds {
	int64_t replicas, max_surge, max_unavailable;
};
struct deployment_bounds deployment_bounds(const json_t *deployment);

#endif
