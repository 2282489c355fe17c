/* File helpers that both drivers use.
 *
 * Happy path: one open and one write or read per kernel file. What can fail: any of them; writes say which file, reads
 * that only feed statistics give 0. What always holds: values are written by a single write(2). */
#include "cgroups/driver.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "cgroups/resources_plan.h"

/* "cpu" in "cpu,cpuacct"; "" only in "". */
static bool lists(const char *controllers, const char *name)
{
	size_t n = strlen(name);
	for (const char *p = controllers; (p = strstr(p, name)); p++) {
		if ((p == controllers || p[-1] == ',') && (!p[n] || p[n] == ','))
			return n || !*controllers;
		if (!*p)
			break;
	}
	return false;
}

struct cgroup_dir *driver_place(const struct cgroup *cg, const char *controller)
{
	if (cg->mode == CGROUP_V2)
		controller = "";
	for (size_t i = 0; i < cg->n; i++)
		if (lists(cg->dirs[i].controllers, controller))
			return &cg->dirs[i];
	return NULL;
}

const char *driver_dir(const struct cgroup *cg, const char *controller)
{
	const struct cgroup_dir *d = driver_place(cg, controller);
	return d ? d->path : NULL;
}

const char *driver_tracking_dir(const struct cgroup *cg)
{
	static const char *const preferred[] = { "", "pids", "freezer", "memory" };
	for (size_t i = 0; i < ARRAY_LEN(preferred); i++) {
		const char *dir = driver_dir(cg, preferred[i]);
		if (dir)
			return dir;
	}
	for (size_t i = 0; i < cg->n; i++)
		if (cg->dirs[i].path)
			return cg->dirs[i].path;
	return NULL;
}

#define FIRST_USER_NS 0xEFFFFFFDu /* the initial one's inode, the same on every kernel */

bool driver_unprivileged(void)
{
	struct stat st;
	return geteuid() != 0 || (stat("/proc/self/ns/user", &st) == 0 && st.st_ino != FIRST_USER_NS);
}

bool driver_forgo(struct cgroup *cg, struct cgroup_dir *d, int r)
{
	/* The unified hierarchy of a hybrid host only follows the processes; it is rarely delegated with the others. */
	bool needless = cg->by_default || (cg->mode == CGROUP_HYBRID && !*d->controllers);
	if ((r != -EACCES && r != -EPERM && r != -EROFS) || !needless || cg->lenient < 0 ||
	    (cg->lenient == 0 && !driver_unprivileged()))
		return false;
	free(d->path);
	d->path = NULL;
	return true;
}

static int refused(const char *dir, struct err *e)
{
	if (errno == EACCES)
		return err_set(e, -EACCES, "mkdir %s: permission denied", dir);
	return err_sys(e, "mkdir %s", dir);
}

static int each_level(struct cgroup_dir *d, driver_level_fn *each, struct err *e)
{
	AUTO_FREE char *full = xstrdup(d->path), *parent = xstrdup(d->mount);
	for (char *p = full + strlen(d->mount) + 1;; p++) {
		if (*p && *p != '/')
			continue;
		char c = *p;
		*p = '\0';
		bool made = mkdir(full, 0755) == 0;
		if (!made && errno != EEXIST)
			return refused(full, e);
		d->made = made;
		int r = each ? each(full, parent, made, e) : 0;
		if (r < 0 || !c)
			return r;
		free(parent);
		parent = xstrdup(full);
		*p = c;
	}
}

static int make_dir(struct cgroup_dir *d, driver_level_fn *each, struct err *e)
{
	if (each)
		return each_level(d, each, e);
	d->made = mkdir(d->path, 0755) == 0; /* mostly the parents are there */
	if (d->made || errno == EEXIST)
		return 0;
	return errno == ENOENT ? each_level(d, NULL, e) : refused(d->path, e);
}

int driver_mkdir(struct cgroup_dir *d, driver_level_fn *each, struct err *e)
{
	int r = make_dir(d, each, e);
	/* One that is there under the same name may be somebody else's. */
	if (r == 0 && !d->made && driver_unprivileged() && faccessat(AT_FDCWD, d->path, W_OK, AT_EACCESS) < 0)
		return refused(d->path, e);
	return r;
}

int driver_write(const char *dir, const char *file, const char *value, struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s/%s", dir, file);
	struct err why = ERR_INIT;
	int r = fs_write_existing(path, value, &why);
	if (r < 0)
		return err_code(e, r, "write \"%.100s\" to %s", value, path);
	return 0;
}

char *driver_read(const char *dir, const char *file)
{
	AUTO_FREE char *path = xasprintf("%s/%s", dir, file);
	AUTO_STR text = STR_INIT;
	if (fs_read_file(path, 1 << 20, &text, NULL) < 0)
		return NULL;
	while (text.len && (text.p[text.len - 1] == '\n' || text.p[text.len - 1] == '\0'))
		text.p[--text.len] = '\0';
	return str_take(&text);
}

#define V1_NO_LIMIT (INT64_MAX - 65535)

uint64_t driver_read_u64(const char *dir, const char *file)
{
	AUTO_FREE char *text = driver_read(dir, file);
	if (!text)
		return 0;
	if (str_eq(text, "max"))
		return UINT64_MAX;
	uint64_t v = strtoull(text, NULL, 10);
	return v >= V1_NO_LIMIT ? UINT64_MAX : v;
}

uint64_t driver_keyed_u64(const char *text, const char *key)
{
	size_t n = strlen(key);
	for (const char *p = text; p && *p;) {
		if (!strncmp(p, key, n) && p[n] == ' ')
			return strtoull(p + n + 1, NULL, 10);
		p = strchr(p, '\n');
		p = p ? p + 1 : NULL;
	}
	return 0;
}

int driver_kill_all(const struct cgroup *cg, struct err *e)
{
	/* A process that forks between the listing and its signal leaves a child for the next round; the rounds end
	 * because everything that is signalled dies. */
	for (int round = 0; round < 64; round++) {
		AUTO_FREE pid_t *pids = NULL;
		size_t n = 0, alive = 0;
		int r = cgroup_pids(cg, true, &pids, &n, e);
		if (r < 0)
			return r == -ENOENT ? 0 : r;
		for (size_t i = 0; i < n; i++)
			alive += kill(pids[i], SIGKILL) == 0;
		if (!alive || round == 63)
			return 0;
		usleep(1000);
	}
	return 0;
}

/* A file of the unified map that is not there: which of the two is missing, the controller or the file? */
static int explain_unified(const struct cgroup *cg, const struct resource_write *w, int r, struct err *e)
{
	AUTO_FREE char *name = xstrndup(w->file, strcspn(w->file, "."));
	AUTO_FREE char *list = driver_read(driver_dir(cg, ""), "cgroup.controllers");
	AUTO_STRV char **all = list ? str_split(list, ' ') : NULL;
	if ((r == -ENOENT || r == -EACCES || r == -EPERM) && !strv_has(all, name) && !str_eq(name, "cgroup"))
		return err_set(e, r, "unified resource \"%s\" can't be set: controller \"%s\" not available", w->file, name);
	return err_wrap(e, r, "unable to set unified resource \"%s\"", w->file);
}

/* What is used is told with a limit that is too low. */
static int explain_busy(const char *dir, const struct resource_write *w, struct err *e)
{
	return err_set(e, -EBUSY, "unable to set memory limit to %s (current usage: %llu, peak usage: %llu)", w->value,
		       (unsigned long long)driver_read_u64(dir, "memory.usage_in_bytes"),
		       (unsigned long long)driver_read_u64(dir, "memory.max_usage_in_bytes"));
}

/* 1: there is no such file, and that does not matter. */
static int write_one(struct cgroup *cg, const struct resource_write *w, struct err *e)
{
	const char *dir = driver_dir(cg, w->controller);
	if (!dir)
		return w->optional ? 1 : err_set(e, -EOPNOTSUPP, "cannot set %s limit: container could not join or create cgroup",
						 w->controller);
	int r = driver_write(dir, w->file, w->value, e);
	if (r == -ENOENT && w->optional)
		return 1;
	if (r < 0 && r != -EINVAL && str_eq(w->controller, "unified"))
		return explain_unified(cg, w, r, e);
	return r == -EBUSY && str_eq(w->file, "memory.limit_in_bytes") ? explain_busy(dir, w, e) : r;
}

int driver_write_plan(struct cgroup *cg, const struct resources_plan *plan, struct err *e)
{
	AUTO_FREE bool *later = xcalloc(plan->n + 1, sizeof(bool));
	for (size_t i = 0; i < plan->n; i++) {
		struct err why = ERR_INIT;
		int r = write_one(cg, &plan->writes[i], &why);
		later[i] = r == -EINVAL;
		if (r < 0 && !later[i]) {
			if (e)
				*e = why;
			return r;
		}
		if (plan->writes[i].or_next && r != 1)
			i++;
	}
	for (size_t i = 0; i < plan->n; i++) {
		int r = later[i] ? write_one(cg, &plan->writes[i], e) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

int driver_check_memory(const struct cgroup *cg, const json_t *resources, struct err *e)
{
	static const char *const fields[][2] = { { "memory.swap", "memory+swap" }, { "memory.limit", "memory" } };
	const char *dir = driver_dir(cg, "memory");
	if (!json_bool_at(resources, "memory.checkBeforeUpdate", false) || !dir)
		return 0;
	uint64_t used = driver_read_u64(dir, cg->mode == CGROUP_V2 ? "memory.current" : "memory.usage_in_bytes");
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		int64_t limit = json_int_at(resources, fields[i][0], 0);
		if (limit > 0 && (uint64_t)limit <= used)
			return err_set(e, -EBUSY, "rejecting %s limit %lld <= usage %llu", fields[i][1], (long long)limit,
				       (unsigned long long)used);
	}
	return 0;
}
