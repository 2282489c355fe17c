/* The container's file system: mounts, devices, masks, the change of root. All of it runs in the new mount namespace
 * before the change of root; every path in the container is resolved with openat2 below root_fd. */
#ifndef KNARR_RUNTIME_MOUNTS_H
#define KNARR_RUNTIME_MOUNTS_H

#include "base/err.h"
#include "cgroups/cgroup.h"
#include "runtime/config.h"

/* Sets propagation, binds the root file system onto itself; returns a descriptor of it. */
int mounts_open_root(const struct config *c, struct err *e);
/* config.mounts in order, from *at on to the end, or to the first that shows cgroups when before_cgroup is set. */
int mounts_apply(const struct config *c, int root_fd, const struct cgroup *cgroup, bool before_cgroup, size_t *at,
		 struct err *e);
/* One cgroup mount (mount_cgroup.c): the container's own cgroups, read-only by its options. */
int mount_cgroup(const struct config *c, const struct mount_conf *m, int root_fd, const struct cgroup *cgroup, struct err *e);
/* Takes the detached mount fd to its place: attributes, then move, then propagation. */
int mount_place(int mount_fd, int target_fd, const struct mount_options *o, struct err *e);
/* A new file system as a detached mount, returned as a descriptor. */
int mount_new_fs(const char *type, const char *source, const struct mount_options *o, struct err *e);

/* Nodes, links and the console's place in /dev (devices.c). console_fd -1: no terminal. */
int devices_make(const struct config *c, int root_fd, struct err *e);
int devices_bind_console(int root_fd, int console_fd, struct err *e);

/* Masked and read-only paths, read-only root (mask_paths.c). */
int masks_apply(const struct config *c, int root_fd, struct err *e);

/* Makes root_fd "/", leaves nothing of the old root reachable, sets the wanted propagation. */
int mounts_change_root(const struct config *c, int root_fd, bool no_pivot, struct err *e);

#endif
