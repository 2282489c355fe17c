/* Device rules that every container gets. */
#ifndef KNARR_RUNTIME_DEFAULT_DEVICES_H
#define KNARR_RUNTIME_DEFAULT_DEVICES_H

#include <jansson.h>

/* A copy of linux.resources (NULL: an empty one) with the default devices allowed behind the given rules. Owned. */
json_t *default_devices_add(const json_t *resources);

#endif
