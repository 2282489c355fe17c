/* What a mount of config.json asks of the kernel: pure decisions, without any system call. */
#ifndef KNARR_RUNTIME_MOUNTS_PLAN_H
#define KNARR_RUNTIME_MOUNTS_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "runtime/mount_options.h"

/* MOUNT_ATTR_ bits for mount_setattr(2); both 0: nothing to do. */
struct mounts_change {
	uint64_t set, clear;
};

/* The attributes of a new mount with these MS_ flags, as mount(2) would give it. */
uint64_t mounts_plan_attrs(unsigned long flags);
/* A bind mount takes exactly the flags asked for, keeps the access time mode unless one was asked for, and keeps
 * everything where nothing was asked for. OCI runtime-spec config.md, Linux mount options. */
struct mounts_change mounts_plan_bind(const struct mount_options *o);
/* The second try where the kernel refused the first with -EPERM: flags that the mount's owner locked stay. current: its MS_
 * flags. -EPERM where a locked flag was asked to be off, or another access time mode. user_namespaces(7), mount_namespaces(7). */
int mounts_plan_locked(const struct mount_options *o, unsigned long current, struct mounts_change *ret, struct err *e);
/* statfs(2) f_flags to MS_ flags; MS_STRICTATIME where no other mode is set. */
unsigned long mounts_plan_statfs(unsigned long st_flags);

/* The destination as an absolute path inside the root: ".", ".." and slashes cleaned, the root's own path on the host taken
 * off the front. Returns owned. */
char *mounts_plan_destination(const char *rootfs, const char *destination);

/* What lies where the mount goes and where it comes from. */
struct mounts_place {
	const char *destination, *type; /* cleaned */
	bool target_in_proc;		/* the directory entry found there belongs to a procfs */
	bool bind, source_is_proc;	/* a bind, of something on a procfs */
};
/* Nothing may be put over /proc but a procfs, nothing inside it but the few files that LXCFS emulates: what the runtime
 * writes there later must reach the kernel. -EPERM. */
int mounts_plan_check_proc(const struct mounts_place *p, struct err *e);

/* From the text of /proc/self/mountinfo: the mount points of whole proc and sysfs file systems that are not below rootfs.
 * Returns an owned vector (NULL when there are none). proc(5). */
char **mounts_plan_exposed(const char *mountinfo, const char *rootfs);

#endif
