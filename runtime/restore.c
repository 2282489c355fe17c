/* container_restore().
 *
 * Happy path: as container_create() up to the clone: directory, configuration, cgroup; then a CRIU worker in that cgroup, in
 * a mount namespace of its own where the root file system is bound to a place that satisfies CRIU, makes the processes
 * from the images; its notifications bring hooks, terminal and pid. What can fail: any of it; then what was restored is
 * killed, the cgroup and the directory are removed. What always holds: the host's mounts are never touched; the restored
 * init is a child of the caller. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/proc.h"
#include "cgroups/cgroup.h"
#include "runtime/checkpoint.h"
#include "runtime/config_read.h"
#include "runtime/default_devices.h"
#include "runtime/launch.h"
#include "runtime/notice.h"
#include "runtime/restore_mounts.h"
#include "runtime/state.h"
#include "runtime/syscalls.h"

#define LOG "restore.log"
#define CRIU_LSM 31600
#define CRIU_EXTERNAL_PID 31500
#define CRIU_TIME_NAMESPACE 31400

struct restoration {
	const struct container_opts *o;
	const struct checkpoint_opts *k;
	struct config config;
	struct cgroup *cgroup;
	bool made_cgroup, finished;
	struct state_dir dir;
	struct container_info info;
	struct launch launch;
	struct restore_root root;
	int version;
	struct criu_setup setup; /* directories first, then network and pid namespaces by path */
	struct str opts;
};

static void restoration_done(struct restoration *c)
{
	launch_done(&c->launch);
	restore_root_done(&c->root);
	if (!c->finished) {
		if (c->made_cgroup)
			cgroup_kill_and_destroy(c->cgroup, NULL);
		if (c->dir.path)
			state_dir_remove(&c->dir, NULL);
	}
	for (size_t i = CHECKPOINT_DIRECTORIES; i < c->setup.n_fds; i++)
		close(c->setup.fds[i]);
	str_done(&c->opts);
	cgroup_free(c->cgroup);
	container_info_done(&c->info);
	config_done(&c->config);
	state_dir_done(&c->dir);
}

static int load_config(struct restoration *c, struct err *e)
{
	char bundle[PATH_MAX];
	AUTO_JSON *json = NULL;
	if (!realpath(c->o->bundle ? c->o->bundle : ".", bundle))
		return err_sys(e, "bundle %s", c->o->bundle ? c->o->bundle : ".");
	int r = c->o->config ? 0 : config_read(bundle, &json, NULL, e);
	if (r < 0)
		return r;
	if (!json)
		json = json_deep_copy(c->o->config);
	return config_parse(json, bundle, &c->config, e);
}

static int check_version(struct restoration *c, struct err *e)
{
	c->version = criu_version(e);
	if (c->version < 0)
		return c->version;
	if (c->version < CHECKPOINT_CRIU_MIN)
		return err_set(e, -EOPNOTSUPP, "CRIU version %d must be %d or higher", c->version, CHECKPOINT_CRIU_MIN);
	if (c->version < CRIU_LSM && (c->k->lsm_profile || c->k->lsm_mount_context))
		return err_set(e, -EOPNOTSUPP, "--%s requires at least CRIU 3.16",
			       c->k->lsm_profile ? "lsm-profile" : "lsm-mount-context");
	return 0;
}

static int make_cgroup(struct restoration *c, struct err *e)
{
	AUTO_CGROUP_HOST *host = NULL;
	int r = cgroup_host_open(&host, e);
	if (r == 0)
		r = cgroup_resolve(host, c->config.cgroups_path, c->o->id, &c->cgroup, e);
	if (r == 0)
		r = cgroup_create_vacant(c->cgroup, e);
	if (r < 0)
		return r;
	c->made_cgroup = true;
	AUTO_JSON *resources = default_devices_add(c->config.resources);
	return cgroup_apply(c->cgroup, resources, e);
}

/* Network and pid namespaces were left out of the images and are given as descriptors under the name they have there; the
 * others CRIU joins by path. */
static int add_namespaces(struct restoration *c, struct err *e)
{
	for (int i = 0; i < NS_COUNT; i++) {
		const char *path = c->config.ns[i].path;
		if (!path)
			continue;
		if (i == NS_CGROUP)
			return err_set(e, -EOPNOTSUPP, "Do not know how to handle namespace cgroup");
		if (i != NS_NET && i != NS_PID) {
			criu_add_texts(&c->opts, CRIU_JOIN_NS, ns_kinds[i].proc, path);
			continue;
		}
		if (i == NS_PID && c->version < CRIU_EXTERNAL_PID)
			return err_set(e, -EOPNOTSUPP,
				       "criu lacks support for external pid namespace during the restoration process (old criu "
				       "version?)");
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return err_sys(e, "Requested %s namespace %s does not exist", ns_kinds[i].oci, path);
		criu_add_text_number(&c->opts, CRIU_INHERIT_FD, i == NS_NET ? "extRootNetNS" : "extRootPidNS",
				     CRIU_FIRST_FD + c->setup.n_fds);
		c->setup.fds[c->setup.n_fds++] = fd;
	}
	return 0;
}

/* Pipes at 0, 1, 2 of the dumped process become those of the caller. */
static int add_descriptors(struct restoration *c, struct err *e)
{
	AUTO_FREE char *file = xasprintf("%s/" CHECKPOINT_DESCRIPTORS, c->k->image_path);
	AUTO_JSON *fds = NULL;
	size_t i;
	json_t *fd;
	int r = json_read_file(file, &fds, e);
	if (r < 0)
		return err_wrap(e, r, "%s", file);
	json_array_foreach(fds, i, fd)
	{
		if (i < 3 && json_is_string(fd) && str_has_prefix(json_string_value(fd), "pipe:"))
			criu_add_text_number(&c->opts, CRIU_INHERIT_FD, json_string_value(fd), i);
	}
	return 0;
}

/* Where the worker is in each hierarchy is the root under which the images' cgroups come back. */
static int add_cgroup_roots(struct restoration *c, pid_t pid, struct err *e)
{
	char path[64];
	AUTO_STR text = STR_INIT;
	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	int r = fs_read_file(path, 1 << 16, &text, e);
	if (r < 0)
		return r;
	AUTO_STRV char **lines = str_split(str_text(&text), '\n');
	for (size_t i = 0; i < strv_len(lines); i++) {
		char *first = strchr(lines[i], ':'), *second = first ? strchr(first + 1, ':') : NULL;
		if (!second)
			continue;
		*second = '\0';
		AUTO_STRV char **controllers = str_split(first + 1, ',');
		if (!strv_len(controllers)) /* the unified hierarchy */
			criu_add_texts(&c->opts, CRIU_CG_ROOT, "", second + 1);
		for (size_t n = 0; n < strv_len(controllers); n++)
			criu_add_texts(&c->opts, CRIU_CG_ROOT, controllers[n], second + 1);
	}
	return 0;
}

static int prepare(struct restoration *c, struct err *e)
{
	int r = load_config(c, e);
	if (r == 0)
		r = check_version(c, e);
	if (r == 0)
		r = checkpoint_common_options(c->k, &c->config, LOG, &c->opts, e);
	if (r == 0)
		r = add_namespaces(c, e);
	if (r == 0)
		r = add_descriptors(c, e);
	if (r == 0)
		r = make_cgroup(c, e);
	if (r == 0)
		r = restore_root_make(&c->root, &c->config, c->dir.path, e);
	AUTO_FD int rootfs = r < 0 ? -1 : open(c->config.rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (r == 0 && rootfs < 0)
		r = err_sys(e, "invalid rootfs %s", c->config.rootfs);
	if (r < 0)
		return r;
	checkpoint_external_mounts(&c->config, rootfs, -1, c->cgroup, true, &c->opts);
	criu_add_text(&c->opts, CRIU_ROOT, c->root.path);
	criu_add_number(&c->opts, CRIU_EVASIVE_DEVICES, true);
	criu_add_number(&c->opts, CRIU_RST_SIBLING, true);
	if (c->k->lsm_profile)
		criu_add_text(&c->opts, CRIU_LSM_PROFILE, c->k->lsm_profile);
	if (c->k->lsm_mount_context)
		criu_add_text(&c->opts, CRIU_LSM_MOUNT_CONTEXT, c->k->lsm_mount_context);
	c->info = state_of_new(c->o->id, &c->config, c->cgroup);
	return 0;
}

/* CRIU puts processes into a time namespace, in which exec must join them. */
static void note_time_namespace(struct restoration *c)
{
	if (c->config.ns[NS_TIME].wanted || c->version < CRIU_TIME_NAMESPACE || !fs_exists("/proc/self/ns/time"))
		return;
	json_t *namespaces = json_array_at(c->config.json, "linux.namespaces");
	json_array_append_new(namespaces, json_pack("{s:s}", "type", "time"));
}

static int restored(struct restoration *c, pid_t pid, struct err *e)
{
	char letter;
	c->launch.pid = pid;
	c->launch.pidfd = sys_pidfd_open(pid);
	c->info.pid = pid;
	if (c->launch.pidfd < 0 || proc_stat(pid, &letter, &c->info.start_time) < 0)
		return err_set(e, -ESRCH, "the restored process ended unexpectedly");
	note_time_namespace(c);
	int r = state_write_config(&c->dir, c->config.json, e);
	return r < 0 ? r : state_write(&c->dir, &c->info, e);
}

static int run_hooks(struct restoration *c, pid_t pid, struct err *e)
{
	c->info.pid = pid;
	int r = state_run_hooks(c->config.json, "prestart", &c->info, e);
	return r < 0 ? r : state_run_hooks(c->config.json, "createRuntime", &c->info, e);
}

static int notified(void *arg, const struct criu_answer *a, int *fd, struct err *e)
{
	struct restoration *c = arg;
	notice_debug("notify: %s", a->script);
	if (str_eq(a->script, "setup-namespaces"))
		return run_hooks(c, a->pid, e);
	if (str_eq(a->script, "post-restore"))
		return restored(c, a->pid, e);
	if (str_eq(a->script, "orphan-pts-master") && *fd >= 0) {
		c->launch.console_fd = TAKE_FD(*fd);
		return launch_hand_console(&c->launch, c->o, e);
	}
	return 0;
}

static int enter(void *arg, struct criu_setup *s, struct err *e)
{
	struct restoration *c = arg;
	int r = restore_root_enter(&c->root, e);
	return r < 0 ? r : checkpoint_open_directories(c->k, s, e);
}

static int run_worker(struct restoration *c, struct err *e)
{
	AUTO_CRIU worker = CRIU_INIT;
	AUTO_STR request = STR_INIT;
	struct criu_answer answer;
	int r = criu_start(&worker, &c->setup, e);
	if (r == 0)
		r = cgroup_attach(c->cgroup, worker.pid, e);
	if (r == 0)
		r = add_cgroup_roots(c, worker.pid, e);
	if (r < 0)
		return r;
	criu_request(CRIU_RESTORE, &c->opts, &request);
	r = criu_ask(&worker, &request, notified, c, &answer, e);
	if (r == 0)
		r = criu_finish(&worker, e);
	if (r == 0 && !c->launch.pid)
		r = err_set(e, -EIO, "criu restored no process");
	return r < 0 ? checkpoint_failed(c->k, LOG, r, e) : 0;
}

int container_restore(const struct container_opts *o, const struct checkpoint_opts *k, struct container_proc *ret, struct err *e)
{
	AUTO(restoration_done) struct restoration c = {
		.o = o, .k = k, .dir = { .fd = -1 }, .launch = LAUNCH_INIT,
		.setup = { .n_fds = CHECKPOINT_DIRECTORIES, .prepare = enter }
	};
	c.launch.ours = true;
	c.setup.arg = &c;
	int r = state_dir_make(o->root, o->id, &c.dir, e);
	if (r == 0)
		r = prepare(&c, e);
	if (r == 0)
		r = run_worker(&c, e);
	if (r == 0)
		r = launch_finish(&c.launch, o, o->pid_file, ret, e);
	c.finished = r == 0;
	return r;
}
