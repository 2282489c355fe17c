/* The disruption controller: PodDisruptionBudgets, the pods they select and the workloads behind those to disruption_plan(). */
#include <errno.h>

#include "api/selector.h"
#include "base/json.h"
#include "cp/controllers/disruption_plan.h"
#include "cp/controllers/object.h"
#include "cp/controllers/table.h"

static const struct workload {
	const char *kind, *group, *plural;
} workloads[] = {
    {"ReplicaSet", "apps", "replicasets"},	 {"Deployment", "apps", "deployments"},
    {"StatefulSet", "apps", "statefulsets"}, {"ReplicationController", "", "replicationcontrollers"},
};

static struct bucket *budgets_of(struct runner *r)
{
	return api_bucket(runner_api(r), "policy", "poddisruptionbudgets");
}

struct change {
	struct runner *runner;
	const struct cache_event *ev;
};

static void offer(void *arg, struct cobj *budget)
{
	struct change *c = arg;
	AUTO_JSON *parsed = runner_parse(c->runner, budget);
	AUTO_SELECTOR *s = NULL;
	if (selector_from_json(json_at(parsed, "spec.selector"), &s, NULL) == 0 &&
	    (selector_match(s, cobj_label, c->ev->obj) || (c->ev->prev && selector_match(s, cobj_label, c->ev->prev))))
		runner_add(c->runner, budget->ns, budget->name);
}

static void map_pod(struct runner *r, const struct cache_event *ev)
{
	struct change c = {r, ev};
	runner_each(budgets_of(r), ev->obj->ns, offer, &c);
}

static void add_budget(void *arg, struct cobj *budget)
{
	runner_add(arg, budget->ns, budget->name);
}

/* A workload's scale may be what a budget of its namespace counts with. */
static void map_workload(struct runner *r, const struct cache_event *ev)
{
	if (ev->prev && ev->type == CACHE_MODIFIED) {
		AUTO_JSON *before = runner_parse(r, ev->prev), *after = runner_parse(r, ev->obj);
		if (json_int_at(before, "spec.replicas", 1) == json_int_at(after, "spec.replicas", 1))
			return;
	}
	runner_each(budgets_of(r), ev->obj->ns, add_budget, r);
}

static bool is_selected(void *arg, const struct cobj *pod)
{
	return selector_match(arg, cobj_label, pod);
}

/* The workload that an owner reference names; NULL when there is none. Returns owned. */
static json_t *find_workload(struct sync *s, const json_t *ref)
{
	for (size_t i = 0; i < ARRAY_LEN(workloads); i++) {
		if (!str_eq(json_member(ref, "kind"), workloads[i].kind))
			continue;
		struct cobj *o = bucket_get(api_bucket(s->api, workloads[i].group, workloads[i].plural), s->ns, json_str_or(ref, "name", ""));
		return o && str_eq(o->uid, json_member(ref, "uid")) ? runner_parse(s->runner, o) : NULL;
	}
	return NULL;
}

/* Each workload counts once; a replica set's deployment stands for it. */
static int64_t scale_of(struct sync *s, const json_t *pods)
{
	AUTO_JSON *seen = json_object();
	int64_t scale = 0;
	size_t i;
	json_t *pod;
	json_array_foreach(pods, i, pod)
	{
		json_t *ref = object_controller_ref(pod);
		if (!ref || json_object_get(seen, json_str_or(ref, "uid", "")))
			continue;
		json_object_set_new(seen, json_str_or(ref, "uid", ""), json_true());
		AUTO_JSON *direct = find_workload(s, ref);
		if (!direct)
			return -1;
		AUTO_JSON *above = object_controller_ref(direct) ? find_workload(s, object_controller_ref(direct)) : NULL;
		const json_t *w = above ? above : direct;
		if (w == above && json_object_get(seen, object_uid(above)))
			continue;
		json_object_set_new(seen, object_uid(w), json_true());
		scale += json_int_at(w, "spec.replicas", 1);
	}
	return scale;
}

static void sync_budget(struct sync *s)
{
	AUTO_JSON *budget = runner_parse(s->runner, bucket_get(budgets_of(s->runner), s->ns, s->name));
	AUTO_SELECTOR *selector = NULL;
	if (!budget || object_deleting(budget))
		return;
	selector_from_json(json_at(budget, "spec.selector"), &selector, NULL);
	struct disruption_observed o = {.budget = budget};
	AUTO_JSON *pods = selector ? runner_list(s->runner, api_bucket(s->api, "", "pods"), s->ns, is_selected, selector) : json_array();
	o.pods = pods;
	o.scale = scale_of(s, pods);
	disruption_plan(&o, s->now_ms, s->plan);
}

const struct controller disruption_controller = {
    .name = "disruption-controller",
    .component = "controllermanager",
    .workers = 2,
    .sources = {{"policy", "poddisruptionbudgets", runner_map_self},
		{"", "pods", map_pod},
		{"apps", "replicasets", map_workload},
		{"apps", "deployments", map_workload},
		{"apps", "statefulsets", map_workload},
		{"", "replicationcontrollers", map_workload}},
    .sync = sync_budget,
};
