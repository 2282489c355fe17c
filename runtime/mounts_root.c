/* The container's root: bound before the mounts, entered after them.
 *
 * Happy path: propagation of the new mount namespace, a bind of the root file system onto itself, later pivot_root(2) with
 * both roots at one place, then the old one is let go. What can fail: the path, privilege. What always holds: a mount
 * namespace that was not made for the container keeps its propagation; nothing of the old root can be reached after the
 * change, and without pivot_root no whole proc or sysfs of the host is left in the namespace. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "runtime/mounts.h"
#include "runtime/mounts_plan.h"
#include "runtime/syscalls.h"

#ifndef STATX_ATTR_MOUNT_ROOT
#define STATX_ATTR_MOUNT_ROOT 0x2000
#endif
#define MOUNTINFO_MAX (16 << 20)

/* pivot_root refuses a shared parent mount: the one that the root file system lies in becomes private here. */
static int make_parent_private(const char *rootfs, struct err *e)
{
	AUTO_FREE char *path = realpath(rootfs, NULL);
	if (!path)
		return err_sys(e, "invalid rootfs %s", rootfs);
	for (;;) {
		struct statx st;
		if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &st) < 0)
			return err_sys(e, "stat %s", path);
		if (st.stx_attributes & STATX_ATTR_MOUNT_ROOT || str_eq(path, "/"))
			break;
		char *slash = strrchr(path, '/');
		slash[slash == path ? 1 : 0] = '\0';
	}
	return mount("", path, NULL, MS_PRIVATE, NULL) < 0 ? err_sys(e, "make %s private", path) : 0;
}

static int set_propagation(const struct config *c, struct err *e)
{
	unsigned long propagation = c->root_propagation ? c->root_propagation | MS_REC : MS_SLAVE | MS_REC;
	if (propagation & MS_UNBINDABLE)
		propagation = MS_PRIVATE | MS_REC;
	if (mount("", "/", NULL, propagation, NULL) < 0)
		return err_sys(e, "set propagation of /");
	return propagation & MS_SHARED ? make_parent_private(c->rootfs, e) : 0;
}

int mounts_open_root(const struct config *c, struct err *e)
{
	int r = c->ns[NS_MNT].wanted ? set_propagation(c, e) : 0;
	if (r < 0)
		return r;
	AUTO_FD int at = open(c->rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (at < 0)
		return err_sys(e, "invalid rootfs %s", c->rootfs);
	AUTO_FD int tree = sys_open_tree(at, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH);
	r = tree < 0 ? tree : sys_move_mount(tree, at);
	if (r == 0)
		r = sys_mount_setattr(tree, 0, 0, 0, MS_PRIVATE, -1);
	if (r < 0)
		return err_code(e, r, "bind rootfs %s", c->rootfs);
	return TAKE_FD(tree);
}

/* Under chroot the host's own proc and sysfs stay in the namespace, and the kernel lets those who can unshare mount new,
 * unmasked ones as long as a whole one is there. */
static int hide_exposed(const struct config *c, struct err *e)
{
	AUTO_STR text = STR_INIT;
	AUTO_FREE char *rootfs = realpath(c->rootfs, NULL);
	int r = fs_read_file("/proc/self/mountinfo", MOUNTINFO_MAX, &text, e);
	if (r < 0)
		return r;
	AUTO_STRV char **points = mounts_plan_exposed(str_text(&text), rootfs ? rootfs : c->rootfs);
	for (size_t i = 0; i < strv_len(points); i++) {
		if (mount("", points[i], NULL, MS_SLAVE | MS_REC, NULL) < 0 && (errno == ENOENT || errno == EINVAL))
			continue; /* gone with the one above it */
		if (umount2(points[i], MNT_DETACH) == 0)
			continue;
		if ((errno != EINVAL && errno != EPERM) || mount("tmpfs", points[i], "tmpfs", 0, NULL) < 0)
			return err_sys(e, "hide %s", points[i]);
	}
	return 0;
}

static int pivot(int root_fd, struct err *e)
{
	AUTO_FD int old = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (old < 0 || fchdir(root_fd) < 0)
		return err_sys(e, "enter the new root");
	int r = sys_pivot_root(".", ".");
	if (r < 0)
		return err_code(e, r, "pivot_root");
	/* The old root lies over the new one now: cut it off from the host's propagation, then let it go. */
	if (fchdir(old) < 0 || mount("", ".", NULL, MS_SLAVE | MS_REC, NULL) < 0 || umount2(".", MNT_DETACH) < 0)
		return err_sys(e, "detach the old root");
	return chdir("/") < 0 ? err_sys(e, "chdir /") : 0;
}

static int enter_by_chroot(int root_fd, bool move, struct err *e)
{
	if (fchdir(root_fd) < 0 || (move && mount(".", "/", NULL, MS_MOVE, NULL) < 0) || chroot(".") < 0 || chdir("/") < 0)
		return err_sys(e, "move the root");
	return 0;
}

/* /dev stays writable until its nodes and the console are there. */
static int late_readonly(const struct config *c, struct err *e)
{
	for (size_t i = 0; i < c->n_mounts; i++) {
		if (!mounts_is_late_readonly(&c->mounts[i]) || c->mounts[i].options.bind)
			continue;
		AUTO_FD int fd = open("/dev", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		int r = fd < 0 ? -errno : sys_mount_setattr(fd, 0, MOUNT_ATTR_RDONLY, 0, 0, -1);
		if (r < 0)
			return err_code(e, r, "make /dev read-only");
	}
	return 0;
}

/* The first root file system of the kernel, where an initramfs runs: pivot_root(2) cannot replace it. */
static bool on_first_root(void)
{
	struct statfs fs;
	return statfs("/", &fs) == 0 && (fs.f_type == RAMFS_MAGIC || fs.f_type == TMPFS_MAGIC);
}

int mounts_change_root(const struct config *c, int root_fd, bool no_pivot, struct err *e)
{
	struct err mine = ERR_INIT;
	bool own = c->ns[NS_MNT].wanted, moved = no_pivot;
	int r = 0;
	if (own && !no_pivot) {
		r = pivot(root_fd, &mine);
		moved = r == -EINVAL && on_first_root();
		if (r < 0 && !moved)
			return err_set(e, r, "%s", err_text(&mine));
		r = 0;
	}
	if (own && moved)
		r = hide_exposed(c, e);
	if (r == 0 && (!own || moved))
		r = enter_by_chroot(root_fd, own, e);
	if (r == 0)
		r = late_readonly(c, e);
	if (r == 0 && own && c->root_propagation && mount("", "/", NULL, c->root_propagation, NULL) < 0)
		return err_sys(e, "set propagation of the root");
	return r;
}
