/* The cgroup mount: what the container sees at /sys/fs/cgroup.
 *
 * Happy path on v2: a bind of the container's own directory, or a fresh cgroup2 where it has a cgroup namespace. On v1 and
 * hybrid: a tmpfs with one directory a hierarchy and links for controllers that share one. What can fail: each mount.
 * What always holds: without a cgroup namespace only the container's own subtree is visible. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "runtime/mounts.h"
#include "runtime/syscalls.h"

/* In the place of a cgroup that an ordinary user's container does not have: nothing, so that the host's does not show. */
static int nothing(struct err *e)
{
	char *data[] = { "mode=755", NULL };
	AUTO_FD int fd = mount_new_fs("tmpfs", "tmpfs", &(struct mount_options){ .data = data }, e);
	int r = fd < 0 ? fd : sys_mount_setattr(fd, 0, MOUNT_ATTR_RDONLY, 0, 0, -1);
	return r < 0 && fd >= 0 ? err_code(e, r, "cover the cgroups") : r < 0 ? r : TAKE_FD(fd);
}

static int own_tree(const char *dir, struct err *e)
{
	if (!dir)
		return nothing(e);
	int fd = sys_open_tree(AT_FDCWD, dir, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	return fd < 0 ? err_code(e, fd, "bind %s", dir) : fd;
}

static int v2_tree(const struct config *c, const char *dir, struct err *e)
{
	if (c->ns[NS_CGROUP].wanted) {
		int fd = mount_new_fs("cgroup2", "cgroup", NULL, NULL);
		if (fd >= 0)
			return fd; /* else: refused in a user namespace, bind instead */
	}
	return own_tree(dir, e);
}

/* In a cgroup namespace a v1 hierarchy is mounted again and shows the namespace's root; else its directory is bound. */
static int v1_tree(const struct config *c, char *const *controllers, const char *dir, struct err *e)
{
	if (c->ns[NS_CGROUP].wanted) {
		struct mount_options o = { 0 };
		for (; controllers && *controllers; controllers++) {
			if (str_has_prefix(*controllers, "name="))
				strv_add(&o.data, "none");
			strv_add(&o.data, *controllers);
		}
		int fd = mount_new_fs("cgroup", "cgroup", &o, NULL);
		mount_options_done(&o);
		if (fd >= 0)
			return fd;
	}
	return own_tree(dir, e);
}

static int place_in(int tmpfs_fd, const char *name, int tree_fd, const struct mount_options *o, struct err *e)
{
	if (mkdirat(tmpfs_fd, name, 0755) < 0 && errno != EEXIST)
		return err_sys(e, "mkdir %s", name);
	AUTO_FD int at = openat(tmpfs_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return at < 0 ? err_sys(e, "open %s", name) : mount_place(tree_fd, at, o, e);
}

/* In a cgroup namespace, with the plain flags, one call does what takes eight for a detached mount; nobody but this process
 * sees the tmpfs yet. False: that is not so, or it was refused. */
static bool mount_at_once(const struct config *c, const struct mount_options *o, int tmpfs_fd, const char *name, const char *list)
{
	const uint64_t plain = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
	if (!c->ns[NS_CGROUP].wanted || (o->attr_set & ~plain) || o->rec_set || o->rec_clear || mkdirat(tmpfs_fd, name, 0755) < 0)
		return false;
	unsigned long flags = (o->attr_set & MOUNT_ATTR_RDONLY ? MS_RDONLY : 0) | (o->attr_set & MOUNT_ATTR_NOSUID ? MS_NOSUID : 0) |
			      (o->attr_set & MOUNT_ATTR_NODEV ? MS_NODEV : 0) | (o->attr_set & MOUNT_ATTR_NOEXEC ? MS_NOEXEC : 0);
	AUTO_FREE char *at = xasprintf("/proc/self/fd/%d/%s", tmpfs_fd, name);
	AUTO_FREE char *data = xasprintf("%s%s", str_has_prefix(list, "name=") ? "none," : "", list);
	return mount("cgroup", at, *list ? "cgroup" : "cgroup2", flags, *list ? data : NULL) == 0;
}

/* One hierarchy in its directory, with links for controllers that share it. */
static int place_hierarchy(const struct config *c, const struct mount_options *o, int tmpfs_fd, const char *list, const char *mount,
			   const char *dir, struct err *e)
{
	AUTO_STRV char **controllers = *list ? str_split(list, ',') : NULL;
	const char *name = str_base_name(mount);
	bool done = mount_at_once(c, o, tmpfs_fd, name, list);
	AUTO_FD int tree = done ? -1 : *list ? v1_tree(c, controllers, dir, e) : v2_tree(c, dir, e);
	int r = done ? 0 : tree < 0 ? tree : place_in(tmpfs_fd, name, tree, o, e);
	for (size_t k = 0; r == 0 && controllers && controllers[1] && controllers[k]; k++)
		if (symlinkat(name, tmpfs_fd, controllers[k]) < 0 && errno != EEXIST)
			return err_sys(e, "link %s", controllers[k]);
	return r;
}

static int fill_v1(const struct config *c, const struct mount_options *o, int tmpfs_fd, const struct cgroup *cgroup, struct err *e)
{
	const char *list, *mount, *dir;
	int r = 0;
	for (size_t i = 0; r == 0 && cgroup_place(cgroup, i, &list, &mount, &dir); i++) {
		struct err why = ERR_INIT;
		/* An ordinary user may have no directory, but can mount the hierarchy in a cgroup namespace. */
		r = dir || c->ns[NS_CGROUP].wanted ? place_hierarchy(c, o, tmpfs_fd, list, mount, dir, &why) : 0;
		if (r == -ENOENT) /* neither: the root of a user namespace, too, has to go without */
			r = 0;
		else if (r < 0 && e)
			*e = why;
	}
	return r;
}

static int mount_v1(const struct config *c, const struct mount_conf *m, int target_fd, const struct cgroup *cgroup,
		    struct err *e)
{
	struct mount_options o = m->options, flags = m->options;
	char *data[] = { "mode=755", NULL };
	o.data = data;
	o.sb_flags = NULL;
	o.attr_set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	AUTO_FD int fd = mount_new_fs("tmpfs", "tmpfs", &o, e);
	int r = fd < 0 ? fd : mount_place(fd, target_fd, &o, e);
	if (r < 0)
		return r;
	flags.propagation = 0;
	r = fill_v1(c, &flags, fd, cgroup, e);
	if (r == 0 && (m->options.attr_set & MOUNT_ATTR_RDONLY))
		r = sys_mount_setattr(fd, 0, MOUNT_ATTR_RDONLY, 0, 0, -1);
	return r < 0 ? err_wrap(e, r, "cgroup hierarchies") : 0;
}

int mount_cgroup(const struct config *c, const struct mount_conf *m, int root_fd, const struct cgroup *cgroup, struct err *e)
{
	AUTO_FD int target = fs_mkdir_in_root(root_fd, m->destination, 0755, e);
	if (target < 0)
		return target;
	if (cgroup_mode(cgroup) != CGROUP_V2)
		return mount_v1(c, m, target, cgroup, e);
	const char *list, *mount = NULL, *dir = NULL;
	cgroup_place(cgroup, 0, &list, &mount, &dir);
	AUTO_FD int tree = v2_tree(c, dir, e); /* NULL: an ordinary user has none */
	return tree < 0 ? tree : mount_place(tree, target, &m->options, e);
}
