/* What the files of the job's plan share. */
#ifndef KNARR_CP_CONTROLLERS_JOB_INTERNAL_H
#define KNARR_CP_CONTROLLERS_JOB_INTERNAL_H

#include "cp/controllers/job_indexes.h"
#include "cp/controllers/job_plan.h"

#define JOB_INDEX "batch.kubernetes.io/job-completion-index"
#define JOB_INDEX_FAILURES "batch.kubernetes.io/job-index-failure-count"

extern const struct adopt_kind job_pods;

/* One planning. */
struct job {
	const json_t *job, *spec;
	const json_t *pods; /* those that are the job's */
	json_t *status;	    /* as it will be (owned) */
	int64_t now_ms, completions, parallelism, per_index; /* completions, per_index -1: not given */
	bool indexed, only_failed; /* only_failed: pods on their way out are replaced when they have gone */
	json_t *active;		   /* array: pods that run or wait (owned) */
	int64_t ready, terminating, succeeded, failed, new_succeeded, new_failed;
	struct job_indexes completed, failed_indexes;
	json_t *release; /* array: pods whose finalizer goes once the status is written (owned) */
	const char *end, *reason; /* the condition that ends the job; NULL: it goes on */
	char *message;
};

bool job_pod_tracked(const json_t *pod);
/* Whether a pod counts as failed: it is, or it goes away and that is taken for failure. */
bool job_pod_failed(const struct job *j, const json_t *pod);
int64_t job_pod_index(const struct job *j, const json_t *pod); /* -1: it has none that counts */
int64_t job_pod_failures(const json_t *pod);		       /* of its index before it */
/* Looks at all pods: who is active, whose end is new, which ends are in the status by now. */
void job_count(struct job *j);

enum job_action { JOB_COUNT, JOB_IGNORE, JOB_FAIL_INDEX, JOB_FAIL };
/* What the failure policy says of a failed pod; *ret_message (owned) is set with JOB_FAIL. */
enum job_action job_failure(const json_t *job, const json_t *pod, char **ret_message);
/* The first rule of the success policy that the completed indexes meet; -1: none. */
int64_t job_success(const struct job *j);

/* Creates and deletes pods until as many are active as should be. */
void job_manage(struct job *j, struct plan *plan);
/* Deletes pods without counting them. */
void job_delete_pods(const struct job *j, const json_t *pods, int64_t n, struct plan *plan);

#endif
