/* A pod's status as the API shows it: a pure function of its state. Kubernetes API, PodStatus. */
#ifndef KNARR_AGENT_POD_STATUS_H
#define KNARR_AGENT_POD_STATUS_H

#include "agent/pod_state.h"

struct pod_status_in {
	char *const *host_ips;  /* of the node, numeric, at most one a family; NULL: not known yet */
	const json_t *previous; /* the status reported last (or the object's), for transition times; NULL */
	int64_t now_ms, now_mono;
};

/* The whole status, returns owned. */
json_t *pod_status(const struct pod_state *s, const struct pod_status_in *in);
/* The merge patch for the status subresource: status with null for what an older one may still have. Returns owned. */
json_t *pod_status_patch(const struct pod_state *s, const json_t *status);
/* "BestEffort", "Burstable", "Guaranteed". */
const char *pod_qos(const json_t *pod);
const char *pod_phase(const struct pod_state *s); /* "Pending", "Running", "Succeeded", "Failed" */

#endif
