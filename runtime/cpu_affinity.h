/* CPU affinity of new processes (OCI runtime-spec config.md, Linux Process, execCPUAffinity). */
#ifndef KNARR_RUNTIME_CPU_AFFINITY_H
#define KNARR_RUNTIME_CPU_AFFINITY_H

#include "runtime/config.h"

/* Around the clone of an exec's process: the caller runs on the initial CPUs, which the child inherits, and then where it
 * ran before. Without initial CPUs nothing happens. */
struct cpu_affinity_before {
	bool changed;
	struct number_set set;
};
int cpu_affinity_enter(const struct process_conf *p, struct cpu_affinity_before *ret, struct err *e);
void cpu_affinity_leave(const struct cpu_affinity_before *b);

/* By the child, when it has come to its cgroup. The container's first process (NULL) gets all CPUs of that, whatever the
 * creator may use itself; an exec's process its final CPUs, the initial ones where only those are given, else as the first. */
int cpu_affinity_settle(const struct process_conf *exec, struct err *e);

#endif
