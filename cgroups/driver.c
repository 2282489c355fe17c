/* File helpers that both drivers use.
 *
 * Happy path: one open and one write or read per kernel file. What can fail: any of them; writes say which file, reads
 * that only feed statistics give 0. What always holds: values are written by a single write(2). */
#include "cgroups/driver.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "cgroups/resources_plan.h"

char *driver_dir(const struct cgroup *cg, const char *hierarchy_dir)
{
	return xasprintf("%s%s", hierarchy_dir, cg->path);
}

char *driver_tracking_dir(const struct cgroup *cg)
{
	static const char *const preferred[] = { "", "pids", "freezer", "memory" };
	for (size_t i = 0; i < ARRAY_LEN(preferred); i++) {
		const char *mount = cgroup_host_mount(cg->host, preferred[i]);
		if (mount)
			return driver_dir(cg, mount);
	}
	return driver_dir(cg, cg->host->v1[0].dir);
}

int driver_mkdir(const char *root_dir, const char *path, driver_level_fn *each, struct err *e)
{
	AUTO_FREE char *full = xasprintf("%s%s", root_dir, path);
	AUTO_FREE char *parent = xstrdup(root_dir);
	for (char *p = full + strlen(root_dir) + 1;; p++) {
		if (*p && *p != '/')
			continue;
		char c = *p;
		*p = '\0';
		bool made = mkdir(full, 0755) == 0;
		if (!made && errno != EEXIST)
			return err_sys(e, "mkdir %s", full);
		int r = each ? each(full, parent, made, e) : 0;
		if (r < 0 || !c)
			return r;
		free(parent);
		parent = xstrdup(full);
		*p = c;
	}
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

static int write_one(struct cgroup *cg, const struct resource_write *w, struct err *e)
{
	AUTO_STR dir = STR_INIT;
	if (cgroup_dir(cg, w->controller, &dir) < 0)
		return w->optional ? 0 : err_set(e, -EOPNOTSUPP, "%s: no cgroup controller \"%s\"", w->file, w->controller);
	int r = driver_write(str_text(&dir), w->file, w->value, e);
	return r == -ENOENT && w->optional ? 0 : r;
}

int driver_write_plan(struct cgroup *cg, const struct resources_plan *plan, struct err *e)
{
	AUTO_FREE bool *later = xcalloc(plan->n, sizeof(bool));
	for (size_t i = 0; i < plan->n; i++) {
		struct err why = ERR_INIT;
		int r = write_one(cg, &plan->writes[i], &why);
		later[i] = r == -EINVAL;
		if (r < 0 && !later[i]) {
			if (e)
				*e = why;
			return r;
		}
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
	int64_t limit = json_int_at(resources, "memory.limit", -1);
	AUTO_STR dir = STR_INIT;
	if (!json_bool_at(resources, "memory.checkBeforeUpdate", false) || limit <= 0 || cgroup_dir(cg, "memory", &dir) < 0)
		return 0;
	bool v2 = cg->host->mode == CGROUP_V2;
	uint64_t used = driver_read_u64(str_text(&dir), v2 ? "memory.current" : "memory.usage_in_bytes");
	if ((uint64_t)limit >= used)
		return 0;
	return err_set(e, -EBUSY, "rejecting memory limit %lld below the usage of %llu bytes", (long long)limit,
		       (unsigned long long)used);
}
