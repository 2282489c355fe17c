/* Values that a pod asks of itself: fieldRef and resourceFieldRef. Pure. Kubernetes API, ObjectFieldSelector. */
#ifndef KNARR_AGENT_FIELDREF_H
#define KNARR_AGENT_FIELDREF_H

#include <jansson.h>
#include <stdint.h>

#include "base/err.h"

struct pod_facts {
	const json_t *pod;
	const char *node_name;
	char *const *host_ips;                                         /* of the node; may be NULL */
	char *const *ips;                                              /* of the pod; NULL: none yet */
	int64_t node_cpu_milli, node_memory_bytes, node_storage_bytes; /* what a missing limit means */
};

/* -EINVAL for a path that is none. Returns owned text; "" for what is not set. */
int fieldref_value(const struct pod_facts *f, const char *path, char **ret, struct err *e);
/* ref: a ResourceFieldSelector; own: the container that it is in (its containerName may name another). */
int resourceref_value(const struct pod_facts *f, const json_t *own, const json_t *ref, char **ret, struct err *e);

#endif
