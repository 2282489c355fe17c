/* Masked and read-only paths.
 *
 * Happy path: a masked file is covered by /dev/null, a masked directory by an empty read-only tmpfs, a read-only path by a
 * read-only bind of itself. What can fail: each mount; a path that is absent is skipped. What always holds: the cover is
 * put on the very inode that was opened, and /dev/null is checked to be the null device. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/fs.h"
#include "base/mem.h"
#include "runtime/mounts.h"
#include "runtime/syscalls.h"

/* A detached clone of the host's null device. */
static int null_tree(struct err *e)
{
	AUTO_FD int fd = sys_open_tree(AT_FDCWD, "/dev/null", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	struct stat st;
	if (fd < 0)
		return err_code(e, fd, "open /dev/null");
	if (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return err_set(e, -ENODEV, "/dev/null is not the null device");
	return TAKE_FD(fd);
}

static int empty_tree(struct err *e)
{
	char *data[] = { "size=0", "nr_inodes=2", NULL };
	struct mount_options o = { .data = data };
	AUTO_FD int fd = mount_new_fs("tmpfs", "tmpfs", &o, e);
	int r = fd < 0 ? fd : sys_mount_setattr(fd, 0, MOUNT_ATTR_RDONLY, 0, 0, -1);
	return r < 0 ? r : TAKE_FD(fd);
}

static int mask(int root_fd, const char *path, struct err *e)
{
	AUTO_FD int at = fs_open_in_root(root_fd, path, O_PATH, 0, e);
	if (at == -ENOENT || at == -ENOTDIR)
		return 0;
	struct stat st;
	if (at < 0 || fstat(at, &st) < 0)
		return at < 0 ? at : -errno;
	AUTO_FD int cover = S_ISDIR(st.st_mode) ? empty_tree(e) : null_tree(e);
	int r = cover < 0 ? cover : sys_move_mount(cover, at);
	return r < 0 ? err_code(e, r, "mask path \"%s\"", path) : 0;
}

static int make_readonly(int root_fd, const char *path, struct err *e)
{
	AUTO_FD int at = fs_open_in_root(root_fd, path, O_PATH, 0, e);
	if (at == -ENOENT || at == -ENOTDIR)
		return 0;
	if (at < 0)
		return at;
	AUTO_FD int tree = sys_open_tree(at, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH);
	int r = tree < 0 ? tree : sys_mount_setattr(tree, AT_RECURSIVE, MOUNT_ATTR_RDONLY, 0, 0, -1);
	if (r == 0)
		r = sys_move_mount(tree, at);
	return r < 0 ? err_code(e, r, "make path \"%s\" read-only", path) : 0;
}

static int each(const json_t *list, int root_fd, int (*fn)(int, const char *, struct err *), struct err *e)
{
	size_t i;
	json_t *v;
	json_array_foreach(list, i, v)
	{
		const char *path = json_string_value(v);
		if (!path)
			return err_set(e, -EINVAL, "masked and read-only paths must be strings");
		struct err mine = ERR_INIT;
		int r = fn(root_fd, path, &mine);
		if (r < 0) {
			if (e)
				*e = mine;
			return r;
		}
	}
	return 0;
}

int masks_apply(const struct config *c, int root_fd, struct err *e)
{
	int r = each(c->readonly_paths, root_fd, make_readonly, e);
	if (r == 0)
		r = each(c->masked_paths, root_fd, mask, e);
	if (r == 0 && c->rootfs_readonly) {
		r = sys_mount_setattr(root_fd, 0, MOUNT_ATTR_RDONLY, 0, 0, -1);
		if (r < 0)
			return err_code(e, r, "make the root read-only");
	}
	return r;
}
