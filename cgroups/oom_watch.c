/* Out of memory in a cgroup.
 *
 * Happy path: on v1 an eventfd that the kernel writes to, registered in cgroup.event_control; on v2 inotify on memory.events
 * and cgroup.events. What can fail: the files are not there. What always holds: the end of the cgroup is told, so that
 * nobody waits for ever. */
#include "cgroups/oom_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/fs.h"
#include "cgroups/driver.h"

struct oom_watch {
	int fd;
	bool v2;
	char *dir;
	uint64_t kills; /* v2: as told last */
};

void oom_watch_free(struct oom_watch *w)
{
	if (!w)
		return;
	close_fd(&w->fd);
	free(w->dir);
	free(w);
}

void oom_watch_free_ptr(struct oom_watch **w)
{
	oom_watch_free(*w);
}

static uint64_t count_kills(const struct oom_watch *w)
{
	AUTO_FREE char *events = driver_read(w->dir, "memory.events");
	return driver_keyed_u64(events, "oom_kill");
}

static int open_v1(struct oom_watch *w, struct err *e)
{
	char line[64];
	AUTO_FREE char *path = xasprintf("%s/memory.oom_control", w->dir);
	w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	AUTO_FD int control = open(path, O_RDONLY | O_CLOEXEC);
	if (w->fd < 0 || control < 0)
		return err_sys(e, "watch %s", path);
	snprintf(line, sizeof(line), "%d %d", w->fd, control);
	return driver_write(w->dir, "cgroup.event_control", line, e);
}

static int open_v2(struct oom_watch *w, struct err *e)
{
	static const char *const files[] = { "memory.events", "cgroup.events" };
	w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", w->dir, files[i]);
		if (w->fd < 0 || inotify_add_watch(w->fd, path, IN_MODIFY | IN_DELETE_SELF) < 0)
			return err_sys(e, "watch %s", path);
	}
	w->kills = count_kills(w);
	return 0;
}

int oom_watch_open(const struct cgroup *cg, struct oom_watch **ret, struct err *e)
{
	AUTO_STR dir = STR_INIT;
	if (cgroup_dir(cg, "memory", &dir) < 0)
		return err_set(e, -EOPNOTSUPP, "no cgroup controller \"memory\"");
	AUTO_OOM_WATCH *w = xcalloc(1, sizeof(*w));
	w->fd = -1;
	w->v2 = cgroup_mode(cg) == CGROUP_V2;
	w->dir = str_take(&dir);
	int r = w->v2 ? open_v2(w, e) : open_v1(w, e);
	if (r == 0)
		*ret = TAKE(w);
	return r;
}

int oom_watch_fd(const struct oom_watch *w)
{
	return w->fd;
}

/* v1: the eventfd is written to when the cgroup is removed, too. */
static enum oom_event read_v1(struct oom_watch *w)
{
	uint64_t n;
	if (read(w->fd, &n, sizeof(n)) != (ssize_t)sizeof(n))
		return OOM_NOTHING;
	AUTO_FREE char *control = xasprintf("%s/cgroup.event_control", w->dir);
	return fs_exists(control) ? OOM_KILLED : OOM_GONE;
}

static enum oom_event read_v2(struct oom_watch *w)
{
	char buf[sizeof(struct inotify_event) + NAME_MAX + 1];
	while (read(w->fd, buf, sizeof(buf)) > 0)
		;
	uint64_t kills = count_kills(w);
	if (kills > w->kills) {
		w->kills = kills;
		return OOM_KILLED;
	}
	AUTO_FREE char *events = driver_read(w->dir, "cgroup.events");
	return events && driver_keyed_u64(events, "populated") ? OOM_NOTHING : OOM_GONE;
}

enum oom_event oom_watch_read(struct oom_watch *w)
{
	return w->v2 ? read_v2(w) : read_v1(w);
}
