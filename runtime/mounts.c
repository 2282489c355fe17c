/* Mounts of config.json.
 *
 * Happy path of one: the source becomes a detached mount (open_tree for binds, fsopen/fsmount else), the destination an
 * O_PATH descriptor found or made inside the root, then one move_mount. What can fail: anything; the error names source and
 * destination. What always holds: no path of the container is ever resolved by the kernel outside openat2 with
 * RESOLVE_IN_ROOT, and what was checked is the same descriptor that is mounted on. */
#include "runtime/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "runtime/copy_up.h"
#include "runtime/syscalls.h"

#ifndef STATX_ATTR_MOUNT_ROOT
#define STATX_ATTR_MOUNT_ROOT 0x2000
#endif
#define FSCONFIG_VALUE_MAX 255

/* pivot_root refuses a shared parent mount: the one that the root file system lies in becomes private here. */
static int make_parent_private(const char *rootfs, struct err *e)
{
	AUTO_FREE char *path = realpath(rootfs, NULL);
	if (!path)
		return err_sys(e, "resolve %s", rootfs);
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

int mounts_open_root(const struct config *c, struct err *e)
{
	unsigned long propagation = c->root_propagation ? c->root_propagation | MS_REC : MS_SLAVE | MS_REC;
	if (propagation & MS_UNBINDABLE)
		propagation = MS_PRIVATE | MS_REC;
	if (mount("", "/", NULL, propagation, NULL) < 0)
		return err_sys(e, "set propagation of /");
	int r = propagation & MS_SHARED ? make_parent_private(c->rootfs, e) : 0;
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

static int fs_option(int fs, const char *option, struct err *e)
{
	const char *eq = strchr(option, '=');
	AUTO_FREE char *key = eq ? xstrndup(option, (size_t)(eq - option)) : xstrdup(option);
	int r = eq ? sys_fsconfig(fs, FSCONFIG_SET_STRING, key, eq + 1, 0) : sys_fsconfig(fs, FSCONFIG_SET_FLAG, key, NULL, 0);
	return r < 0 ? err_code(e, r, "option \"%.200s\"", option) : 0;
}

int mount_new_fs(const char *type, const char *source, const struct mount_options *o, struct err *e)
{
	AUTO_FD int fs = sys_fsopen(type);
	if (fs < 0)
		return err_code(e, fs, "file system \"%s\"", type);
	int r = *source ? sys_fsconfig(fs, FSCONFIG_SET_STRING, "source", source, 0) : 0;
	if (r < 0)
		return err_code(e, r, "source \"%s\"", source);
	for (size_t i = 0; r == 0 && o && i < strv_len(o->sb_flags); i++)
		r = fs_option(fs, o->sb_flags[i], e);
	for (size_t i = 0; r == 0 && o && i < strv_len(o->data); i++)
		r = fs_option(fs, o->data[i], e);
	/* A block device is opened read-only; pseudo file systems share one superblock and take the mount's attribute. */
	if (r == 0 && o && *source == '/' && (o->attr_set & MOUNT_ATTR_RDONLY))
		r = fs_option(fs, "ro", e);
	if (r < 0)
		return r;
	r = sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (r < 0)
		return err_code(e, r, "create superblock");
	int fd = sys_fsmount(fs, 0);
	return fd < 0 ? err_code(e, fd, "fsmount") : fd;
}

int mount_place(int mount_fd, int target_fd, const struct mount_options *o, struct err *e)
{
	int r = 0;
	if (o->attr_set | o->attr_clear)
		r = sys_mount_setattr(mount_fd, 0, o->attr_set, o->attr_clear, 0, -1);
	if (r == 0 && (o->rec_set | o->rec_clear))
		r = sys_mount_setattr(mount_fd, AT_RECURSIVE, o->rec_set, o->rec_clear, 0, -1);
	if (r < 0)
		return err_code(e, r, "set mount attributes");
	r = sys_move_mount(mount_fd, target_fd);
	if (r < 0)
		return err_code(e, r, "move mount");
	if (o->propagation)
		r = sys_mount_setattr(mount_fd, o->propagation_rec ? AT_RECURSIVE : 0, 0, 0, o->propagation, -1);
	return r < 0 ? err_code(e, r, "set propagation") : 0;
}

/* What may be bound over single files of a real procfs (as LXCFS does). */
static const char *const proc_allowed[] = { "/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo", "/proc/stat",
					    "/proc/swaps", "/proc/uptime", "/proc/loadavg", "/proc/slabinfo",
					    "/proc/sys/kernel/ns_last_pid", "/proc/net/dev", NULL };

/* A mount inside /proc could hide what the runtime writes to later: only the files above, or procfs itself. */
static int check_proc(const struct mount_conf *m, int target_fd, int source_fd, struct err *e)
{
	struct statfs at, from;
	if (fstatfs(target_fd, &at) < 0)
		return err_sys(e, "statfs");
	const char *d = m->destination;
	bool is_proc = str_eq(d, "/proc") || str_eq(d, "/proc/");
	if (is_proc && str_eq(m->type, "proc"))
		return 0;
	if (!is_proc && (at.f_type != PROC_SUPER_MAGIC || strv_has((char *const *)proc_allowed, d)))
		return 0;
	if (source_fd >= 0 && fstatfs(source_fd, &from) == 0 && from.f_type == PROC_SUPER_MAGIC)
		return 0;
	return err_set(e, -EPERM, "\"%s\" cannot be mounted because it is inside /proc", d);
}

/* The destination as a descriptor, made when missing: a directory, or a file for the bind of a non-directory. */
static int open_target(int root_fd, const struct mount_conf *m, bool directory, struct err *e)
{
	if (str_eq(m->type, "proc") || str_eq(m->type, "sysfs")) {
		/* These two must lie where they seem to: a symbolic link would let the image move them. */
		struct open_how how = { .flags = O_PATH | O_CLOEXEC,
					.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS };
		AUTO_FD int there = (int)syscall(SYS_openat2, root_fd, m->destination, &how, sizeof(how));
		if (there < 0 && errno == ELOOP)
			return err_set(e, -ELOOP, "filesystem \"%s\" must be mounted on ordinary directory", m->type);
	}
	int fd = directory ? fs_mkdir_in_root(root_fd, m->destination, 0755, e)
			   : fs_touch_in_root(root_fd, m->destination, 0644, e);
	return fd;
}

static int apply_bind(const struct mount_conf *m, int root_fd, struct err *e)
{
	const struct mount_options *o = &m->options;
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (o->rbind ? AT_RECURSIVE : 0);
	AUTO_FD int tree = sys_open_tree(AT_FDCWD, m->source, flags);
	if (tree < 0)
		return err_code(e, tree, "bind source %s", m->source);
	struct stat st;
	if (fstat(tree, &st) < 0)
		return err_sys(e, "stat %s", m->source);
	AUTO_FD int target = open_target(root_fd, m, S_ISDIR(st.st_mode), e);
	if (target < 0)
		return target;
	int r = check_proc(m, target, tree, e);
	return r < 0 ? r : mount_place(tree, target, o, e);
}

/* tmpfs takes the mode of the directory it covers unless one is given. */
static int default_tmpfs_mode(struct mount_options *o, int target_fd)
{
	struct stat st;
	for (size_t i = 0; i < strv_len(o->data); i++)
		if (str_has_prefix(o->data[i], "mode="))
			return 0;
	if (fstat(target_fd, &st) < 0)
		return -errno;
	AUTO_FREE char *mode = xasprintf("mode=%o", st.st_mode & 07777);
	strv_add(&o->data, mode);
	return 0;
}

/* Values that fsconfig cannot carry go the old way, onto the descriptor's own name in the host's /proc. */
static int apply_long(const struct mount_conf *m, int target_fd, struct err *e)
{
	char at[40];
	snprintf(at, sizeof(at), "/proc/self/fd/%d", target_fd);
	AUTO_FREE char *data = str_join(m->options.data ? m->options.data : (char *[]){ NULL }, ",");
	return mount(m->source, at, m->type, 0, data) < 0 ? err_sys(e, "mount") : 0;
}

static bool is_long(const struct mount_options *o)
{
	for (size_t i = 0; i < strv_len(o->data); i++)
		if (strlen(o->data[i]) > FSCONFIG_VALUE_MAX)
			return true;
	return false;
}

/* /dev stays writable until its nodes are made. */
static bool is_late_readonly(const struct mount_conf *m)
{
	return str_eq(m->destination, "/dev") && (m->options.attr_set & MOUNT_ATTR_RDONLY);
}

static int apply_new(const struct mount_conf *m, int root_fd, struct err *e)
{
	struct mount_options o = m->options;
	AUTO_FD int target = open_target(root_fd, m, true, e);
	if (target < 0)
		return target;
	int r = check_proc(m, target, -1, e);
	if (r < 0)
		return r;
	if (is_long(&o))
		return apply_long(m, target, e);
	o.data = strv_dup(o.data);
	if (is_late_readonly(m))
		o.attr_set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	if (str_eq(m->type, "tmpfs"))
		default_tmpfs_mode(&o, target);
	AUTO_FD int fd = mount_new_fs(m->type, m->source, &o, e);
	free_strv(&o.data);
	if (fd < 0)
		return fd;
	if (o.tmpcopyup)
		r = copy_up(target, fd, e);
	return r < 0 ? r : mount_place(fd, target, &o, e);
}

static int apply_remount(const struct mount_conf *m, int root_fd, struct err *e)
{
	AUTO_FD int fd = fs_open_in_root(root_fd, m->destination, O_PATH, 0, e);
	if (fd < 0)
		return fd;
	int r = sys_mount_setattr(fd, 0, m->options.attr_set, m->options.attr_clear, 0, -1);
	return r < 0 ? err_code(e, r, "remount") : 0;
}

static bool is_cgroup(const struct mount_conf *m)
{
	return str_eq(m->type, "cgroup") || str_eq(m->type, "cgroup2");
}

int mounts_apply(const struct config *c, int root_fd, const struct cgroup *cgroup, bool before_cgroup, size_t *at,
		 struct err *e)
{
	for (; *at < c->n_mounts; ++*at) {
		const struct mount_conf *m = &c->mounts[*at];
		int r;
		if (before_cgroup && is_cgroup(m))
			return 0;
		if (m->options.remount && !m->options.bind)
			r = apply_remount(m, root_fd, e);
		else if (m->options.bind)
			r = apply_bind(m, root_fd, e);
		else if (is_cgroup(m))
			r = mount_cgroup(c, m, root_fd, cgroup, e);
		else
			r = apply_new(m, root_fd, e);
		if (r < 0)
			return err_wrap(e, r, "error mounting \"%s\" to rootfs at \"%s\"", m->source, m->destination);
	}
	return 0;
}

static int late_readonly(const struct config *c, struct err *e)
{
	for (size_t i = 0; i < c->n_mounts; i++) {
		if (!is_late_readonly(&c->mounts[i]) || c->mounts[i].options.bind)
			continue;
		AUTO_FD int fd = open("/dev", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		int r = fd < 0 ? -errno : sys_mount_setattr(fd, 0, MOUNT_ATTR_RDONLY, 0, 0, -1);
		if (r < 0)
			return err_code(e, r, "make /dev read-only");
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

static int move_root(int root_fd, struct err *e)
{
	if (fchdir(root_fd) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return err_sys(e, "move the root");
	return 0;
}

int mounts_change_root(const struct config *c, int root_fd, bool no_pivot, struct err *e)
{
	int r = no_pivot ? move_root(root_fd, e) : pivot(root_fd, e);
	if (r == 0)
		r = late_readonly(c, e);
	if (r == 0 && c->root_propagation && mount("", "/", NULL, c->root_propagation, NULL) < 0)
		return err_sys(e, "set propagation of the root");
	return r;
}
