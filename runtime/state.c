/* State on disk.
 *
 * Happy path: state.json and config.json in <root>/<id>, both replaced atomically, under a lock on the directory. What can
 * fail: files; a creator killed half-way leaves a directory without state.json, which the next create takes over. What
 * always holds: a pid counts only with its start time, so that a reused pid is never taken for the container. */
#include "runtime/state.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/proc.h"
#include "cgroups/cgroup.h"
#include "runtime/config.h"
#include "runtime/syscalls.h"

void state_dir_done(struct state_dir *d)
{
	free(d->path);
	d->path = NULL;
	close_fd(&d->fd);
	d->fd = -1;
}

int state_check_id(const char *id, struct err *e)
{
	bool good = id && *id && strlen(id) <= CONTAINER_ID_MAX && !str_eq(id, ".") && !str_eq(id, "..");
	for (const char *p = id; good && *p; p++)
		good = isalnum((unsigned char)*p) || strchr("_+-.", *p);
	return good ? 0 : err_set(e, -EINVAL, "invalid container ID format");
}

static char *dir_path(const char *root, const char *id)
{
	return xasprintf("%s/%s", root ? root : CONTAINER_ROOT_DEFAULT, id);
}

static int lock_dir(const char *path, struct state_dir *ret, struct err *e)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? err_set(e, -ENOENT, "container does not exist") : err_sys(e, "open %s", path);
	int r = fs_lock(fd, path, e);
	if (r < 0)
		return r;
	struct stat locked, there;
	/* Whoever had it locked before may have removed it. */
	if (fstat(fd, &locked) < 0 || lstat(path, &there) < 0 || locked.st_ino != there.st_ino)
		return err_set(e, -ENOENT, "container does not exist");
	ret->path = xstrdup(path);
	ret->fd = TAKE_FD(fd);
	return 0;
}

int state_dir_lock(const char *root, const char *id, struct state_dir *ret, struct err *e)
{
	int r = state_check_id(id, e);
	AUTO_FREE char *path = r < 0 ? NULL : dir_path(root, id);
	return r < 0 ? r : lock_dir(path, ret, e);
}

int state_dir_make(const char *root, const char *id, struct state_dir *ret, struct err *e)
{
	int r = state_check_id(id, e);
	if (r == 0)
		r = fs_mkdir_p(root ? root : CONTAINER_ROOT_DEFAULT, 0700, e);
	if (r < 0)
		return r;
	AUTO_FREE char *path = dir_path(root, id);
	AUTO_FREE char *file = xasprintf("%s/state.json", path);
	bool made = mkdir(path, 0711) == 0;
	if (!made && errno != EEXIST)
		return err_sys(e, "mkdir %s", path);
	r = lock_dir(path, ret, e);
	if (r == 0 && fs_exists(file))
		r = err_set(e, -EEXIST, "container with given ID already exists");
	if (r < 0)
		state_dir_done(ret);
	return r;
}

int state_dir_remove(struct state_dir *d, struct err *e)
{
	return fs_remove_tree(d->path, e);
}

/* Written without fsync: below /run nothing survives a power cut anyway, and rename alone is safe against crashes. */
static int write_text(const struct state_dir *d, const char *name, const char *text, size_t n, struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s/%s", d->path, name), *tmp = xasprintf("%s/.%s", d->path, name);
	AUTO_FD int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, "create %s", tmp);
	int r = fs_write_all(fd, text, n);
	if (r == 0 && rename(tmp, path) < 0)
		r = -errno;
	return r < 0 ? err_code(e, r, "write %s", path) : 0;
}

static int write_json(const struct state_dir *d, const char *name, const json_t *j, struct err *e)
{
	AUTO_FREE char *text = json_text(j);
	return write_text(d, name, text, strlen(text), e);
}

int state_write_config_text(const struct state_dir *d, const struct str *text, struct err *e)
{
	return write_text(d, "config.json", text->p, text->len, e);
}

int state_write_config(const struct state_dir *d, const json_t *config, struct err *e)
{
	return write_json(d, "config.json", config, e);
}

int state_read_config(const char *root, const char *id, json_t **ret, struct err *e)
{
	AUTO_FREE char *dir = dir_path(root, id), *path = xasprintf("%s/config.json", dir);
	return json_read_file(path, ret, e);
}

int state_make_notify_dir(const struct state_dir *d, struct err *e)
{
	if (mkdirat(d->fd, "notify", 0755) < 0 && errno != EEXIST)
		return err_sys(e, "mkdir %s/notify", d->path);
	return fchmodat(d->fd, "notify", 0755, 0) < 0 ? err_sys(e, "chmod %s/notify", d->path) : 0;
}

/* With its start time a pid names a process for good. */
static bool is_alive(pid_t pid, uint64_t start_time)
{
	char letter;
	uint64_t start;
	return pid > 0 && proc_stat(pid, &letter, &start) == 0 && start == start_time && letter != 'Z' && letter != 'X';
}

int state_lock_running(const char *root, const char *id, struct state_dir *ret_dir, struct container_info *ret_info,
		       json_t **ret_config, struct err *e)
{
	int r = state_dir_lock(root, id, ret_dir, e);
	if (r == 0)
		r = state_read(root, id, ret_info, e);
	if (r == 0 && ret_info->status == CONTAINER_STOPPED)
		r = err_set(e, -EINVAL, "container not running");
	return r < 0 ? r : state_read_config(root, id, ret_config, e);
}

int state_read_hooked_config(const char *root, const char *id, json_t **ret, struct err *e)
{
	AUTO_FREE char *dir = dir_path(root, id), *path = xasprintf("%s/config.json", dir);
	AUTO_STR text = STR_INIT;
	int r = fs_read_file(path, 64 << 20, &text, e);
	if (r == 0 && (strstr(str_text(&text), "\"hooks\"") || strstr(str_text(&text), "\"intelRdt\"")))
		r = json_parse(text.p, text.len, ret, e);
	return r;
}

struct container_info state_of_new(const char *id, const struct config *c, const struct cgroup *cg)
{
	const json_t *annotations = json_object_get(c->json, "annotations");
	return (struct container_info){.id = xstrdup(id),
				       .bundle = xstrdup(c->bundle),
				       .rootfs = xstrdup(c->rootfs),
				       .cgroup_path = xstrdup(cgroup_path(cg)),
				       .cgroup = cgroup_save(cg),
				       .oci_version = xstrdup(json_str_or(c->json, "ociVersion", "1.0.2")),
				       .status = CONTAINER_CREATING,
				       .created_us = clock_wall_us(),
				       .owner_uid = geteuid(),
				       .annotations = annotations ? json_deep_copy(annotations) : json_object()};
}

int state_write(const struct state_dir *d, const struct container_info *i, struct err *e)
{
	AUTO_JSON *j = json_pack("{s:s, s:s, s:s, s:s, s:s?, s:i, s:I, s:I, s:i, s:O, s:O}", "ociVersion", i->oci_version, "id",
				 i->id, "bundle", i->bundle, "rootfs", i->rootfs, "cgroupPath", i->cgroup_path, "pid",
				 (int)i->pid, "startTime", (json_int_t)i->start_time, "createdUs", (json_int_t)i->created_us,
				 "owner", (int)i->owner_uid, "annotations", i->annotations, "cgroup", i->cgroup);
	return j ? write_json(d, "state.json", j, e) : err_set(e, -EINVAL, "state cannot be written as JSON");
}

/* The gate is shut as long as the init process holds its reading end. */
static bool gate_is_shut(const char *dir)
{
	AUTO_FREE char *path = xasprintf("%s/" STATE_GATE, dir);
	AUTO_FD int fd = open(path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0;
}

int state_open_cgroup(const struct container_info *i, struct cgroup **ret, struct err *e)
{
	return cgroup_load(i->cgroup, ret, e);
}

static bool is_frozen(const struct container_info *i)
{
	AUTO_CGROUP *cg = NULL;
	return state_open_cgroup(i, &cg, NULL) == 0 && cgroup_is_frozen(cg);
}

static enum container_status status_of(const struct container_info *i, const char *dir)
{
	if (!is_alive(i->pid, i->start_time))
		return CONTAINER_STOPPED;
	if (is_frozen(i))
		return CONTAINER_PAUSED;
	return gate_is_shut(dir) ? CONTAINER_CREATED : CONTAINER_RUNNING;
}

int state_read(const char *root, const char *id, struct container_info *ret, struct err *e)
{
	int r = state_check_id(id, e);
	if (r < 0)
		return r;
	AUTO_FREE char *dir = dir_path(root, id), *path = xasprintf("%s/state.json", dir);
	AUTO_JSON *j = NULL;
	r = json_read_file(path, &j, e);
	if (r == -ENOENT)
		return err_set(e, -ENOENT, "container does not exist");
	if (r < 0)
		return r;
	struct container_info i = { .id = xstrdup(json_str_or(j, "id", "")),
				    .bundle = xstrdup(json_str_or(j, "bundle", "")),
				    .rootfs = xstrdup(json_str_or(j, "rootfs", "")),
				    .cgroup_path = xstrdup(json_str_at(j, "cgroupPath")),
				    .oci_version = xstrdup(json_str_or(j, "ociVersion", "")),
				    .pid = (pid_t)json_int_at(j, "pid", 0),
				    .start_time = (uint64_t)json_int_at(j, "startTime", 0),
				    .created_us = json_int_at(j, "createdUs", 0),
				    .owner_uid = (uid_t)json_int_at(j, "owner", 0),
				    .annotations = json_incref(json_object_get(j, "annotations")),
				    .cgroup = json_incref(json_object_get(j, "cgroup")) };
	i.status = status_of(&i, dir);
	if (i.status == CONTAINER_STOPPED)
		i.pid = 0;
	*ret = i;
	return 0;
}

int state_open_init(const struct container_info *i, struct err *e)
{
	AUTO_FD int fd = i->pid > 0 ? sys_pidfd_open(i->pid) : -ESRCH;
	if (fd < 0 || !is_alive(i->pid, i->start_time))
		return err_set(e, -ESRCH, "container not running");
	return TAKE_FD(fd);
}

int state_run_hooks_as(const json_t *config, const char *kind, const struct container_info *i, const struct hooks_opts *o,
		       struct err *e)
{
	const json_t *hooks = json_object_get(config, "hooks");
	if (!json_array_size(json_object_get(hooks, kind)))
		return 0;
	AUTO_JSON *state = container_state_json(i);
	AUTO_FREE char *text = json_text(state);
	return hooks_run(hooks, kind, text, o, e);
}

int state_run_hooks(const json_t *config, const char *kind, const struct container_info *i, struct err *e)
{
	/* Nothing can be taken back any more after the end, so a failure there only is told. */
	const struct hooks_opts o = { .dir = i->bundle, .envp = environ, .go_on = str_eq(kind, "poststop") };
	return state_run_hooks_as(config, kind, i, &o, e);
}
