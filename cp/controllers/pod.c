/* What controllers read from a Pod; pure, nothing can fail. */
#include "cp/controllers/pod.h"

#include "base/json.h"
#include "base/mem.h"
#include "cp/controllers/object.h"

const char *pod_phase(const json_t *pod)
{
	return json_str_or(pod, "status.phase", "");
}

bool pod_is_terminal(const json_t *pod)
{
	return str_eq(pod_phase(pod), "Succeeded") || str_eq(pod_phase(pod), "Failed");
}

bool pod_is_active(const json_t *pod)
{
	return !pod_is_terminal(pod) && !object_deleting(pod);
}

static json_t *ready_condition(const json_t *pod)
{
	json_t *c = object_condition(json_object_get(pod, "status"), "Ready");
	return c && str_eq(json_member(c, "status"), "True") ? c : NULL;
}

bool pod_is_ready(const json_t *pod)
{
	return ready_condition(pod) != NULL;
}

int64_t pod_ready_since_ms(const json_t *pod)
{
	json_t *c = ready_condition(pod);
	int64_t at = c ? object_time_ms(c, "lastTransitionTime") : -1;
	return c ? MAX(at, 0) : -1;
}

bool pod_is_available(const json_t *pod, int64_t min_ready_s, int64_t now_ms, int64_t *ret_wait_ms)
{
	int64_t since = pod_ready_since_ms(pod), left = since + min_ready_s * 1000 - now_ms;
	bool available = since >= 0 && (min_ready_s <= 0 || (since > 0 && left <= 0));
	if (ret_wait_ms)
		*ret_wait_ms = since > 0 && !available ? left : -1;
	return available;
}

int64_t pod_restarts(const json_t *pod)
{
	size_t i;
	json_t *c;
	int64_t most = 0;
	json_array_foreach(json_at(pod, "status.containerStatuses"), i, c) most =
	    MAX(most, json_int_at(c, "restartCount", 0));
	return most;
}
