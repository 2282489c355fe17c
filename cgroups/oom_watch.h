/* Word from the kernel that it killed in a cgroup for want of memory. */
#ifndef KNARR_CGROUPS_OOM_WATCH_H
#define KNARR_CGROUPS_OOM_WATCH_H

#include "cgroups/cgroup.h"

struct oom_watch;
enum oom_event { OOM_NOTHING, OOM_KILLED, OOM_GONE };

/* Returns owned. -EOPNOTSUPP without a memory controller; -ENOENT: no such cgroup. Borrows nothing. */
int oom_watch_open(const struct cgroup *cg, struct oom_watch **ret, struct err *e);
void oom_watch_free(struct oom_watch *w);
void oom_watch_free_ptr(struct oom_watch **w);
#define AUTO_OOM_WATCH AUTO(oom_watch_free_ptr) struct oom_watch
/* To be polled for POLLIN. */
int oom_watch_fd(const struct oom_watch *w);
/* What has happened; call when the descriptor is readable. OOM_GONE: the cgroup is empty for good or removed. */
enum oom_event oom_watch_read(struct oom_watch *w);

#endif
