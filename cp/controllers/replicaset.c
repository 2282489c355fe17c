/* The replicaset and replicationcontroller controllers: the sets and their pods from the cache to replicaset_plan(). */
#include "base/json.h"
#include "cp/controllers/claim.h"
#include "cp/controllers/replicaset_plan.h"
#include "cp/controllers/table.h"

static void map_pod(struct runner *r, const struct cache_event *ev)
{
	claim_map_child(r, ev, api_bucket(runner_api(r), "apps", "replicasets"), "ReplicaSet");
}

static void map_rc_pod(struct runner *r, const struct cache_event *ev)
{
	claim_map_child(r, ev, api_bucket(runner_api(r), "", "replicationcontrollers"), "ReplicationController");
}

static void sync(struct sync *s, const struct replicaset_kind *kind)
{
	AUTO_JSON *rs = runner_parse(s->runner, bucket_get(api_bucket(s->api, kind->group, kind->plural), s->ns, s->name));
	if (!rs)
		return;
	AUTO_JSON *pods = claim_candidates(s->runner, api_bucket(s->api, "", "pods"), rs);
	struct replicaset_observed o = {.kind = kind, .replicaset = rs, .pods = pods, .last_error = s->last_error};
	replicaset_plan(&o, s->now_ms, s->plan);
}

static void sync_replicaset(struct sync *s)
{
	sync(s, &replicaset_kind);
}

static void sync_replicationcontroller(struct sync *s)
{
	sync(s, &replicationcontroller_kind);
}

const struct controller replicaset_controller = {
    .name = "replicaset-controller",
    .component = "replicaset-controller",
    .workers = 5,
    .sources = {{"apps", "replicasets", runner_map_self}, {"", "pods", map_pod}},
    .sync = sync_replicaset,
};

const struct controller replicationcontroller_controller = {
    .name = "replicationcontroller-controller",
    .component = "replication-controller",
    .workers = 5,
    .sources = {{"", "replicationcontrollers", runner_map_self}, {"", "pods", map_rc_pod}},
    .sync = sync_replicationcontroller,
};
