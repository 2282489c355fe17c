/* Scheduler and I/O priority of the process (OCI runtime-spec config.md, Linux Process). */
#ifndef KNARR_RUNTIME_SCHEDULING_H
#define KNARR_RUNTIME_SCHEDULING_H

#include "runtime/config.h"

int scheduling_apply(const struct process_conf *p, struct err *e);

#endif
