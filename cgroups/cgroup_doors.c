/* A way into the cgroup that the process goes by itself.
 *
 * Moving another process makes the kernel wait until every processor has passed a quiet point (milliseconds); a process of
 * one thread that moves itself, by "0" to the v1 file "tasks", does not wait (v2, which has no such file, is entered this way
 * only where a clone into it costs what it must not). Happy path: the files are opened by the parent,
 * so that neither the child's mounts nor its privileges matter, and nothing is resolved or allocated in it. What can fail:
 * an absent directory, a full pids limit. What always holds: a door is closed as soon as it was gone through. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "cgroups/driver.h"

int cgroup_doors_open(const struct cgroup *cg, struct cgroup_doors *ret, struct err *e)
{
	struct cgroup_doors d = { 0 };
	for (size_t i = 0; i < cg->n; i++) {
		const struct cgroup_dir *dir = &cg->dirs[i];
		bool unified = !*dir->controllers;
		if ((unified && !cg->late) || !dir->path)
			continue;
		AUTO_FREE char *file = xasprintf("%s/%s", dir->path, unified ? "cgroup.procs" : "tasks");
		int fd = d.n < CGROUP_DOORS_MAX ? open(file, O_WRONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
		if (fd < 0) {
			int r = d.n < CGROUP_DOORS_MAX ? err_sys(e, "open %s", file) : err_set(e, -E2BIG, "too many cgroup hierarchies");
			cgroup_doors_done(&d);
			return r;
		}
		d.fds[d.n++] = fd;
	}
	*ret = d;
	return 0;
}

int cgroup_doors_enter(struct cgroup_doors *d)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < d->n; i++)
		r = write(d->fds[i], "0", 1) == 1 ? 0 : -errno;
	cgroup_doors_done(d);
	return r;
}

void cgroup_doors_done(struct cgroup_doors *d)
{
	while (d->n)
		close(d->fds[--d->n]);
}
