/* The plan of a DaemonSet.
 *
 * Happy path: find the revision of the current template or make it, look at each node whether it should have a pod, create and
 * delete, then roll older pods, then say in status what was observed. What is created bears the revision's hash, which follows
 * from the template, so that one plan does both. Always holds: a pod that failed is replaced, but not before it is some seconds
 * old, so that a node that refuses it is not flooded; nothing happens to a set that is being deleted. */
#include "cp/controllers/daemonset_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cp/controllers/daemonset_internal.h"
#include "cp/controllers/history.h"
#include "cp/controllers/object.h"
#include "cp/controllers/pod.h"

enum { FAILED_AGE_MS = 5000 };

const struct adopt_kind daemonset_pods = {"apps/v1", "DaemonSet", "", "pods"},
			daemonset_revisions = {"apps/v1", "DaemonSet", "apps", "controllerrevisions"};

json_t *daemons_on(const struct daemons *d, const json_t *node)
{
	return json_object_get(d->by_node, object_name(node));
}

bool daemon_is_current(const struct daemons *d, const json_t *pod)
{
	return str_eq(json_member(object_labels(pod), HISTORY_HASH), d->hash);
}

bool daemon_is_available(const struct daemons *d, const json_t *pod)
{
	return pod_is_available(pod, d->min_ready_s, d->now_ms, NULL);
}

/* Pods that have their node first, then the older ones. */
static int by_age(const void *a, const void *b)
{
	const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
	bool bound_x = !str_empty(json_str_at(x, "spec.nodeName")), bound_y = !str_empty(json_str_at(y, "spec.nodeName"));
	if (bound_x != bound_y)
		return bound_x ? -1 : 1;
	int order = strcmp(json_str_or(x, "metadata.creationTimestamp", ""), json_str_or(y, "metadata.creationTimestamp", ""));
	return order ? order : strcmp(object_name(x), object_name(y));
}

/* The node that a pod is on, or is meant for. */
static const char *target_of(const json_t *pod)
{
	const char *node = json_str_at(pod, "spec.nodeName");
	if (!str_empty(node))
		return node;
	const json_t *terms = json_at(
	    pod, "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms");
	const json_t *field = json_find(json_object_get(json_array_get(terms, 0), "matchFields"), "key", "metadata.name");
	return json_string_value(json_array_get(json_object_get(field, "values"), 0));
}

static json_t *group_by_node(const json_t *pods)
{
	size_t n = json_array_size(pods);
	AUTO_FREE json_t **sorted = xcalloc(n + 1, sizeof(*sorted));
	json_t *by_node = json_object();
	for (size_t i = 0; i < n; i++)
		sorted[i] = json_array_get(pods, i);
	qsort(sorted, n, sizeof(*sorted), by_age);
	for (size_t i = 0; i < n; i++) {
		const char *node = target_of(sorted[i]);
		if (!node)
			continue;
		if (!json_object_get(by_node, node))
			json_object_set_new(by_node, node, json_array());
		json_array_append(json_object_get(by_node, node), sorted[i]);
	}
	return by_node;
}

static bool is_over(struct daemons *d, json_t *pod, struct plan *plan)
{
	int64_t age = d->now_ms - object_time_ms(pod, "metadata.creationTimestamp");
	bool failed = str_eq(pod_phase(pod), "Failed");
	if (!pod_is_terminal(pod))
		return false;
	if (failed && age < FAILED_AGE_MS) {
		plan_again(plan, FAILED_AGE_MS - age);
		return true;
	}
	plan_event(plan, d->set, failed ? "Warning" : "Normal", failed ? "FailedDaemonPod" : "SucceededDaemonPod",
		   "Found %s daemon pod %s/%s on node %s, will try to %s it", failed ? "failed" : "succeeded", object_ns(pod),
		   object_name(pod), json_str_or(pod, "spec.nodeName", ""), failed ? "kill" : "delete");
	json_array_append(d->delete, pod);
	return true;
}

/* With surge a node may have an old pod that works beside a new one that does not yet. */
static void delete_excess(struct daemons *d, const json_t *running)
{
	json_t *old = NULL, *new = NULL, *pod;
	size_t i;
	json_array_foreach(running, i, pod)
	{
		json_t **first = daemon_is_current(d, pod) ? &new : &old;
		if (*first || (d->max_surge <= 0 && i > 0))
			json_array_append(d->delete, pod);
		else
			*first = pod;
	}
	if (d->max_surge > 0 && old && new && (!pod_is_ready(old) || daemon_is_available(d, new)))
		json_array_append(d->delete, old);
}

static void look_at_node(struct daemons *d, const json_t *node, struct plan *plan)
{
	enum daemon_fit fit = daemonset_fits(d->set, node);
	json_t *there = daemons_on(d, node), *pod;
	AUTO_JSON *running = json_array();
	size_t i;
	d->desired += fit == DAEMON_RUN;
	json_array_foreach(there, i, pod)
	{
		if (object_deleting(pod))
			continue;
		if (fit == DAEMON_NOT)
			json_array_append(d->delete, pod);
		else if (!is_over(d, pod, plan))
			json_array_append(running, pod);
	}
	delete_excess(d, running);
	if (fit == DAEMON_RUN && (!there || (d->max_surge > 0 && !json_array_size(running))))
		json_array_append_new(d->create, json_string(object_name(node)));
}

/* Pods that wait for a node that is gone will never run, and nobody else deletes them. */
static void delete_lost(struct daemons *d, const json_t *pods)
{
	AUTO_JSON *known = json_object();
	size_t i;
	json_t *o;
	json_array_foreach(d->nodes, i, o) json_object_set_new(known, object_name(o), json_true());
	json_array_foreach(pods, i, o)
	{
		const char *node = target_of(o);
		if (str_empty(json_str_at(o, "spec.nodeName")) && node && !json_object_get(known, node) && !object_deleting(o))
			json_array_append(d->delete, o);
	}
}

static void carry_out(const struct daemons *d, struct plan *plan)
{
	AUTO_FREE char *path = object_path("", "v1", object_ns(d->set), "pods", NULL);
	size_t i, batch = 1, in_batch = 0;
	json_t *o;
	json_array_foreach(d->delete, i, o)
	{
		AUTO_FREE char *pod_path = object_path("", "v1", object_ns(o), "pods", object_name(o));
		struct action *a = plan_delete(plan, pod_path, object_uid(o), -1, NULL);
		plan_note_ok(a, d->set, "SuccessfulDelete", "Deleted pod: %s", object_name(o));
		plan_note_failed(a, d->set, "FailedDelete", "Error deleting: %%e");
	}
	json_array_foreach(d->create, i, o)
	{
		if (in_batch++ == batch) {
			plan_next_stage(plan);
			batch *= 2;
			in_batch = 1;
		}
		struct action *a = plan_create(plan, path, daemonset_pod(d, json_string_value(o)));
		plan_note_ok(a, d->set, "SuccessfulCreate", "Created pod: %%n");
		plan_note_failed(a, d->set, "FailedCreate", "Error creating: %%e");
	}
}

static void plan_daemons_status(const struct daemons *d, struct plan *plan)
{
	const json_t *old = json_object_get(d->set, "status");
	AUTO_JSON *status = old ? json_deep_copy(old) : json_object();
	int64_t current = 0, misscheduled = 0, ready = 0, available = 0, updated = 0;
	size_t i;
	json_t *node;
	json_array_foreach(d->nodes, i, node)
	{
		const json_t *pod = json_array_get(daemons_on(d, node), 0);
		int64_t wait;
		if (!pod)
			continue;
		if (daemonset_fits(d->set, node) != DAEMON_RUN) {
			misscheduled++;
			continue;
		}
		current++;
		ready += pod_is_ready(pod);
		available += pod_is_available(pod, d->min_ready_s, d->now_ms, &wait);
		updated += daemon_is_current(d, pod);
		if (wait >= 0)
			plan_again(plan, wait);
	}
	json_set_int(status, "currentNumberScheduled", current);
	json_set_int(status, "desiredNumberScheduled", d->desired);
	json_set_int(status, "numberMisscheduled", misscheduled);
	json_set_int(status, "numberReady", ready);
	json_set_int(status, "observedGeneration", json_int_at(d->set, "metadata.generation", 0));
	object_set_count(status, "updatedNumberScheduled", updated);
	object_set_count(status, "numberAvailable", available);
	object_set_count(status, "numberUnavailable", d->desired - available);
	AUTO_FREE char *path = object_path("apps", "v1", object_ns(d->set), "daemonsets", object_name(d->set));
	struct action *a = plan_status(plan, path, old, status);
	if (a)
		a->flags |= PLAN_ALWAYS | PLAN_ABSENT_OK;
}

/* Several revisions of one template (somebody made one): the newest stays, pods get its hash. */
static void delete_twins(const struct daemons *d, const json_t *revisions, const json_t *kept, const json_t *pods,
			 struct plan *plan)
{
	size_t i;
	json_t *o;
	bool any = false;
	json_array_foreach(revisions, i, o)
	{
		if (o == kept || !json_equal(json_object_get(o, "data"), json_object_get(kept, "data")))
			continue;
		AUTO_FREE char *path = history_path(d->set, object_name(o));
		plan_delete(plan, path, object_uid(o), -1, NULL);
		any = true;
	}
	json_array_foreach(pods, i, o)
	{
		if (!any || daemon_is_current(d, o))
			continue;
		AUTO_FREE char *path = object_path("", "v1", object_ns(o), "pods", object_name(o));
		plan_merge(plan, path, json_pack("{s:{s:{s:s}}}", "metadata", "labels", HISTORY_HASH, d->hash))->flags |=
		    PLAN_ABSENT_OK;
	}
}

/* The revision of the current template, found or made; its hash is put to *ret_hash (owned). */
static void plan_revision(struct daemons *d, const json_t *sorted, const json_t *pods, char **ret_hash, struct plan *plan)
{
	AUTO_JSON *data = history_data(d->set);
	json_t *found = history_find(sorted, data), *r;
	int64_t next = 1;
	size_t i;
	json_array_foreach(sorted, i, r)
	{
		if (!json_equal(json_object_get(r, "data"), data))
			next = MAX(next, history_number(r) + 1);
	}
	if (!found) {
		AUTO_FREE char *name = history_name(d->set), *path = history_path(d->set, NULL);
		plan_create(plan, path, history_new(d->set, &daemonset_revisions, HISTORY_HASH, name, next));
		*ret_hash = xstrdup(strrchr(name, '-') + 1);
		d->hash = *ret_hash;
		return;
	}
	*ret_hash = xstrdup(json_str_or(object_labels(found), HISTORY_HASH, object_name(found)));
	d->hash = *ret_hash;
	AUTO_FREE char *path = history_path(d->set, object_name(found));
	if (history_number(found) < next)
		plan_merge(plan, path, json_pack("{s:I}", "revision", (json_int_t)next));
	delete_twins(d, sorted, found, pods, plan);
}

static void truncate_history(const struct daemons *d, const json_t *sorted, const json_t *pods, struct plan *plan)
{
	AUTO_JSON *live = json_array();
	AUTO_JSON *data = history_data(d->set);
	size_t i, k;
	json_t *r, *pod;
	json_array_foreach(sorted, i, r)
	{
		const char *hash = json_member(object_labels(r), HISTORY_HASH);
		bool used = json_equal(json_object_get(r, "data"), data);
		json_array_foreach(pods, k, pod) used |= hash && str_eq(json_member(object_labels(pod), HISTORY_HASH), hash);
		if (used)
			json_array_append_new(live, json_string(object_name(r)));
	}
	history_truncate(sorted, live, json_int_at(d->set, "spec.revisionHistoryLimit", 10), plan);
}

static void set_bounds(struct daemons *d)
{
	const json_t *rolling = json_at(d->set, "spec.updateStrategy.rollingUpdate");
	d->max_unavailable = object_int_or_percent(json_object_get(rolling, "maxUnavailable"), d->desired, true, 1);
	d->max_surge = object_int_or_percent(json_object_get(rolling, "maxSurge"), d->desired, true, 0);
	if (d->max_surge <= 0 && d->max_unavailable <= 0)
		d->max_unavailable = 1;
}

static void plan_pods(struct daemons *d, const json_t *pods, struct plan *plan)
{
	size_t i;
	json_t *node;
	json_array_foreach(d->nodes, i, node) d->desired += daemonset_fits(d->set, node) == DAEMON_RUN;
	set_bounds(d);
	d->desired = 0;
	json_array_foreach(d->nodes, i, node) look_at_node(d, node, plan);
	delete_lost(d, pods);
	bool settled = !json_array_size(d->create) && !json_array_size(d->delete);
	if (settled && !str_eq(json_str_at(d->set, "spec.updateStrategy.type"), "OnDelete"))
		daemonset_roll(d);
}

static void plan_collision(const struct daemonset_observed *o, struct plan *plan)
{
	AUTO_FREE char *path = object_path("apps", "v1", object_ns(o->set), "daemonsets", object_name(o->set));
	AUTO_FREE char *sub = xasprintf("%s/status", path);
	int64_t n = json_int_at(o->set, "status.collisionCount", 0) + 1;
	plan_merge(plan, sub, json_pack("{s:{s:I}}", "status", "collisionCount", (json_int_t)n));
}

void daemonset_plan(const struct daemonset_observed *o, int64_t now_ms, struct plan *plan)
{
	struct daemons d = {.set = o->set, .nodes = o->nodes, .now_ms = now_ms};
	if (object_deleting(o->set))
		return;
	d.min_ready_s = json_int_at(o->set, "spec.minReadySeconds", 0);
	AUTO_JSON *pods = adopt_claim(&daemonset_pods, o->set, o->pods, plan);
	AUTO_JSON *revisions = adopt_claim(&daemonset_revisions, o->set, o->revisions, plan);
	AUTO_JSON *sorted = history_sorted(revisions);
	AUTO_JSON *data = history_data(o->set);
	AUTO_FREE char *hash = NULL;
	if (o->name_taken && !history_find(sorted, data)) {
		plan_collision(o, plan);
		return;
	}
	plan_revision(&d, sorted, pods, &hash, plan);
	AUTO_JSON *by_node = d.by_node = group_by_node(pods);
	AUTO_JSON *create = d.create = json_array();
	AUTO_JSON *delete = d.delete = json_array();
	plan_next_stage(plan);
	plan_pods(&d, pods, plan);
	plan_daemons_status(&d, plan);
	carry_out(&d, plan);
	truncate_history(&d, sorted, pods, plan);
}
