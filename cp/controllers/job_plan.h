/* What a Job needs done: pods run until enough of them have succeeded or too many have failed; status. Pure. */
#ifndef KNARR_CP_CONTROLLERS_JOB_PLAN_H
#define KNARR_CP_CONTROLLERS_JOB_PLAN_H

#include "cp/controllers/adopt.h"

#define JOB_TRACKING "batch.kubernetes.io/job-tracking"

struct job_observed {
	const json_t *job;
	const json_t *pods; /* array: those of its namespace that its selector matches or that it controls */
};

/* (batch/v1 Job; Kubernetes concepts, Jobs: completion modes, back-off, policies for failed and succeeded pods, suspension,
 * deadlines, time to live.) Each pod is counted once: it keeps a finalizer until its end is in the job's status. */
void job_plan(const struct job_observed *o, int64_t now_ms, struct plan *plan);
/* Pods whose job is gone or no longer wants them counted lose their finalizer. */
void job_release(const json_t *pods, struct plan *plan);

#endif
