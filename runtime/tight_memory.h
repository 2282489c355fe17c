/* Memory limits that are so small that what a container's start takes, and what the kernel holds ready, counts. */
#ifndef KNARR_RUNTIME_TIGHT_MEMORY_H
#define KNARR_RUNTIME_TIGHT_MEMORY_H

#include <jansson.h>

#include "cgroups/cgroup.h"

/* Before the clone: with such a limit the process enters its cgroup late, by a door. */
void tight_memory_begin(struct cgroup *cg, const json_t *resources);
/* Changes resources to what is to be applied first. */
void tight_memory_first(json_t *resources);
/* Once the process waits or runs: applies the limit that was asked for. */
int tight_memory_settle(struct cgroup *cg, const json_t *resources, struct err *e);

#endif
