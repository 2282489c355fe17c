/* Sources of bind mounts as detached mounts. */
#ifndef KNARR_RUNTIME_MOUNTS_SOURCE_H
#define KNARR_RUNTIME_MOUNTS_SOURCE_H

#include "base/err.h"
#include "runtime/config.h"

/* A detached clone of m's source as the caller sees it, ids mapped by userns_fd unless that is -1. Returns a descriptor. */
int mounts_source_open(const struct mount_conf *m, int userns_fd, struct err *e);

/* The same in the mount namespace of the waiting child, but with the caller's privileges: for sources that root of the
 * child's user namespace cannot reach, and for mappings, which that root may not make. index: of c->mounts, checked. The
 * mount keeps the flags that are locked in the child's namespace. */
int mounts_source_open_for(const struct config *c, int index, pid_t pid, int pidfd, struct err *e);

#endif
