/* Counting a job's pods, each once; pure, nothing can fail.
 *
 * A pod that ends is first named in status.uncountedTerminatedPods (an index that succeeded: in completedIndexes), then it loses
 * its finalizer, and when that is seen it is a number. A controller that dies anywhere on the way goes on from what it finds. */
#include "base/json.h"
#include "cp/controllers/job_internal.h"
#include "cp/controllers/object.h"
#include "cp/controllers/pod.h"

enum { UNCOUNTED_MAX = 500 };

bool job_pod_tracked(const json_t *pod)
{
	return object_has_finalizer(pod, JOB_TRACKING);
}

bool job_pod_failed(const struct job *j, const json_t *pod)
{
	if (str_eq(pod_phase(pod), "Failed"))
		return true;
	return !j->only_failed && object_deleting(pod) && !str_eq(pod_phase(pod), "Succeeded");
}

int64_t job_pod_index(const struct job *j, const json_t *pod)
{
	const char *text = object_annotation(pod, JOB_INDEX);
	int64_t index;
	if (!text || str_to_i64(text, &index) < 0 || index < 0 || index >= j->completions)
		return -1;
	return index;
}

int64_t job_pod_failures(const json_t *pod)
{
	const char *text = object_annotation(pod, JOB_INDEX_FAILURES);
	int64_t n;
	return text && str_to_i64(text, &n) == 0 ? n : 0;
}

static const json_t *pod_by_uid(const json_t *pods, const char *uid)
{
	size_t i;
	json_t *pod;
	json_array_foreach(pods, i, pod)
	{
		if (str_eq(object_uid(pod), uid))
			return pod;
	}
	return NULL;
}

/* Of the uids in the status, those whose pods have no finalizer any more become a number. */
static int64_t settle(struct job *j, const char *list)
{
	json_t *uids = json_array_at(j->status, list);
	int64_t settled = 0;
	for (size_t i = json_array_size(uids); i-- > 0;) {
		const json_t *pod = pod_by_uid(j->pods, json_string_value(json_array_get(uids, i)));
		if (pod && job_pod_tracked(pod)) {
			json_array_append(j->release, (json_t *)pod);
			continue;
		}
		json_array_remove(uids, i);
		settled++;
	}
	return settled;
}

static bool note(struct job *j, const char *list, const json_t *pod)
{
	json_t *uids = json_array_at(j->status, list);
	if (json_has_text(uids, object_uid(pod)) || json_array_size(uids) >= UNCOUNTED_MAX)
		return false;
	json_array_append_new(uids, json_string(object_uid(pod)));
	json_array_append(j->release, (json_t *)pod);
	return true;
}

static void count_success(struct job *j, const json_t *pod)
{
	int64_t index = job_pod_index(j, pod);
	if (!j->indexed) {
		j->new_succeeded += note(j, "uncountedTerminatedPods.succeeded", pod);
		return;
	}
	if (index >= 0 && !job_indexes_has(&j->completed, index)) {
		job_indexes_add(&j->completed, index);
		j->new_succeeded++;
	}
	json_array_append(j->release, (json_t *)pod);
}

static void count_failure(struct job *j, const json_t *pod)
{
	AUTO_FREE char *message = NULL;
	enum job_action action = str_eq(pod_phase(pod), "Failed") ? job_failure(j->job, pod, &message) : JOB_COUNT;
	int64_t index = job_pod_index(j, pod);
	if (action == JOB_IGNORE) {
		json_array_append(j->release, (json_t *)pod);
		return;
	}
	if (!note(j, "uncountedTerminatedPods.failed", pod))
		return;
	j->new_failed++;
	if (j->per_index >= 0 && index >= 0 && !job_indexes_has(&j->completed, index) &&
	    (action == JOB_FAIL_INDEX || job_pod_failures(pod) >= j->per_index))
		job_indexes_add(&j->failed_indexes, index);
	if (action == JOB_FAIL && !j->end) {
		j->end = "FailureTarget";
		j->reason = "PodFailurePolicy";
		j->message = TAKE(message);
	}
}

static void look_at(struct job *j, const json_t *pod)
{
	bool over = pod_is_terminal(pod);
	if (!over && object_deleting(pod))
		j->terminating++;
	else if (!over) {
		json_array_append(j->active, (json_t *)pod);
		j->ready += pod_is_ready(pod);
	}
	if (!job_pod_tracked(pod))
		return;
	if (str_eq(pod_phase(pod), "Succeeded"))
		count_success(j, pod);
	else if (job_pod_failed(j, pod))
		count_failure(j, pod);
}

void job_count(struct job *j)
{
	const char *uncounted = "uncountedTerminatedPods";
	int64_t done = settle(j, "uncountedTerminatedPods.succeeded"), failed = settle(j, "uncountedTerminatedPods.failed");
	size_t i;
	json_t *pod;
	j->succeeded = json_int_at(j->status, "succeeded", 0) + done;
	j->failed = json_int_at(j->status, "failed", 0) + failed;
	json_array_foreach(j->pods, i, pod) look_at(j, pod);
	if (j->indexed)
		j->succeeded = job_indexes_count(&j->completed);
	object_set_count(j->status, "succeeded", j->succeeded);
	object_set_count(j->status, "failed", j->failed);
	json_t *lists = json_object_get(j->status, uncounted);
	size_t waiting_s = json_array_size(json_object_get(lists, "succeeded")), waiting_f = json_array_size(json_object_get(lists, "failed"));
	if (!waiting_s)
		json_object_del(lists, "succeeded");
	if (!waiting_f)
		json_object_del(lists, "failed");
	if (!j->indexed)
		j->succeeded += (int64_t)waiting_s;
	j->failed += (int64_t)waiting_f;
}
