/* Intel RDT of a container that exists.
 *
 * Happy path: the group's directory below /sys/fs/resctrl, the init process in it, one write for each schema. What can fail:
 * no resctrl, a schema that the kernel refuses. What always holds: a group that was there keeps its tasks. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "runtime/container.h"
#include "runtime/state.h"

#define RESCTRL "/sys/fs/resctrl"

/* linux.intelRdt.closID, or the id. */
static const char *group_name(const json_t *config, const char *id, struct err *e)
{
	const char *name = json_str_or(config, "linux.intelRdt.closID", id);
	if (!*name || strchr(name, '/') || str_eq(name, ".") || str_eq(name, "..")) {
		err_set(e, -EINVAL, "linux.intelRdt.closID \"%s\"", name);
		return NULL;
	}
	return name;
}

static int join_group(const char *dir, pid_t pid, struct err *e)
{
	AUTO_FREE char *tasks = xasprintf("%s/tasks", dir);
	char text[16];
	if (mkdir(dir, 0755) < 0)
		return errno == EEXIST ? 0 : err_sys(e, "make %s", dir);
	snprintf(text, sizeof(text), "%d", pid);
	return fs_write_existing(tasks, text, e);
}

static int write_schema(const char *dir, const char *schema, struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s/schemata", dir), *line = xasprintf("%s\n", schema);
	return fs_write_existing(path, line, e);
}

int container_update_rdt(const char *root, const char *id, const char *l3, const char *bandwidth, struct err *e)
{
	AUTO_STATE_DIR d = { .fd = -1 };
	AUTO_CONTAINER_INFO i = { 0 };
	AUTO_JSON *config = NULL;
	int r = state_dir_lock(root, id, &d, e);
	if (r == 0)
		r = state_read(root, id, &i, e);
	if (r == 0 && i.status == CONTAINER_STOPPED)
		r = err_set(e, -EINVAL, "container not running");
	if (r == 0)
		r = state_read_config(root, id, &config, e);
	const char *group = r < 0 ? NULL : group_name(config, id, e);
	if (!group)
		return r < 0 ? r : -EINVAL;
	AUTO_FREE char *dir = xasprintf(RESCTRL "/%s", group);
	if (access(RESCTRL "/schemata", F_OK) < 0)
		return err_set(e, -ENOENT, "Intel RDT is not mounted at " RESCTRL);
	r = join_group(dir, i.pid, e);
	if (r == 0 && l3)
		r = write_schema(dir, l3, e);
	if (r == 0 && bandwidth)
		r = write_schema(dir, bandwidth, e);
	return r;
}
