/* Cloning into namespaces: new ones, and ones joined by descriptor. */
#ifndef KNARR_RUNTIME_SPAWN_H
#define KNARR_RUNTIME_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "runtime/config.h"

struct spawn {
	uint64_t flags;		    /* CLONE_NEW... of the new namespaces */
	int cgroup_fd;		    /* CLONE_INTO_CGROUP, or -1 */
	int pid_ns_fd;		    /* a pid namespace (or pidfd) that the child is born into, or -1 */
	bool new_time;		    /* a new time namespace with time_offsets */
	const json_t *time_offsets;
	bool clone_parent;
};
#define SPAWN_INIT ((struct spawn){ .cgroup_fd = -1, .pid_ns_fd = -1 })

/* As fork(2): 0 in the child, the pid in the parent, which is back in its own namespaces then. */
int spawn_clone(const struct spawn *s, int *ret_pidfd, struct err *e);
/* Opens the path of every namespace that has one; the rest becomes -1. All are checked to be of the right kind. */
int spawn_open_namespaces(const struct config *c, int ret_fds[NS_COUNT], struct err *e);
/* Joins those with a descriptor, the user namespace (and root in it) in between where there is one. */
int spawn_join(const int fds[NS_COUNT], struct err *e);
/* uid 0, gid 0 and no groups in a user namespace that was just entered. */
int spawn_become_root(struct err *e);
/* A new time namespace for the calling process, which enters it when it calls exec. */
int spawn_own_time(const json_t *offsets, struct err *e);
/* uid_map and gid_map of a child in a new user namespace. */
int spawn_map_ids(const struct config *c, pid_t pid, struct err *e);
/* The same with any mapping, by our own privilege. */
int spawn_write_maps(pid_t pid, const struct idmap_conf *map, struct err *e);
/* The flags of all new namespaces but cgroup and time, which are made elsewhere. */
uint64_t spawn_new_flags(const struct config *c);

#endif
