/* Control groups: one handle per path over the host's v1, hybrid or v2 layout, with one vtable behind it. */
#ifndef KNARR_CGROUPS_CGROUP_H
#define KNARR_CGROUPS_CGROUP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

/* V1: each controller at its own mount. HYBRID: the same, and an (almost) empty v2 hierarchy used for tracking and
 * killing. V2: one unified hierarchy. */
enum cgroup_mode { CGROUP_V1, CGROUP_HYBRID, CGROUP_V2 };

/* The host's hierarchies, read once from /proc/self/mountinfo; handles are made from it. */
struct cgroup_host;

/* Returns owned. -ENOENT where no cgroup file system is mounted. */
int cgroup_host_open(struct cgroup_host **ret, struct err *e);
/* As cgroup_host_open() from the text of a mountinfo file; pure. */
int cgroup_host_parse(const char *mountinfo, struct cgroup_host **ret, struct err *e);
void cgroup_host_free(struct cgroup_host *h);
void cgroup_host_free_ptr(struct cgroup_host **h);
#define AUTO_CGROUP_HOST AUTO(cgroup_host_free_ptr) struct cgroup_host
enum cgroup_mode cgroup_host_mode(const struct cgroup_host *h);
/* The directory where a v1 controller ("memory", "name=systemd") or, for "", the v2 hierarchy is mounted; NULL when
 * absent. Borrowed from h. */
const char *cgroup_host_mount(const struct cgroup_host *h, const char *controller);

/* One cgroup: a directory in every hierarchy, usually the same path below each mount. The handle stands alone once it is
 * made. */
struct cgroup;

/* Only names it, nothing is touched. path is relative to the mount roots with or without a leading slash
 * ("/knarr/pods/<uid>/<container>"); -EINVAL for an empty path, "..", or one that is too long. Returns owned. */
int cgroup_open(const struct cgroup_host *h, const char *path, struct cgroup **ret, struct err *e);
/* The cgroup that OCI linux.cgroupsPath (NULL: none given) means for a container: absolute as it is, relative below the
 * caller's own cgroup (v1: in each hierarchy; v2: beside it, because it holds processes); none: "<id>" likewise, and then
 * an unprivileged caller may have to do without one. ".." never leads above the root. Returns owned. */
int cgroup_resolve(const struct cgroup_host *h, const char *cgroups_path, const char *id, struct cgroup **ret, struct err *e);
/* Who may do without a cgroup that nobody asked for: 1 anybody, -1 nobody, 0 (as it begins) an unprivileged caller. */
void cgroup_set_lenient(struct cgroup *cg, int lenient);
/* As cgroup_resolve() where systemd makes the cgroup: cgroups_path is "slice:prefix:name" (NULL: "<id>" in the default slice),
 * annotations may hold org.systemd.property.* (NULL allowed). An unprivileged caller's own manager is asked then. */
int cgroup_resolve_unit(const struct cgroup_host *h, const char *cgroups_path, const char *id, const json_t *annotations,
			struct cgroup **ret, struct err *e);
/* Sub-cgroups of it: one path for all hierarchies ("a/b"), or any number of "controller[,controller]:path" for v1; ".."
 * must not lead out (-EINVAL "... is not a sub cgroup path"). NULL or empty gives the same cgroup. Returns owned. */
int cgroup_open_below(const struct cgroup *cg, char *const *forms, struct cgroup **ret, struct err *e);
/* v2: the cgroup that a process is in, as seen through the mount of like. Returns owned. */
int cgroup_open_of(const struct cgroup *like, pid_t pid, struct cgroup **ret, struct err *e);
/* The handle as JSON, for a state file, and back without a look at the host. Both return owned. */
json_t *cgroup_save(const struct cgroup *cg);
int cgroup_load(const json_t *saved, struct cgroup **ret, struct err *e);
void cgroup_free(struct cgroup *cg);
void cgroup_free_ptr(struct cgroup **cg);
#define AUTO_CGROUP AUTO(cgroup_free_ptr) struct cgroup
const char *cgroup_path(const struct cgroup *cg); /* normalised, with a leading slash */
enum cgroup_mode cgroup_mode(const struct cgroup *cg);
/* The directory of one v1 controller, or of the unified one on v2 (controller is then ignored); -ENOENT when the
 * hierarchy is absent. Adds to ret. */
int cgroup_dir(const struct cgroup *cg, const char *controller, struct str *ret);
/* The i-th hierarchy: its controllers ("cpu,cpuacct"; "" for the unified one), mount point and the cgroup's directory in
 * it (NULL where it has none), valid as long as cg. False beyond the last. */
bool cgroup_place(const struct cgroup *cg, size_t i, const char **ret_controllers, const char **ret_mount, const char **ret_dir);

/* Makes the directories with their parents in every hierarchy; existing ones are fine. On v1 cpuset.cpus and .mems are
 * inherited on the way, on v2 the available controllers are enabled in subtree_control of every parent. */
int cgroup_create(struct cgroup *cg, struct err *e);
/* As cgroup_create(), but -EBUSY where it is there already and has processes in it or is frozen ("container's cgroup is
 * not empty: ..."); then nothing new is left. */
int cgroup_create_vacant(struct cgroup *cg, struct err *e);
/* The first part of cgroup_create_vacant(): what cgroup_clone_fd() leads into. A child that was cloned there does not count
 * when cgroup_create_vacant() does the rest. */
int cgroup_create_early(struct cgroup *cg, struct err *e);
/* What systemd wants to know when cgroup_create_vacant() starts the unit: its first process, which it attaches, and the
 * resources, which cgroup_apply() need not repeat. No effect without systemd. */
void cgroup_introduce(struct cgroup *cg, pid_t pid, const json_t *resources);
/* Removes those directories again that this handle made; those that are in use stay. */
void cgroup_unmake(struct cgroup *cg);
bool cgroup_exists(const struct cgroup *cg);
/* It is there in every hierarchy; -ENOENT else. */
int cgroup_check_exists(const struct cgroup *cg, struct err *e);
/* Gives a v2 cgroup to a user: the directory and the files that the kernel lists as delegatable. Nothing on v1. */
int cgroup_delegate(struct cgroup *cg, uid_t uid, struct err *e);
/* Moves the process (and its threads) into it in every hierarchy. -ESRCH when it is gone. */
int cgroup_attach(struct cgroup *cg, pid_t pid, struct err *e);
/* An O_PATH|O_DIRECTORY descriptor for clone3's CLONE_INTO_CGROUP, returned owned; on hybrid it leads into the unified
 * hierarchy alone. -EOPNOTSUPP where that is not mounted, and where systemd does the attaching. */
int cgroup_clone_fd(const struct cgroup *cg, struct err *e);
/* v2: instead of being cloned into it the child goes in by a door, so that what it has made until then is not charged to it.
 * No effect where somebody else attaches (systemd; an unprivileged caller). */
void cgroup_enter_late(struct cgroup *cg);

/* Where there is v1, the way in for a child that has one thread: no waiting for the kernel as in cgroup_attach(). Opened by
 * the parent, passed on, gone through and closed by the child (async-signal-safe, -errno). Together with
 * cgroup_clone_fd() it does all that cgroup_attach() does; on v2 there are none but after cgroup_enter_late(). */
#define CGROUP_DOORS_MAX 24 /* no more than FD_PASS_MAX */
struct cgroup_doors {
	int fds[CGROUP_DOORS_MAX];
	size_t n;
};
int cgroup_doors_open(const struct cgroup *cg, struct cgroup_doors *ret, struct err *e);
int cgroup_doors_enter(struct cgroup_doors *d);
void cgroup_doors_done(struct cgroup_doors *d);
/* The unified hierarchy for a child of an unprivileged caller, for whom cgroup_clone_fd() gives none, because the kernel asks
 * for permission on the way between the two cgroups as well. Without it, and where nobody asked for the cgroup, the handle
 * does without. Nothing for other callers. */
int cgroup_attach_unprivileged(struct cgroup *cg, pid_t pid, struct err *e);

/* Writes OCI linux.resources (runtime-spec config-linux.md): cpu, memory, pids, blockIO, hugepageLimits, network, rdma,
 * unified, devices. What is absent is left alone. Rejects with -EINVAL, -EOPNOTSUPP for a missing controller. */
int cgroup_apply(struct cgroup *cg, const json_t *resources, struct err *e);

/* Sends SIGKILL to everything in it and below, and comes back when it was sent to all (not when they are gone). */
int cgroup_kill(struct cgroup *cg, struct err *e);
/* Stops or continues all processes in it and below; returns once the kernel reports it done (-ETIMEDOUT after 2 s). */
int cgroup_freeze(struct cgroup *cg, struct err *e);
int cgroup_thaw(struct cgroup *cg, struct err *e);
/* True where it (not only a child) has been frozen. */
bool cgroup_is_frozen(const struct cgroup *cg);

/* Everything that resource metrics, eviction and `events --stats` need. Values that the kernel does not give are 0;
 * limits are UINT64_MAX where there is none. */
struct cgroup_stats {
	uint64_t cpu_usage_ns, cpu_user_ns, cpu_system_ns;
	uint64_t cpu_periods, cpu_throttled_periods, cpu_throttled_ns;
	uint64_t memory_usage_bytes, memory_max_usage_bytes, memory_limit_bytes;
	uint64_t memory_working_set_bytes; /* usage without inactive file pages, as the kubelet counts */
	uint64_t memory_rss_bytes, memory_cache_bytes, memory_swap_bytes;
	uint64_t memory_page_faults, memory_major_page_faults;
	uint64_t memory_failcnt, memory_oom_kills;
	uint64_t pids_current, pids_limit;
};
int cgroup_stats(const struct cgroup *cg, struct cgroup_stats *ret, struct err *e);
/* How often the kernel killed in it for want of memory; cheaper than cgroup_stats(). */
int cgroup_oom_kills(const struct cgroup *cg, uint64_t *ret, struct err *e);

/* The processes in it and, if deep, in its children. Returns an owned array, ended by 0. */
int cgroup_pids(const struct cgroup *cg, bool deep, pid_t **ret, size_t *ret_n, struct err *e);

/* Removes it, children first, in every hierarchy, waiting up to two seconds for dying processes; absent is fine.
 * -EBUSY when something still runs in it. Parents stay. */
int cgroup_destroy(struct cgroup *cg, struct err *e);
/* As cgroup_destroy(), and kills what still runs in it. */
int cgroup_kill_and_destroy(struct cgroup *cg, struct err *e);

#endif
