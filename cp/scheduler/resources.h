/* Amounts of resources, as pods request and nodes offer them. Pure. */
#ifndef KNARR_CP_SCHEDULER_RESOURCES_H
#define KNARR_CP_SCHEDULER_RESOURCES_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct extended {
	char *name;
	int64_t n;
};

struct resources {
	int64_t cpu_milli, memory_bytes, ephemeral_bytes, pods;
	struct extended *extended; /* everything else, by name */
	size_t n_extended;
};

void resources_done(struct resources *r);
/* From a map of quantities (container requests, node allocatable). Malformed ones count as 0. Adds to r. */
void resources_add_map(struct resources *r, const json_t *map);
void resources_add(struct resources *r, const struct resources *more);
void resources_sub(struct resources *r, const struct resources *less);
int64_t resources_extended(const struct resources *r, const char *name); /* 0 when absent */

/* What a pod asks for (Kubernetes concepts, Resource Management; init containers: the largest counts, sidecars add),
 * and the same for scoring, where a container without requests counts as 100m and 200 MB. */
void resources_of_pod(const json_t *spec, struct resources *ret, int64_t *ret_scored_cpu_milli,
		      int64_t *ret_scored_memory_bytes);

#endif
