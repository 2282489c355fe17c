/* Masked and read-only paths.
 *
 * Happy path: a masked file is covered by the host's /dev/null, a masked directory by an empty read-only tmpfs that all of
 * them share, a read-only path by a read-only bind of itself. What can fail: each mount; a path that is absent is skipped.
 * What always holds: the cover is put on the very inode that was opened, and the null device is checked by the descriptor
 * that is then mounted; the container's own /dev plays no part. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/fs.h"
#include "base/mem.h"
#include "runtime/mounts.h"
#include "runtime/syscalls.h"

/* Covers that are used again and again; -1 until the first use. */
struct covers {
	int null_fd; /* the host's null device */
	int dir_fd;  /* an empty read-only tmpfs that has its place already */
};

static int open_null(struct covers *c, struct err *e)
{
	struct stat st;
	if (c->null_fd >= 0)
		return 0;
	AUTO_FD int fd = open("/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "open /dev/null");
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return err_set(e, -ENODEV, "/dev/null is not the null device");
	c->null_fd = TAKE_FD(fd);
	return 0;
}

static int cover_file(struct covers *c, int at, struct err *e)
{
	int r = open_null(c, e);
	if (r < 0)
		return r;
	AUTO_FD int tree = sys_open_tree(c->null_fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	r = tree < 0 ? tree : sys_move_mount(tree, at);
	return r < 0 ? err_code(e, r, "bind /dev/null") : 0;
}

static int new_empty(const char *label, struct err *e)
{
	AUTO_FREE char *context = label ? xasprintf("context=%s", label) : NULL;
	char *data[] = { "nr_blocks=1", "nr_inodes=1", context, NULL };
	struct mount_options o = { .data = data, .attr_set = MOUNT_ATTR_RDONLY };
	return mount_new_fs("tmpfs", "tmpfs", &o, e);
}

/* All directories share one file system; the first that is covered holds it. */
static int cover_dir(struct covers *c, int at, const char *label, struct err *e)
{
	bool first = c->dir_fd < 0;
	AUTO_FD int tree = first ? new_empty(label, e)
				 : sys_open_tree(c->dir_fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (tree < 0)
		return tree;
	int r = sys_move_mount(tree, at);
	if (r < 0)
		return err_code(e, r, "mount tmpfs");
	if (first)
		c->dir_fd = TAKE_FD(tree);
	return 0;
}

/* Absent is fine; so is a path through what is no directory. */
static bool is_absent(int r)
{
	return r == -ENOENT || r == -ENOTDIR;
}

static int mask(struct covers *c, const struct config *conf, int root_fd, const char *path, struct err *e)
{
	struct stat st;
	AUTO_FD int at = fs_open_in_root(root_fd, path, O_PATH, 0, e);
	if (at < 0)
		return at;
	if (fstat(at, &st) < 0)
		return err_sys(e, "stat");
	const char *label = str_empty(conf->mount_label) || !fs_exists("/sys/fs/selinux/enforce") ? NULL : conf->mount_label;
	return S_ISDIR(st.st_mode) ? cover_dir(c, at, label, e) : cover_file(c, at, e);
}

static int make_readonly(struct covers *c, const struct config *conf, int root_fd, const char *path, struct err *e)
{
	(void)c;
	(void)conf;
	AUTO_FD int at = fs_open_in_root(root_fd, path, O_PATH, 0, e);
	if (at < 0)
		return at;
	AUTO_FD int tree = sys_open_tree(at, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH);
	int r = tree < 0 ? tree : sys_mount_setattr(tree, 0, MOUNT_ATTR_RDONLY, 0, 0, -1);
	if (r == 0)
		r = sys_move_mount(tree, at);
	return r < 0 ? err_code(e, r, "bind") : 0;
}

typedef int path_fn(struct covers *c, const struct config *conf, int root_fd, const char *path, struct err *e);

static int each(const json_t *list, const struct config *conf, int root_fd, const char *what, path_fn *fn, struct err *e)
{
	struct covers c = { -1, -1 };
	size_t i;
	json_t *v;
	int r = 0;
	json_array_foreach(list, i, v)
	{
		struct err mine = ERR_INIT;
		const char *path = json_string_value(v);
		if (!path || strlen(path) != json_string_length(v))
			r = err_set(&mine, -EINVAL, "no text");
		else
			r = fn(&c, conf, root_fd, path, &mine);
		if (is_absent(r))
			r = 0;
		if (r < 0) {
			err_set(e, r, "can't %s path \"%.200s\": %s", what, path ? path : "", err_text(&mine));
			break;
		}
	}
	close_fd(&c.null_fd);
	close_fd(&c.dir_fd);
	return r;
}

int masks_apply(const struct config *c, int root_fd, struct err *e)
{
	int r = each(c->readonly_paths, c, root_fd, "make read-only", make_readonly, e);
	if (r == 0)
		r = each(c->masked_paths, c, root_fd, "mask", mask, e);
	if (r == 0 && c->rootfs_readonly) {
		r = sys_mount_setattr(root_fd, 0, MOUNT_ATTR_RDONLY, 0, 0, -1);
		if (r < 0)
			return err_code(e, r, "make the root read-only");
	}
	return r;
}
