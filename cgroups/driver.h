/* What the drivers of this folder share: the insides of host and handle, the vtable, small file helpers. */
#ifndef KNARR_CGROUPS_DRIVER_H
#define KNARR_CGROUPS_DRIVER_H

#include "base/mem.h"
#include "cgroups/cgroup.h"

/* One mounted v1 hierarchy; several controllers may share it ("cpu,cpuacct"). */
struct hierarchy {
	char **controllers;
	char *dir;
};

struct cgroup_host {
	enum cgroup_mode mode;
	const struct cgroup_driver *driver;
	struct hierarchy *v1;
	size_t n_v1;
	char *v2_dir; /* NULL where v2 is not mounted */
};

struct cgroup {
	const struct cgroup_host *host;
	char *path; /* "/a/b" */
};

struct cgroup_driver {
	int (*create)(struct cgroup *cg, struct err *e);
	int (*attach)(struct cgroup *cg, pid_t pid, struct err *e);
	int (*apply)(struct cgroup *cg, const json_t *resources, struct err *e);
	int (*kill)(struct cgroup *cg, struct err *e);
	int (*set_frozen)(struct cgroup *cg, bool frozen, struct err *e);
	bool (*is_frozen)(const struct cgroup *cg);
	int (*stats)(const struct cgroup *cg, struct cgroup_stats *ret, struct err *e);
	int (*oom_kills)(const struct cgroup *cg, uint64_t *ret, struct err *e);
};
extern const struct cgroup_driver driver_v1, driver_v2; /* driver_v1 serves hybrid too */

/* Directory of cg in one hierarchy; owned. */
char *driver_dir(const struct cgroup *cg, const char *hierarchy_dir);
/* The directory that lists all processes of cg (v2, else pids, memory, freezer, whatever is there first); owned. */
char *driver_tracking_dir(const struct cgroup *cg);

/* mkdir -p below root_dir; each(new_dir, parent_dir, arg) runs for every level from the top, also for existing ones.
 * each may be NULL. */
typedef int driver_level_fn(const char *dir, const char *parent, bool made, struct err *e);
int driver_mkdir(const char *root_dir, const char *path, driver_level_fn *each, struct err *e);
int driver_write(const char *dir, const char *file, const char *value, struct err *e);
/* Trimmed content, owned; NULL when unreadable. */
char *driver_read(const char *dir, const char *file);
/* A file with one number; "max" and v1's huge "no limit" numbers are UINT64_MAX, unreadable is 0. */
uint64_t driver_read_u64(const char *dir, const char *file);
/* The number behind key in a flat keyed text ("key 123\n..."), 0 when absent. */
uint64_t driver_keyed_u64(const char *text, const char *key);
/* SIGKILL to every process below dir, again until none is new. */
int driver_kill_all(const struct cgroup *cg, struct err *e);
/* Writes the plan; what the kernel refuses with EINVAL is tried once more when the rest is written, because pairs such
 * as quota and period or limit and swap must be raised and lowered in different orders. */
struct resources_plan;
int driver_write_plan(struct cgroup *cg, const struct resources_plan *plan, struct err *e);
/* memory.checkBeforeUpdate: -EBUSY when the new limit is below what is used. */
int driver_check_memory(const struct cgroup *cg, const json_t *resources, struct err *e);

#endif
