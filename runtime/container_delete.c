/* container_delete().
 *
 * Happy path: lock, check that nothing runs (or kill it), remove cgroup, state, run poststop. What can fail: a process that
 * does not die (-EBUSY). What always holds: the state goes last, so that a delete killed half-way can be repeated. */
#include <errno.h>
#include <poll.h>
#include <signal.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "cgroups/cgroup.h"
#include "runtime/container.h"
#include "runtime/intel_rdt.h"
#include "runtime/state.h"
#include "runtime/syscalls.h"

#define DEATH_MS 10000

static int kill_and_wait(const struct container_info *i, struct cgroup *cg, struct err *e)
{
	AUTO_FD int fd = state_open_init(i, NULL);
	if (fd < 0)
		return 0;
	sys_pidfd_send_signal(fd, SIGKILL);
	cgroup_kill(cg, NULL);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n;
	do
		n = poll(&p, 1, DEATH_MS);
	while (n < 0 && errno == EINTR);
	return n > 0 ? 0 : err_set(e, -EBUSY, "container init still running");
}

static void leave_rdt(const json_t *config, const char *id)
{
	struct intel_rdt rdt;
	const json_t *j = json_at(config, "linux.intelRdt");
	if (j && intel_rdt_parse(j, &rdt, NULL) == 0)
		intel_rdt_leave(&rdt, intel_rdt_root(), id);
}

static int delete_known(struct state_dir *d, struct container_info *i, const json_t *config, bool force, struct err *e)
{
	AUTO_CGROUP *cg = NULL;
	int r = state_open_cgroup(i, &cg, e);
	if (r < 0)
		return r;
	if (i->status != CONTAINER_STOPPED) {
		if (!force && i->status != CONTAINER_CREATED)
			return err_set(e, -EBUSY, "cannot delete container %s that is not stopped: %s", i->id,
				       container_status_name(i->status));
		r = kill_and_wait(i, cg, e);
	}
	if (r == 0) /* without a pid namespace of its own the container's children outlive its init */
		r = cgroup_kill_and_destroy(cg, e);
	if (r == 0)
		leave_rdt(config, i->id);
	if (r == 0)
		r = state_dir_remove(d, e);
	if (r < 0)
		return r;
	i->status = CONTAINER_STOPPED;
	i->pid = 0;
	return config ? state_run_hooks(config, "poststop", i, e) : 0;
}

/* A creator was killed before it wrote the state: there is the configuration at most, and by it the cgroup is found. The
 * process, if there is one in it, waited for its creator and is ending. */
static int delete_unborn(struct state_dir *d, const char *root, const char *id, struct err *e)
{
	AUTO_JSON *config = NULL;
	AUTO_CGROUP_HOST *h = NULL;
	AUTO_CGROUP *cg = NULL;
	int r = 0;
	if (state_read_config(root, id, &config, NULL) == 0 && cgroup_host_open(&h, NULL) == 0 &&
	    cgroup_resolve(h, json_str_at(config, "linux.cgroupsPath"), id, &cg, NULL) == 0)
		r = cgroup_kill_and_destroy(cg, e);
	return r < 0 ? r : state_dir_remove(d, e);
}

int container_delete(const char *root, const char *id, bool force, struct err *e)
{
	AUTO_STATE_DIR d = { .fd = -1 };
	AUTO_CONTAINER_INFO i = { 0 };
	AUTO_JSON *config = NULL;
	struct err mine = ERR_INIT;
	int r = state_dir_lock(root, id, &d, &mine);
	if (r == 0) {
		r = state_read(root, id, &i, &mine);
		if (r < 0 && force)
			return delete_unborn(&d, root, id, e);
		if (r == -ENOENT) /* told as absent, but not left lying about */
			delete_unborn(&d, root, id, NULL);
	}
	if (r == -ENOENT && force)
		return 0;
	if (r < 0) {
		if (e)
			*e = mine;
		return r;
	}
	if (state_read_hooked_config(root, id, &config, NULL) < 0)
		config = NULL;
	return delete_known(&d, &i, config, force, e);
}
