/* Making room for a pod of higher priority: pods of less are told, and deleted. */
#ifndef KNARR_CP_SCHEDULER_PREEMPT_H
#define KNARR_CP_SCHEDULER_PREEMPT_H

#include "cp/api/api.h"
#include "cp/controllers/events.h"
#include "cp/scheduler/cluster.h"

/* Finds and removes victims for a pod that fits nowhere, and promises it their node. Returns the node (owned), NULL when nothing
 * helps or the pod does not preempt. Failures of the calls are ignored on purpose: the pod is tried again. */
char *preempt(struct api *a, struct cluster *s, const struct sched_pod *pod, const char *user, struct events *events);

#endif
