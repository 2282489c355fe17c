/* The cgroup of a container that is being made.
 *
 * Happy path: found by the configuration, made early where that may be done before the process is there, then made whole,
 * limited, given to the user of a user namespace, and its doors opened for the child. What can fail: all of it; the caller
 * takes away what was made. */
#include "base/json.h"
#include "base/mem.h"
#include "runtime/creation.h"
#include "runtime/default_devices.h"
#include "runtime/rootless.h"
#include "runtime/syscalls.h"
#include "runtime/tight_memory.h"

int creation_make_cgroup(struct creation *c, struct err *e)
{
	AUTO_CGROUP_HOST *host = NULL;
	int r = cgroup_host_open(&host, e);
	if (r == 0)
		r = c->o->systemd_cgroup
			    ? cgroup_resolve_unit(host, c->config.cgroups_path, c->o->id, json_object_get(c->config.json, "annotations"),
						  &c->cgroup, e)
			    : cgroup_resolve(host, c->config.cgroups_path, c->o->id, &c->cgroup, e);
	if (r < 0)
		return r;
	tight_memory_begin(c->cgroup, c->config.resources);
	cgroup_set_lenient(c->cgroup, c->o->rootless == ROOTLESS_TRUE ? 1 : c->o->rootless == ROOTLESS_FALSE ? -1 : 0);
	return cgroup_create_early(c->cgroup, e);
}

/* The host's uid of the process, -1 where it is not mapped. */
static int64_t host_uid(const struct config *c)
{
	for (size_t i = 0; i < c->n_uid_maps; i++)
		if (c->process.uid >= c->uid_maps[i].inside && c->process.uid - c->uid_maps[i].inside < c->uid_maps[i].count)
			return (int64_t)c->uid_maps[i].outside + (c->process.uid - c->uid_maps[i].inside);
	return -1;
}

/* A user namespace's own, writable view of its cgroup is given to the user that runs in it. */
static int delegate_cgroup(struct creation *c, struct err *e)
{
	const struct config *f = &c->config;
	int64_t uid = host_uid(f);
	if (uid < 0 || !f->ns[NS_CGROUP].wanted || f->ns[NS_CGROUP].path)
		return 0;
	for (size_t i = 0; i < f->n_mounts; i++) {
		const struct mount_conf *m = &f->mounts[i];
		if ((str_eq(m->type, "cgroup") || str_eq(m->type, "cgroup2")) && str_eq(m->destination, "/sys/fs/cgroup") &&
		    !(m->options.attr_set & MOUNT_ATTR_RDONLY))
			return cgroup_delegate(c->cgroup, (uid_t)uid, e);
	}
	return 0;
}

int creation_furnish_cgroup(struct creation *c, struct err *e)
{
	AUTO_JSON *resources = default_devices_add(c->config.resources);
	tight_memory_first(resources);
	cgroup_introduce(c->cgroup, c->launch.pid, resources);
	int r = cgroup_create_vacant(c->cgroup, e);
	c->made_cgroup = r == 0;
	if (r == 0)
		r = cgroup_attach_unprivileged(c->cgroup, c->launch.pid, e);
	if (r == 0)
		r = cgroup_apply(c->cgroup, resources, e);
	if (r == 0)
		rootless_warn_loose(&c->config, cgroup_exists(c->cgroup));
	if (r == 0)
		r = delegate_cgroup(c, e);
	json_decref(c->info.cgroup);
	c->info.cgroup = cgroup_save(c->cgroup); /* without what could not be made */
	return r == 0 ? cgroup_doors_open(c->cgroup, &c->doors, e) : r;
}
