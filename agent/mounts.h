/* The agent's own mounts on the host. */
#ifndef KNARR_AGENT_MOUNTS_H
#define KNARR_AGENT_MOUNTS_H

#include <stdbool.h>

#include "base/err.h"

bool mounts_is_tmpfs(const char *path); /* mounted on exactly this path */
/* Detaches every mount on or below the directory, deepest first. Absent is fine. */
int mounts_detach_below(const char *dir, struct err *e);

#endif
