/* The plan of a ReplicaSet, and of a ReplicationController, which is the same with an older selector.
 *
 * Claim pods, count the active ones, create what is missing in growing batches or delete what is too much in order of
 * least harm, and say in status what is there. Status describes what was observed, not what is planned: the writes come
 * back as changes and are planned again. Always holds: at most 500 creates or deletes at once; nothing is created or
 * deleted for a ReplicaSet that is being deleted. */
#include "cp/controllers/replicaset_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cp/controllers/object.h"
#include "cp/controllers/pod.h"
#include "cp/controllers/template.h"

enum { BURST = 500 };

const struct replicaset_kind replicaset_kind = {{"apps/v1", "ReplicaSet", "", "pods"}, "apps", "replicasets"},
			     replicationcontroller_kind = {{"v1", "ReplicationController", "", "pods"}, "", "replicationcontrollers"};

static void create_pods(const struct adopt_kind *kind, const json_t *rs, int64_t n, struct plan *plan)
{
	AUTO_FREE char *path = object_path("", "v1", object_ns(rs), "pods", NULL);
	int64_t batch = 1, in_batch = 0;
	for (int64_t i = 0; i < MIN(n, BURST); i++) {
		if (in_batch++ == batch) {
			plan_next_stage(plan);
			batch *= 2;
			in_batch = 1;
		}
		struct action *a = plan_create(plan, path, template_pod(json_at(rs, "spec.template"), rs, kind));
		plan_note_ok(a, rs, "SuccessfulCreate", "Created pod: %%n");
		plan_note_failed(a, rs, "FailedCreate", "Error creating: %%e");
	}
	if (n > BURST)
		plan_again(plan, 1);
}

static int64_t compare_phase(const json_t *pod)
{
	const char *phase = pod_phase(pod);
	return str_eq(phase, "Pending") || !*phase ? 0 : str_eq(phase, "Unknown") ? 1 : 2;
}

static int64_t deletion_cost(const json_t *pod)
{
	const char *text = object_annotation(pod, "controller.kubernetes.io/pod-deletion-cost");
	int64_t cost;
	return text && str_to_i64(text, &cost) == 0 ? cost : 0;
}

/* Older is better: the larger time (later) goes first; unknown times count as newest. */
static int newer_first(int64_t a, int64_t b)
{
	return a == b ? 0 : a < 0 ? -1 : b < 0 ? 1 : a > b ? -1 : 1;
}

int replicaset_compare_pods(const json_t *a, int rank_a, const json_t *b, int rank_b)
{
	bool node_a = !str_empty(json_str_at(a, "spec.nodeName")), node_b = !str_empty(json_str_at(b, "spec.nodeName"));
	if (node_a != node_b)
		return node_a ? 1 : -1;
	if (compare_phase(a) != compare_phase(b))
		return compare_phase(a) < compare_phase(b) ? -1 : 1;
	if (pod_is_ready(a) != pod_is_ready(b))
		return pod_is_ready(a) ? 1 : -1;
	if (deletion_cost(a) != deletion_cost(b))
		return deletion_cost(a) < deletion_cost(b) ? -1 : 1;
	if (rank_a != rank_b)
		return rank_a > rank_b ? -1 : 1;
	int order = pod_is_ready(a) ? newer_first(pod_ready_since_ms(a), pod_ready_since_ms(b)) : 0;
	if (order)
		return order;
	if (pod_restarts(a) != pod_restarts(b))
		return pod_restarts(a) > pod_restarts(b) ? -1 : 1;
	return newer_first(object_time_ms(a, "metadata.creationTimestamp"),
			   object_time_ms(b, "metadata.creationTimestamp"));
}

struct ranked {
	const json_t *pod;
	int rank;
};

static int compare_ranked(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	int order = replicaset_compare_pods(x->pod, x->rank, y->pod, y->rank);
	return order ? order : strcmp(object_name(x->pod), object_name(y->pod));
}

/* Ranks by how many of the active pods share a node. */
static struct ranked *rank_pods(const json_t *active)
{
	size_t n = json_array_size(active), i;
	struct ranked *all = xcalloc(n + 1, sizeof(*all));
	AUTO_JSON *per_node = json_object();
	json_t *pod;
	json_array_foreach(active, i, pod)
	{
		const char *node = json_str_or(pod, "spec.nodeName", "");
		json_t *count = json_object_get(per_node, node);
		json_object_set_new(per_node, node, json_integer(json_integer_value(count) + 1));
	}
	for (i = 0; i < n; i++) {
		all[i].pod = json_array_get(active, i);
		const char *node = json_str_or(all[i].pod, "spec.nodeName", "");
		all[i].rank = (int)json_integer_value(json_object_get(per_node, node));
	}
	qsort(all, n, sizeof(*all), compare_ranked);
	return all;
}

static void delete_pods(const json_t *rs, const json_t *active, int64_t n, struct plan *plan)
{
	AUTO_FREE struct ranked *ranked = rank_pods(active);
	for (int64_t i = 0; i < MIN(n, BURST); i++) {
		const json_t *pod = ranked[i].pod;
		AUTO_FREE char *path = object_path("", "v1", object_ns(pod), "pods", object_name(pod));
		struct action *a = plan_delete(plan, path, object_uid(pod), -1, NULL);
		plan_note_ok(a, rs, "SuccessfulDelete", "Deleted pod: %s", object_name(pod));
		plan_note_failed(a, rs, "FailedDelete", "Error deleting: %%e");
	}
	if (n > BURST)
		plan_again(plan, 1);
}

/* Whether the pod has all labels of the template. */
static bool fully_labeled(const json_t *rs, const json_t *pod)
{
	const char *key;
	json_t *value;
	json_object_foreach(json_at(rs, "spec.template.metadata.labels"), key, value)
	{
		if (!json_equal(json_object_get(object_labels(pod), key), value))
			return false;
	}
	return true;
}

static void status_counts(const json_t *rs, const json_t *active, int64_t now_ms, json_t *status, struct plan *plan)
{
	int64_t labeled = 0, ready = 0, available = 0, min_ready = json_int_at(rs, "spec.minReadySeconds", 0);
	size_t i;
	json_t *pod;
	json_array_foreach(active, i, pod)
	{
		int64_t wait;
		labeled += fully_labeled(rs, pod);
		ready += pod_is_ready(pod);
		available += pod_is_available(pod, min_ready, now_ms, &wait);
		if (wait >= 0)
			plan_again(plan, wait);
	}
	json_object_set_new(status, "replicas", json_integer((json_int_t)json_array_size(active)));
	object_set_count(status, "fullyLabeledReplicas", labeled);
	object_set_count(status, "readyReplicas", ready);
	object_set_count(status, "availableReplicas", available);
	json_object_set_new(status, "observedGeneration", json_integer(json_int_at(rs, "metadata.generation", 0)));
}

static void plan_rs_status(const struct replicaset_observed *o, const json_t *active, int64_t terminating, int64_t diff,
			   int64_t now_ms, struct plan *plan)
{
	json_t *old = json_object_get(o->replicaset, "status");
	AUTO_JSON *status = old ? json_deep_copy(old) : json_object();
	status_counts(o->replicaset, active, now_ms, status, plan);
	if (o->kind == &replicaset_kind)
		json_object_set_new(status, "terminatingReplicas", json_integer(terminating));
	/* The first failure stays told: later ones name other pods, and each change would be a reason to look again. */
	if (o->last_error && diff && !object_condition(status, "ReplicaFailure"))
		object_set_condition(status, "ReplicaFailure", "True", diff < 0 ? "FailedCreate" : "FailedDelete",
				     o->last_error, now_ms, false);
	else if (!o->last_error || !diff)
		object_remove_condition(status, "ReplicaFailure");
	AUTO_FREE char *path =
	    object_path(o->kind->group, "v1", object_ns(o->replicaset), o->kind->plural, object_name(o->replicaset));
	struct action *a = plan_status(plan, path, old, status);
	if (a)
		a->flags |= PLAN_ALWAYS | PLAN_ABSENT_OK;
}

void replicaset_plan(const struct replicaset_observed *o, int64_t now_ms, struct plan *plan)
{
	AUTO_JSON *claimed = adopt_claim(&o->kind->adopt, o->replicaset, o->pods, plan);
	AUTO_JSON *active = json_array();
	int64_t terminating = 0;
	size_t i;
	json_t *pod;
	json_array_foreach(claimed, i, pod)
	{
		if (pod_is_active(pod))
			json_array_append(active, pod);
		else if (object_deleting(pod) && !pod_is_terminal(pod))
			terminating++;
	}
	int64_t diff = (int64_t)json_array_size(active) - json_int_at(o->replicaset, "spec.replicas", 1);
	plan_rs_status(o, active, terminating, diff, now_ms, plan);
	plan_next_stage(plan);
	if (object_deleting(o->replicaset))
		return;
	if (diff < 0)
		create_pods(&o->kind->adopt, o->replicaset, -diff, plan);
	else if (diff > 0)
		delete_pods(o->replicaset, active, diff, plan);
}
