/* The handle: what is the same for every driver, and the way into the vtable (cgroup_open.c makes it, cgroup_tree.c walks it).
 *
 * What can fail: files that the kernel refuses; each error names the file. What always holds: what an unprivileged caller may
 * not make, and nobody asked for, is left out of the handle instead of failing. */
#include "cgroups/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "cgroups/unit.h"

const char *cgroup_path(const struct cgroup *cg)
{
	return cg->path;
}

enum cgroup_mode cgroup_mode(const struct cgroup *cg)
{
	return cg->mode;
}

int cgroup_dir(const struct cgroup *cg, const char *controller, struct str *ret)
{
	const char *dir = driver_dir(cg, controller);
	if (!dir)
		return -ENOENT;
	str_add(ret, dir);
	return 0;
}

bool cgroup_place(const struct cgroup *cg, size_t i, const char **ret_controllers, const char **ret_mount, const char **ret_dir)
{
	if (i >= cg->n)
		return false;
	const struct cgroup_dir *d = &cg->dirs[i];
	*ret_controllers = d->controllers;
	*ret_mount = d->mount;
	*ret_dir = d->path;
	return true;
}

void cgroup_set_lenient(struct cgroup *cg, int lenient)
{
	cg->lenient = lenient;
}

int cgroup_create(struct cgroup *cg, struct err *e)
{
	int r = cg->driver->create(cg, e);
	return r < 0 ? err_wrap(e, r, "unable to apply cgroup configuration") : 0;
}

void cgroup_unmake(struct cgroup *cg)
{
	for (size_t i = 0; i < cg->n; i++)
		if (cg->dirs[i].path && cg->dirs[i].made)
			rmdir(cg->dirs[i].path);
}

static int check_vacant(const struct cgroup_dir *d, struct err *e)
{
	AUTO_FREE pid_t *pids = NULL;
	size_t n = 0;
	if (driver_pids(d->path, true, &pids, &n, NULL) == 0 && n)
		return err_set(e, -EBUSY, "container's cgroup is not empty: %zu process(es) found", n);
	return 0;
}

void cgroup_introduce(struct cgroup *cg, pid_t pid, const json_t *resources)
{
	if (!cg->unit)
		return;
	cg->unit->pid = pid;
	json_decref(cg->unit->resources);
	cg->unit->resources = resources ? unit_round_quota(resources) : NULL;
}

/* systemd makes the directories that it knows, with the process in them; the others are ours. */
static int create_unit(struct cgroup *cg, struct err *e)
{
	struct unit_name *n = &cg->unit->name;
	int r = 0;
	for (size_t i = 0; r == 0 && i < cg->n; i++)
		r = check_vacant(&cg->dirs[i], e);
	if (r == 0 && cgroup_is_frozen(cg))
		r = err_set(e, -EBUSY, "container's cgroup unexpectedly frozen");
	if (r == 0)
		r = unit_start(cg, e);
	if (r < 0)
		return r;
	cg->unit->fresh = true;
	r = cgroup_create(cg, e);
	if (r == 0 && unit_is_slice(n->name) && cg->unit->pid && cg->mode == CGROUP_V2)
		r = cg->driver->attach(cg, cg->unit->pid, e);
	if (r < 0)
		unit_stop(cg, NULL);
	return r;
}

int cgroup_create_vacant(struct cgroup *cg, struct err *e)
{
	if (cg->unit)
		return create_unit(cg, e);
	bool old = false;
	int r = cgroup_create(cg, e);
	for (size_t i = 0; r == 0 && i < cg->n; i++) {
		const struct cgroup_dir *d = &cg->dirs[i];
		bool check = d->path && !d->made && !d->early;
		if (check)
			r = check_vacant(d, e);
		old |= check;
	}
	if (r == 0 && old && cgroup_is_frozen(cg))
		r = err_set(e, -EBUSY, "container's cgroup unexpectedly frozen");
	if (r < 0)
		cgroup_unmake(cg);
	return r;
}

int cgroup_create_early(struct cgroup *cg, struct err *e)
{
	struct cgroup_dir *d = cg->unit ? NULL : driver_place(cg, "");
	if (!d)
		return 0;
	struct err why = ERR_INIT;
	if (cg->mode == CGROUP_V2) {
		int r = cgroup_create_vacant(cg, e);
		d->early = r == 0;
		return r;
	}
	int r = driver_mkdir(d, NULL, &why);
	if (r < 0 && driver_forgo(cg, d, r))
		return 0;
	if (r < 0 && e)
		*e = why;
	if (r == 0 && !d->made)
		r = check_vacant(d, e);
	d->early = r == 0;
	return r;
}

bool cgroup_exists(const struct cgroup *cg)
{
	const char *dir = driver_tracking_dir(cg);
	return dir && fs_exists(dir);
}

int cgroup_check_exists(const struct cgroup *cg, struct err *e)
{
	for (size_t i = 0; i < cg->n; i++) {
		AUTO_FREE char *file = cg->dirs[i].path ? xasprintf("%s/cgroup.procs", cg->dirs[i].path) : NULL;
		if (file && !fs_exists(file))
			return err_set(e, -ENOENT, "error adding pid %d to cgroups: open %s: no such file or directory", getpid(), file);
	}
	return 0;
}

/* Files that go with the directory where the kernel does not list them. */
static const char delegated[] = "cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n";

int cgroup_delegate(struct cgroup *cg, uid_t uid, struct err *e)
{
	const char *dir = cg->mode == CGROUP_V2 ? driver_dir(cg, "") : NULL;
	AUTO_STR list = STR_INIT;
	if (!dir || driver_unprivileged()) /* what was delegated to the caller is not its to give */
		return 0;
	AUTO_FD int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fchown(fd, uid, (gid_t)-1) < 0)
		return err_sys(e, "chown %s", dir);
	if (fs_read_file("/sys/kernel/cgroup/delegate", 4096, &list, NULL) < 0)
		str_add(&list, delegated);
	AUTO_STRV char **files = str_split(str_text(&list), '\n');
	for (size_t i = 0; i < strv_len(files); i++)
		if (*files[i] && fchownat(fd, files[i], uid, (gid_t)-1, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
			return err_sys(e, "chown %s/%s", dir, files[i]);
	return 0;
}

int cgroup_attach(struct cgroup *cg, pid_t pid, struct err *e)
{
	int r = cg->unit && !unit_is_slice(cg->unit->name.name) ? unit_attach(cg, pid, e) : cg->driver->attach(cg, pid, e);
	return r < 0 ? err_wrap(e, r, "error adding pid %d to cgroups", pid) : 0;
}

void cgroup_enter_late(struct cgroup *cg)
{
	cg->late = cg->mode == CGROUP_V2 && !cg->unit && !driver_unprivileged();
}

int cgroup_clone_fd(const struct cgroup *cg, struct err *e)
{
	/* Across the border of a delegated subtree only the manager may move processes. */
	bool late = cg->late || (cg->unit && (cg->unit->user || !cg->unit->begun));
	const char *dir = late ? NULL : driver_dir(cg, "");
	if (!dir)
		return err_set(e, -EOPNOTSUPP, "no unified cgroup hierarchy");
	if (driver_unprivileged())
		return err_set(e, -EOPNOTSUPP, "an unprivileged caller attaches");
	int fd = open(dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "open %s", dir) : fd;
}

int cgroup_attach_unprivileged(struct cgroup *cg, pid_t pid, struct err *e)
{
	struct cgroup_dir *d = driver_unprivileged() ? driver_place(cg, "") : NULL;
	char text[16];
	if (!d || !d->path)
		return 0;
	if (cg->unit && cg->unit->begun) /* across the border of what is delegated only the manager moves processes */
		return unit_attach(cg, pid, e);
	snprintf(text, sizeof(text), "%d", pid);
	struct err why = ERR_INIT;
	int r = driver_write(d->path, "cgroup.procs", text, &why);
	if (r == 0)
		return 0;
	if (d->made)
		rmdir(d->path);
	return driver_forgo(cg, d, r) ? 0 : err_set(e, r, "unable to apply cgroup configuration: %s", why.text);
}

int cgroup_apply(struct cgroup *cg, const json_t *resources, struct err *e)
{
	int r = driver_check_memory(cg, resources, e);
	AUTO_JSON *rounded = cg->unit ? unit_round_quota(resources) : NULL;
	if (r == 0 && cg->unit && !cg->unit->fresh)
		r = unit_set(cg, rounded, e);
	if (cg->unit)
		cg->unit->fresh = false;
	if (r == 0)
		r = cg->driver->apply(cg, rounded ? rounded : resources, e);
	return r < 0 ? err_wrap(e, r, "cgroup %s", cg->path) : 0;
}

int cgroup_kill(struct cgroup *cg, struct err *e)
{
	int r = cg->driver->kill(cg, e);
	return r < 0 ? err_wrap(e, r, "cgroup %s: kill", cg->path) : 0;
}

int cgroup_freeze(struct cgroup *cg, struct err *e)
{
	int r = cg->driver->set_frozen(cg, true, e);
	return r < 0 ? err_wrap(e, r, "cgroup %s: freeze", cg->path) : 0;
}

int cgroup_thaw(struct cgroup *cg, struct err *e)
{
	int r = cg->driver->set_frozen(cg, false, e);
	return r < 0 ? err_wrap(e, r, "cgroup %s: thaw", cg->path) : 0;
}

bool cgroup_is_frozen(const struct cgroup *cg)
{
	return cg->driver->is_frozen(cg);
}

int cgroup_stats(const struct cgroup *cg, struct cgroup_stats *ret, struct err *e)
{
	struct cgroup_stats s = { .memory_limit_bytes = UINT64_MAX, .pids_limit = UINT64_MAX };
	int r = cg->driver->stats(cg, &s, e);
	if (r < 0)
		return err_wrap(e, r, "cgroup %s: stats", cg->path);
	*ret = s;
	return 0;
}

int cgroup_oom_kills(const struct cgroup *cg, uint64_t *ret, struct err *e)
{
	return cg->driver->oom_kills(cg, ret, e);
}
