/* The handle: path rules, what is the same for every driver, and the way into the vtable.
 *
 * What can fail: files that the kernel refuses; each error names the file. What always holds: a path never leaves the
 * mount roots (no "..", no empty component), and removal never follows a symbolic link. */
#include "cgroups/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "cgroups/driver.h"

#define DESTROY_MS 2000
#define PIDS_MAX (1 << 22)

/* "/a/b" from "a//b/"; NULL for "..", "." or nothing. */
static char *normalise(const char *path)
{
	AUTO_STRV char **parts = str_split(path, '/');
	AUTO_STR out = STR_INIT;
	for (size_t i = 0; i < strv_len(parts); i++) {
		if (!*parts[i])
			continue;
		if (str_eq(parts[i], ".") || str_eq(parts[i], "..") || strlen(parts[i]) > NAME_MAX || strchr(parts[i], '\n'))
			return NULL;
		str_addf(&out, "/%s", parts[i]);
	}
	return out.len && out.len < PATH_MAX / 2 ? str_take(&out) : NULL;
}

int cgroup_open(const struct cgroup_host *h, const char *path, struct cgroup **ret, struct err *e)
{
	char *clean = normalise(path);
	if (!clean)
		return err_set(e, -EINVAL, "invalid cgroup path \"%.200s\"", path);
	struct cgroup *cg = xcalloc(1, sizeof(*cg));
	cg->host = h;
	cg->path = clean;
	*ret = cg;
	return 0;
}

void cgroup_free(struct cgroup *cg)
{
	if (!cg)
		return;
	free(cg->path);
	free(cg);
}

void cgroup_free_ptr(struct cgroup **cg)
{
	cgroup_free(*cg);
}

const char *cgroup_path(const struct cgroup *cg)
{
	return cg->path;
}

int cgroup_dir(const struct cgroup *cg, const char *controller, struct str *ret)
{
	const char *mount = cgroup_host_mount(cg->host, cg->host->mode == CGROUP_V2 ? "" : controller);
	if (!mount)
		return -ENOENT;
	str_addf(ret, "%s%s", mount, cg->path);
	return 0;
}

int cgroup_create(struct cgroup *cg, struct err *e)
{
	int r = cg->host->driver->create(cg, e);
	return r < 0 ? err_wrap(e, r, "cgroup %s", cg->path) : 0;
}

bool cgroup_exists(const struct cgroup *cg)
{
	AUTO_FREE char *dir = driver_tracking_dir(cg);
	return fs_exists(dir);
}

int cgroup_attach(struct cgroup *cg, pid_t pid, struct err *e)
{
	int r = cg->host->driver->attach(cg, pid, e);
	return r < 0 ? err_wrap(e, r, "cgroup %s: attach %d", cg->path, pid) : 0;
}

int cgroup_clone_fd(const struct cgroup *cg, struct err *e)
{
	if (!cg->host->v2_dir)
		return err_set(e, -EOPNOTSUPP, "no unified cgroup hierarchy");
	AUTO_FREE char *dir = driver_dir(cg, cg->host->v2_dir);
	int fd = open(dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && cg->host->mode == CGROUP_HYBRID) {
		int r = driver_mkdir(cg->host->v2_dir, cg->path, NULL, e);
		if (r < 0)
			return r;
		fd = open(dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	return fd < 0 ? err_sys(e, "open %s", dir) : fd;
}

int cgroup_apply(struct cgroup *cg, const json_t *resources, struct err *e)
{
	int r = driver_check_memory(cg, resources, e);
	if (r == 0)
		r = cg->host->driver->apply(cg, resources, e);
	return r < 0 ? err_wrap(e, r, "cgroup %s", cg->path) : 0;
}

int cgroup_kill(struct cgroup *cg, struct err *e)
{
	int r = cg->host->driver->kill(cg, e);
	return r < 0 ? err_wrap(e, r, "cgroup %s: kill", cg->path) : 0;
}

int cgroup_freeze(struct cgroup *cg, struct err *e)
{
	int r = cg->host->driver->set_frozen(cg, true, e);
	return r < 0 ? err_wrap(e, r, "cgroup %s: freeze", cg->path) : 0;
}

int cgroup_thaw(struct cgroup *cg, struct err *e)
{
	int r = cg->host->driver->set_frozen(cg, false, e);
	return r < 0 ? err_wrap(e, r, "cgroup %s: thaw", cg->path) : 0;
}

bool cgroup_is_frozen(const struct cgroup *cg)
{
	return cg->host->driver->is_frozen(cg);
}

int cgroup_stats(const struct cgroup *cg, struct cgroup_stats *ret, struct err *e)
{
	struct cgroup_stats s = { .memory_limit_bytes = UINT64_MAX, .pids_limit = UINT64_MAX };
	int r = cg->host->driver->stats(cg, &s, e);
	if (r < 0)
		return err_wrap(e, r, "cgroup %s: stats", cg->path);
	*ret = s;
	return 0;
}

int cgroup_oom_kills(const struct cgroup *cg, uint64_t *ret, struct err *e)
{
	return cg->host->driver->oom_kills(cg, ret, e);
}

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

int cgroup_pids(const struct cgroup *cg, bool deep, pid_t **ret, size_t *ret_n, struct err *e)
{
	AUTO_FREE char *dir = driver_tracking_dir(cg);
	struct pid_list l = { .pids = xcalloc(16, sizeof(pid_t)), .cap = 16 };
	int r = deep ? add_pids_deep(dir, &l, e) : add_pids(dir, &l, e);
	if (r < 0) {
		free(l.pids);
		return err_wrap(e, r, "cgroup %s: pids", cg->path);
	}
	l.pids[l.n] = 0;
	*ret = l.pids;
	*ret_n = l.n;
	return 0;
}

/* One pass; -EBUSY while something dies in it. */
static int remove_once(const char *dir, void *arg, struct err *e)
{
	int r = each_child(dir, remove_once, arg, e);
	if (r < 0)
		return r;
	if (rmdir(dir) == 0 || errno == ENOENT)
		return 0;
	return err_sys(e, "rmdir %s", dir);
}

static int remove_waiting(const char *dir, struct err *e)
{
	int64_t until = clock_mono_ms() + DESTROY_MS;
	for (long wait_us = 100;; wait_us = MIN(wait_us * 2, 20000)) {
		struct err mine = ERR_INIT;
		int r = remove_once(dir, NULL, &mine);
		if (r != -EBUSY || clock_mono_ms() > until) {
			if (r < 0 && e)
				*e = mine;
			return r;
		}
		nanosleep(&(struct timespec){ .tv_nsec = wait_us * 1000 }, NULL);
	}
}

int cgroup_destroy(struct cgroup *cg, struct err *e)
{
	int first = 0;
	for (size_t i = 0; i < cg->host->n_v1; i++) {
		AUTO_FREE char *dir = driver_dir(cg, cg->host->v1[i].dir);
		int r = remove_waiting(dir, first ? NULL : e);
		first = first ? first : r;
	}
	if (cg->host->v2_dir) {
		AUTO_FREE char *dir = driver_dir(cg, cg->host->v2_dir);
		int r = remove_waiting(dir, first ? NULL : e);
		first = first ? first : r;
	}
	return first;
}
