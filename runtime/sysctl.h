/* Kernel parameters of a container: only those that its own namespaces keep apart. */
#ifndef KNARR_RUNTIME_SYSCTL_H
#define KNARR_RUNTIME_SYSCTL_H

#include "runtime/config.h"

/* The name as a path below /proc/sys, by the rule of sysctl(8): when the first separator is a dot, dots separate and
 * slashes stand for dots; else slashes separate. Returns owned. */
char *sysctl_path(const char *name);
/* Before anything is cloned: every name belongs to a namespace of the container's own. host_net: the network namespace is
 * the caller's, through a path, too. Pure. -EINVAL. OCI runtime-spec config-linux.md, Sysctl. */
int sysctl_check(const struct config *c, bool host_net, struct err *e);
/* Whether the network namespace of c will be the caller's. Negative: its path cannot be examined. */
int sysctl_host_net(const struct config *c, struct err *e);
/* In the container's namespaces; proc_fd: a real procfs. */
int sysctl_apply(const struct config *c, int proc_fd, struct err *e);

#endif
