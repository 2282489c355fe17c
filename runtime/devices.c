/* /dev: nodes, links, console.
 *
 * Happy path: mknodat beside an in-root directory descriptor. In a user namespace, where mknod is refused, the host's node
 * is bound instead. What can fail: both. What always holds: what is bound is checked to be the device it should be. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/fs.h"
#include "base/mem.h"
#include "runtime/mounts.h"
#include "runtime/syscalls.h"

static const struct {
	const char *target, *name;
	bool only_if_exists;
} links[] = {
	{ "/proc/self/fd", "fd", false },   { "/proc/self/fd/0", "stdin", false }, { "/proc/self/fd/1", "stdout", false },
	{ "/proc/self/fd/2", "stderr", false }, { "/proc/kcore", "core", true },
};

static bool is_device(const struct stat *st, const struct device_conf *d)
{
	return (st->st_mode & S_IFMT) == (d->mode & S_IFMT) && (S_ISFIFO(d->mode) || st->st_rdev == d->rdev);
}

static int bind_node(int root_fd, const struct device_conf *d, struct err *e)
{
	AUTO_FD int tree = sys_open_tree(AT_FDCWD, d->path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	struct stat st;
	if (tree < 0 || fstat(tree, &st) < 0)
		return err_code(e, tree < 0 ? tree : -errno, "bind %s", d->path);
	if (!is_device(&st, d))
		return err_set(e, -ENODEV, "%s of the host is another device", d->path);
	AUTO_FD int at = fs_touch_in_root(root_fd, d->path, 0, e);
	int r = at < 0 ? at : sys_move_mount(tree, at);
	return r < 0 ? err_code(e, r, "bind %s", d->path) : 0;
}

static int make_node(int root_fd, const struct device_conf *d, bool bind_only, struct err *e)
{
	const char *slash = strrchr(d->path, '/');
	AUTO_FREE char *up = xstrndup(d->path, (size_t)(slash - d->path));
	AUTO_FD int dir = fs_mkdir_in_root(root_fd, up, 0755, e);
	if (dir < 0)
		return dir;
	if (bind_only)
		return bind_node(root_fd, d, e);
	if (mknodat(dir, slash + 1, d->mode, d->rdev) < 0) {
		struct stat st;
		if (errno == EPERM)
			return bind_node(root_fd, d, e);
		if (errno != EEXIST)
			return err_sys(e, "mknod %s", d->path);
		if (fstatat(dir, slash + 1, &st, AT_SYMLINK_NOFOLLOW) == 0 && is_device(&st, d))
			return 0; /* the image has it already */
		return err_set(e, -EEXIST, "%s exists and is not this device", d->path);
	}
	AUTO_FD int fd = openat(dir, slash + 1, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fchownat(fd, "", d->uid, d->gid, AT_EMPTY_PATH) < 0 ||
	    fchmodat(dir, slash + 1, d->mode & 07777, 0) < 0)
		return err_sys(e, "set owner and mode of %s", d->path);
	return 0;
}

static int make_links(int root_fd, struct err *e)
{
	AUTO_FD int dev = fs_mkdir_in_root(root_fd, "dev", 0755, e);
	if (dev < 0)
		return dev;
	for (size_t i = 0; i < ARRAY_LEN(links); i++) {
		if (links[i].only_if_exists && !fs_exists(links[i].target))
			continue;
		if (symlinkat(links[i].target, dev, links[i].name) < 0 && errno != EEXIST)
			return err_sys(e, "link /dev/%s", links[i].name);
	}
	AUTO_FD int pts = openat(dev, "pts/ptmx", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (pts < 0)
		return 0;
	if (unlinkat(dev, "ptmx", 0) < 0 && errno != ENOENT)
		return err_sys(e, "remove /dev/ptmx");
	return symlinkat("pts/ptmx", dev, "ptmx") < 0 ? err_sys(e, "link /dev/ptmx") : 0;
}

int devices_make(const struct config *c, int root_fd, struct err *e)
{
	if (c->own_dev)
		return 0;
	mode_t old = umask(0);
	int r = 0;
	for (size_t i = 0; r == 0 && i < c->n_devices; i++)
		r = make_node(root_fd, &c->devices[i], c->ns[NS_USER].wanted, e);
	umask(old);
	return r < 0 ? r : make_links(root_fd, e);
}

int devices_bind_console(int root_fd, int console_fd, struct err *e)
{
	AUTO_FD int dev = fs_mkdir_in_root(root_fd, "dev", 0755, e);
	if (dev < 0)
		return dev;
	AUTO_FD int made = openat(dev, "console", O_CREAT | O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666);
	AUTO_FD int at = openat(dev, "console", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	if (at < 0 || fstat(at, &st) < 0 || S_ISLNK(st.st_mode))
		return err_set(e, -ELOOP, "/dev/console is not a file that can be covered");
	AUTO_FD int tree = sys_open_tree(console_fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	int r = tree < 0 ? tree : sys_move_mount(tree, at);
	return r < 0 ? err_code(e, r, "bind /dev/console") : 0;
}
