/* The plan of node lifecycle.
 *
 * A node that was silent for 40 seconds gets Unknown conditions; Ready False or Unknown and the pressure conditions
 * become taints, which go again when the condition does; pods of an unknown node stop being ready, so that services
 * leave them. The eviction plan deletes a pod whose tolerations of a NoExecute taint have run out, or asks to be run
 * again when the first one does. Always holds: taints with other keys are left alone. Nothing can fail. */
#include "cp/controllers/node_plan.h"

#include "base/clock.h"
#include "base/json.h"
#include "cp/controllers/object.h"
#include "cp/controllers/pod.h"
#include "cp/controllers/toleration.h"

#define NOT_READY "node.kubernetes.io/not-ready"
#define UNREACHABLE "node.kubernetes.io/unreachable"
#define UNSCHEDULABLE "node.kubernetes.io/unschedulable"

static const struct rule {
	const char *condition, *status, *key;
	bool no_execute;
} rules[] = {
    {"Ready", "False", NOT_READY, true},
    {"Ready", "Unknown", UNREACHABLE, true},
    {"MemoryPressure", "True", "node.kubernetes.io/memory-pressure", false},
    {"DiskPressure", "True", "node.kubernetes.io/disk-pressure", false},
    {"PIDPressure", "True", "node.kubernetes.io/pid-pressure", false},
    {"NetworkUnavailable", "True", "node.kubernetes.io/network-unavailable", false},
};

static const char *condition_status(const json_t *status, const char *type)
{
	return json_str_or(object_condition(status, type), "status", "");
}

/* Sets what a silent node can no longer vouch for to Unknown. */
static void set_unknown(json_t *status, const json_t *node, int64_t now_ms)
{
	static const char *const types[] = {"Ready", "MemoryPressure", "DiskPressure", "PIDPressure"};
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		const json_t *c = object_condition(status, types[i]);
		if (str_eq(json_str_or(c, "status", ""), "Unknown"))
			continue;
		bool was = c != NULL;
		object_set_condition(status, types[i], "Unknown", was ? "NodeStatusUnknown" : "NodeStatusNeverUpdated",
				     was ? "Kubelet stopped posting node status." : "Kubelet never posted node status.",
				     now_ms, false);
		const char *created = json_str_at(node, "metadata.creationTimestamp");
		if (!was && created)
			json_set_str(object_condition(status, types[i]), "lastHeartbeatTime", created);
	}
}

static void want_taint(json_t *taints, const json_t *old, const char *key, const char *effect, int64_t now_ms)
{
	size_t i;
	json_t *t;
	json_array_foreach(old, i, t)
	{
		if (str_eq(json_member(t, "key"), key) && str_eq(json_member(t, "effect"), effect)) {
			json_array_append(taints, t);
			return;
		}
	}
	char now[RFC3339_MAX];
	json_array_append_new(
	    taints, json_pack("{s:s, s:s, s:s}", "key", key, "effect", effect, "timeAdded", rfc3339(now_ms, now)));
}

static bool is_ours(const json_t *taint)
{
	const char *key = json_member(taint, "key"), *effect = json_member(taint, "effect");
	if (str_eq(key, UNSCHEDULABLE) && str_eq(effect, "NoSchedule"))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		if (str_eq(key, rules[i].key) &&
		    (str_eq(effect, "NoSchedule") || (rules[i].no_execute && str_eq(effect, "NoExecute"))))
			return true;
	}
	return false;
}

static json_t *wanted_taints(const json_t *node, const json_t *status, int64_t now_ms)
{
	json_t *old = json_at(node, "spec.taints"), *taints = json_array(), *t;
	size_t i;
	json_array_foreach(old, i, t)
	{
		if (!is_ours(t))
			json_array_append(taints, t);
	}
	for (i = 0; i < ARRAY_LEN(rules); i++) {
		if (!str_eq(condition_status(status, rules[i].condition), rules[i].status))
			continue;
		want_taint(taints, old, rules[i].key, "NoSchedule", now_ms);
		if (rules[i].no_execute)
			want_taint(taints, old, rules[i].key, "NoExecute", now_ms);
	}
	if (json_bool_at(node, "spec.unschedulable", false))
		want_taint(taints, old, UNSCHEDULABLE, "NoSchedule", now_ms);
	/* A node that has never said whether it is ready keeps the taint that it was made with. */
	json_array_foreach(old, i, t)
	{
		if (!*condition_status(status, "Ready") && str_eq(json_member(t, "key"), NOT_READY))
			json_array_append(taints, t);
	}
	return taints;
}

static bool same_set(const json_t *a, const json_t *b)
{
	size_t i, k;
	json_t *x, *y;
	if (json_array_size(a) != json_array_size(b))
		return false;
	json_array_foreach(a, i, x)
	{
		bool found = false;
		json_array_foreach(b, k, y) found |= json_equal(x, y);
		if (!found)
			return false;
	}
	return true;
}

static void plan_taints(const json_t *node, const json_t *status, const char *path, int64_t now_ms, struct plan *plan)
{
	AUTO_JSON *taints = wanted_taints(node, status, now_ms);
	json_t *old = json_at(node, "spec.taints");
	if (same_set(taints, old))
		return;
	json_t *rv = json_at(node, "metadata.resourceVersion");
	json_t *patch = json_pack("{s:{s:O}}", "spec", "taints", taints);
	if (rv && !plan->n) /* the status before it changes the version */
		json_object_set(json_object_at(patch, "metadata"), "resourceVersion", rv);
	plan_merge(plan, path, patch)->flags |= PLAN_ABSENT_OK;
}

static void pods_not_ready(const json_t *pods, int64_t now_ms, struct plan *plan)
{
	size_t i;
	json_t *pod;
	json_array_foreach(pods, i, pod)
	{
		if (!pod_is_ready(pod))
			continue;
		json_t *old = json_object_get(pod, "status");
		AUTO_JSON *status = json_deep_copy(old);
		json_t *c = object_condition(status, "Ready");
		char now[RFC3339_MAX];
		json_set_str(c, "status", "False");
		json_set_str(c, "lastTransitionTime", rfc3339(now_ms, now));
		AUTO_FREE char *path = object_path("", "v1", object_ns(pod), "pods", object_name(pod));
		plan_status(plan, path, old, status)->flags |= PLAN_ABSENT_OK;
		plan_event(plan, pod, "Warning", "NodeNotReady", "Node is not ready");
	}
}

void node_plan(const struct node_observed *o, int64_t now_ms, struct plan *plan)
{
	AUTO_FREE char *path = object_path("", "v1", NULL, "nodes", object_name(o->node));
	json_t *old = json_object_get(o->node, "status");
	AUTO_JSON *status = old ? json_deep_copy(old) : json_object();
	int64_t left = o->heard_ms + NODE_GRACE_MS - now_ms;
	if (object_deleting(o->node))
		return;
	if (left > 0) {
		plan_again(plan, left);
	} else {
		set_unknown(status, o->node, now_ms);
		struct action *a = plan_status(plan, path, old, status);
		if (a) {
			a->flags |= PLAN_ABSENT_OK;
			plan_note_ok(a, o->node, "NodeNotReady", "Node %s status is now: NodeNotReady",
				     object_name(o->node));
		}
	}
	plan_next_stage(plan);
	plan_taints(o->node, status, path, now_ms, plan);
	if (str_eq(condition_status(status, "Ready"), "Unknown"))
		pods_not_ready(o->pods, now_ms, plan);
}

/* When the pod's tolerations of one taint end: INT64_MAX never, 0 they do not tolerate it at all. */
static int64_t tolerated_until(const json_t *pod, const json_t *taint, int64_t now_ms)
{
	int64_t since = object_time_ms(taint, "timeAdded"), until = INT64_MAX;
	bool any = false;
	size_t i;
	json_t *t;
	json_array_foreach(json_at(pod, "spec.tolerations"), i, t)
	{
		if (!toleration_tolerates(t, taint))
			continue;
		any = true;
		json_t *seconds = json_object_get(t, "tolerationSeconds");
		if (json_is_integer(seconds))
			until = MIN(until, (since < 0 ? now_ms : since) + MAX(json_integer_value(seconds), 0) * 1000);
	}
	return any ? until : 0;
}

static void evict(const json_t *pod, int64_t now_ms, struct plan *plan)
{
	json_t *old = json_object_get(pod, "status");
	AUTO_JSON *status = old ? json_deep_copy(old) : json_object();
	AUTO_FREE char *path = object_path("", "v1", object_ns(pod), "pods", object_name(pod));
	object_set_condition(status, "DisruptionTarget", "True", "DeletionByTaintManager",
			     "Taint manager: deleting due to NoExecute taint", now_ms, false);
	struct action *a = plan_status(plan, path, old, status);
	if (a)
		a->flags |= PLAN_ABSENT_OK;
	plan_event(plan, pod, "Normal", "TaintManagerEviction", "Marking for deletion Pod %s/%s", object_ns(pod),
		   object_name(pod));
	plan_next_stage(plan);
	plan_delete(plan, path, object_uid(pod), -1, NULL);
}

void taint_eviction_plan(const json_t *pod, const json_t *taints, int64_t now_ms, struct plan *plan)
{
	int64_t until = INT64_MAX;
	size_t i;
	json_t *taint;
	if (object_deleting(pod) || pod_is_terminal(pod))
		return;
	json_array_foreach(taints, i, taint)
	{
		if (str_eq(json_member(taint, "effect"), "NoExecute"))
			until = MIN(until, tolerated_until(pod, taint, now_ms));
	}
	if (until == INT64_MAX)
		return;
	if (until <= now_ms)
		evict(pod, now_ms, plan);
	else
		plan_again(plan, until - now_ms);
}
