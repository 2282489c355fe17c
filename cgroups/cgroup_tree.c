/* The processes and the directories of a cgroup and of those below it.
 *
 * Happy path of removal: one rmdir a hierarchy; only where that does not do it, the children are looked for. What can fail:
 * processes that do not die. What always holds: removal never follows a symbolic link, and the children go first. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "cgroups/unit.h"

#define DESTROY_MS 2000
#define PIDS_MAX (1 << 22)

struct pid_list {
	pid_t *pids;
	size_t n, cap;
};

static int add_pids(const char *dir, struct pid_list *l, struct err *e)
{
	AUTO_FREE char *file = xasprintf("%s/cgroup.procs", dir);
	AUTO_STR text = STR_INIT;
	int r = fs_read_file(file, 64 << 20, &text, e);
	if (r < 0)
		return r == -ENODEV ? -ENOENT : r;
	for (char *p = text.p, *end; p && *p && l->n < PIDS_MAX; p = end) {
		long pid = strtol(p, &end, 10);
		if (end == p)
			break;
		if (l->n + 1 >= l->cap) {
			l->cap = l->cap ? l->cap * 2 : 16;
			l->pids = xreallocarray(l->pids, l->cap, sizeof(pid_t));
		}
		if (pid > 0)
			l->pids[l->n++] = (pid_t)pid;
		while (*end == '\n')
			end++;
	}
	return 0;
}

/* Calls visit(child directory) for every direct child. */
static int each_child(const char *dir, int (*visit)(const char *child, void *arg, struct err *e), void *arg, struct err *e)
{
	DIR *d = opendir(dir);
	if (!d)
		return errno == ENOENT ? 0 : err_sys(e, "opendir %s", dir);
	int r = 0;
	for (struct dirent *de; r == 0 && (de = readdir(d));) {
		if (de->d_type != DT_DIR || de->d_name[0] == '.')
			continue;
		AUTO_FREE char *child = xasprintf("%s/%s", dir, de->d_name);
		r = visit(child, arg, e);
	}
	closedir(d);
	return r;
}

static int add_pids_deep(const char *dir, void *arg, struct err *e)
{
	int r = add_pids(dir, arg, e);
	if (r == -ENOENT)
		return 0;
	return r < 0 ? r : each_child(dir, add_pids_deep, arg, e);
}

int driver_pids(const char *dir, bool deep, pid_t **ret, size_t *ret_n, struct err *e)
{
	struct pid_list l = { .pids = xcalloc(16, sizeof(pid_t)), .cap = 16 };
	int r = deep ? add_pids_deep(dir, &l, e) : add_pids(dir, &l, e);
	if (r < 0) {
		free(l.pids);
		return r;
	}
	l.pids[l.n] = 0;
	*ret = l.pids;
	*ret_n = l.n;
	return 0;
}

int cgroup_pids(const struct cgroup *cg, bool deep, pid_t **ret, size_t *ret_n, struct err *e)
{
	const char *dir = driver_tracking_dir(cg);
	int r = dir ? driver_pids(dir, deep, ret, ret_n, e) : err_set(e, -ENOENT, "the container has no cgroup");
	return r < 0 ? err_wrap(e, r, "cgroup %s: pids", cg->path) : 0;
}

/* One pass; -EBUSY while something dies in it. */
static int remove_once(const char *dir, void *arg, struct err *e)
{
	(void)arg;
	if (rmdir(dir) == 0 || errno == ENOENT)
		return 0;
	if (errno != EBUSY)
		return err_sys(e, "rmdir %s", dir);
	int r = each_child(dir, remove_once, NULL, e);
	if (r < 0)
		return r;
	return rmdir(dir) == 0 || errno == ENOENT ? 0 : err_sys(e, "rmdir %s", dir);
}

static int remove_all(const struct cgroup *cg, struct err *e)
{
	int first = 0;
	for (size_t i = 0; i < cg->n; i++) {
		const char *dir = cg->dirs[i].path;
		/* No permission: neither for making it, nothing to do. */
		int r = dir ? remove_once(dir, NULL, first ? NULL : e) : 0;
		first = first ? first : r;
	}
	return first;
}

static int destroy(struct cgroup *cg, bool kill, struct err *e)
{
	int64_t until = 0;
	if (cg->unit) { /* systemd kills what is in it; what it did not make is removed below */
		if (kill)
			cgroup_kill(cg, NULL);
		int r = unit_stop(cg, e);
		if (r < 0)
			return r;
	}
	for (long wait_us = 100;; wait_us = MIN(wait_us * 2, 20000)) {
		struct err mine = ERR_INIT;
		int r = remove_all(cg, &mine);
		int64_t now = r == -EBUSY ? clock_mono_ms() : 0;
		if (r == -EBUSY && !until) {
			until = now + DESTROY_MS;
			if (kill)
				cgroup_kill(cg, NULL);
		}
		if (r != -EBUSY || now > until) {
			if (r < 0 && e)
				*e = mine;
			return r;
		}
		nanosleep(&(struct timespec){ .tv_nsec = wait_us * 1000 }, NULL);
	}
}

int cgroup_destroy(struct cgroup *cg, struct err *e)
{
	return destroy(cg, false, e);
}

int cgroup_kill_and_destroy(struct cgroup *cg, struct err *e)
{
	return destroy(cg, true, e);
}
