/* What is done to a container that exists: start, kill, pause, resume, update, pids.
 *
 * Happy path: lock where state changes, read the state, one action. What can fail: the wrong state (-EINVAL), a process
 * that is gone (-ESRCH). What always holds: signals go through a pidfd that was checked against the recorded start time. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "cgroups/cgroup.h"
#include "runtime/container.h"
#include "runtime/default_devices.h"
#include "runtime/state.h"
#include "runtime/syscalls.h"

#define START_WAIT_MS 2000

/* Until every reading end of the gate is closed: the process has called exec (or ended). */
static void await_exec(int gate_fd, int timeout_ms)
{
	struct pollfd p = { .fd = gate_fd, .events = 0 };
	while (poll(&p, 1, timeout_ms) < 0 && errno == EINTR)
		;
}

static int open_gate(const struct state_dir *d, bool hooks, struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s/" STATE_GATE, d->path);
	AUTO_FD int fd = open(path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open gate");
	if (write(fd, "", 1) != 1)
		return err_sys(e, "write to gate");
	await_exec(fd, hooks ? -1 : START_WAIT_MS);
	unlink(path);
	return 0;
}

int container_start(const char *root, const char *id, struct err *e)
{
	AUTO_STATE_DIR d = { .fd = -1 };
	AUTO_CONTAINER_INFO i = { 0 };
	AUTO_JSON *config = NULL;
	int r = state_dir_lock(root, id, &d, e);
	if (r == 0)
		r = state_read(root, id, &i, e);
	if (r == 0)
		r = state_read_hooked_config(root, id, &config, e);
	if (r < 0)
		return r;
	if (i.status == CONTAINER_STOPPED)
		return err_set(e, -EINVAL, "cannot start a container that has stopped");
	if (i.status != CONTAINER_CREATED)
		return err_set(e, -EINVAL, "cannot start an already %s container", container_status_name(i.status));
	const json_t *hooks = json_object_get(config, "hooks");
	r = open_gate(&d, json_array_size(json_object_get(hooks, "startContainer")) > 0, e);
	if (r == 0) {
		i.status = CONTAINER_RUNNING;
		r = state_run_hooks(config, "poststart", &i, e);
		if (r < 0) /* what could not be completed does not stay (runtime.md, Lifecycle, 9) */
			container_kill(root, id, SIGKILL, false, NULL);
	}
	return r;
}

static int kill_all(const struct container_info *i, int sig, struct err *e)
{
	AUTO_CGROUP *cg = NULL;
	AUTO_FREE pid_t *pids = NULL;
	size_t n = 0;
	int r = state_open_cgroup(i, &cg, e);
	if (r < 0)
		return r;
	if (sig == SIGKILL)
		return cgroup_kill(cg, e);
	r = cgroup_pids(cg, true, &pids, &n, e);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	for (size_t k = 0; k < n; k++)
		kill(pids[k], sig);
	return 0;
}

/* SIGKILL cannot take effect in a frozen v1 cgroup until it is thawed. */
static void thaw_for_kill(const struct container_info *i)
{
	AUTO_CGROUP *cg = NULL;
	if (state_open_cgroup(i, &cg, NULL) == 0)
		cgroup_thaw(cg, NULL);
}

/* Without a pid namespace of its own, the end of its init is not that of the container. */
static bool shares_pids(const char *root, const char *id)
{
	AUTO_JSON *config = NULL;
	if (state_read_config(root, id, &config, NULL) < 0)
		return false;
	const json_t *n = json_find(json_at(config, "linux.namespaces"), "type", "pid");
	return !n || !str_empty(json_str_at(n, "path"));
}

/* Everything in the cgroup; -ESRCH where neither that nor the init process is left. */
static int kill_shared(const struct container_info *i, struct err *e)
{
	AUTO_CGROUP *cg = NULL;
	int r = state_open_cgroup(i, &cg, e);
	if (r < 0)
		return r;
	if (i->status == CONTAINER_STOPPED && !cgroup_exists(cg))
		return err_set(e, -ESRCH, "container not running");
	return kill_all(i, SIGKILL, e);
}

int container_kill(const char *root, const char *id, int sig, bool all, struct err *e)
{
	AUTO_CONTAINER_INFO i = { 0 };
	int r = state_read(root, id, &i, e);
	if (r < 0)
		return r;
	if (all)
		return kill_all(&i, sig, e);
	if (sig == SIGKILL && shares_pids(root, id))
		return kill_shared(&i, e);
	AUTO_FD int fd = state_open_init(&i, e);
	if (fd < 0)
		return fd;
	r = sys_pidfd_send_signal(fd, sig);
	if (r == 0 && sig == SIGKILL && i.status == CONTAINER_PAUSED)
		thaw_for_kill(&i);
	return r < 0 ? err_code(e, r, "kill") : 0;
}

static int set_paused(const char *root, const char *id, bool paused, struct err *e)
{
	AUTO_STATE_DIR d = { .fd = -1 };
	AUTO_CONTAINER_INFO i = { 0 };
	AUTO_CGROUP *cg = NULL;
	int r = state_dir_lock(root, id, &d, e);
	if (r == 0)
		r = state_read(root, id, &i, e);
	if (r < 0)
		return r;
	if (paused && i.status != CONTAINER_RUNNING && i.status != CONTAINER_CREATED)
		return err_set(e, -EINVAL, "container not running or created: %s", container_status_name(i.status));
	if (!paused && i.status != CONTAINER_PAUSED)
		return err_set(e, -EINVAL, "container not paused");
	r = state_open_cgroup(&i, &cg, e);
	if (r < 0)
		return r;
	return paused ? cgroup_freeze(cg, e) : cgroup_thaw(cg, e);
}

int container_pause(const char *root, const char *id, struct err *e)
{
	return set_paused(root, id, true, e);
}

int container_resume(const char *root, const char *id, struct err *e)
{
	return set_paused(root, id, false, e);
}

/* Lists of devices: an entry replaces that of the same device. */
static void merge_devices(json_t *had, const json_t *given)
{
	size_t i, k;
	json_t *g, *h;
	json_array_foreach(given, i, g)
	{
		json_array_foreach(had, k, h)
			if (json_equal(json_object_get(h, "major"), json_object_get(g, "major")) &&
			    json_equal(json_object_get(h, "minor"), json_object_get(g, "minor")))
				break;
		if (k < json_array_size(had))
			json_array_set_new(had, k, json_deep_copy(g));
		else
			json_array_append_new(had, json_deep_copy(g));
	}
}

static void merge_section(json_t *had, const json_t *given)
{
	const char *name;
	json_t *v;
	json_object_foreach((json_t *)given, name, v)
	{
		json_t *old = json_object_get(had, name);
		if (json_is_array(v) && json_is_array(old))
			merge_devices(old, v);
		else if (!json_is_null(v))
			json_object_set_new(had, name, json_deep_copy(v));
	}
}

/* Each section's members are merged into what the configuration had. */
static void merge_resources(json_t *config, const json_t *resources)
{
	const char *section;
	json_t *value;
	json_t *had = json_object_at(config, "linux.resources");
	json_object_foreach((json_t *)resources, section, value)
	{
		json_t *old = json_object_get(had, section);
		if (json_is_object(old) && json_is_object(value))
			merge_section(old, value);
		else if (!json_is_null(value))
			json_object_set_new(had, section, json_deep_copy(value));
	}
}

/* A limit above what memory and swap had together leaves the limit of swap as it is. */
static bool is_outgrown(const json_t *resources)
{
	int64_t limit = json_int_at(resources, "memory.limit", 0), swap = json_int_at(resources, "memory.swap", 0);
	return swap > 0 && limit > swap;
}

/* As v2 has it, where swap has a limit of its own: what there was beside the limit before is there beside the new one. */
static void keep_swap(json_t *resources, int64_t before)
{
	int64_t limit = json_int_at(resources, "memory.limit", 0), swap = json_int_at(resources, "memory.swap", 0);
	if (is_outgrown(resources))
		json_set_int(resources, "memory.swap", limit + (before > 0 ? swap - before : 0));
}

/* What the kernel or systemd takes only together. */
static const char *const partners[][2] = { { "memory.limit", "memory.swap" },
					   { "cpu.quota", "cpu.period" },
					   { "cpu.realtimeRuntime", "cpu.realtimePeriod" } };

/* The given resources, each with its partner from the configuration. Returns owned. */
static json_t *complete_update(const json_t *resources, const json_t *had)
{
	json_t *out = json_deep_copy(resources);
	bool own_swap = json_at(out, "memory.swap") != NULL;
	if (json_int_at(out, "memory.limit", 0) == -1 && !json_at(out, "memory.swap"))
		json_set_int(out, "memory.swap", -1); /* no limit means none on swap either */
	for (size_t i = 0; i < ARRAY_LEN(partners); i++)
		for (int k = 0; k < 2; k++) {
			json_t *other = json_at(had, partners[i][!k]);
			if (json_at(out, partners[i][k]) && !json_at(out, partners[i][!k]) && other)
				json_set_at(out, partners[i][!k], json_incref(other));
		}
	if (!own_swap && is_outgrown(out))
		json_del_at(out, "memory.swap");
	return out;
}

/* Of the same sections what was in force before, for a change that failed half-way. */
static json_t *former(const json_t *resources, const json_t *had)
{
	json_t *out = json_object();
	const char *section;
	json_t *value;
	json_object_foreach((json_t *)resources, section, value)
		if (json_object_get(had, section) && strcmp(section, "devices"))
			json_object_set(out, section, json_object_get(had, section));
	return out;
}

/* Device lists of v1 are denied in whole before they are allowed again: nothing of the container may run in between. */
static int apply_standing(struct cgroup *cg, const json_t *resources, struct err *e)
{
	bool still = cgroup_mode(cg) != CGROUP_V2 && json_object_get(resources, "devices") && !cgroup_is_frozen(cg) &&
		     cgroup_freeze(cg, NULL) == 0;
	int r = cgroup_apply(cg, resources, e);
	if (still)
		cgroup_thaw(cg, NULL);
	return r;
}

int container_update(const char *root, const char *id, const json_t *resources, struct err *e)
{
	AUTO_STATE_DIR d = { .fd = -1 };
	AUTO_CONTAINER_INFO i = { 0 };
	AUTO_CGROUP *cg = NULL;
	AUTO_JSON *config = NULL;
	int r = state_lock_running(root, id, &d, &i, &config, e);
	if (r == 0)
		r = state_open_cgroup(&i, &cg, e);
	if (r < 0)
		return r;
	const json_t *had = json_at(config, "linux.resources");
	AUTO_JSON *whole = complete_update(resources, had);
	AUTO_JSON *wanted = json_object_get(whole, "devices") ? default_devices_add(whole) : json_incref(whole);
	r = apply_standing(cg, wanted, e);
	if (r < 0) {
		AUTO_JSON *back = former(resources, had);
		cgroup_apply(cg, back, NULL);
		return r;
	}
	int64_t before = json_int_at(had, "memory.limit", 0);
	merge_resources(config, whole);
	keep_swap(json_at(config, "linux.resources"), before);
	return state_write_config(&d, config, e);
}

int container_pids(const char *root, const char *id, pid_t **ret, size_t *ret_n, struct err *e)
{
	AUTO_CONTAINER_INFO i = { 0 };
	AUTO_CGROUP *cg = NULL;
	int r = state_read(root, id, &i, e);
	if (r == 0)
		r = state_open_cgroup(&i, &cg, e);
	return r < 0 ? r : cgroup_pids(cg, true, ret, ret_n, e);
}
