/* In what order a stateful set's pods come, go and are replaced; pure, nothing can fail.
 *
 * OrderedReady: the first ordinal that has no pod, or one that does not work, is all that is looked at; only when all work does
 * the largest one that is too many go; only when none is too many is the largest one of an older revision replaced. Parallel: pods
 * come and go side by side, only replacing waits. Always holds: a pod that has ended is deleted before its name is used again. */
#include "base/json.h"
#include "cp/controllers/object.h"
#include "cp/controllers/pod.h"
#include "cp/controllers/statefulset_internal.h"

bool stateful_is_available(const struct stateful *s, const json_t *pod)
{
	return json_is_object(pod) && !object_deleting(pod) && str_eq(pod_phase(pod), "Running") &&
	       pod_is_available(pod, s->min_ready_s, s->now_ms, NULL);
}

/* What is not running and ready, or not for long enough, while it is not going away. */
static bool works(const struct stateful *s, const json_t *pod, struct plan *plan)
{
	int64_t wait = -1;
	bool ok = str_eq(pod_phase(pod), "Running") && pod_is_available(pod, s->min_ready_s, s->now_ms, &wait);
	if (str_eq(pod_phase(pod), "Running") && !ok && wait >= 0)
		plan_again(plan, wait);
	return ok;
}

static void delete_pod(struct stateful *s, const json_t *pod, struct plan *plan)
{
	AUTO_FREE char *path = object_path("", "v1", object_ns(pod), "pods", object_name(pod));
	struct action *a = plan_delete(plan, path, object_uid(pod), -1, NULL);
	plan_note_ok(a, s->set, "SuccessfulDelete", "delete Pod %s in StatefulSet %s successful", object_name(pod),
		     object_name(s->set));
	plan_note_failed(a, s->set, "FailedDelete", "delete Pod %s in StatefulSet %s failed error: %%e", object_name(pod),
			 object_name(s->set));
}

static void create_pod(struct stateful *s, int64_t ordinal, struct plan *plan)
{
	AUTO_FREE char *path = object_path("", "v1", object_ns(s->set), "pods", NULL);
	stateful_claims(s, ordinal, plan);
	plan_next_stage(plan);
	json_t *pod = stateful_pod(s, ordinal);
	AUTO_FREE char *name = xstrdup(object_name(pod));
	struct action *a = plan_create(plan, path, pod);
	plan_note_ok(a, s->set, "SuccessfulCreate", "create Pod %s in StatefulSet %s successful", name, object_name(s->set));
	plan_note_failed(a, s->set, "FailedCreate", "create Pod %s in StatefulSet %s failed error: %%e", name, object_name(s->set));
}

/* True when nothing behind this ordinal is to be looked at now. */
static bool look_at_replica(struct stateful *s, int64_t i, struct plan *plan)
{
	const json_t *pod = json_array_get(s->replicas, (size_t)i);
	if (!json_is_object(pod)) {
		create_pod(s, s->start + i, plan);
		return true;
	}
	if (pod_is_terminal(pod)) {
		if (!object_deleting(pod))
			delete_pod(s, pod, plan);
		return true;
	}
	if (str_eq(pod_phase(pod), "Pending"))
		stateful_claims(s, s->start + i, plan);
	stateful_retention(s, pod, false, plan);
	return object_deleting(pod) || !works(s, pod, plan);
}

/* The first pod that does not work, by ordinal, wanted ones before those that are too many. */
static const json_t *first_unhealthy(const struct stateful *s)
{
	size_t i;
	json_t *pod;
	json_array_foreach(s->replicas, i, pod)
	{
		if (!stateful_is_available(s, pod))
			return json_is_object(pod) ? pod : NULL;
	}
	for (i = json_array_size(s->condemned); i-- > 0;) {
		pod = json_array_get(s->condemned, i);
		if (!stateful_is_available(s, pod))
			return pod;
	}
	return NULL;
}

/* True when something goes or has to be waited for. */
static bool scale_down(struct stateful *s, struct plan *plan)
{
	const json_t *unhealthy = first_unhealthy(s);
	size_t i;
	json_t *pod;
	bool busy = false;
	json_array_foreach(s->condemned, i, pod)
	{
		stateful_retention(s, pod, true, plan);
		if (!object_deleting(pod) && (s->parallel || pod == unhealthy || works(s, pod, plan)))
			delete_pod(s, pod, plan);
		busy = true;
		if (!s->parallel)
			return true;
	}
	return busy && !s->parallel;
}

static void roll(struct stateful *s, struct plan *plan)
{
	int64_t n = (int64_t)json_array_size(s->replicas), unavailable = 0;
	int64_t max = object_int_or_percent(json_at(s->set, "spec.updateStrategy.rollingUpdate.maxUnavailable"), n, true, 1);
	if (str_eq(json_str_at(s->set, "spec.updateStrategy.type"), "OnDelete"))
		return;
	if (max <= 1) {
		for (int64_t i = n - 1; i >= s->partition; i--) {
			const json_t *pod = json_array_get(s->replicas, (size_t)i);
			if (!json_is_object(pod))
				return;
			if (!str_eq(stateful_revision(pod), s->update) && !object_deleting(pod)) {
				delete_pod(s, pod, plan);
				return;
			}
			if (object_deleting(pod) || !works(s, pod, plan))
				return;
		}
		return;
	}
	for (int64_t i = 0; i < n; i++)
		unavailable += !stateful_is_available(s, json_array_get(s->replicas, (size_t)i));
	for (int64_t i = n - 1; i >= s->partition && unavailable < max; i--) {
		const json_t *pod = json_array_get(s->replicas, (size_t)i);
		if (json_is_object(pod) && !str_eq(stateful_revision(pod), s->update) && !object_deleting(pod)) {
			delete_pod(s, pod, plan);
			unavailable++;
		}
	}
}

void stateful_order(struct stateful *s, struct plan *plan)
{
	for (int64_t i = 0; i < (int64_t)json_array_size(s->replicas); i++) {
		if (look_at_replica(s, i, plan) && !s->parallel)
			return;
	}
	if (!scale_down(s, plan))
		roll(s, plan);
}
