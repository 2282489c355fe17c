/* config.json as flat structures: parsed and checked once, before anything is cloned. */
#ifndef KNARR_RUNTIME_CONFIG_H
#define KNARR_RUNTIME_CONFIG_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/err.h"
#include "runtime/intel_rdt.h"
#include "runtime/memory_policy.h"
#include "runtime/mount_options.h"
#include "runtime/number_set.h"
#include "runtime/scheduling.h"

enum { NS_USER, NS_MNT, NS_PID, NS_NET, NS_IPC, NS_UTS, NS_CGROUP, NS_TIME, NS_COUNT };

struct ns_conf {
	bool wanted;
	const char *path; /* NULL: a new one */
};

/* Clone flag and /proc/<pid>/ns name of each; index NS_*. */
struct ns_kind {
	const char *oci, *proc;
	uint64_t flag;
};
extern const struct ns_kind ns_kinds[NS_COUNT];

struct id_map {
	uint32_t inside, outside, count;
};

struct caps_conf {
	bool given;
	uint64_t bounding, effective, permitted, inheritable, ambient;
};

struct rlimit_conf {
	int resource;
	struct rlimit limit;
};

/* The OCI "process" object and what "linux" says about processes. Strings are borrowed from the JSON except the vectors. */
struct process_conf {
	char **argv, **envp; /* owned; envp without duplicates and without an empty HOME; NULL: the field is absent */
	char **unknown_caps; /* owned names, sorted; ignored with a warning */
	const char *cwd;
	uid_t uid;
	gid_t gid;
	gid_t *groups; /* owned */
	size_t n_groups;
	int umask; /* -1: leave */
	struct caps_conf caps;
	struct rlimit_conf rlimits[RLIM_NLIMITS];
	size_t n_rlimits;
	bool no_new_privs, terminal, has_oom_score_adj;
	int oom_score_adj;
	unsigned rows, columns;
	const char *apparmor, *selinux;
	int io_class, io_priority; /* class -1: leave */
	struct scheduler_conf scheduler;
	struct number_set cpus_initial, cpus_final; /* of an exec */
	bool cpus_limited;			    /* linux.resources.cpu.cpus is set */
	int personality;			    /* -1: leave */
	struct memory_policy memory_policy;
};

/* Both kinds of ids of one mapping; owned. */
struct idmap_conf {
	struct id_map *uids, *gids;
	size_t n_uids, n_gids;
};

struct mount_conf {
	const char *type;
	char *destination;	 /* owned; absolute inside the root, cleaned */
	char *source;		 /* owned; bind sources are absolute */
	struct idmap_conf idmap; /* empty: none of its own */
	int userns_fd;		 /* of that mapping once idmap_open_all() was called, else -1; owned */
	struct mount_options options;
};

struct device_conf {
	const char *path;
	mode_t mode; /* with S_IFCHR, S_IFBLK or S_IFIFO */
	dev_t rdev;
	uid_t uid;
	gid_t gid;
};

struct config {
	json_t *json; /* owned reference; everything borrowed points into it */
	char *bundle, *rootfs; /* absolute, owned */
	bool rootfs_readonly;
	struct process_conf process;
	struct ns_conf ns[NS_COUNT];
	struct id_map *uid_maps, *gid_maps;
	size_t n_uid_maps, n_gid_maps;
	struct mount_conf *mounts;
	size_t n_mounts;
	struct device_conf *devices; /* the default ones first */
	size_t n_devices;
	bool own_dev; /* /dev comes from a bind mount: no nodes, no links */
	const char *hostname, *domainname, *cgroups_path, *mount_label;
	unsigned long root_propagation; /* MS_ flags, 0: the default */
	const json_t *sysctl, *masked_paths, *readonly_paths, *seccomp, *hooks, *resources, *time_offsets, *net_devices;
	struct intel_rdt intel_rdt;
};

/* Takes nothing; keeps a reference to json. bundle is absolute. -EINVAL with the field's name. */
int config_parse(json_t *json, const char *bundle, struct config *ret, struct err *e);
void config_done(struct config *c);
#define AUTO_CONFIG AUTO(config_done) struct config

int process_parse(const json_t *process, struct process_conf *ret, struct err *e);
/* Adds what config.json's "linux" object (NULL: none) says about every process of the container. */
int process_parse_linux(const json_t *linux_, struct process_conf *p, struct err *e);
void process_conf_done(struct process_conf *p);
#define AUTO_PROCESS_CONF AUTO(process_conf_done) struct process_conf

#endif
