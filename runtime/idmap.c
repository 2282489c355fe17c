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
#define MAP_MAX (64 << 10)

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

/* A descriptor of a user namespace with the mapping; nobody lives in it. mount_setattr(2), MOUNT_ATTR_IDMAP.
 * Call where /proc shows the caller's own pid namespace. */
static int idmap_open(const struct idmap_conf *map, struct err *e)
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

/* The same ranges in the same order. */
static bool idmap_equal(const struct idmap_conf *a, const struct idmap_conf *b)
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

/* One line of the kernel's text; moves *text on. */
static bool next_range(const char **text, struct id_map *ret)
{
	int used = 0;
	if (sscanf(*text, "%u %u %u%n", &ret->inside, &ret->outside, &ret->count, &used) != 3)
		return false;
	*text += used;
	return true;
}

/* The ranges of the text of a uid_map or gid_map are those of maps, in any order. user_namespaces(7). */
static bool idmap_is(const char *text, const struct id_map *maps, size_t n)
{
	struct id_map m;
	size_t found = 0, lines = 0;
	for (; next_range(&text, &m); lines++)
		for (size_t i = 0; i < n; i++)
			found += !memcmp(&m, &maps[i], sizeof(m));
	return found == n && lines == n;
}

struct look {
	int userns_fd, result, fds[2];
};

/* Only from within does a namespace show its maps as its parent sees them. */
static int look_inside(void *arg)
{
	struct look *l = arg;
	if (setns(l->userns_fd, CLONE_NEWUSER) < 0) {
		l->result = -errno;
		return 0;
	}
	l->fds[0] = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
	l->fds[1] = open("/proc/self/gid_map", O_RDONLY | O_CLOEXEC);
	l->result = l->fds[0] < 0 || l->fds[1] < 0 ? -errno : 0;
	return 0;
}

static int read_maps(int userns_fd, struct str *uids, struct str *gids, struct err *e)
{
	struct look l = { userns_fd, -EIO, { -1, -1 } };
	AUTO_FREE char *stack = xmalloc(STACK_BYTES);
	pid_t pid = clone(look_inside, stack + STACK_BYTES, CLONE_VM | CLONE_VFORK | CLONE_FILES, &l);
	if (pid < 0)
		return err_sys(e, "clone");
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	AUTO_FD int uid_fd = l.fds[0], gid_fd = l.fds[1];
	if (l.result < 0)
		return err_code(e, l.result, "look into the user namespace");
	int r = fs_read_fd(uid_fd, MAP_MAX, uids, e);
	return r < 0 ? r : fs_read_fd(gid_fd, MAP_MAX, gids, e);
}

int idmap_check_joined(const struct config *c, int userns_fd, struct err *e)
{
	AUTO_STR uids = STR_INIT, gids = STR_INIT;
	if (userns_fd < 0 || !(c->n_uid_maps + c->n_gid_maps))
		return 0;
	int r = read_maps(userns_fd, &uids, &gids, e);
	if (r < 0)
		return r;
	if (idmap_is(str_text(&uids), c->uid_maps, c->n_uid_maps) && idmap_is(str_text(&gids), c->gid_maps, c->n_gid_maps))
		return 0;
	return err_set(e, -EINVAL, "user namespaces enabled, but both namespace path and non-matching mapping specified -- "
				   "you may only provide one");
}

int idmap_apply(int mount_fd, int userns_fd, bool recursive, struct err *e)
{
	int r = sys_mount_setattr(mount_fd, recursive ? AT_RECURSIVE : 0, MOUNT_ATTR_IDMAP, 0, 0, userns_fd);
	return r < 0 ? err_code(e, r, "map ids of the mount") : 0;
}
