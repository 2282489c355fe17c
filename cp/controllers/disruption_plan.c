/* The plan of a PodDisruptionBudget.
 *
 * Happy path: how many pods should be there, how many of them have to be healthy, how many are; the difference may be lost. Pods
 * that an eviction has named are taken as lost for two minutes, or until they have gone. What can fail is finding the scale of a
 * workload: then nothing may be lost and the condition says so. */
#include "cp/controllers/disruption_plan.h"

#include "base/clock.h"
#include "base/json.h"
#include "cp/controllers/object.h"
#include "cp/controllers/pod.h"

enum { DISRUPTED_MS = 120000 };

static json_t *pod_named(const json_t *pods, const char *name)
{
	size_t i;
	json_t *pod;
	json_array_foreach(pods, i, pod)
	{
		if (str_eq(object_name(pod), name))
			return pod;
	}
	return NULL;
}

/* Pods whose eviction was granted and that have not gone yet. */
static json_t *still_disrupted(const struct disruption_observed *o, int64_t now_ms, struct plan *plan)
{
	json_t *kept = json_object(), *at;
	const char *name;
	json_object_foreach(json_at(o->budget, "status.disruptedPods"), name, at)
	{
		json_t *pod = pod_named(o->pods, name);
		int64_t us, left;
		if (!pod || object_deleting(pod) || !json_is_string(at) || rfc3339_parse(json_string_value(at), &us) < 0)
			continue;
		left = us / 1000 + DISRUPTED_MS - now_ms;
		if (left <= 0)
			continue;
		json_object_set(kept, name, at);
		plan_again(plan, left);
	}
	return kept;
}

/* How many should be there, and of those how many have to be healthy. */
static void expected(const struct disruption_observed *o, int64_t *ret_pods, int64_t *ret_healthy)
{
	const json_t *max = json_at(o->budget, "spec.maxUnavailable"), *min = json_at(o->budget, "spec.minAvailable");
	if (max) {
		*ret_pods = o->scale;
		*ret_healthy = MAX(o->scale - object_int_or_percent(max, o->scale, true, 0), 0);
	} else if (json_is_integer(min)) {
		*ret_pods = (int64_t)json_array_size(o->pods);
		*ret_healthy = json_integer_value(min);
	} else {
		*ret_pods = min ? o->scale : 0;
		*ret_healthy = object_int_or_percent(min, o->scale, true, 0);
	}
}

static bool needs_scale(const json_t *budget)
{
	return json_at(budget, "spec.maxUnavailable") || json_is_string(json_at(budget, "spec.minAvailable"));
}

static void set_condition(const json_t *budget, json_t *status, const char *reason, const char *message, bool allowed, int64_t now_ms)
{
	object_set_condition(status, "DisruptionAllowed", allowed ? "True" : "False", reason, message, now_ms, false);
	json_t *c = object_condition(status, "DisruptionAllowed");
	json_set_int(c, "observedGeneration", json_int_at(budget, "metadata.generation", 0));
	if (!json_object_get(c, "message"))
		json_set_str(c, "message", "");
}

static void set_counts(const struct disruption_observed *o, json_t *status, int64_t now_ms, struct plan *plan)
{
	int64_t pods, wanted, healthy = 0;
	size_t i;
	json_t *pod, *disrupted = still_disrupted(o, now_ms, plan);
	expected(o, &pods, &wanted);
	json_array_foreach(o->pods, i, pod)
		healthy += pod_is_ready(pod) && !object_deleting(pod) && !json_object_get(disrupted, object_name(pod));
	int64_t allowed = pods <= 0 ? 0 : MAX(healthy - wanted, 0);
	json_set_int(status, "currentHealthy", healthy);
	json_set_int(status, "desiredHealthy", wanted);
	json_set_int(status, "expectedPods", pods);
	json_set_int(status, "disruptionsAllowed", allowed);
	if (json_object_size(disrupted))
		json_object_set(status, "disruptedPods", disrupted);
	else
		json_object_del(status, "disruptedPods");
	json_decref(disrupted);
	set_condition(o->budget, status, allowed ? "SufficientPods" : "InsufficientPods", "", allowed > 0, now_ms);
}

void disruption_plan(const struct disruption_observed *o, int64_t now_ms, struct plan *plan)
{
	const json_t *old = json_object_get(o->budget, "status");
	AUTO_JSON *status = old ? json_deep_copy(old) : json_object();
	json_set_int(status, "observedGeneration", json_int_at(o->budget, "metadata.generation", 0));
	if (o->scale < 0 && needs_scale(o->budget)) {
		json_set_int(status, "disruptionsAllowed", 0);
		set_condition(o->budget, status, "SyncFailed", "found no controllers that tell how many pods they want", false, now_ms);
	} else {
		set_counts(o, status, now_ms, plan);
	}
	json_t *patch = object_merge_diff(old, status);
	if (!patch)
		return;
	AUTO_FREE char *path = object_path("policy", "v1", object_ns(o->budget), "poddisruptionbudgets", object_name(o->budget));
	AUTO_FREE char *sub = xasprintf("%s/status", path);
	plan_merge(plan, sub,
		   json_pack("{s:{s:s}, s:o}", "metadata", "resourceVersion", json_str_or(o->budget, "metadata.resourceVersion", ""),
			     "status", patch))
	    ->flags |= PLAN_ABSENT_OK;
}
