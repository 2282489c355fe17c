/* The views of a container: info, OCI state object, list. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "runtime/container.h"
#include "runtime/state.h"

const char *container_status_name(enum container_status s)
{
	static const char *const names[] = { "creating", "created", "running", "paused", "stopped" };
	return names[s];
}

void container_info_done(struct container_info *i)
{
	free(i->id);
	free(i->bundle);
	free(i->rootfs);
	free(i->cgroup_path);
	free(i->oci_version);
	json_decref(i->annotations);
	json_decref(i->cgroup);
	*i = (struct container_info){ 0 };
}

void container_proc_done(struct container_proc *p)
{
	close_fd(&p->pidfd);
	close_fd(&p->console_fd);
	p->pidfd = p->console_fd = -1;
}

int container_state(const char *root, const char *id, struct container_info *ret, struct err *e)
{
	return state_read(root, id, ret, e);
}

json_t *container_state_json(const struct container_info *i)
{
	json_t *j = json_pack("{s:s, s:s, s:s, s:s}", "ociVersion", i->oci_version, "id", i->id, "status",
			      container_status_name(i->status), "bundle", i->bundle);
	if (i->pid > 0)
		json_object_set_new(j, "pid", json_integer(i->pid));
	if (json_object_size(i->annotations))
		json_object_set(j, "annotations", i->annotations);
	return j;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int container_list(const char *root, char ***ret, struct err *e)
{
	const char *path = root ? root : CONTAINER_ROOT_DEFAULT;
	char **ids = NULL;
	DIR *d = opendir(path);
	if (!d && errno != ENOENT)
		return err_sys(e, "open %s", path);
	for (struct dirent *de; d && (de = readdir(d));) {
		if (de->d_name[0] == '.' || state_check_id(de->d_name, NULL) < 0)
			continue;
		AUTO_FREE char *file = xasprintf("%s/%s/state.json", path, de->d_name);
		if (access(file, F_OK) == 0)
			strv_add(&ids, de->d_name);
	}
	if (d)
		closedir(d);
	if (ids)
		qsort(ids, strv_len(ids), sizeof(char *), by_text);
	*ret = ids;
	return 0;
}

bool container_error_is_exec(const struct err *e)
{
	return e && (e->code == -ENOENT || e->code == -EACCES) &&
	       (strstr(e->text, "exec: \"") || strstr(e->text, "process: exec "));
}
