/* What a DaemonSet needs done: a pod on each node that it wants, rollouts, history, status. Pure. */
#ifndef KNARR_CP_CONTROLLERS_DAEMONSET_PLAN_H
#define KNARR_CP_CONTROLLERS_DAEMONSET_PLAN_H

#include "cp/controllers/adopt.h"

struct daemonset_observed {
	const json_t *set;
	const json_t *pods;      /* array: those of its namespace that its selector matches or that it controls */
	const json_t *revisions; /* array: the same of ControllerRevisions */
	const json_t *nodes;     /* array: all */
	bool name_taken;         /* history_name() is that of an object that is not its own */
};

extern const struct adopt_kind daemonset_pods, daemonset_revisions;

/* (apps/v1 DaemonSet; Kubernetes concepts, DaemonSet, and its rolling updates with maxUnavailable and maxSurge.) */
void daemonset_plan(const struct daemonset_observed *o, int64_t now_ms, struct plan *plan);

enum daemon_fit {
	DAEMON_NOT,  /* pods there go */
	DAEMON_STAY, /* one that is there may stay */
	DAEMON_RUN   /* one should be there */
};
/* Whether a DaemonSet's pod should be on a node: selector, affinity, taints. */
enum daemon_fit daemonset_fits(const json_t *set, const json_t *node);

#endif
