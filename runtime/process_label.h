/* Labels of Linux security modules on a process: AppArmor profile and SELinux context. */
#ifndef KNARR_RUNTIME_PROCESS_LABEL_H
#define KNARR_RUNTIME_PROCESS_LABEL_H

#include "runtime/config.h"

/* Whether p names a label, so that the functions below need a procfs. */
bool process_label_wanted(const struct process_conf *p);
/* -EINVAL with runc's text where an SELinux label is wanted of a kernel without it. In the creator. */
int process_label_check(const struct process_conf *p, struct err *e);
/* Both labels, to take effect at the next exec; proc_fd is a real procfs. */
int process_label_set(const struct process_conf *p, int proc_fd, struct err *e);
/* The SELinux label for keys that are made from now on; NULL: as the policy says. Nothing without a label. */
int process_label_keys(const struct process_conf *p, int proc_fd, struct err *e);

#endif
