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

/* The host's node onto a file at the place; never through a link. */
static int bind_node(int dir, const char *name, const struct device_conf *d, struct err *e)
{
	struct stat st;
	AUTO_FD int tree = sys_open_tree(AT_FDCWD, d->path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0 || fstat(tree, &st) < 0)
		return err_code(e, tree < 0 ? tree : -errno, "bind %s", d->path);
	if (!is_device(&st, d))
		return err_set(e, -ENODEV, "%s of the host is another device", d->path);
	AUTO_FD int made = openat(dir, name, O_CREAT | O_EXCL | O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);
	AUTO_FD int at = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (at < 0 || fstat(at, &st) < 0)
		return err_sys(e, "create %s", d->path);
	int r = S_ISLNK(st.st_mode) ? -ELOOP : sys_move_mount(tree, at);
	return r < 0 ? err_code(e, r, "bind %s", d->path) : 0;
}

/* The directory of the last node: mostly the next one's too. */
struct parent {
	char *path; /* owned */
	int fd;
};

static void parent_done(struct parent *p)
{
	free_ptr(&p->path);
	close_fd(&p->fd);
	*p = (struct parent){ NULL, -1 };
}

static int open_parent(struct parent *p, int root_fd, const char *node, struct err *e)
{
	AUTO_FREE char *up = xstrndup(node, (size_t)(strrchr(node, '/') - node));
	if (p->path && str_eq(p->path, up))
		return 0;
	parent_done(p);
	p->fd = fs_mkdir_in_root(root_fd, up, 0755, e);
	p->path = p->fd < 0 ? NULL : TAKE(up);
	return p->fd < 0 ? p->fd : 0;
}

/* What stands there is the node and no link; then the owner, unless it is the one that mknod gave. */
static int own_node(int dir, const char *name, const struct device_conf *d, struct err *e)
{
	struct stat st;
	if (!d->uid && !d->gid)
		return 0;
	AUTO_FD int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "open %s", d->path);
	if (!is_device(&st, d))
		return err_set(e, -ENODEV, "%s is another file than the one that was made", d->path);
	return fchownat(fd, "", d->uid, d->gid, AT_EMPTY_PATH) < 0 ? err_sys(e, "set owner of %s", d->path) : 0;
}

static int make_node(int root_fd, struct parent *p, const struct device_conf *d, bool bind_only, struct err *e)
{
	struct stat st;
	const char *name = strrchr(d->path, '/') + 1;
	int r = open_parent(p, root_fd, d->path, e);
	if (r < 0 || bind_only)
		return r < 0 ? r : bind_node(p->fd, name, d, e);
	if (mknodat(p->fd, name, d->mode, d->rdev) == 0)
		return own_node(p->fd, name, d, e);
	if (errno == EPERM)
		return bind_node(p->fd, name, d, e);
	if (errno != EEXIST)
		return err_sys(e, "mknod %s", d->path);
	if (fstatat(p->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && is_device(&st, d))
		return 0; /* the image has it already */
	return err_set(e, -EEXIST, "%s exists and is not this device", d->path);
}

/* Always pts/ptmx: one that the image brings would be the host's. */
static int link_ptmx(int dev, struct err *e)
{
	if (symlinkat("pts/ptmx", dev, "ptmx") == 0)
		return 0;
	if (errno != EEXIST || (unlinkat(dev, "ptmx", 0) < 0 && errno != ENOENT))
		return err_sys(e, "remove /dev/ptmx");
	return symlinkat("pts/ptmx", dev, "ptmx") < 0 ? err_sys(e, "link /dev/ptmx") : 0;
}

static int make_links(int dev, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(links); i++) {
		if (links[i].only_if_exists && !fs_exists(links[i].target))
			continue;
		if (symlinkat(links[i].target, dev, links[i].name) < 0 && errno != EEXIST)
			return err_sys(e, "link /dev/%s", links[i].name);
	}
	return link_ptmx(dev, e);
}

int devices_make(const struct config *c, int root_fd, struct err *e)
{
	AUTO(parent_done) struct parent p = { NULL, -1 };
	if (c->own_dev)
		return 0;
	mode_t old = umask(0);
	int r = 0;
	for (size_t i = 0; r == 0 && i < c->n_devices; i++)
		if (!str_eq(c->devices[i].path, "/dev/ptmx"))
			r = make_node(root_fd, &p, &c->devices[i], c->ns[NS_USER].wanted, e);
	umask(old);
	if (r == 0)
		r = open_parent(&p, root_fd, "/dev/", e);
	return r < 0 ? r : make_links(p.fd, e);
}

static bool is_null(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
}

/* Looked at before it is opened, because opening some devices does something, and after. */
static int open_null(struct err *e)
{
	AUTO_FD int at = open("/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	AUTO_FD int fd = at >= 0 && is_null(at) ? open("/dev/null", O_RDWR | O_NOFOLLOW | O_CLOEXEC) : -1;
	if (fd < 0 || !is_null(fd))
		return err_set(e, -ENODEV, "container's /dev/null is invalid");
	return TAKE_FD(fd);
}

int devices_reopen_null(const struct config *c, struct err *e)
{
	AUTO_FD int fd = -1;
	for (int i = 0; i < 3 && !c->own_dev; i++) {
		if (!is_null(i))
			continue;
		if (fd < 0)
			fd = open_null(e);
		if (fd < 0)
			return fd;
		if (dup2(fd, i) < 0)
			return err_sys(e, "descriptor %d", i);
	}
	return 0;
}

int devices_bind_console(int root_fd, int console_fd, struct err *e)
{
	AUTO_FD int dev = fs_mkdir_in_root(root_fd, "dev", 0755, e);
	if (dev < 0)
		return dev;
	/* A new file only: opening what the image put there could do anything. */
	AUTO_FD int made = openat(dev, "console", O_CREAT | O_EXCL | O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0666);
	AUTO_FD int at = openat(dev, "console", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	if (at < 0 || fstat(at, &st) < 0 || S_ISLNK(st.st_mode) || S_ISDIR(st.st_mode))
		return err_set(e, -ELOOP, "/dev/console is not a file that can be covered");
	AUTO_FD int tree = sys_open_tree(console_fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	int r = tree < 0 ? tree : sys_move_mount(tree, at);
	return r < 0 ? err_code(e, r, "bind /dev/console") : 0;
}
