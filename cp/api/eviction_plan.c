/* Evictions and budgets. Purpose: say whether a pod may be disrupted now. Happy path: the budget allows one disruption more,
 * which is taken from it, and the pod is noted as disrupted until the budget's controller has seen it go. Refuses with 429 when
 * none is left or the budget was changed and not counted since, with 403 for a budget that cannot be right. */
#include "cp/api/eviction_plan.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "cp/schema/status.h"

enum { DISRUPTED_MAX = 2000, RETRY_SECONDS = 10 };
#define REFUSED "Cannot evict pod as it would violate the pod's disruption budget."

bool eviction_is_free(const json_t *pod)
{
	static const char *const phases[] = {"Succeeded", "Failed", "Pending"};
	const char *phase = json_str_or(pod, "status.phase", "");
	if (json_at(pod, "metadata.deletionTimestamp"))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(phases); i++)
		if (strcmp(phase, phases[i]) == 0)
			return true;
	return false;
}

static json_t *condition_of(const json_t *object, const char *type)
{
	return json_find(json_at(object, "status.conditions"), "type", type);
}

static bool is_ready(const json_t *pod)
{
	return str_eq(json_str_at(condition_of(pod, "Ready"), "status"), "True");
}

/* A pod that is not well does not count as one that the budget could lose. */
static bool is_unguarded(const json_t *pod, const json_t *budget)
{
	int64_t wanted = json_int_at(budget, "status.desiredHealthy", 0);
	if (is_ready(pod))
		return false;
	if (strcmp(json_str_or(budget, "spec.unhealthyPodEvictionPolicy", ""), "AlwaysAllow") == 0)
		return true;
	return wanted > 0 && json_int_at(budget, "status.currentHealthy", 0) >= wanted;
}

static json_t *too_many(const char *why, int retry_seconds)
{
	json_t *s = status_new(429, "TooManyRequests", REFUSED);
	status_add_cause(s, "DisruptionBudget", why, NULL);
	if (retry_seconds)
		json_set_int(s, "details.retryAfterSeconds", retry_seconds);
	return s;
}

static json_t *refuse(const json_t *budget)
{
	const char *name = json_str_or(budget, "metadata.name", "");
	if (json_int_at(budget, "status.observedGeneration", 0) < json_int_at(budget, "metadata.generation", 0)) {
		AUTO_FREE char *why =
		    xasprintf("The disruption budget %s is still being processed by the server.", name);
		return too_many(why, RETRY_SECONDS);
	}
	if (json_int_at(budget, "status.disruptionsAllowed", 0) < 0)
		return status_forbidden("policy", "poddisruptionbudget", name, "pdb disruptions allowed is negative");
	if (json_object_size(json_at(budget, "status.disruptedPods")) > DISRUPTED_MAX)
		return status_forbidden("policy", "poddisruptionbudget", name,
					"DisruptedPods map too big - too many evictions not confirmed by PDB controller");
	if (json_int_at(budget, "status.disruptionsAllowed", 0) > 0)
		return NULL;
	const json_t *c = condition_of(budget, "DisruptionAllowed");
	bool failed = str_eq(json_str_at(c, "reason"), "SyncFailed");
	AUTO_FREE char *why = failed ? xasprintf("The disruption budget %s does not allow evicting pods currently because it failed sync: %s",
						 name, json_str_or(c, "message", ""))
				     : xasprintf("The disruption budget %s needs %lld healthy pods and has %lld currently", name,
						 (long long)json_int_at(budget, "status.desiredHealthy", 0),
						 (long long)json_int_at(budget, "status.currentHealthy", 0));
	return too_many(why, 0);
}

/* The budget's condition, once nothing more may be disrupted. */
static void set_condition(json_t *budget, const char *now)
{
	json_t *c = condition_of(budget, "DisruptionAllowed");
	if (!c) {
		c = json_pack("{s:s}", "type", "DisruptionAllowed");
		json_array_append_new(json_array_at(budget, "status.conditions"), c);
	}
	if (!str_eq(json_str_at(c, "status"), "False"))
		json_set_str(c, "lastTransitionTime", now);
	json_set_str(c, "status", "False");
	json_set_int(c, "observedGeneration", json_int_at(budget, "status.observedGeneration", 0));
	json_set_str(c, "reason", "InsufficientPods");
	json_set_str(c, "message", "");
}

json_t *eviction_plan(const json_t *pod, const json_t *budget, int64_t now_ms, json_t **ret_status)
{
	char now[RFC3339_MAX];
	*ret_status = NULL;
	if (!budget || eviction_is_free(pod) || is_unguarded(pod, budget))
		return NULL;
	json_t *refusal = refuse(budget);
	if (refusal)
		return refusal;
	AUTO_JSON *after = json_clone(budget);
	int64_t left = json_int_at(after, "status.disruptionsAllowed", 0) - 1;
	rfc3339(now_ms, now);
	json_set_int(after, "status.disruptionsAllowed", left);
	if (!left)
		set_condition(after, now);
	json_object_set_new(json_object_at(after, "status.disruptedPods"), json_str_or(pod, "metadata.name", ""), json_string(now));
	*ret_status = json_incref(json_object_get(after, "status"));
	return NULL;
}

void eviction_mark(json_t *pod, int64_t now_ms)
{
	json_t *c = condition_of(pod, "DisruptionTarget");
	char now[RFC3339_MAX];
	if (!c) {
		c = json_pack("{s:s}", "type", "DisruptionTarget");
		json_array_append_new(json_array_at(pod, "status.conditions"), c);
	}
	if (!str_eq(json_str_at(c, "status"), "True"))
		json_set_str(c, "lastTransitionTime", rfc3339(now_ms, now));
	json_set_str(c, "status", "True");
	json_object_set_new(c, "lastProbeTime", json_null());
	json_set_str(c, "reason", "EvictionByEvictionAPI");
	json_set_str(c, "message", "Eviction API: evicting");
}
