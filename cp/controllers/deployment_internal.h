/* What the files of the deployment plan share: one planning under way. */
#ifndef KNARR_CP_CONTROLLERS_DEPLOYMENT_INTERNAL_H
#define KNARR_CP_CONTROLLERS_DEPLOYMENT_INTERNAL_H

#include "cp/controllers/deployment_plan.h"

#define REVISION "deployment.kubernetes.io/revision"
#define REVISION_HISTORY "deployment.kubernetes.io/revision-history"
#define DESIRED_REPLICAS "deployment.kubernetes.io/desired-replicas"
#define MAX_REPLICAS "deployment.kubernetes.io/max-replicas"
#define TEMPLATE_HASH "pod-template-hash"

struct rollout {
	const json_t *d;
	struct deployment_bounds bounds;
	json_t *all;    /* its replica sets, oldest first; owned */
	json_t *newest; /* borrowed from all; NULL: not there (yet) */
	json_t *status; /* the new status; owned */
	int64_t now_ms;
	struct plan *plan;
};

int64_t rs_replicas(const json_t *rs); /* wanted */
int64_t rs_available(const json_t *rs);
int64_t rollout_sum_replicas(const struct rollout *r);
/* Asks for n replicas of rs, with the event that says so; also brings its annotations up to date. False: nothing to
 * change. */
bool rollout_scale(struct rollout *r, const json_t *rs, int64_t n);

/* deployment_revision.c: finds or makes the newest replica set, keeps revisions and history. */
void rollout_revision(struct rollout *r, const struct deployment_observed *o, bool create);
void rollout_cleanup(struct rollout *r);
/* deployment_scale.c: brings every replica set in proportion when the wanted number changed. */
bool rollout_is_scaling(const struct rollout *r);
void rollout_proportional(struct rollout *r);
/* How many replicas the newest set may have now. newest_replicas: how many it wants. */
int64_t rollout_new_replicas(const struct rollout *r, int64_t newest_replicas);
/* deployment_status.c */
void rollout_status(struct rollout *r, bool progress);
bool rollout_complete(const struct rollout *r);

#endif
