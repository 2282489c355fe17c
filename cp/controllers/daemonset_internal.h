/* What the files of the daemon set's plan share. */
#ifndef KNARR_CP_CONTROLLERS_DAEMONSET_INTERNAL_H
#define KNARR_CP_CONTROLLERS_DAEMONSET_INTERNAL_H

#include "cp/controllers/daemonset_plan.h"

/* One planning. */
struct daemons {
	const json_t *set, *nodes;
	json_t *by_node;  /* node name -> array of pods, the oldest first (owned) */
	const char *hash; /* of the current revision */
	int64_t now_ms, min_ready_s;
	int64_t desired;
	int64_t max_unavailable, max_surge;
	json_t *create; /* names of nodes that get a pod (owned) */
	json_t *delete; /* pods (owned) */
};

json_t *daemons_on(const struct daemons *d, const json_t *node); /* borrowed, NULL: none */
bool daemon_is_current(const struct daemons *d, const json_t *pod);
bool daemon_is_available(const struct daemons *d, const json_t *pod);
/* Adds to create and delete what brings pods of older revisions to the current one. */
void daemonset_roll(struct daemons *d);
/* The pod for a node. Returns owned. */
json_t *daemonset_pod(const struct daemons *d, const char *node);

#endif
