/* The v2 driver: one directory in the unified hierarchy.
 *
 * Happy path of create: on the way down every controller that a level offers is enabled for its children. What can fail:
 * a level that holds processes itself cannot hand controllers down (the kernel's rule); that shows as an error only when a
 * limit of such a controller is asked for. What always holds: freeze and thaw return when cgroup.events says so. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "cgroups/device_rules.h"
#include "cgroups/driver.h"
#include "cgroups/resources_plan.h"

#define FREEZE_MS 2000

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
	if (!want.len || driver_write(parent, "cgroup.subtree_control", str_text(&want), NULL) == 0)
		return;
	AUTO_STRV char **each = str_split(str_text(&want), ' ');
	for (size_t i = 0; i < strv_len(each); i++)
		driver_write(parent, "cgroup.subtree_control", each[i], NULL);
}

/* Called for every level; controllers of a new directory's parent are enabled whether or not it was made just now. */
static int hand_down(const char *dir, const char *parent, bool made, struct err *e)
{
	(void)dir;
	(void)made;
	(void)e;
	enable_controllers(parent);
	return 0;
}

static int v2_create(struct cgroup *cg, struct err *e)
{
	return driver_mkdir(cg->host->v2_dir, cg->path, hand_down, e);
}

static int v2_attach(struct cgroup *cg, pid_t pid, struct err *e)
{
	AUTO_FREE char *dir = driver_dir(cg, cg->host->v2_dir), *text = xasprintf("%d", pid);
	return driver_write(dir, "cgroup.procs", text, e);
}

static int v2_apply(struct cgroup *cg, const json_t *resources, struct err *e)
{
	AUTO_RESOURCES_PLAN plan = { 0 };
	int r = resources_plan(resources, true, &plan, e);
	if (r == 0)
		r = driver_write_plan(cg, &plan, e);
	const json_t *devices = json_at(resources, "devices");
	if (r < 0 || !devices)
		return r;
	AUTO_DEVICE_RULES rules = { 0 };
	AUTO_FREE char *dir = driver_dir(cg, cg->host->v2_dir);
	r = device_rules_parse(devices, &rules, e);
	return r < 0 ? r : device_rules_attach(&rules, dir, e);
}

static bool v2_is_frozen(const struct cgroup *cg)
{
	AUTO_FREE char *dir = driver_dir(cg, cg->host->v2_dir);
	return driver_read_u64(dir, "cgroup.freeze") == 1;
}

static int v2_set_frozen(struct cgroup *cg, bool frozen, struct err *e)
{
	AUTO_FREE char *dir = driver_dir(cg, cg->host->v2_dir);
	int r = driver_write(dir, "cgroup.freeze", frozen ? "1" : "0", e);
	if (r < 0)
		return r;
	int64_t until = clock_mono_ms() + FREEZE_MS;
	for (long wait_us = 50;; wait_us = MIN(wait_us * 2, 10000)) {
		AUTO_FREE char *events = driver_read(dir, "cgroup.events");
		if (driver_keyed_u64(events, "frozen") == frozen)
			return 0;
		if (clock_mono_ms() > until)
			return err_set(e, -ETIMEDOUT, "cgroup.events did not become frozen %d", frozen);
		nanosleep(&(struct timespec){ .tv_nsec = wait_us * 1000 }, NULL);
	}
}

static int v2_kill(struct cgroup *cg, struct err *e)
{
	AUTO_FREE char *dir = driver_dir(cg, cg->host->v2_dir);
	if (!cgroup_exists(cg) || driver_write(dir, "cgroup.kill", "1", NULL) == 0)
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
	AUTO_FREE char *dir = driver_dir(cg, cg->host->v2_dir);
	AUTO_FREE char *cpu = driver_read(dir, "cpu.stat");
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
	AUTO_FREE char *dir = driver_dir(cg, cg->host->v2_dir);
	AUTO_FREE char *events = driver_read(dir, "memory.events");
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
