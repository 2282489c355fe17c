/* The container's file system: mounts, devices, masks, the change of root. All of it runs in the new mount namespace
 * before the change of root; every path in the container is resolved with openat2 below root_fd. */
#ifndef KNARR_RUNTIME_MOUNTS_H
#define KNARR_RUNTIME_MOUNTS_H

#include "base/err.h"
#include "cgroups/cgroup.h"
#include "runtime/config.h"

/* Sets propagation, binds the root file system onto itself; returns a descriptor of it (mounts_root.c). Without a mount
 * namespace of its own the container's root is bound in the caller's, as runc does it. */
int mounts_open_root(const struct config *c, struct err *e);
/* What all mounts of one container share. Borrows. A mount on "/" replaces what root_fd stands for. */
struct mounts_job {
	const struct config *config;
	const struct cgroup *cgroup;
	int root_fd;
	int sync_fd; /* where sources are asked for that only the creator can open (SYNC_MOUNT), or -1 */
	size_t at;   /* the mount that is next; begins with 0 */
};
/* config.mounts in order, from j->at on to the end, or to the first that shows cgroups when before_cgroup is set. */
int mounts_apply(struct mounts_job *j, bool before_cgroup, struct err *e);
/* One cgroup mount (mount_cgroup.c): the container's own cgroups, read-only by its options. */
int mount_cgroup(const struct config *c, const struct mount_conf *m, int root_fd, const struct cgroup *cgroup, struct err *e);
/* Takes the detached mount fd to its place: attributes, then move, then propagation. */
int mount_place(int mount_fd, int target_fd, const struct mount_options *o, struct err *e);
/* A new file system as a detached mount with o's attributes (NULL: none), returned as a descriptor. */
int mount_new_fs(const char *type, const char *source, const struct mount_options *o, struct err *e);
/* A read-only /dev, which has to be filled first. */
bool mounts_is_late_readonly(const struct mount_conf *m);

/* Nodes, links and the console's place in /dev (devices.c). console_fd -1: no terminal. */
int devices_make(const struct config *c, int root_fd, struct err *e);
int devices_bind_console(int root_fd, int console_fd, struct err *e);
/* Standard descriptors that are the host's null device become the container's; after the change of root. */
int devices_reopen_null(const struct config *c, struct err *e);

/* Masked and read-only paths, read-only root (mask_paths.c). */
int masks_apply(const struct config *c, int root_fd, struct err *e);

/* Makes root_fd "/", leaves nothing of the old root reachable, sets the wanted propagation. */
int mounts_change_root(const struct config *c, int root_fd, bool no_pivot, struct err *e);

#endif
