/* Whether this node can take a pod that was bound to it. Pure. */
#ifndef KNARR_AGENT_POD_ADMIT_H
#define KNARR_AGENT_POD_ADMIT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct pod_admit_in {
	const json_t *pod;
	const json_t *const *others; /* the pods that are here */
	size_t n_others;
	int64_t cpu_milli, memory_bytes; /* what the node has for pods; 0: not known */
	int max_pods;
};

/* NULL: it can. Else the reason that the failed pod gets (static), with *ret_message (owned): the scheduler usually knows better
 * than to send such a pod, but a pod may name its node itself. (Kubernetes: what a kubelet rejects.) */
const char *pod_admit(const struct pod_admit_in *in, char **ret_message);

#endif
