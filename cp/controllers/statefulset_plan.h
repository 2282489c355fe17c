/* What a StatefulSet needs done: pods with names and claims of their own, in order; rollouts, history, status. Pure. */
#ifndef KNARR_CP_CONTROLLERS_STATEFULSET_PLAN_H
#define KNARR_CP_CONTROLLERS_STATEFULSET_PLAN_H

#include "cp/controllers/adopt.h"

struct statefulset_observed {
	const json_t *set;
	const json_t *pods;      /* array: those of its namespace that its selector matches or that it controls */
	const json_t *revisions; /* array: the same of ControllerRevisions */
	const json_t *claims;    /* array: PersistentVolumeClaims of its namespace */
	bool name_taken;         /* history_name() is that of an object that is not its own */
};

/* (apps/v1 StatefulSet; Kubernetes concepts, StatefulSets: OrderedReady and Parallel, partitions, maxUnavailable, OnDelete,
 * retention of claims, start ordinal.) */
void statefulset_plan(const struct statefulset_observed *o, int64_t now_ms, struct plan *plan);

/* "web-3" of "web" is 3; -1 where the pod's name is none of the set's. */
int64_t statefulset_ordinal(const json_t *set, const json_t *pod);

#endif
