/* What the machine is: the parts of a Node's status that do not change while the agent runs. */
#ifndef KNARR_AGENT_NODE_INFO_H
#define KNARR_AGENT_NODE_INFO_H

#include <jansson.h>

#include "agent/agent.h"

json_t *node_system_info(void); /* status.nodeInfo, returns owned */
enum { NODE_RESERVED_BYTES = 100 << 20 }; /* memory that eviction keeps free */

/* capacity; fills cpu_milli, memory_bytes and storage_bytes of a. Returns owned. */
json_t *node_capacity(struct agent *a);
json_t *node_allocatable(const json_t *capacity);
json_t *node_labels(const struct agent_config *c);
json_t *node_images(struct image_store *s); /* at most 50, largest first */
/* memory.pressure and the like: True where less than the threshold is left. */
bool node_memory_low(void);
bool node_disk_low(const char *path);
bool node_pids_low(void);

#endif
