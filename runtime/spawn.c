/* Clone and join.
 *
 * Happy path: clone3 with all new namespaces at once. A pid namespace is joined by the parent around the clone (it only
 * concerns children) and left again; a time namespace likewise, because its clock offsets must be set before anyone is in
 * it. What can fail: privilege, -ENOSPC at the limits of namespaces. What always holds: after an error and in the parent
 * the caller is in the namespaces in which it was before. */
#include "runtime/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "runtime/rootless.h"
#include "runtime/syscalls.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif

static int write_offsets(const json_t *offsets, struct err *e)
{
	AUTO_STR text = STR_INIT;
	const char *clock;
	json_t *o;
	json_object_foreach((json_t *)offsets, clock, o)
	{
		if (!str_eq(clock, "monotonic") && !str_eq(clock, "boottime"))
			return err_set(e, -EINVAL, "time offset for clock \"%.32s\"", clock);
		str_addf(&text, "%s %lld %lld\n", clock, (long long)json_int_at(o, "secs", 0),
			 (long long)json_int_at(o, "nanosecs", 0));
	}
	return text.len ? fs_write_existing("/proc/self/timens_offsets", str_text(&text), e) : 0;
}

struct origin {
	int pid_fd, time_fd;
};

static int leave(const struct spawn *s, struct origin *o, struct err *e)
{
	if (s->pid_ns_fd >= 0) {
		o->pid_fd = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
		if (o->pid_fd < 0 || setns(s->pid_ns_fd, CLONE_NEWPID) < 0)
			return err_sys(e, "join pid namespace");
	}
	if (!s->new_time)
		return 0;
	o->time_fd = open("/proc/self/ns/time", O_RDONLY | O_CLOEXEC);
	if (o->time_fd < 0 || unshare(CLONE_NEWTIME) < 0)
		return err_sys(e, "make time namespace");
	return write_offsets(s->time_offsets, e);
}

int spawn_own_time(const json_t *offsets, struct err *e)
{
	if (unshare(CLONE_NEWTIME) < 0)
		return err_sys(e, "make time namespace");
	return write_offsets(offsets, e);
}

static void come_back(struct origin *o)
{
	if (o->pid_fd >= 0)
		setns(o->pid_fd, CLONE_NEWPID);
	if (o->time_fd >= 0)
		setns(o->time_fd, CLONE_NEWTIME);
	close_fd(&o->pid_fd);
	close_fd(&o->time_fd);
}

int spawn_clone(const struct spawn *s, int *ret_pidfd, struct err *e)
{
	struct origin o = { -1, -1 };
	int pidfd = -1;
	struct clone_args a = {
		.flags = s->flags | CLONE_PIDFD | (s->clone_parent ? CLONE_PARENT : 0) |
			 (s->cgroup_fd >= 0 ? CLONE_INTO_CGROUP : 0),
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		.exit_signal = s->clone_parent ? 0 : SIGCHLD,
		.cgroup = s->cgroup_fd >= 0 ? (uint64_t)s->cgroup_fd : 0,
	};
	int r = leave(s, &o, e);
	if (r == 0) {
		r = sys_clone3(&a);
		if (r < 0)
			err_code(e, r, "clone");
	}
	if (r == 0 && pidfd < 0) { /* the child: only its namespaces for children may differ, and they are the wanted ones */
		close_fd(&o.pid_fd);
		close_fd(&o.time_fd);
		return 0;
	}
	come_back(&o);
	if (r > 0)
		*ret_pidfd = pidfd;
	return r;
}

int spawn_open_namespaces(const struct config *c, int ret_fds[NS_COUNT], struct err *e)
{
	for (int i = 0; i < NS_COUNT; i++) {
		ret_fds[i] = -1;
		if (!c->ns[i].path)
			continue;
		ret_fds[i] = open(c->ns[i].path, O_RDONLY | O_CLOEXEC);
		if (ret_fds[i] < 0)
			return err_sys(e, "namespace %s path %s", ns_kinds[i].oci, c->ns[i].path);
		if (ioctl(ret_fds[i], NS_GET_NSTYPE) != (int)ns_kinds[i].flag)
			return err_set(e, -EINVAL, "%s is no %s namespace", c->ns[i].path, ns_kinds[i].oci);
	}
	return 0;
}

int spawn_become_root(struct err *e)
{
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return err_sys(e, "become root of the user namespace");
	if (setgroups(0, NULL) < 0 && errno != EPERM)
		return err_sys(e, "setgroups");
	return 0;
}

int spawn_join(const int fds[NS_COUNT], struct err *e)
{
	bool left[NS_COUNT] = { false };
	/* What our own privileges reach first; the rest when we have those of the joined user namespace. */
	for (int i = 0; i < NS_COUNT; i++) {
		if (i == NS_USER || i == NS_MNT || fds[i] < 0)
			continue;
		if (setns(fds[i], (int)ns_kinds[i].flag) < 0) {
			if (errno != EPERM || fds[NS_USER] < 0)
				return err_sys(e, "join %s namespace", ns_kinds[i].oci);
			left[i] = true;
		}
	}
	if (fds[NS_USER] >= 0) {
		if (setns(fds[NS_USER], CLONE_NEWUSER) < 0)
			return err_sys(e, "join user namespace");
		int r = spawn_become_root(e);
		if (r < 0)
			return r;
	}
	for (int i = 0; i < NS_COUNT; i++)
		if ((left[i] || i == NS_MNT) && fds[i] >= 0 && setns(fds[i], (int)ns_kinds[i].flag) < 0)
			return err_sys(e, "join %s namespace", ns_kinds[i].oci);
	return 0;
}

static int write_map(pid_t pid, const char *file, const struct id_map *maps, size_t n, struct err *e)
{
	AUTO_STR text = STR_INIT;
	char path[64];
	for (size_t i = 0; i < n; i++)
		str_addf(&text, "%u %u %u\n", maps[i].inside, maps[i].outside, maps[i].count);
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	return fs_write_existing(path, str_text(&text), e);
}

int spawn_write_maps(pid_t pid, const struct idmap_conf *map, struct err *e)
{
	int r = write_map(pid, "uid_map", map->uids, map->n_uids, e);
	return r < 0 ? r : write_map(pid, "gid_map", map->gids, map->n_gids, e);
}

int spawn_map_ids(const struct config *c, pid_t pid, struct err *e)
{
	if (!c->ns[NS_USER].wanted || c->ns[NS_USER].path)
		return 0;
	if (geteuid() != 0)
		return rootless_map_ids(c, pid, e);
	int r = write_map(pid, "uid_map", c->uid_maps, c->n_uid_maps, e);
	return r < 0 ? r : write_map(pid, "gid_map", c->gid_maps, c->n_gid_maps, e);
}

uint64_t spawn_new_flags(const struct config *c)
{
	uint64_t flags = 0;
	for (int i = 0; i < NS_COUNT; i++)
		if (c->ns[i].wanted && !c->ns[i].path && i != NS_CGROUP && i != NS_TIME)
			flags |= ns_kinds[i].flag;
	return flags;
}
