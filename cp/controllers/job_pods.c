/* A job's pods: how many, of which indexes, and when; pure, nothing can fail.
 *
 * After failures new pods come later and later: 10 s, 20 s, 40 s ... up to ten minutes after the last one, for each index by
 * itself where each has its own limit. Always holds: a pod bears the finalizer by which it is counted, and loses it before the
 * controller deletes it, so that what the controller takes away counts as nothing. */
#include <stdlib.h>

#include "base/json.h"
#include "cp/controllers/job_internal.h"
#include "cp/controllers/object.h"
#include "cp/controllers/pod.h"
#include "cp/controllers/replicaset_plan.h"
#include "cp/controllers/template.h"

enum { CREATE_MAX = 500, BACKOFF_MS = 10000, BACKOFF_MAX_MS = 600000, PER_INDEX_BACKOFF_MS = 1000 };

const struct adopt_kind job_pods = {"batch/v1", "Job", "", "pods"};

void job_release(const json_t *pods, struct plan *plan)
{
	size_t i;
	json_t *pod;
	json_array_foreach(pods, i, pod)
	{
		AUTO_JSON *rest = json_without_text(json_at(pod, "metadata.finalizers"), JOB_TRACKING);
		AUTO_FREE char *path = object_path("", "v1", object_ns(pod), "pods", object_name(pod));
		if (!job_pod_tracked(pod))
			continue;
		plan_merge(plan, path, json_pack("{s:{s:s, s:O}}", "metadata", "uid", object_uid(pod), "finalizers", rest))->flags |=
		    PLAN_ABSENT_OK;
	}
}

static int before(const void *a, const void *b)
{
	return replicaset_compare_pods(*(json_t *const *)a, 0, *(json_t *const *)b, 0);
}

void job_delete_pods(const struct job *j, const json_t *pods, int64_t n, struct plan *plan)
{
	size_t all = json_array_size(pods);
	AUTO_FREE json_t **v = xcalloc(all + 1, sizeof(*v));
	AUTO_JSON *chosen = json_array();
	for (size_t i = 0; i < all; i++)
		v[i] = json_array_get(pods, i);
	qsort(v, all, sizeof(*v), before);
	for (size_t i = 0; i < all && n-- > 0; i++)
		json_array_append(chosen, v[i]);
	job_release(chosen, plan);
	plan_next_stage(plan);
	size_t i;
	json_t *pod;
	json_array_foreach(chosen, i, pod)
	{
		AUTO_FREE char *path = object_path("", "v1", object_ns(pod), "pods", object_name(pod));
		struct action *a = plan_delete(plan, path, object_uid(pod), -1, NULL);
		plan_note_ok(a, j->job, "SuccessfulDelete", "Deleted pod: %s", object_name(pod));
		plan_note_failed(a, j->job, "FailedDelete", "Error deleting: %%e");
	}
}

/* When a pod ended, as well as it can be told; 0 when not at all. */
static int64_t ended_ms(const json_t *pod)
{
	int64_t at = 0;
	size_t i;
	json_t *c;
	json_array_foreach(json_at(pod, "status.containerStatuses"), i, c)
		at = MAX(at, object_time_ms(c, "state.terminated.finishedAt"));
	if (at <= 0)
		at = object_time_ms(pod, "metadata.deletionTimestamp");
	if (at <= 0)
		at = object_time_ms(object_condition(json_object_get(pod, "status"), "Ready"), "lastTransitionTime");
	return MAX(at, 0);
}

static int64_t delay_ms(int64_t failures, int64_t base)
{
	int64_t delay = base;
	while (--failures > 0 && delay < BACKOFF_MAX_MS)
		delay *= 2;
	return MIN(delay, BACKOFF_MAX_MS);
}

/* How long no pod may be made, because some have failed since one succeeded. */
static int64_t backoff_left(const struct job *j)
{
	int64_t success = 0, last = 0, failures = 0;
	size_t i;
	json_t *pod;
	json_array_foreach(j->pods, i, pod)
	{
		if (str_eq(pod_phase(pod), "Succeeded"))
			success = MAX(success, ended_ms(pod));
	}
	json_array_foreach(j->pods, i, pod)
	{
		int64_t at = ended_ms(pod);
		if (!str_eq(pod_phase(pod), "Failed") || at <= success)
			continue;
		failures++;
		last = MAX(last, at);
	}
	return failures ? last + delay_ms(failures, BACKOFF_MS) - j->now_ms : 0;
}

/* Of the index: how often it has failed, and how long it still waits. */
static int64_t index_failures(const struct job *j, int64_t index, int64_t *ret_left)
{
	int64_t failures = 0, last = 0;
	size_t i;
	json_t *pod;
	json_array_foreach(j->pods, i, pod)
	{
		AUTO_FREE char *message = NULL;
		if (job_pod_index(j, pod) != index || !job_pod_failed(j, pod))
			continue;
		bool ignored = str_eq(pod_phase(pod), "Failed") && job_failure(j->job, pod, &message) == JOB_IGNORE;
		failures = MAX(failures, job_pod_failures(pod) + !ignored);
		last = MAX(last, ended_ms(pod));
	}
	*ret_left = failures ? last + delay_ms(failures, PER_INDEX_BACKOFF_MS) - j->now_ms : 0;
	return failures;
}

static void add_index_variable(json_t *containers)
{
	size_t i;
	json_t *c;
	json_array_foreach(containers, i, c)
	{
		json_t *env = json_array_at(c, "env");
		if (!json_find(env, "name", "JOB_COMPLETION_INDEX"))
			json_array_append_new(env, json_pack("{s:s, s:{s:{s:s, s:s}}}", "name", "JOB_COMPLETION_INDEX", "valueFrom",
							     "fieldRef", "apiVersion", "v1", "fieldPath",
							     "metadata.labels['" JOB_INDEX "']"));
	}
}

static json_t *new_pod(const struct job *j, int64_t index, int64_t failures)
{
	AUTO_JSON *template = json_deep_copy(json_object_get(j->spec, "template"));
	json_t *pod = template_pod(template, j->job, &job_pods);
	json_t *meta = json_object_get(pod, "metadata"), *spec = json_object_get(pod, "spec");
	json_array_append_new(json_array_at(meta, "finalizers"), json_string(JOB_TRACKING));
	if (index < 0)
		return pod;
	AUTO_FREE char *number = xasprintf("%lld", (long long)index);
	AUTO_FREE char *host = xasprintf("%s-%s", object_name(j->job), number);
	AUTO_FREE char *prefix = xasprintf("%s-", host);
	AUTO_FREE char *failed = xasprintf("%lld", (long long)failures);
	json_object_set_new(meta, "generateName", json_string(prefix));
	json_object_set_new(json_object_at(meta, "labels"), JOB_INDEX, json_string(number));
	json_object_set_new(json_object_at(meta, "annotations"), JOB_INDEX, json_string(number));
	if (j->per_index >= 0)
		json_object_set_new(json_object_get(meta, "annotations"), JOB_INDEX_FAILURES, json_string(failed));
	if (!json_object_get(spec, "hostname"))
		json_set_str(spec, "hostname", host);
	add_index_variable(json_object_get(spec, "containers"));
	add_index_variable(json_object_get(spec, "initContainers"));
	return pod;
}

static void create(const struct job *j, int64_t index, int64_t failures, int64_t *batch, int64_t *in_batch, struct plan *plan)
{
	AUTO_FREE char *path = object_path("", "v1", object_ns(j->job), "pods", NULL);
	if ((*in_batch)++ == *batch) {
		plan_next_stage(plan);
		*batch *= 2;
		*in_batch = 1;
	}
	struct action *a = plan_create(plan, path, new_pod(j, index, failures));
	plan_note_ok(a, j->job, "SuccessfulCreate", "Created pod: %%n");
	plan_note_failed(a, j->job, "FailedCreate", "Error creating: %%e");
}

/* Indexes that have a pod already, also one that has yet to go where that is waited for. */
static void indexes_taken(const struct job *j, struct job_indexes *ret)
{
	size_t i;
	json_t *pod;
	json_array_foreach(j->pods, i, pod)
	{
		int64_t index = job_pod_index(j, pod);
		if (index >= 0 && !pod_is_terminal(pod) && (!object_deleting(pod) || j->only_failed))
			job_indexes_add(ret, index);
	}
}

static void create_indexes(const struct job *j, int64_t n, struct plan *plan)
{
	AUTO_JOB_INDEXES taken = {0};
	int64_t batch = 1, in_batch = 0;
	indexes_taken(j, &taken);
	for (int64_t index = 0; index < j->completions && n > 0; index++) {
		int64_t left = 0, failures = 0;
		if (job_indexes_has(&taken, index) || job_indexes_has(&j->completed, index) || job_indexes_has(&j->failed_indexes, index))
			continue;
		n--;
		if (j->per_index >= 0)
			failures = index_failures(j, index, &left);
		if (left > 0)
			plan_again(plan, left);
		else
			create(j, index, failures, &batch, &in_batch, plan);
	}
}

static int64_t wanted_active(const struct job *j)
{
	int64_t active = (int64_t)json_array_size(j->active);
	if (j->completions < 0)
		return j->succeeded > 0 ? active : j->parallelism;
	int64_t left = j->completions - j->succeeded - job_indexes_count(&j->failed_indexes);
	return MAX(MIN(left, j->parallelism), 0);
}

/* Pods of an index that is done, has failed, or has another pod already. */
static json_t *surplus_of_indexes(const struct job *j)
{
	AUTO_JOB_INDEXES seen = {0};
	json_t *surplus = json_array(), *pod;
	size_t i;
	json_array_foreach(j->active, i, pod)
	{
		int64_t index = job_pod_index(j, pod);
		if (index < 0 || job_indexes_has(&seen, index) || job_indexes_has(&j->completed, index) ||
		    job_indexes_has(&j->failed_indexes, index))
			json_array_append(surplus, pod);
		else
			job_indexes_add(&seen, index);
	}
	return surplus;
}

void job_manage(struct job *j, struct plan *plan)
{
	int64_t active = (int64_t)json_array_size(j->active), want = wanted_active(j);
	AUTO_JSON *surplus = j->indexed ? surplus_of_indexes(j) : json_array();
	if (json_array_size(surplus)) {
		job_delete_pods(j, surplus, INT32_MAX, plan);
		return;
	}
	if (active > want) {
		job_delete_pods(j, j->active, active - want, plan);
		return;
	}
	int64_t n = want - active - (j->only_failed ? j->terminating : 0), left = j->per_index >= 0 ? 0 : backoff_left(j);
	if (n > 0 && left > 0) {
		plan_again(plan, left);
		return;
	}
	if (n > CREATE_MAX)
		plan_again(plan, 1);
	n = MIN(n, CREATE_MAX);
	int64_t batch = 1, in_batch = 0;
	if (j->indexed)
		create_indexes(j, n, plan);
	while (!j->indexed && n-- > 0)
		create(j, -1, 0, &batch, &in_batch, plan);
}
