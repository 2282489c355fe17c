/* The v1 driver, also for hybrid: a directory in every controller's hierarchy and, on hybrid, in the v2 one for
 * tracking and killing.
 *
 * Happy path of create: mkdir -p everywhere, cpuset inherited level by level. What can fail: each file, named in the
 * error. What always holds: a process is attached to all hierarchies or the error says to which one it was not. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "cgroups/device_rules.h"
#include "cgroups/driver.h"
#include "cgroups/resources_plan.h"

#define FREEZE_MS 2000

static int inherit_file(const char *dir, const char *parent, bool made, const char *file, struct err *e)
{
	AUTO_FREE char *own = made ? NULL : driver_read(dir, file);
	if (own && *own)
		return 0;
	AUTO_FREE char *above = driver_read(parent, file);
	return above && *above ? driver_write(dir, file, above, e) : 0;
}

static int inherit_cpuset(const char *dir, const char *parent, bool made, struct err *e)
{
	int r = inherit_file(dir, parent, made, "cpuset.cpus", e);
	return r < 0 ? r : inherit_file(dir, parent, made, "cpuset.mems", e);
}

static int v1_create(struct cgroup *cg, struct err *e)
{
	for (size_t i = 0; i < cg->n; i++) {
		struct cgroup_dir *d = &cg->dirs[i];
		struct err why = ERR_INIT;
		if (d->early || !d->path)
			continue;
		int r = driver_mkdir(d, driver_place(cg, "cpuset") == d ? inherit_cpuset : NULL, &why);
		if (r < 0 && !driver_forgo(cg, d, r)) {
			if (e)
				*e = why;
			return r;
		}
	}
	return 0;
}

static int v1_attach(struct cgroup *cg, pid_t pid, struct err *e)
{
	AUTO_FREE char *text = xasprintf("%d", pid);
	int r = 0;
	for (size_t i = 0; r == 0 && i < cg->n; i++)
		if (cg->dirs[i].path)
			r = driver_write(cg->dirs[i].path, "cgroup.procs", text, e);
	return r;
}

/* One open file takes any number of rules. */
static int write_rule(const char *dir, bool allow, const char *text, int *fd, struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s/devices.%s", dir, allow ? "allow" : "deny");
	if (*fd < 0)
		*fd = open(path, O_WRONLY | O_CLOEXEC);
	if (*fd < 0 || write(*fd, text, strlen(text)) < 0)
		return err_sys(e, "write \"%.100s\" to %s", text, path);
	return 0;
}

static int apply_devices(struct cgroup *cg, const json_t *devices, struct err *e)
{
	AUTO_DEVICE_RULES rules = { 0 };
	int r = device_rules_parse(devices, &rules, e);
	const char *dir = driver_dir(cg, "devices");
	if (r < 0)
		return r;
	if (driver_unprivileged() && (!dir || driver_write(dir, "devices.deny", "a", NULL) < 0))
		return 0; /* it cannot make device nodes, and may not change these rules even where the directory is its own */
	if (!dir)
		return err_set(e, -EOPNOTSUPP, "no cgroup controller \"devices\"");
	AUTO_FD int deny = -1, allow = -1;
	r = write_rule(dir, false, "a", &deny, e);
	for (size_t i = 0; r == 0 && i < rules.n; i++) {
		AUTO_STR text = STR_INIT;
		bool is_allow = rules.rules[i].allow;
		device_rule_text(&rules.rules[i], &text);
		r = write_rule(dir, is_allow, str_text(&text), is_allow ? &allow : &deny, e);
	}
	return r;
}

static int v1_apply(struct cgroup *cg, const json_t *resources, struct err *e)
{
	AUTO_RESOURCES_PLAN plan = { 0 };
	int r = resources_plan(resources, false, &plan, e);
	if (r == 0)
		r = driver_write_plan(cg, &plan, e);
	const json_t *devices = json_at(resources, "devices");
	return r == 0 && devices ? apply_devices(cg, devices, e) : r;
}

/* Frozen by itself: what an ancestor's freezer does to it is not this cgroup's state. */
static bool v1_is_frozen(const struct cgroup *cg)
{
	const char *dir = driver_dir(cg, "freezer");
	return dir && driver_read_u64(dir, "freezer.self_freezing") == 1;
}

static int v1_set_frozen(struct cgroup *cg, bool frozen, struct err *e)
{
	const char *want = frozen ? "FROZEN" : "THAWED";
	const char *dir = driver_dir(cg, "freezer");
	if (!dir)
		return err_set(e, -EOPNOTSUPP, "cannot toggle freezer: cgroups not configured for container");
	int64_t until = clock_mono_ms() + FREEZE_MS;
	for (;;) {
		/* A task that was just forking needs the order again. */
		int r = driver_write(dir, "freezer.state", want, e);
		if (r < 0 || !frozen) /* thawed by itself is at once; an ancestor may hold it still */
			return r;
		AUTO_FREE char *state = driver_read(dir, "freezer.state");
		if (str_eq(state, want))
			return 0;
		if (clock_mono_ms() > until) {
			driver_write(dir, "freezer.state", "THAWED", NULL);
			return err_set(e, -ETIMEDOUT, "unable to freeze");
		}
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
}

/* Hybrid: one write kills all. v1: frozen, so that nothing forks away, signalled, thawed to die. */
static int v1_kill(struct cgroup *cg, struct err *e)
{
	const char *unified = driver_dir(cg, "");
	int r = unified ? driver_write(unified, "cgroup.kill", "1", NULL) : -ENOENT;
	if (r < 0 && !cgroup_exists(cg))
		return 0;
	if (r < 0) {
		v1_set_frozen(cg, true, NULL);
		r = driver_kill_all(cg, e);
	}
	v1_set_frozen(cg, false, NULL);
	return r;
}

static void cpu_stats(const struct cgroup *cg, struct cgroup_stats *s)
{
	AUTO_STR acct = STR_INIT, cpu = STR_INIT;
	if (cgroup_dir(cg, "cpuacct", &acct) == 0) {
		s->cpu_usage_ns = driver_read_u64(str_text(&acct), "cpuacct.usage");
		s->cpu_user_ns = driver_read_u64(str_text(&acct), "cpuacct.usage_user");
		s->cpu_system_ns = driver_read_u64(str_text(&acct), "cpuacct.usage_sys");
	}
	if (cgroup_dir(cg, "cpu", &cpu) == 0) {
		AUTO_FREE char *stat = driver_read(str_text(&cpu), "cpu.stat");
		s->cpu_periods = driver_keyed_u64(stat, "nr_periods");
		s->cpu_throttled_periods = driver_keyed_u64(stat, "nr_throttled");
		s->cpu_throttled_ns = driver_keyed_u64(stat, "throttled_time");
	}
}

static void memory_stats(const struct cgroup *cg, struct cgroup_stats *s)
{
	AUTO_STR d = STR_INIT;
	if (cgroup_dir(cg, "memory", &d) < 0)
		return;
	const char *dir = str_text(&d);
	AUTO_FREE char *stat = driver_read(dir, "memory.stat"), *oom = driver_read(dir, "memory.oom_control");
	s->memory_usage_bytes = driver_read_u64(dir, "memory.usage_in_bytes");
	s->memory_max_usage_bytes = driver_read_u64(dir, "memory.max_usage_in_bytes");
	s->memory_limit_bytes = driver_read_u64(dir, "memory.limit_in_bytes");
	s->memory_failcnt = driver_read_u64(dir, "memory.failcnt");
	s->memory_oom_kills = driver_keyed_u64(oom, "oom_kill");
	s->memory_rss_bytes = driver_keyed_u64(stat, "total_rss");
	s->memory_cache_bytes = driver_keyed_u64(stat, "total_cache");
	s->memory_swap_bytes = driver_keyed_u64(stat, "total_swap");
	s->memory_page_faults = driver_keyed_u64(stat, "total_pgfault");
	s->memory_major_page_faults = driver_keyed_u64(stat, "total_pgmajfault");
	uint64_t inactive = driver_keyed_u64(stat, "total_inactive_file");
	s->memory_working_set_bytes = s->memory_usage_bytes > inactive ? s->memory_usage_bytes - inactive : 0;
}

static int v1_stats(const struct cgroup *cg, struct cgroup_stats *ret, struct err *e)
{
	if (!cgroup_exists(cg))
		return err_set(e, -ENOENT, "does not exist");
	cpu_stats(cg, ret);
	memory_stats(cg, ret);
	AUTO_STR pids = STR_INIT;
	if (cgroup_dir(cg, "pids", &pids) == 0) {
		ret->pids_current = driver_read_u64(str_text(&pids), "pids.current");
		ret->pids_limit = driver_read_u64(str_text(&pids), "pids.max");
	}
	return 0;
}

static int v1_oom_kills(const struct cgroup *cg, uint64_t *ret, struct err *e)
{
	AUTO_STR d = STR_INIT;
	if (cgroup_dir(cg, "memory", &d) < 0)
		return err_set(e, -EOPNOTSUPP, "no cgroup controller \"memory\"");
	AUTO_FREE char *oom = driver_read(str_text(&d), "memory.oom_control");
	if (!oom)
		return err_set(e, -ENOENT, "cgroup %s does not exist", cg->path);
	*ret = driver_keyed_u64(oom, "oom_kill");
	return 0;
}

const struct cgroup_driver driver_v1 = {
	.create = v1_create,
	.attach = v1_attach,
	.apply = v1_apply,
	.kill = v1_kill,
	.set_frozen = v1_set_frozen,
	.is_frozen = v1_is_frozen,
	.stats = v1_stats,
	.oom_kills = v1_oom_kills,
};
