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
#include <sys/xattr.h>

#include "base/fs.h"
#include "base/mem.h"
#include "runtime/copy_up.h"
#include "runtime/mounts_plan.h"
#include "runtime/mounts_source.h"
#include "runtime/sync.h"
#include "runtime/syscalls.h"

#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x1000
#endif
#define FSCONFIG_VALUE_MAX 255

static int fs_option(int fs, const char *option, struct err *e)
{
	const char *eq = strchr(option, '=');
	AUTO_FREE char *key = eq ? xstrndup(option, (size_t)(eq - option)) : xstrdup(option);
	int r = eq ? sys_fsconfig(fs, FSCONFIG_SET_STRING, key, eq + 1, 0) : sys_fsconfig(fs, FSCONFIG_SET_FLAG, key, NULL, 0);
	return r < 0 ? err_code(e, r, "option \"%.200s\"", option) : 0;
}

static int fs_options(int fs, const struct mount_options *o, struct err *e)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < strv_len(o->sb_flags); i++)
		r = fs_option(fs, o->sb_flags[i], e);
	for (size_t i = 0; r == 0 && i < strv_len(o->data); i++)
		r = fs_option(fs, o->data[i], e);
	return r;
}

int mount_new_fs(const char *type, const char *source, const struct mount_options *o, struct err *e)
{
	AUTO_FD int fs = sys_fsopen(type);
	if (fs < 0)
		return err_code(e, fs, "file system \"%s\"", type);
	int r = *source ? sys_fsconfig(fs, FSCONFIG_SET_STRING, "source", source, 0) : 0;
	if (r < 0)
		return err_code(e, r, "source \"%s\"", source);
	r = o ? fs_options(fs, o, e) : 0;
	/* A block device is opened read-only; pseudo file systems share one superblock and take the mount's attribute. */
	if (r == 0 && o && *source == '/' && (o->attr_set & MOUNT_ATTR_RDONLY))
		r = fs_option(fs, "ro", e);
	if (r < 0)
		return r;
	r = sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (r < 0)
		return err_code(e, r, "create superblock");
	int fd = sys_fsmount(fs, o ? (unsigned)o->attr_set : 0);
	return fd < 0 ? err_code(e, fd, "fsmount") : fd;
}

/* Recursive attributes, the move, the propagation. */
static int place(int mount_fd, int target_fd, const struct mount_options *o, struct err *e)
{
	int r = 0;
	if (o->rec_set | o->rec_clear)
		r = sys_mount_setattr(mount_fd, AT_RECURSIVE, o->rec_set, o->rec_clear, 0, -1);
	if (r < 0)
		return err_code(e, r, "set recursive mount attributes");
	r = sys_move_mount(mount_fd, target_fd);
	if (r < 0)
		return err_code(e, r, "move mount");
	if (o->propagation)
		r = sys_mount_setattr(mount_fd, o->propagation_rec ? AT_RECURSIVE : 0, 0, 0, o->propagation, -1);
	return r < 0 ? err_code(e, r, "set propagation") : 0;
}

int mount_place(int mount_fd, int target_fd, const struct mount_options *o, struct err *e)
{
	int r = o->attr_set | o->attr_clear ? sys_mount_setattr(mount_fd, 0, o->attr_set, o->attr_clear, 0, -1) : 0;
	return r < 0 ? err_code(e, r, "set mount attributes") : place(mount_fd, target_fd, o, e);
}

/* The mount became the container's root: root_fd stands for it from now on. */
static int follow_root(const struct mounts_job *j, const struct mount_conf *m, int mount_fd, struct err *e)
{
	if (!str_eq(m->destination, "/"))
		return 0;
	return dup3(mount_fd, j->root_fd, O_CLOEXEC) < 0 ? err_sys(e, "new root") : 0;
}

/* procfs and sysfs must lie where they seem to: a symbolic link on the way would let the image move them. */
static int open_plain(int root_fd, const char *path)
{
	struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
				.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS };
	return sys_ret(syscall(SYS_openat2, root_fd, path, &how, sizeof(how)));
}

static int open_plain_target(int root_fd, const struct mount_conf *m, struct err *e)
{
	int fd = open_plain(root_fd, m->destination);
	if (fd == -ENOENT) {
		AUTO_FD int made = fs_mkdir_in_root(root_fd, m->destination, 0755, e);
		if (made < 0)
			return made;
		fd = open_plain(root_fd, m->destination);
	}
	if (fd == -ELOOP || fd == -ENOTDIR)
		return err_set(e, fd, "filesystem \"%s\" must be mounted on ordinary directory", m->type);
	return fd < 0 ? err_code(e, fd, "open %s in root", m->destination) : fd;
}

/* After the move: what stands at the path is this very mount. */
static int check_plain(int root_fd, const struct mount_conf *m, int mount_fd, struct err *e)
{
	struct statx at, own;
	AUTO_FD int fd = open_plain(root_fd, m->destination);
	if (fd < 0 || statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &at) < 0 ||
	    statx(mount_fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &own) < 0 || at.stx_mnt_id != own.stx_mnt_id)
		return err_set(e, -ELOOP, "filesystem \"%s\" must be mounted on ordinary directory", m->type);
	return 0;
}

/* The destination as a descriptor, made when missing: a directory, or a file for the bind of a non-directory (source_fd,
 * else -1). */
static int open_target(int root_fd, const struct mount_conf *m, int source_fd, bool *ret_made, struct err *e)
{
	struct stat st = { .st_mode = S_IFDIR };
	struct err mine = ERR_INIT;
	int fd = fs_open_in_root(root_fd, m->destination, O_PATH | (m->options.dest_nofollow ? O_NOFOLLOW : 0), 0, &mine);
	*ret_made = fd == -ENOENT;
	if (fd >= 0)
		return fd;
	if (fd != -ENOENT)
		return err_set(e, fd, "%s", err_text(&mine));
	if (source_fd >= 0 && fstat(source_fd, &st) < 0)
		return err_sys(e, "stat %s", m->source);
	return S_ISDIR(st.st_mode) ? fs_mkdir_in_root(root_fd, m->destination, 0755, e)
				   : fs_touch_in_root(root_fd, m->destination, 0644, e);
}

static bool is_proc(int fd)
{
	struct statfs fs;
	return fd >= 0 && fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

static int check_proc(const struct mount_conf *m, int target_fd, int source_fd, struct err *e)
{
	struct mounts_place p = { .destination = m->destination,
				  .type = m->type,
				  .target_in_proc = is_proc(target_fd),
				  .bind = m->options.bind,
				  .source_is_proc = m->options.bind && is_proc(source_fd) };
	return mounts_plan_check_proc(&p, e);
}

static int ask_for_source(const struct mounts_job *j, const struct mount_conf *m, struct err *e)
{
	enum sync_type type;
	int fd = -1, r = sync_send(j->sync_fd, SYNC_MOUNT, (int)(m - j->config->mounts), -1);
	if (r == 0)
		r = sync_receive(j->sync_fd, &type, NULL, &fd, e);
	if (r == 0 && (type != SYNC_MOUNT || fd < 0))
		r = err_set(e, -EBADMSG, "no source for the mount");
	return r < 0 ? r : fd;
}

/* Root of a user namespace may neither map ids of the host's file systems nor go where the host keeps him out. */
static int open_source(const struct mounts_job *j, const struct mount_conf *m, struct err *e)
{
	bool user = j->config->ns[NS_USER].wanted;
	if (user && m->options.idmap)
		return ask_for_source(j, m, e);
	int fd = mounts_source_open(m, m->userns_fd, user ? NULL : e);
	if (fd >= 0 || !user)
		return fd;
	if (fd == -EACCES && geteuid() == 0 && j->sync_fd >= 0)
		return ask_for_source(j, m, e);
	return err_code(e, fd, "bind source %s", m->source);
}

/* The flags asked for; those that are locked in this user namespace stay. */
static int set_flags(int mount_fd, const struct mount_options *o, struct err *e)
{
	struct statfs fs;
	struct mounts_change c = mounts_plan_bind(o);
	int r = c.set | c.clear ? sys_mount_setattr(mount_fd, 0, c.set, c.clear, 0, -1) : 0;
	if (r == -EPERM) {
		if (fstatfs(mount_fd, &fs) < 0)
			return err_sys(e, "statfs");
		r = mounts_plan_locked(o, mounts_plan_statfs((unsigned long)fs.f_flags), &c, e);
		if (r < 0)
			return r;
		r = sys_mount_setattr(mount_fd, 0, c.set, c.clear, 0, -1);
	}
	return r < 0 ? err_code(e, r, "failed to set user-requested vfs flags on bind-mount") : 0;
}

/* A link as the source is made again instead of mounted. True when that is done. */
static int copy_link(const struct mounts_job *j, const struct mount_conf *m, struct err *e)
{
	char text[4096];
	ssize_t n = m->options.copy_symlink ? readlink(m->source, text, sizeof(text) - 1) : -1;
	if (n < 0)
		return 0;
	text[n] = '\0';
	const char *slash = strrchr(m->destination, '/');
	AUTO_FREE char *up = xstrndup(m->destination, (size_t)(slash - m->destination));
	AUTO_FD int dir = fs_mkdir_in_root(j->root_fd, up, 0755, e);
	if (dir < 0)
		return dir;
	if (symlinkat(text, dir, slash + 1) == 0)
		return 1;
	char there[4096];
	ssize_t k = errno == EEXIST ? readlinkat(dir, slash + 1, there, sizeof(there)) : -1;
	return k == n && !memcmp(there, text, (size_t)n) ? 1 : err_set(e, -EEXIST, "a link cannot be made there");
}

static int apply_bind(const struct mounts_job *j, const struct mount_conf *m, struct err *e)
{
	bool made;
	int r = copy_link(j, m, e);
	if (r)
		return r < 0 ? r : 0;
	AUTO_FD int tree = open_source(j, m, e);
	if (tree < 0)
		return tree;
	AUTO_FD int target = open_target(j->root_fd, m, tree, &made, e);
	if (target < 0)
		return target;
	r = check_proc(m, target, tree, e);
	if (r == 0)
		r = set_flags(tree, &m->options, e);
	if (r == 0)
		r = place(tree, target, &m->options, e);
	return r < 0 ? r : follow_root(j, m, tree, e);
}

static bool has_data(const struct mount_options *o, const char *prefix)
{
	for (size_t i = 0; i < strv_len(o->data); i++)
		if (str_has_prefix(o->data[i], prefix))
			return true;
	return false;
}

/* tmpfs takes the mode of the directory it covers unless one is given. */
static void inherit_mode(struct mount_options *o, int target_fd)
{
	struct stat st;
	if (has_data(o, "mode=") || fstat(target_fd, &st) < 0)
		return;
	AUTO_FREE char *mode = xasprintf("mode=%o", st.st_mode & 07777);
	strv_add(&o->data, mode);
}

/* Values that fsconfig cannot carry. */
static bool is_long(const struct mount_options *o)
{
	for (size_t i = 0; i < strv_len(o->data); i++)
		if (strlen(o->data[i]) > FSCONFIG_VALUE_MAX)
			return true;
	return false;
}

/* linux.mountLabel, where the kernel has SELinux and the file system takes labels of its own. */
static void add_label(const struct config *c, const struct mount_conf *m, struct mount_options *o)
{
	static const char *const without[] = { "proc", "sysfs", "mqueue", "cgroup", "cgroup2", NULL };
	if (str_empty(c->mount_label) || strv_has((char *const *)without, m->type) || has_data(o, "context=") ||
	    !fs_exists("/sys/fs/selinux/enforce"))
		return;
	const char *quote = is_long(o) ? "\"" : ""; /* in one text with the others its commas are its own */
	AUTO_FREE char *context = xasprintf("context=%s%s%s", quote, c->mount_label, quote);
	strv_add(&o->data, context);
}

/* A message queue file system takes no context=; its root has the label as an attribute. */
static int label_root(const struct config *c, const struct mount_conf *m, int fd, struct err *e)
{
	char at[40];
	if (str_empty(c->mount_label) || !str_eq(m->type, "mqueue") || !fs_exists("/sys/fs/selinux/enforce"))
		return 0;
	snprintf(at, sizeof(at), "/proc/self/fd/%d", fd);
	return setxattr(at, "security.selinux", c->mount_label, strlen(c->mount_label), 0) < 0 ? err_sys(e, "set label") : 0;
}

/* They go the old way, onto the descriptor's own name in the host's /proc. */
static int apply_long(const struct mounts_job *j, const struct mount_conf *m, const struct mount_options *o, int target_fd,
		      struct err *e)
{
	char at[40];
	snprintf(at, sizeof(at), "/proc/self/fd/%d", target_fd);
	AUTO_FREE char *data = str_join(o->data, ",");
	if (mount(m->source, at, m->type, o->flags, data) < 0)
		return err_sys(e, "mount");
	AUTO_FD int top = fs_open_in_root(j->root_fd, m->destination, O_PATH, 0, e);
	int r = top >= 0 && o->propagation
			? sys_mount_setattr(top, o->propagation_rec ? AT_RECURSIVE : 0, 0, 0, o->propagation, -1)
			: 0;
	return top < 0 ? top : r < 0 ? err_code(e, r, "set propagation") : 0;
}

bool mounts_is_late_readonly(const struct mount_conf *m)
{
	return str_eq(m->destination, "/dev") && (m->options.attr_set & MOUNT_ATTR_RDONLY);
}

/* The file system and, where the directory's content is to be kept, a copy of that in it. */
static int make_fs(const struct mount_conf *m, const struct mount_options *o, int target_fd, struct err *e)
{
	struct mount_options own = *o;
	bool late = o->tmpcopyup && (o->attr_set & MOUNT_ATTR_RDONLY);
	if (late || mounts_is_late_readonly(m))
		own.attr_set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	AUTO_FD int fd = mount_new_fs(m->type, m->source, &own, e);
	int r = fd < 0 ? fd : o->tmpcopyup ? copy_up(target_fd, fd, e) : 0;
	if (r == 0 && late) {
		r = sys_mount_setattr(fd, 0, MOUNT_ATTR_RDONLY, 0, 0, -1);
		if (r < 0)
			err_code(e, r, "make read-only");
	}
	return r < 0 ? r : TAKE_FD(fd);
}

static int place_fs(const struct mounts_job *j, const struct mount_conf *m, struct mount_options *o, int target, struct err *e)
{
	if (is_long(o))
		return apply_long(j, m, o, target, e);
	AUTO_FD int fd = make_fs(m, o, target, e);
	int r = fd < 0 ? fd : label_root(j->config, m, fd, e);
	if (r == 0)
		r = place(fd, target, o, e);
	return r < 0 ? r : follow_root(j, m, fd, e);
}

/* proc and sysfs. */
static int apply_plain(const struct mounts_job *j, const struct mount_conf *m, struct err *e)
{
	AUTO_FD int target = open_plain_target(j->root_fd, m, e);
	int r = target < 0 ? target : check_proc(m, target, -1, e);
	if (r < 0)
		return r;
	AUTO_FD int fd = mount_new_fs(m->type, m->source, &m->options, e);
	r = fd < 0 ? fd : place(fd, target, &m->options, e);
	return r < 0 ? r : check_plain(j->root_fd, m, fd, e);
}

static int apply_new(const struct mounts_job *j, const struct mount_conf *m, struct err *e)
{
	struct mount_options o = m->options;
	bool made;
	AUTO_FD int target = open_target(j->root_fd, m, -1, &made, e);
	int r = target < 0 ? target : check_proc(m, target, -1, e);
	if (r < 0)
		return r;
	o.data = strv_dup(o.data);
	if (str_eq(m->type, "tmpfs") && !made)
		inherit_mode(&o, target);
	add_label(j->config, m, &o);
	r = place_fs(j, m, &o, target, e);
	free_strv(&o.data);
	return r;
}

/* Options of the file system itself. */
static int reconfigure(int fd, const struct mount_options *o, struct err *e)
{
	if (o->bind || !(strv_len(o->data) + strv_len(o->sb_flags)))
		return 0;
	AUTO_FD int fs = sys_fspick(fd);
	if (fs < 0)
		return err_code(e, fs, "remount");
	int r = fs_options(fs, o, e);
	if (r < 0)
		return r;
	r = sys_fsconfig(fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0);
	return r < 0 ? err_code(e, r, "remount") : 0;
}

/* Changes what is mounted there already. */
static int apply_remount(const struct mounts_job *j, const struct mount_conf *m, struct err *e)
{
	const struct mount_options *o = &m->options;
	if (!o->remount && !o->propagation)
		return err_set(e, -ENODEV, "file system type is missing");
	AUTO_FD int fd = fs_open_in_root(j->root_fd, m->destination, O_PATH, 0, e);
	int r = fd < 0 ? fd : reconfigure(fd, o, e);
	if (r == 0)
		r = set_flags(fd, o, e);
	if (r == 0 && (o->rec_set | o->rec_clear))
		r = sys_mount_setattr(fd, AT_RECURSIVE, o->rec_set, o->rec_clear, 0, -1);
	if (r == 0 && o->propagation)
		r = sys_mount_setattr(fd, o->propagation_rec ? AT_RECURSIVE : 0, 0, 0, o->propagation, -1);
	return r < 0 && e && !e->code ? err_code(e, r, "remount") : r;
}

static int apply_cgroup(const struct mounts_job *j, const struct mount_conf *m, struct err *e)
{
	return mount_cgroup(j->config, m, j->root_fd, j->cgroup, e);
}

typedef int apply_fn(const struct mounts_job *j, const struct mount_conf *m, struct err *e);

static apply_fn *kind_of(const struct mount_conf *m)
{
	static const struct {
		const char *type;
		apply_fn *fn;
	} kinds[] = { { "proc", apply_plain },	  { "sysfs", apply_plain }, { "cgroup", apply_cgroup },
		      { "cgroup2", apply_cgroup }, { "", apply_remount },    { "none", apply_remount } };
	if (m->options.remount)
		return apply_remount;
	if (m->options.bind)
		return apply_bind;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (str_eq(m->type, kinds[i].type))
			return kinds[i].fn;
	return apply_new;
}

static bool is_cgroup(const struct mount_conf *m)
{
	return kind_of(m) == apply_cgroup;
}

int mounts_apply(struct mounts_job *j, bool before_cgroup, struct err *e)
{
	for (; j->at < j->config->n_mounts; j->at++) {
		const struct mount_conf *m = &j->config->mounts[j->at];
		if (before_cgroup && is_cgroup(m))
			return 0;
		int r = kind_of(m)(j, m, e);
		if (r < 0)
			return err_wrap(e, r, "error mounting \"%s\" to rootfs at \"%s\"", m->source, m->destination);
	}
	return 0;
}
