/* The worker's mounts.
 *
 * Happy path: private mount namespace, which receives from the host but gives nothing back; the root file system bound where
 * CRIU wants a mount whose parent is not covered; then the configuration's mount points, each bind mounted for the time
 * being, because the next may lie in it. What can fail: mounts, a root file system that cannot be written. What always
 * holds: mount points are found and made by openat2 below the root; all of it is gone with the worker. */
#include "runtime/restore_mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "runtime/syscalls.h"

int restore_root_make(struct restore_root *r, const struct config *c, const char *state_dir, struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s/criu-root", state_dir);
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return err_sys(e, "mkdir %s", path);
	char *real = realpath(path, NULL);
	if (!real)
		return err_sys(e, "resolve %s", path);
	*r = (struct restore_root){ .config = c, .path = real };
	return 0;
}

void restore_root_done(struct restore_root *r)
{
	if (r->path)
		rmdir(r->path);
	free(r->path);
	r->path = NULL;
}

/* What lies on a tmpfs comes back with it. */
static bool is_on_tmpfs(const struct config *c, const char *destination)
{
	for (size_t i = 0; i < c->n_mounts; i++) {
		const char *d = c->mounts[i].destination;
		size_t n = strlen(d);
		if (str_eq(c->mounts[i].type, "tmpfs") && str_has_prefix(destination, d) && destination[n] == '/')
			return true;
	}
	return false;
}

static int make_bind_point(int root_fd, const struct mount_conf *m, struct err *e)
{
	struct stat st;
	AUTO_FD int tree = sys_open_tree(AT_FDCWD, m->source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	if (tree < 0 || fstat(tree, &st) < 0)
		return err_code(e, tree < 0 ? tree : -errno, "bind source %s", m->source);
	AUTO_FD int at = S_ISDIR(st.st_mode) ? fs_mkdir_in_root(root_fd, m->destination, 0755, e)
					     : fs_touch_in_root(root_fd, m->destination, 0644, e);
	int r = at < 0 ? at : sys_move_mount(tree, at);
	return r < 0 && at >= 0 ? err_code(e, r, "bind %s", m->destination) : r;
}

static int make_points(const struct config *c, int root_fd, struct err *e)
{
	for (size_t i = 0; i < c->n_mounts; i++) {
		const struct mount_conf *m = &c->mounts[i];
		if (str_has_prefix(m->type ? m->type : "", "cgroup") || is_on_tmpfs(c, m->destination))
			continue; /* on a tmpfs, or below /sys */
		int r = 0;
		if (m->options.bind) {
			r = make_bind_point(root_fd, m, e);
		} else {
			AUTO_FD int fd = fs_mkdir_in_root(root_fd, m->destination, 0755, e);
			r = MIN(fd, 0);
		}
		if (r < 0)
			return err_wrap(e, r, "mount point %s", m->destination);
	}
	return 0;
}

int restore_root_enter(const struct restore_root *r, struct err *e)
{
	const char *rootfs = r->config->rootfs;
	if (unshare(CLONE_NEWNS) < 0 || mount("", "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
		return err_sys(e, "mount namespace for criu");
	if (mount(rootfs, r->path, NULL, MS_BIND | MS_REC, NULL) < 0)
		return err_sys(e, "bind rootfs %s", rootfs);
	if (mount("", r->path, NULL, MS_PRIVATE | MS_REC, NULL) < 0)
		return err_sys(e, "make %s private", r->path);
	AUTO_FD int root_fd = open(rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return err_sys(e, "invalid rootfs %s", rootfs);
	return make_points(r->config, root_fd, e);
}
