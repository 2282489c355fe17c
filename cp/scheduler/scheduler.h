/* The scheduler: gives each pod that has none a node. */
#ifndef KNARR_CP_SCHEDULER_SCHEDULER_H
#define KNARR_CP_SCHEDULER_SCHEDULER_H

#include "base/err.h"
#include "cp/api/api.h"

struct scheduler;

/* Schedules the pods of "default-scheduler" from now on. The cache must be loaded. */
int scheduler_start(struct api *a, struct scheduler **ret, struct err *e);
void scheduler_stop(struct scheduler *s); /* frees; NULL is fine */

#endif
