/* The plan of a Job.
 *
 * Happy path: count what has ended, decide whether the job is over, write the status, let counted pods go, then make or take away
 * pods. A job that is over first says so (FailureTarget, SuccessCriteriaMet), has its active pods deleted, and becomes Failed or
 * Complete when none is left. Always holds: a finished job is not changed any more; the status is written before finalizers go. */
#include "cp/controllers/job_plan.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "cp/controllers/job_internal.h"
#include "cp/controllers/object.h"
#include "cp/controllers/pod.h"

static bool is_true(const json_t *status, const char *type)
{
	const json_t *c = object_condition(status, type);
	return c && str_eq(json_member(c, "status"), "True");
}

static void end(struct job *j, const char *type, const char *reason, char *take_message)
{
	if (j->end) {
		free(take_message);
		return;
	}
	j->end = type;
	j->reason = reason;
	j->message = take_message;
}

static int64_t restarts_of(const json_t *pods)
{
	int64_t sum = 0;
	size_t i, k;
	json_t *pod, *c;
	static const char *const lists[] = {"status.initContainerStatuses", "status.containerStatuses"};
	json_array_foreach(pods, i, pod)
	{
		for (size_t l = 0; l < ARRAY_LEN(lists); l++)
			json_array_foreach(json_at(pod, lists[l]), k, c) sum += json_int_at(c, "restartCount", 0);
	}
	return sum;
}

static void check_limits(struct job *j, struct plan *plan)
{
	int64_t limit = json_int_at(j->spec, "backoffLimit", 6), deadline = json_int_at(j->spec, "activeDeadlineSeconds", -1);
	int64_t started = object_time_ms(j->status, "startTime");
	bool local = str_eq(json_str_at(j->spec, "template.spec.restartPolicy"), "OnFailure");
	int64_t restarts = local ? restarts_of(j->active) : 0;
	if (j->failed > limit || (local && restarts > 0 && restarts >= limit))
		end(j, "FailureTarget", "BackoffLimitExceeded", xstrdup("Job has reached the specified backoff limit"));
	if (deadline < 0 || started < 0 || json_bool_at(j->spec, "suspend", false))
		return;
	if (j->now_ms - started >= deadline * 1000)
		end(j, "FailureTarget", "DeadlineExceeded", xstrdup("Job was active longer than specified deadline"));
	else
		plan_again(plan, started + deadline * 1000 - j->now_ms);
}

static void check_indexes(struct job *j)
{
	int64_t failed = job_indexes_count(&j->failed_indexes), max = json_int_at(j->spec, "maxFailedIndexes", -1);
	if (!j->indexed)
		return;
	int64_t rule = job_success(j);
	if (max >= 0 && failed > max)
		end(j, "FailureTarget", "MaxFailedIndexesExceeded",
		    xstrdup("Job has exceeded the specified maximal number of failed indexes"));
	if (rule >= 0)
		end(j, "SuccessCriteriaMet", "SuccessPolicy", xasprintf("Matched rules at index %lld", (long long)rule));
	if (failed > 0 && failed + job_indexes_count(&j->completed) >= j->completions)
		end(j, "FailureTarget", "FailedIndexes", xstrdup("Job has failed indexes"));
}

static void check_complete(struct job *j)
{
	size_t active = json_array_size(j->active);
	bool enough = j->completions < 0 ? j->succeeded > 0 && !active : j->succeeded >= j->completions && !active;
	if (j->completions == 0)
		enough = !active;
	if (enough)
		end(j, "SuccessCriteriaMet", "CompletionsReached", xstrdup("Reached expected number of succeeded pods"));
}

/* What an earlier look has decided stays. */
static void recall(struct job *j)
{
	static const char *const types[] = {"FailureTarget", "SuccessCriteriaMet"};
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		const json_t *c = object_condition(j->status, types[i]);
		if (is_true(j->status, types[i]) && !j->end) {
			j->end = types[i];
			j->reason = json_str_or(c, "reason", "");
			j->message = xstrdup(json_str_or(c, "message", ""));
		}
	}
}

/* status.conditions of a job tell when they were looked at, too. */
static void set_condition(struct job *j, const char *type, const char *status, const char *reason, const char *message)
{
	char now[RFC3339_MAX];
	if (object_set_condition(j->status, type, status, reason, message, j->now_ms, false))
		json_set_str(object_condition(j->status, type), "lastProbeTime", rfc3339(j->now_ms, now));
}

static bool uncounted(const struct job *j)
{
	return json_object_size(json_object_get(j->status, "uncountedTerminatedPods")) > 0;
}

static void finish(struct job *j, struct plan *plan)
{
	char now[RFC3339_MAX];
	bool success = str_eq(j->end, "SuccessCriteriaMet");
	set_condition(j, j->end, "True", j->reason, j->message);
	if (json_array_size(j->active) || j->terminating || uncounted(j) || json_array_size(j->release))
		return;
	set_condition(j, success ? "Complete" : "Failed", "True", j->reason, j->message);
	if (success)
		json_set_str(j->status, "completionTime", rfc3339(j->now_ms, now));
	if (success)
		plan_event(plan, j->job, "Normal", "Completed", "Job completed");
	else
		plan_event(plan, j->job, "Warning", j->reason, "%s", j->message);
}

/* Suspension in the status, and the time since when the job runs. */
static void set_suspended(struct job *j, struct plan *plan)
{
	char now[RFC3339_MAX];
	bool suspend = json_bool_at(j->spec, "suspend", false), was = is_true(j->status, "Suspended");
	if (suspend && !was) {
		set_condition(j, "Suspended", "True", "JobSuspended", "Job suspended");
		json_object_del(j->status, "startTime");
		plan_event(plan, j->job, "Normal", "Suspended", "Job suspended");
	} else if (!suspend && was) {
		set_condition(j, "Suspended", "False", "JobResumed", "Job resumed");
		json_object_del(j->status, "startTime");
		plan_event(plan, j->job, "Normal", "Resumed", "Job resumed");
	}
	if (!suspend && !json_object_get(j->status, "startTime"))
		json_set_str(j->status, "startTime", rfc3339(j->now_ms, now));
}

static void set_indexes(struct job *j)
{
	AUTO_FREE char *completed = job_indexes_text(&j->completed), *failed = job_indexes_text(&j->failed_indexes);
	if (!j->indexed)
		return;
	if (*completed)
		json_set_str(j->status, "completedIndexes", completed);
	if (j->per_index >= 0)
		json_set_str(j->status, "failedIndexes", failed);
}

static void write_status(struct job *j, struct plan *plan)
{
	const json_t *old = json_object_get(j->job, "status");
	int64_t active = (int64_t)json_array_size(j->active);
	object_set_count(j->status, "active", active);
	json_set_int(j->status, "ready", j->ready);
	json_set_int(j->status, "terminating", j->terminating);
	json_t *lists = json_object_at(j->status, "uncountedTerminatedPods");
	static const char *const names[] = {"succeeded", "failed"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!json_object_get(lists, names[i]))
			json_object_del(lists, names[i]);
	}
	set_indexes(j);
	AUTO_FREE char *path = object_path("batch", "v1", object_ns(j->job), "jobs", object_name(j->job));
	struct action *a = plan_status(plan, path, old, j->status);
	if (a)
		a->flags |= PLAN_ABSENT_OK;
}

static void job_init(struct job *j, const json_t *object, const json_t *pods, int64_t now_ms)
{
	const json_t *spec = json_object_get(object, "spec"), *status = json_object_get(object, "status");
	*j = (struct job){.job = object, .spec = spec, .pods = pods, .now_ms = now_ms, .active = json_array(), .release = json_array()};
	j->status = status ? json_deep_copy(status) : json_object();
	j->completions = json_int_at(spec, "completions", -1);
	j->parallelism = json_int_at(spec, "parallelism", 1);
	j->per_index = json_int_at(spec, "backoffLimitPerIndex", -1);
	j->indexed = str_eq(json_str_at(spec, "completionMode"), "Indexed");
	j->only_failed = str_eq(json_str_at(spec, "podReplacementPolicy"), "Failed");
	job_indexes_parse(&j->completed, json_str_at(status, "completedIndexes"), j->completions);
	job_indexes_parse(&j->failed_indexes, json_str_at(status, "failedIndexes"), j->completions);
}

static void job_done(struct job *j)
{
	json_decref(j->status);
	json_decref(j->active);
	json_decref(j->release);
	job_indexes_done(&j->completed);
	job_indexes_done(&j->failed_indexes);
	free(j->message);
}

static void plan_lifetime(const json_t *job, int64_t now_ms, struct plan *plan)
{
	int64_t ttl = json_int_at(job, "spec.ttlSecondsAfterFinished", -1);
	const json_t *status = json_object_get(job, "status"), *c = object_condition(status, "Complete");
	int64_t left = object_time_ms(c ? c : object_condition(status, "Failed"), "lastTransitionTime") + ttl * 1000 - now_ms;
	if (ttl < 0 || object_deleting(job))
		return;
	AUTO_FREE char *path = object_path("batch", "v1", object_ns(job), "jobs", object_name(job));
	if (left > 0)
		plan_again(plan, left);
	else
		plan_delete(plan, path, object_uid(job), -1, "Foreground");
}

static bool is_in(const json_t *pods, const json_t *pod)
{
	size_t i;
	json_t *p;
	json_array_foreach(pods, i, p)
	{
		if (p == pod)
			return true;
	}
	return false;
}

/* Pods that were taken in are counted from now on, those that were let go no more. */
static void plan_claimed(const json_t *job, const json_t *candidates, const json_t *claimed, struct plan *plan)
{
	AUTO_JSON *gone = json_array();
	size_t i;
	json_t *pod;
	json_array_foreach(candidates, i, pod)
	{
		bool ours = is_in(claimed, pod);
		if (!ours && object_controlled_by(pod, object_uid(job)))
			json_array_append(gone, pod);
		if (!ours || object_controller_ref(pod) || job_pod_tracked(pod) || pod_is_terminal(pod))
			continue;
		json_t *old = json_at(pod, "metadata.finalizers"), *finalizers = old ? json_copy(old) : json_array();
		AUTO_FREE char *path = object_path("", "v1", object_ns(pod), "pods", object_name(pod));
		json_array_append_new(finalizers, json_string(JOB_TRACKING));
		plan_merge(plan, path, json_pack("{s:{s:s, s:o}}", "metadata", "uid", object_uid(pod), "finalizers", finalizers))
		    ->flags |= PLAN_ABSENT_OK;
	}
	job_release(gone, plan);
}

static void plan_running(struct job *j, struct plan *plan)
{
	bool suspended = json_bool_at(j->spec, "suspend", false);
	recall(j);
	set_suspended(j, plan);
	job_count(j);
	check_limits(j, plan);
	check_indexes(j);
	check_complete(j);
	if (j->end)
		finish(j, plan);
	write_status(j, plan);
	plan_next_stage(plan);
	job_release(j->release, plan);
	plan_next_stage(plan);
	if (j->end || suspended)
		job_delete_pods(j, j->active, INT32_MAX, plan);
	else
		job_manage(j, plan);
}

void job_plan(const struct job_observed *o, int64_t now_ms, struct plan *plan)
{
	const json_t *status = json_object_get(o->job, "status");
	const char *by = json_str_at(o->job, "spec.managedBy");
	if (by && !str_eq(by, "kubernetes.io/job-controller"))
		return;
	AUTO_JSON *pods = adopt_claim(&job_pods, o->job, o->pods, plan);
	if (is_true(status, "Complete") || is_true(status, "Failed") || object_deleting(o->job)) {
		job_release(pods, plan);
		if (!object_deleting(o->job))
			plan_lifetime(o->job, now_ms, plan);
		return;
	}
	plan_claimed(o->job, o->pods, pods, plan);
	AUTO(job_done) struct job j;
	job_init(&j, o->job, pods, now_ms);
	plan_running(&j, plan);
}
