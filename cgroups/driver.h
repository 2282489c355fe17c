/* What the drivers of this folder share: the insides of host and handle, the vtable, small file helpers. */
#ifndef KNARR_CGROUPS_DRIVER_H
#define KNARR_CGROUPS_DRIVER_H

#include "base/mem.h"
#include "cgroups/cgroup.h"

/* One mounted hierarchy; several v1 controllers may share it ("cpu,cpuacct"). */
struct hierarchy {
	char **controllers; /* NULL for the unified one */
	char *dir;
	char *root; /* the directory of the hierarchy that is seen at dir, "/" unless it is bound or in a namespace */
};

struct cgroup_host {
	enum cgroup_mode mode;
	struct hierarchy *v1;
	size_t n_v1;
	struct hierarchy v2; /* dir is NULL where v2 is not mounted */
};

/* The place of a cgroup in one hierarchy. */
struct cgroup_dir {
	char *controllers; /* "cpu,cpuacct", "name=systemd"; "" for the unified one */
	char *mount;	   /* "/sys/fs/cgroup/memory" */
	char *path;	   /* "/sys/fs/cgroup/memory/a/b"; NULL where there was no permission for it */
	bool made;	   /* by this handle */
	bool early;	   /* made or checked by cgroup_create_early() */
};

struct cgroup_driver;
struct cgroup_unit;
struct cgroup {
	enum cgroup_mode mode;
	const struct cgroup_driver *driver;
	char *path; /* "/a/b" in the first hierarchy that counts: v2, else the first of v1 */
	struct cgroup_dir *dirs;
	size_t n; /* the unified one is the last */
	bool by_default; /* nobody asked for this path: an unprivileged caller may do without */
	bool late;	 /* nothing is cloned into the unified one */
	int lenient;	 /* 1: any caller may do without, -1: none may, 0: an unprivileged one */
	struct cgroup_unit *unit; /* systemd's, or NULL */
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

/* The place in the hierarchy of a v1 controller, or ("" or on v2 anything) of the unified one. NULL when absent. */
struct cgroup_dir *driver_place(const struct cgroup *cg, const char *controller);
/* Its path, NULL when absent. Borrowed. */
const char *driver_dir(const struct cgroup *cg, const char *controller);
/* The directory that lists all processes of cg (v2, else pids, memory, freezer, whatever is there first), or NULL. */
const char *driver_tracking_dir(const struct cgroup *cg);
/* The caller has no privilege over the host's cgroups: another uid than 0, or root of a user namespace. */
bool driver_unprivileged(void);
/* After a directory could not be made: true, and d is left out, where an unprivileged caller may do without it. */
bool driver_forgo(struct cgroup *cg, struct cgroup_dir *d, int r);

/* mkdir -p of d->path below its mount; each(new_dir, parent_dir, made) runs for every level from the top, also for
 * existing ones; it may be NULL. */
typedef int driver_level_fn(const char *dir, const char *parent, bool made, struct err *e);
int driver_mkdir(struct cgroup_dir *d, driver_level_fn *each, struct err *e);
int driver_write(const char *dir, const char *file, const char *value, struct err *e);
/* Trimmed content, owned; NULL when unreadable. */
char *driver_read(const char *dir, const char *file);
/* A file with one number; "max" and v1's huge "no limit" numbers are UINT64_MAX, unreadable is 0. */
uint64_t driver_read_u64(const char *dir, const char *file);
/* The number behind key in a flat keyed text ("key 123\n..."), 0 when absent. */
uint64_t driver_keyed_u64(const char *text, const char *key);
/* As cgroup_pids() of one directory. */
int driver_pids(const char *dir, bool deep, pid_t **ret, size_t *ret_n, struct err *e);
/* SIGKILL to every process in cg and below, again until none is new. */
int driver_kill_all(const struct cgroup *cg, struct err *e);
/* Writes the plan; what the kernel refuses with EINVAL is tried once more when the rest is written, because pairs such
 * as quota and period or limit and swap must be raised and lowered in different orders. */
struct resources_plan;
int driver_write_plan(struct cgroup *cg, const struct resources_plan *plan, struct err *e);
/* memory.checkBeforeUpdate: -EBUSY when the new limit is below what is used. */
int driver_check_memory(const struct cgroup *cg, const json_t *resources, struct err *e);

#endif
