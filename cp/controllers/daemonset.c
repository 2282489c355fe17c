/* The daemonset controller: DaemonSets, their pods and revisions, and the nodes from the cache to daemonset_plan(). */
#include "base/json.h"
#include "cp/controllers/claim.h"
#include "cp/controllers/daemonset_plan.h"
#include "cp/controllers/history.h"
#include "cp/controllers/object.h"
#include "cp/controllers/table.h"

static struct bucket *sets_of(struct runner *r)
{
	return api_bucket(runner_api(r), "apps", "daemonsets");
}

static void map_pod(struct runner *r, const struct cache_event *ev)
{
	claim_map_child(r, ev, sets_of(r), "DaemonSet");
}

/* Revisions that the set has are its own writing; orphans may be wanted. */
static void map_revision(struct runner *r, const struct cache_event *ev)
{
	if (ev->type != CACHE_DELETED && !cobj_controller_uid(ev->obj))
		claim_map_child(r, ev, sets_of(r), "DaemonSet");
}

static void add_set(void *arg, struct cobj *set)
{
	runner_add(arg, set->ns, set->name);
}

/* A heartbeat changes nothing: only what a set looks at. */
static void map_node(struct runner *r, const struct cache_event *ev)
{
	if (ev->prev && ev->type == CACHE_MODIFIED) {
		AUTO_JSON *before = runner_parse(r, ev->prev), *after = runner_parse(r, ev->obj);
		AUTO_JSON *labels = object_merge_diff(object_labels(before), object_labels(after));
		AUTO_JSON *spec = object_merge_diff(json_object_get(before, "spec"), json_object_get(after, "spec"));
		if (!labels && !spec)
			return;
	}
	runner_each(sets_of(r), NULL, add_set, r);
}

static void sync_daemonset(struct sync *s)
{
	AUTO_JSON *set = runner_parse(s->runner, bucket_get(sets_of(s->runner), s->ns, s->name));
	if (!set)
		return;
	struct bucket *revisions = api_bucket(s->api, "apps", "controllerrevisions");
	AUTO_JSON *pods = claim_candidates(s->runner, api_bucket(s->api, "", "pods"), set);
	AUTO_JSON *history = claim_candidates(s->runner, revisions, set);
	AUTO_JSON *nodes = runner_list(s->runner, api_bucket(s->api, "", "nodes"), NULL, NULL, NULL);
	AUTO_FREE char *name = history_name(set);
	struct daemonset_observed o = {.set = set,
				       .pods = pods,
				       .revisions = history,
				       .nodes = nodes,
				       .name_taken = bucket_get(revisions, s->ns, name) != NULL};
	daemonset_plan(&o, s->now_ms, s->plan);
}

const struct controller daemonset_controller = {
    .name = "daemonset-controller",
    .component = "daemonset-controller",
    .workers = 2,
    .sources = {{"apps", "daemonsets", runner_map_self},
		{"", "pods", map_pod},
		{"apps", "controllerrevisions", map_revision},
		{"", "nodes", map_node}},
    .sync = sync_daemonset,
};
