/* The plan of the pod garbage collector; pure, nothing can fail. */
#include "cp/controllers/pod_gc_plan.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/controllers/object.h"
#include "cp/controllers/pod.h"

/* Deletes at once: there is nobody who would end it gracefully. */
static void remove_pod(const json_t *pod, const char *reason, int64_t now_ms, struct plan *plan)
{
	AUTO_FREE char *path = object_path("", "v1", object_ns(pod), "pods", object_name(pod));
	json_t *old = json_object_get(pod, "status");
	AUTO_JSON *status = old ? json_deep_copy(old) : json_object();
	if (!pod_is_terminal(pod) && reason) {
		json_set_str(status, "phase", "Failed");
		object_set_condition(status, "DisruptionTarget", "True", "DeletionByPodGC", reason, now_ms, false);
		struct action *a = plan_status(plan, path, old, status);
		if (a)
			a->flags |= PLAN_ABSENT_OK;
		plan_next_stage(plan);
	}
	plan_delete(plan, path, object_uid(pod), 0, NULL);
}

void pod_gc_plan(const json_t *pod, int64_t node_gone_ms, int64_t now_ms, struct plan *plan)
{
	bool bound = !str_empty(json_str_at(pod, "spec.nodeName"));
	if (!bound && object_deleting(pod))
		remove_pod(pod, NULL, now_ms, plan);
	else if (bound && node_gone_ms >= 0 && now_ms >= node_gone_ms + POD_GC_QUARANTINE_MS)
		remove_pod(pod, "PodGC: node no longer exists", now_ms, plan);
	else if (bound && node_gone_ms >= 0)
		plan_again(plan, node_gone_ms + POD_GC_QUARANTINE_MS - now_ms);
}

static int by_age(const void *a, const void *b)
{
	int64_t x = object_time_ms(*(json_t *const *)a, "metadata.creationTimestamp");
	int64_t y = object_time_ms(*(json_t *const *)b, "metadata.creationTimestamp");
	return x == y ? 0 : x < y ? -1 : 1;
}

void pod_gc_terminated_plan(const json_t *ended, size_t max, struct plan *plan)
{
	size_t n = json_array_size(ended);
	if (n <= max)
		return;
	AUTO_FREE json_t **v = xcalloc(n, sizeof(json_t *));
	for (size_t i = 0; i < n; i++)
		v[i] = json_array_get(ended, i);
	qsort(v, n, sizeof(json_t *), by_age);
	for (size_t i = 0; i < n - max; i++)
		remove_pod(v[i], NULL, 0, plan);
}
