/* What the files of the stateful set's plan share. */
#ifndef KNARR_CP_CONTROLLERS_STATEFULSET_INTERNAL_H
#define KNARR_CP_CONTROLLERS_STATEFULSET_INTERNAL_H

#include "cp/controllers/statefulset_plan.h"

extern const struct adopt_kind statefulset_pods, statefulset_revisions;

/* One planning. Pods are NULL where there is none yet. */
struct stateful {
	const json_t *set, *claims;
	int64_t now_ms, min_ready_s, start, partition;
	json_t *replicas;		 /* array by ordinal - start: a pod or null (owned) */
	json_t *condemned;		 /* array: pods beyond, the largest ordinal first (owned) */
	char *current, *update;		 /* names of revisions (owned) */
	json_t *current_template;	 /* NULL: that of the set (owned) */
	bool parallel;
};

const char *stateful_revision(const json_t *pod); /* "" when it has none */
bool stateful_is_available(const struct stateful *s, const json_t *pod);
/* Which revision a new pod of this ordinal belongs to, and the pod. Returns owned. */
json_t *stateful_pod(const struct stateful *s, int64_t ordinal);
/* Creates the claims that a pod of this ordinal has to have and has not. */
void stateful_claims(const struct stateful *s, int64_t ordinal, struct plan *plan);
/* Owner references of claims, as the retention policy wants them, for a pod that is there. condemned: it goes by scaling. */
void stateful_retention(const struct stateful *s, const json_t *pod, bool condemned, struct plan *plan);
/* Pods created, deleted and replaced, in order. */
void stateful_order(struct stateful *s, struct plan *plan);

#endif
