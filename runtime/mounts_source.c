/* Sources of bind mounts.
 *
 * Happy path: one open_tree(2), and one mount_setattr(2) for a mapping. For a child that cannot do it itself a helper,
 * which shares our memory and descriptors but not our namespaces, enters the child's mount namespace and root, and the
 * descriptor that it makes is ours. What can fail: the path, the mapping; the reason comes back. What always holds: the
 * caller's own namespaces, root and directory do not change, and the helper is gone when the function comes back. */
#include "runtime/mounts_source.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "runtime/idmap.h"
#include "runtime/syscalls.h"

#define STACK_BYTES 65536

int mounts_source_open(const struct mount_conf *m, int userns_fd, struct err *e)
{
	const struct mount_options *o = &m->options;
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (o->rbind ? AT_RECURSIVE : 0) |
			 (o->src_nofollow ? AT_SYMLINK_NOFOLLOW : 0);
	AUTO_FD int tree = sys_open_tree(AT_FDCWD, m->source, flags);
	if (tree < 0)
		return err_code(e, tree, "bind source %s", m->source);
	int r = userns_fd >= 0 ? idmap_apply(tree, userns_fd, o->ridmap, e) : 0;
	return r < 0 ? r : TAKE_FD(tree);
}

struct visit {
	const struct mount_conf *mount;
	int pidfd, root_fd, userns_fd;
	int result;
	struct err *err;
};

static int visit(void *arg)
{
	struct visit *v = arg;
	if (setns(v->pidfd, CLONE_NEWNS) < 0 || fchdir(v->root_fd) < 0 || chroot(".") < 0)
		v->result = err_sys(v->err, "enter the container's mount namespace");
	else
		v->result = mounts_source_open(v->mount, v->userns_fd, v->err);
	return 0;
}

static int open_of(pid_t pid, const char *name, int flags, struct err *e)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	int fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "open %s", path) : fd;
}

int mounts_source_open_for(const struct config *c, int index, pid_t pid, int pidfd, struct err *e)
{
	if (index < 0 || (size_t)index >= c->n_mounts || !c->mounts[index].options.bind)
		return err_set(e, -EBADMSG, "there is no bind mount %d", index);
	const struct mount_conf *m = &c->mounts[index];
	/* A mapping without ranges of its own is that of the container. */
	AUTO_FD int own = m->options.idmap && m->userns_fd < 0 ? open_of(pid, "ns/user", O_RDONLY, e) : -1;
	AUTO_FD int root = open_of(pid, "root", O_PATH | O_DIRECTORY, e);
	if (root < 0 || (own < 0 && m->options.idmap && m->userns_fd < 0))
		return root < 0 ? root : own;
	struct visit v = { m, pidfd, root, m->userns_fd >= 0 ? m->userns_fd : own, -EIO, e };
	AUTO_FREE char *stack = xmalloc(STACK_BYTES);
	pid_t helper = clone(visit, stack + STACK_BYTES, CLONE_VM | CLONE_VFORK | CLONE_FILES, &v);
	if (helper < 0)
		return err_sys(e, "clone");
	while (waitpid(helper, NULL, __WALL) < 0 && errno == EINTR)
		;
	return v.result < 0 ? err_wrap(e, v.result, "error mounting \"%s\" to rootfs at \"%s\"", m->source, m->destination)
			    : v.result;
}
