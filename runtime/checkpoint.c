/* container_checkpoint().
 *
 * Happy path: state, CRIU's version, image directory, options, what comes from outside (mounts, namespaces by path, pipes),
 * dump; then the container is deleted unless it goes on. What can fail: a state without a running program, CRIU. What always
 * holds: after a failed dump CRIU has let the processes go on, and the state is as it was. */
#include "runtime/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "cgroups/cgroup.h"
#include "runtime/notice.h"
#include "runtime/state.h"

#define LOG "dump.log"
#define CRIU_EXTERNAL_PID 31500

struct checkpoint {
	const struct checkpoint_opts *k;
	struct config config;
	struct container_info info;
	struct cgroup *cgroup;
	int version, status_fd;
};

static void checkpoint_done(struct checkpoint *c)
{
	cgroup_free(c->cgroup);
	container_info_done(&c->info);
	config_done(&c->config);
}

/* The parent's images are found relative to the new ones, also by CRIU itself when they are read. */
static int check_directories(const struct checkpoint_opts *k, struct err *e)
{
	int r = fs_mkdir_p(k->image_path, 0700, e);
	if (r < 0 || str_empty(k->parent_path))
		return r;
	if (*k->parent_path == '/')
		return err_set(e, -EINVAL, "--parent-path must be relative");
	struct stat st;
	AUTO_FREE char *parent = xasprintf("%s/%s", k->image_path, k->parent_path);
	if (stat(parent, &st) < 0)
		return err_sys(e, "invalid --parent-path: stat %s", parent);
	return S_ISDIR(st.st_mode) ? 0 : err_code(e, -ENOTDIR, "invalid --parent-path: stat %s", parent);
}

static int check_status_fd(int fd, struct err *e)
{
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0)
		return err_sys(e, "invalid --status-fd argument %d", fd);
	return (flags & O_ACCMODE) == O_RDONLY ? err_set(e, -EINVAL, "invalid --status-fd argument %d: not writable", fd) : 0;
}

static int check_features(const struct checkpoint *c, struct err *e)
{
	struct criu_answer can;
	if (!c->k->pre_dump && !c->k->lazy_pages)
		return 0;
	int r = criu_features(&can, e);
	if (r < 0)
		return r;
	if (c->k->pre_dump && !can.mem_track)
		return err_set(e, -EOPNOTSUPP, "criu is missing features: [MemTrack]");
	if (c->k->lazy_pages && !can.lazy_pages)
		return err_set(e, -EOPNOTSUPP, "criu is missing features: [LazyPages]");
	return c->k->lazy_pages && c->k->status_fd >= 0 ? check_status_fd(c->k->status_fd, e) : 0;
}

static int load(struct checkpoint *c, const char *root, const char *id, struct err *e)
{
	AUTO_JSON *json = NULL;
	int r = state_read(root, id, &c->info, e);
	if (r < 0)
		return r;
	if (c->info.status != CONTAINER_RUNNING && c->info.status != CONTAINER_PAUSED)
		return err_set(e, -EINVAL, "Container cannot be checkpointed in %s state", container_status_name(c->info.status));
	r = state_read_config(root, id, &json, e);
	if (r == 0)
		r = config_parse(json, c->info.bundle, &c->config, e);
	if (r == 0)
		r = state_open_cgroup(&c->info, &c->cgroup, e);
	if (r < 0)
		return r;
	c->version = criu_version(e);
	if (c->version < 0)
		return c->version;
	if (c->version < CHECKPOINT_CRIU_MIN)
		return err_set(e, -EOPNOTSUPP, "CRIU version %d must be %d or higher", c->version, CHECKPOINT_CRIU_MIN);
	return check_directories(c->k, e);
}

/* A network or pid namespace by path is not dumped: it must be there again. Its inode names it in the images. */
static int add_namespace(const struct checkpoint *c, int ns, const char *key, struct str *opts, struct err *e)
{
	struct stat st;
	const char *path = c->config.ns[ns].path;
	if (!path)
		return 0;
	if (ns == NS_PID && c->version < CRIU_EXTERNAL_PID)
		return err_set(e, -EOPNOTSUPP,
			       "criu lacks support for external pid namespace during checkpointing process (old criu version?)");
	if (stat(path, &st) < 0)
		return err_sys(e, "stat %s", path);
	AUTO_FREE char *text = xasprintf("%s[%llu]:%s", ns_kinds[ns].proc, (unsigned long long)st.st_ino, key);
	criu_add_text(opts, CRIU_EXTERNAL, text);
	return 0;
}

static void add_dump_flags(const struct checkpoint *c, struct str *opts)
{
	const struct checkpoint_opts *k = c->k;
	criu_add_number(opts, CRIU_PID, (uint64_t)c->info.pid);
	criu_add_text(opts, CRIU_ROOT, c->config.rootfs);
	criu_add_number(opts, CRIU_LEAVE_RUNNING, k->leave_running);
	criu_add_number(opts, CRIU_TCP_SKIP_IN_FLIGHT, k->tcp_skip_in_flight);
	criu_add_number(opts, CRIU_LINK_REMAP, k->link_remap);
	if (k->page_server)
		criu_add_text_number(opts, CRIU_PAGE_SERVER, k->page_server, (uint64_t)k->page_port);
	if (!str_empty(k->parent_path)) {
		criu_add_text(opts, CRIU_PARENT_IMG, k->parent_path);
		criu_add_number(opts, CRIU_TRACK_MEM, true);
	}
	/* The freezer stops processes that fork; without it CRIU uses ptrace alone. */
	AUTO_STR dir = STR_INIT;
	if (c->cgroup && cgroup_dir(c->cgroup, "freezer", &dir) == 0)
		criu_add_text(opts, CRIU_FREEZE_CGROUP, str_text(&dir));
}

/* What a pre-dump, which is of memory alone, does not need. */
static int add_outside(const struct checkpoint *c, struct str *opts, struct err *e)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/root", c->info.pid);
	AUTO_FD int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_FD int rootfs = open(c->config.rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 || rootfs < 0)
		return err_sys(e, "open %s", root < 0 ? path : c->config.rootfs);
	AUTO_JSON *descriptors = checkpoint_descriptors(c->info.pid);
	AUTO_FREE char *file = xasprintf("%s/" CHECKPOINT_DESCRIPTORS, c->k->image_path);
	int r = json_write_file(file, descriptors, 0600, e);
	if (r == 0)
		checkpoint_external_mounts(&c->config, rootfs, root, c->cgroup, false, opts);
	return r;
}

static int notified(void *arg, const struct criu_answer *a, int *fd, struct err *e)
{
	struct checkpoint *c = arg;
	(void)fd;
	(void)e;
	notice_debug("notify: %s", a->script);
	if (str_eq(a->script, "status-ready") && c->status_fd >= 0) {
		if (write(c->status_fd, "", 1) != 1)
			notice_warn("can't write \\0 to status fd: %s", strerror(errno));
		close(c->status_fd);
		c->status_fd = -1;
	}
	return 0;
}

static int open_directories(void *arg, struct criu_setup *s, struct err *e)
{
	const struct checkpoint *c = arg;
	return checkpoint_open_directories(c->k, s, e);
}

static int dump(struct checkpoint *c, const struct str *opts, struct err *e)
{
	AUTO_CRIU worker = CRIU_INIT;
	AUTO_STR request = STR_INIT;
	struct criu_answer answer;
	criu_request(c->k->pre_dump ? CRIU_PRE_DUMP : CRIU_DUMP, opts, &request);
	int r = criu_start(&worker, &(struct criu_setup){ .prepare = open_directories, .arg = c }, e);
	if (r == 0)
		r = criu_ask(&worker, &request, notified, c, &answer, e);
	if (r == 0 && !c->k->pre_dump) /* after a pre-dump the worker waits for the next one, which is not its business */
		r = criu_finish(&worker, e);
	return r < 0 ? checkpoint_failed(c->k, LOG, r, e) : 0;
}

int container_checkpoint(const char *root, const char *id, const struct checkpoint_opts *k, struct err *e)
{
	AUTO(checkpoint_done) struct checkpoint c = { .k = k, .status_fd = k->status_fd };
	AUTO_STATE_DIR d = { .fd = -1 };
	AUTO_STR opts = STR_INIT;
	int r = state_dir_lock(root, id, &d, e);
	if (r == 0)
		r = load(&c, root, id, e);
	if (r == 0)
		r = check_features(&c, e);
	if (r == 0)
		r = checkpoint_common_options(k, &c.config, LOG, &opts, e);
	if (r == 0)
		r = add_namespace(&c, NS_NET, "extRootNetNS", &opts, e);
	if (r == 0)
		r = add_namespace(&c, NS_PID, "extRootPidNS", &opts, e);
	if (r)
		return r;
	add_dump_flags(&c, &opts);
	if (!k->pre_dump)
		r = add_outside(&c, &opts, e);
	if (r == 0)
		r = dump(&c, &opts, e);
	state_dir_done(&d);
	return r < 0 || k->leave_running || k->pre_dump ? r : container_delete(root, id, true, e);
}
