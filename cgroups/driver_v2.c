/* The v2 driver: one directory in the unified hierarchy.
 *
 * Happy path of create: on the way down every controller that a level offers is enabled for its children. What can fail:
 * a level that holds processes itself cannot hand controllers down (the kernel's rule); that shows as an error only when a
 * limit of such a controller is asked for. What always holds: freeze and thaw return when cgroup.events says so. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "cgroups/device_rules.h"
#include "cgroups/driver.h"
#include "cgroups/resources_plan.h"

#define FREEZE_MS 2000

static bool is_domain(const char *dir)
{
	AUTO_FREE char *type = driver_read(dir, "cgroup.type");
	return str_eq(type, "domain");
}

/* Enables in parent what it offers and has not enabled yet: all at once, and where that fails one by one. */
static void enable_controllers(const char *parent)
{
	AUTO_FREE char *offered = driver_read(parent, "cgroup.controllers");
	AUTO_FREE char *enabled = driver_read(parent, "cgroup.subtree_control");
	if (!offered || !enabled)
		return;
	AUTO_STRV char **all = str_split(offered, ' ');
	AUTO_STRV char **have = str_split(enabled, ' ');
	AUTO_STR want = STR_INIT;
	for (size_t i = 0; i < strv_len(all); i++)
		if (*all[i] && !strv_has(have, all[i]))
			str_addf(&want, "%s+%s", want.len ? " " : "", all[i]);
	int r = want.len ? driver_write(parent, "cgroup.subtree_control", str_text(&want), NULL) : 0;
	/* It has processes: the controllers that it could still hand down would make it a cgroup of threads, which no new
	 * process can come into. */
	if (r == 0 || (r == -EBUSY && is_domain(parent)))
		return;
	AUTO_STRV char **each = str_split(str_text(&want), ' ');
	for (size_t i = 0; i < strv_len(each); i++)
		driver_write(parent, "cgroup.subtree_control", each[i], NULL);
}

/* Called for every level; controllers of a new directory's parent are enabled whether or not it was made just now. Below a
 * cgroup of threads a new one can hold nothing until it is threaded too. */
static int hand_down(const char *dir, const char *parent, bool made, struct err *e)
{
	(void)e;
	enable_controllers(parent);
	AUTO_FREE char *type = made ? driver_read(dir, "cgroup.type") : NULL;
	if (str_eq(type, "domain invalid"))
		driver_write(dir, "cgroup.type", "threaded", NULL);
	return 0;
}

/* The directory has all controllers of the mount already: its parents were set up before. */
static bool is_equipped(const struct cgroup_dir *d)
{
	AUTO_FREE char *all = driver_read(d->mount, "cgroup.controllers"), *own = driver_read(d->path, "cgroup.controllers");
	return own && str_eq(all, own);
}

static int v2_create(struct cgroup *cg, struct err *e)
{
	struct cgroup_dir *d = &cg->dirs[0];
	struct err why = ERR_INIT;
	if (d->early)
		return 0;
	bool made = mkdir(d->path, 0755) == 0;
	int r = made && is_equipped(d) ? 0 : driver_mkdir(d, hand_down, &why);
	d->made |= made;
	if (r < 0 && driver_forgo(cg, d, r))
		return 0;
	if (r < 0 && e)
		*e = why;
	return r;
}

static int v2_attach(struct cgroup *cg, pid_t pid, struct err *e)
{
	const char *dir = driver_dir(cg, "");
	AUTO_FREE char *text = xasprintf("%d", pid);
	return dir ? driver_write(dir, "cgroup.procs", text, e) : 0;
}

static int apply_devices(const char *dir, const json_t *devices, struct err *e)
{
	AUTO_DEVICE_RULES rules = { 0 };
	int r = device_rules_parse(devices, &rules, e);
	if (r < 0)
		return r;
	struct err why = ERR_INIT;
	r = device_rules_attach(&rules, dir, &why);
	if ((r == -EPERM || r == -EACCES) && driver_unprivileged())
		return 0; /* no program may be loaded, and no device node can be made */
	if (r < 0 && e)
		*e = why;
	return r;
}

static int v2_apply(struct cgroup *cg, const json_t *resources, struct err *e)
{
	AUTO_RESOURCES_PLAN plan = { 0 };
	const char *dir = driver_dir(cg, "");
	int r = resources_plan(resources, true, &plan, e);
	if (r < 0)
		return r;
	if (!dir && plan.n)
		return err_set(e, -EACCES, "rootless needs no limits + no cgrouppath when no permission is granted for cgroups: "
					   "permission denied");
	r = driver_write_plan(cg, &plan, e);
	const json_t *devices = json_at(resources, "devices");
	return r == 0 && devices && dir ? apply_devices(dir, devices, e) : r;
}

static bool v2_is_frozen(const struct cgroup *cg)
{
	const char *dir = driver_dir(cg, "");
	return dir && driver_read_u64(dir, "cgroup.freeze") == 1;
}

static int v2_set_frozen(struct cgroup *cg, bool frozen, struct err *e)
{
	const char *dir = driver_dir(cg, "");
	if (!dir)
		return err_set(e, -EOPNOTSUPP, "cannot toggle freezer: cgroups not configured for container");
	int r = driver_write(dir, "cgroup.freeze", frozen ? "1" : "0", e);
	if (r < 0 || !frozen) /* an ancestor may hold it still */
		return r;
	int64_t until = clock_mono_ms() + FREEZE_MS;
	for (long wait_us = 50;; wait_us = MIN(wait_us * 2, 10000)) {
		AUTO_FREE char *events = driver_read(dir, "cgroup.events");
		if (driver_keyed_u64(events, "frozen") == 1)
			return 0;
		if (clock_mono_ms() > until) {
			driver_write(dir, "cgroup.freeze", "0", NULL);
			return err_set(e, -ETIMEDOUT, "unable to freeze");
		}
		nanosleep(&(struct timespec){ .tv_nsec = wait_us * 1000 }, NULL);
	}
}

static int v2_kill(struct cgroup *cg, struct err *e)
{
	const char *dir = driver_dir(cg, "");
	if (!dir || driver_write(dir, "cgroup.kill", "1", NULL) == 0 || !cgroup_exists(cg))
		return 0;
	return driver_kill_all(cg, e); /* kernels before 5.14; SIGKILL ends a frozen process on v2 */
}

static void memory_stats(const char *dir, struct cgroup_stats *s)
{
	AUTO_FREE char *stat = driver_read(dir, "memory.stat"), *events = driver_read(dir, "memory.events");
	s->memory_usage_bytes = driver_read_u64(dir, "memory.current");
	s->memory_max_usage_bytes = driver_read_u64(dir, "memory.peak");
	s->memory_swap_bytes = driver_read_u64(dir, "memory.swap.current");
	if (events) {
		s->memory_limit_bytes = driver_read_u64(dir, "memory.max");
		s->memory_oom_kills = driver_keyed_u64(events, "oom_kill");
		s->memory_failcnt = driver_keyed_u64(events, "max");
	}
	s->memory_rss_bytes = driver_keyed_u64(stat, "anon");
	s->memory_cache_bytes = driver_keyed_u64(stat, "file");
	s->memory_page_faults = driver_keyed_u64(stat, "pgfault");
	s->memory_major_page_faults = driver_keyed_u64(stat, "pgmajfault");
	uint64_t inactive = driver_keyed_u64(stat, "inactive_file");
	s->memory_working_set_bytes = s->memory_usage_bytes > inactive ? s->memory_usage_bytes - inactive : 0;
}

static int v2_stats(const struct cgroup *cg, struct cgroup_stats *ret, struct err *e)
{
	const char *dir = driver_dir(cg, "");
	AUTO_FREE char *cpu = dir ? driver_read(dir, "cpu.stat") : NULL;
	if (!cpu)
		return err_set(e, -ENOENT, "does not exist");
	ret->cpu_usage_ns = driver_keyed_u64(cpu, "usage_usec") * 1000;
	ret->cpu_user_ns = driver_keyed_u64(cpu, "user_usec") * 1000;
	ret->cpu_system_ns = driver_keyed_u64(cpu, "system_usec") * 1000;
	ret->cpu_periods = driver_keyed_u64(cpu, "nr_periods");
	ret->cpu_throttled_periods = driver_keyed_u64(cpu, "nr_throttled");
	ret->cpu_throttled_ns = driver_keyed_u64(cpu, "throttled_usec") * 1000;
	memory_stats(dir, ret);
	AUTO_FREE char *limit = driver_read(dir, "pids.max");
	if (limit) {
		ret->pids_current = driver_read_u64(dir, "pids.current");
		ret->pids_limit = driver_read_u64(dir, "pids.max");
	}
	return 0;
}

static int v2_oom_kills(const struct cgroup *cg, uint64_t *ret, struct err *e)
{
	const char *dir = driver_dir(cg, "");
	AUTO_FREE char *events = dir ? driver_read(dir, "memory.events") : NULL;
	if (!events)
		return err_set(e, -ENOENT, "cgroup %s has no memory.events", cg->path);
	*ret = driver_keyed_u64(events, "oom_kill");
	return 0;
}

const struct cgroup_driver driver_v2 = {
	.create = v2_create,
	.attach = v2_attach,
	.apply = v2_apply,
	.kill = v2_kill,
	.set_frozen = v2_set_frozen,
	.is_frozen = v2_is_frozen,
	.stats = v2_stats,
	.oom_kills = v2_oom_kills,
};
