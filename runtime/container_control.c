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
	size_t i;
	json_t *n;
	if (state_read_config(root, id, &config, NULL) < 0)
		return false;
	json_array_foreach(json_at(config, "linux.namespaces"), i, n)
	{
		if (str_eq(json_str_at(n, "type"), "pid"))
			return !str_empty(json_str_at(n, "path"));
	}
	return true;
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
			json_object_update(old, value);
		else
			json_object_set_new(had, section, json_deep_copy(value));
	}
}

int container_update(const char *root, const char *id, const json_t *resources, struct err *e)
{
	AUTO_STATE_DIR d = { .fd = -1 };
	AUTO_CONTAINER_INFO i = { 0 };
	AUTO_CGROUP *cg = NULL;
	AUTO_JSON *config = NULL;
	int r = state_dir_lock(root, id, &d, e);
	if (r == 0)
		r = state_read(root, id, &i, e);
	if (r == 0 && i.status == CONTAINER_STOPPED)
		r = err_set(e, -EINVAL, "container not running");
	if (r == 0)
		r = state_read_config(root, id, &config, e);
	if (r == 0)
		r = state_open_cgroup(&i, &cg, e);
	if (r < 0)
		return r;
	bool devices = json_object_get(resources, "devices") != NULL;
	AUTO_JSON *wanted = devices ? default_devices_add(resources) : json_deep_copy(resources);
	r = cgroup_apply(cg, wanted, e);
	if (r < 0)
		return r;
	merge_resources(config, resources);
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
