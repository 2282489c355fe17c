/* The plan of a StatefulSet.
 *
 * Happy path: find the revision of the current template or make it (one that is there already gets a new number: a way back),
 * sort pods by ordinal, do the next thing in order, say in status what was observed, delete what history is too much. An update is
 * complete when all pods are of its revision and ready; then it becomes the current one. Always holds: nothing is created or
 * deleted for a set that is being deleted. */
#include "cp/controllers/statefulset_plan.h"

#include <stdlib.h>

#include "base/json.h"
#include "cp/controllers/history.h"
#include "cp/controllers/object.h"
#include "cp/controllers/pod.h"
#include "cp/controllers/statefulset_internal.h"

#define HASH "controller.kubernetes.io/hash"
enum { REPLICAS_MAX = 100000 };

const struct adopt_kind statefulset_pods = {"apps/v1", "StatefulSet", "", "pods"},
			statefulset_revisions = {"apps/v1", "StatefulSet", "apps", "controllerrevisions"};

/* Finds or makes the revision of the template, and finds the current one. */
static void plan_revisions(struct stateful *s, const json_t *sorted, struct plan *plan)
{
	AUTO_JSON *data = history_data(s->set);
	json_t *found = history_find(sorted, data), *last = json_array_get(sorted, json_array_size(sorted) - 1), *r;
	int64_t next = history_number(last) + 1;
	const char *current = json_str_at(s->set, "status.currentRevision");
	size_t i;
	if (!found) {
		AUTO_FREE char *path = history_path(s->set, NULL);
		s->update = history_name(s->set);
		plan_create(plan, path, history_new(s->set, &statefulset_revisions, HASH, s->update, next));
		plan_next_stage(plan);
	} else {
		AUTO_FREE char *path = history_path(s->set, object_name(found));
		s->update = xstrdup(object_name(found));
		if (found != last)
			plan_merge(plan, path, json_pack("{s:I}", "revision", (json_int_t)next));
	}
	json_array_foreach(sorted, i, r)
	{
		if (str_eq(object_name(r), current) && !str_eq(current, s->update)) {
			s->current = xstrdup(current);
			s->current_template = history_template(r);
		}
	}
	if (!s->current)
		s->current = xstrdup(s->update);
}

static int by_ordinal_down(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;
	return x[0] > y[0] ? -1 : x[0] < y[0];
}

static void sort_pods(struct stateful *s, const json_t *pods)
{
	int64_t n = MIN(MAX(json_int_at(s->set, "spec.replicas", 1), 0), REPLICAS_MAX);
	size_t count = 0, i;
	json_t *pod;
	AUTO_FREE int64_t(*beyond)[2] = xcalloc(json_array_size(pods) + 1, sizeof(*beyond));
	for (int64_t k = 0; k < n; k++)
		json_array_append_new(s->replicas, json_null());
	json_array_foreach(pods, i, pod)
	{
		int64_t ordinal = statefulset_ordinal(s->set, pod);
		if (ordinal >= s->start && ordinal < s->start + n)
			json_array_set(s->replicas, (size_t)(ordinal - s->start), pod);
		else if (ordinal >= 0)
			beyond[count][0] = ordinal, beyond[count++][1] = (int64_t)i;
	}
	qsort(beyond, count, sizeof(*beyond), by_ordinal_down);
	for (i = 0; i < count; i++)
		json_array_append(s->condemned, json_array_get(pods, (size_t)beyond[i][1]));
}

struct counts {
	int64_t all, ready, available, current, updated;
};

static void count_pods(const struct stateful *s, const json_t *pods, struct counts *c, struct plan *plan)
{
	size_t i;
	json_t *pod;
	json_array_foreach(pods, i, pod)
	{
		int64_t wait;
		if (!json_is_object(pod))
			continue;
		bool ready = str_eq(pod_phase(pod), "Running") && pod_is_ready(pod);
		c->all++;
		c->ready += ready;
		c->available += ready && pod_is_available(pod, s->min_ready_s, s->now_ms, &wait);
		if (ready && wait >= 0)
			plan_again(plan, wait);
		if (object_deleting(pod))
			continue;
		c->current += str_eq(stateful_revision(pod), s->current);
		c->updated += str_eq(stateful_revision(pod), s->update);
	}
}

static void plan_set_status(struct stateful *s, const json_t *pods, struct plan *plan)
{
	const json_t *old = json_object_get(s->set, "status");
	AUTO_JSON *status = old ? json_deep_copy(old) : json_object();
	struct counts c = {0};
	count_pods(s, pods, &c, plan);
	const char *current = s->current;
	if (str_eq(json_str_or(s->set, "spec.updateStrategy.type", "RollingUpdate"), "RollingUpdate") && c.updated == c.all &&
	    c.ready == c.all && c.all == (int64_t)json_array_size(s->replicas)) {
		c.current = c.updated;
		current = s->update;
	}
	json_set_int(status, "replicas", c.all);
	json_set_int(status, "availableReplicas", c.available);
	json_set_int(status, "collisionCount", json_int_at(old, "collisionCount", 0));
	json_set_int(status, "observedGeneration", json_int_at(s->set, "metadata.generation", 0));
	object_set_count(status, "readyReplicas", c.ready);
	object_set_count(status, "currentReplicas", c.current);
	object_set_count(status, "updatedReplicas", c.updated);
	json_set_str(status, "currentRevision", current);
	json_set_str(status, "updateRevision", s->update);
	AUTO_FREE char *path = object_path("apps", "v1", object_ns(s->set), "statefulsets", object_name(s->set));
	struct action *a = plan_status(plan, path, old, status);
	if (a)
		a->flags |= PLAN_ALWAYS | PLAN_ABSENT_OK;
}

static void truncate_history(const struct stateful *s, const json_t *sorted, const json_t *pods, struct plan *plan)
{
	AUTO_JSON *live = json_pack("[s, s]", s->current, s->update);
	size_t i;
	json_t *pod;
	json_array_foreach(pods, i, pod) json_array_append_new(live, json_string(stateful_revision(pod)));
	history_truncate(sorted, live, json_int_at(s->set, "spec.revisionHistoryLimit", 10), plan);
}

static void stateful_done(struct stateful *s)
{
	json_decref(s->replicas);
	json_decref(s->condemned);
	json_decref(s->current_template);
	free(s->current);
	free(s->update);
}

void statefulset_plan(const struct statefulset_observed *o, int64_t now_ms, struct plan *plan)
{
	AUTO_JSON *pods = adopt_claim(&statefulset_pods, o->set, o->pods, plan);
	AUTO_JSON *revisions = adopt_claim(&statefulset_revisions, o->set, o->revisions, plan);
	AUTO_JSON *sorted = history_sorted(revisions);
	AUTO_JSON *data = history_data(o->set);
	if (o->name_taken && !history_find(sorted, data)) {
		AUTO_FREE char *path = object_path("apps", "v1", object_ns(o->set), "statefulsets", object_name(o->set));
		AUTO_FREE char *sub = xasprintf("%s/status", path);
		int64_t n = json_int_at(o->set, "status.collisionCount", 0) + 1;
		plan_merge(plan, sub, json_pack("{s:{s:I}}", "status", "collisionCount", (json_int_t)n));
		return;
	}
	AUTO(stateful_done)
	struct stateful s = {.set = o->set,
			     .claims = o->claims,
			     .now_ms = now_ms,
			     .min_ready_s = json_int_at(o->set, "spec.minReadySeconds", 0),
			     .start = json_int_at(o->set, "spec.ordinals.start", 0),
			     .partition = json_int_at(o->set, "spec.updateStrategy.rollingUpdate.partition", 0),
			     .replicas = json_array(),
			     .condemned = json_array(),
			     .parallel = str_eq(json_str_at(o->set, "spec.podManagementPolicy"), "Parallel")};
	if (object_deleting(o->set) && !json_array_size(sorted))
		return;
	plan_revisions(&s, sorted, plan);
	sort_pods(&s, pods);
	plan_set_status(&s, pods, plan);
	if (object_deleting(o->set))
		return;
	plan_next_stage(plan);
	stateful_order(&s, plan);
	truncate_history(&s, sorted, pods, plan);
}
