/* Id-mapped mounts.
 *
 * Happy path: a process without a program is cloned into a new user namespace, its maps are written, a descriptor of the
 * namespace is taken, the process ends. What can fail: privilege, limits of namespaces, maps that the kernel refuses
 * (-EINVAL). What always holds: the process is gone when the function comes back; it shares our memory and touches none. */
#include "runtime/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/fs.h"
#include "base/mem.h"
#include "runtime/spawn.h"
#include "runtime/syscalls.h"

#ifndef MOUNT_ATTR_IDMAP
#define MOUNT_ATTR_IDMAP 0x00100000
#endif
#define STACK_BYTES 16384

static int wait_for_the_end(void *unused)
{
	(void)unused;
	for (;;)
		syscall(SYS_pause);
	return 0;
}

static int open_namespace(pid_t pid, struct err *e)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "open %s", path) : fd;
}

int idmap_open(const struct idmap_conf *map, struct err *e)
{
	AUTO_FREE char *stack = xmalloc(STACK_BYTES);
	pid_t pid = clone(wait_for_the_end, stack + STACK_BYTES, CLONE_VM | CLONE_NEWUSER, NULL);
	if (pid < 0)
		return err_sys(e, "clone into a user namespace for the mapping");
	int r = spawn_write_maps(pid, map, e);
	if (r == 0)
		r = open_namespace(pid, e);
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	return r;
}

static bool same(const struct id_map *a, size_t n_a, const struct id_map *b, size_t n_b)
{
	return n_a == n_b && (!n_a || !memcmp(a, b, n_a * sizeof(*a)));
}

bool idmap_equal(const struct idmap_conf *a, const struct idmap_conf *b)
{
	return same(a->uids, a->n_uids, b->uids, b->n_uids) && same(a->gids, a->n_gids, b->gids, b->n_gids);
}

/* A descriptor that an earlier mount has for the same mapping, or -1. */
static int find_earlier(const struct config *c, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (c->mounts[i].userns_fd >= 0 && idmap_equal(&c->mounts[i].idmap, &c->mounts[at].idmap))
			return c->mounts[i].userns_fd;
	return -1;
}

int idmap_open_all(struct config *c, struct err *e)
{
	for (size_t i = 0; i < c->n_mounts; i++) {
		struct mount_conf *m = &c->mounts[i];
		if (!m->idmap.n_uids)
			continue;
		int earlier = find_earlier(c, i);
		m->userns_fd = earlier >= 0 ? fcntl(earlier, F_DUPFD_CLOEXEC, 3) : idmap_open(&m->idmap, e);
		if (m->userns_fd < 0)
			return earlier >= 0 ? err_sys(e, "mapping of %s", m->destination)
					    : err_wrap(e, m->userns_fd, "mapping of mount %s", m->destination);
	}
	return 0;
}

int idmap_apply(int mount_fd, int userns_fd, bool recursive, struct err *e)
{
	int r = sys_mount_setattr(mount_fd, recursive ? AT_RECURSIVE : 0, MOUNT_ATTR_IDMAP, 0, 0, userns_fd);
	return r < 0 ? err_code(e, r, "map ids of the mount") : 0;
}
