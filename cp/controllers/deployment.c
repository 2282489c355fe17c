/* The deployment controller: Deployments, their replica sets and (for Recreate) pods from the cache to
 * deployment_plan(). */
#include "base/json.h"
#include "cp/controllers/claim.h"
#include "cp/controllers/deployment_plan.h"
#include "cp/controllers/object.h"
#include "cp/controllers/pod.h"
#include "cp/controllers/table.h"

static struct bucket *replicasets(struct api *a)
{
	return api_bucket(a, "apps", "replicasets");
}

static void map_replicaset(struct runner *r, const struct cache_event *ev)
{
	claim_map_child(r, ev, api_bucket(runner_api(r), "apps", "deployments"), "Deployment");
}

/* The end of a pod matters to Recreate, which waits for it: to the deployment that owns the pod's replica set. */
static void map_pod(struct runner *r, const struct cache_event *ev)
{
	struct cobj_owner owner;
	if (ev->type == CACHE_ADDED)
		return;
	const char *phase = cobj_field(ev->obj, "status.phase");
	if (ev->type == CACHE_MODIFIED && phase && !str_eq(phase, "Succeeded") && !str_eq(phase, "Failed"))
		return;
	for (size_t i = 0; cobj_owner(ev->obj, i, &owner); i++) {
		struct cobj *rs = bucket_get(replicasets(runner_api(r)), ev->obj->ns, owner.name);
		if (owner.controller && str_eq(owner.kind, "ReplicaSet") && rs && str_eq(rs->uid, owner.uid)) {
			struct cache_event of_set = {.type = CACHE_MODIFIED, .obj = rs};
			runner_map_owner(r, &of_set, "Deployment");
		}
	}
}

struct old_pods {
	const json_t *owned;
	const json_t *newest;
	struct runner *runner;
	bool running;
};

static void look_at_pod(void *arg, struct cobj *o)
{
	struct old_pods *old = arg;
	const char *uid = cobj_controller_uid(o);
	size_t i;
	json_t *rs;
	json_array_foreach(old->owned, i, rs)
	{
		if (rs == old->newest || !str_eq(uid, object_uid(rs)))
			continue;
		AUTO_JSON *pod = runner_parse(old->runner, o);
		old->running |= !pod_is_terminal(pod);
	}
}

static bool old_pods_running(struct sync *s, const json_t *d, const json_t *sets)
{
	if (!str_eq(json_str_at(d, "spec.strategy.type"), "Recreate"))
		return false;
	struct old_pods old = {.owned = sets, .newest = deployment_find_new(d, sets), .runner = s->runner};
	runner_each(api_bucket(s->api, "", "pods"), s->ns, look_at_pod, &old);
	return old.running;
}

/* The object that has the new set's name although it is not among ours. */
static json_t *name_taken(struct sync *s, const json_t *d, const json_t *sets)
{
	AUTO_FREE char *name = deployment_new_name(d);
	size_t i;
	json_t *rs;
	json_array_foreach(sets, i, rs)
	{
		if (str_eq(object_name(rs), name) && deployment_find_new(d, sets))
			return NULL;
	}
	return runner_parse(s->runner, bucket_get(replicasets(s->api), s->ns, name));
}

static void sync_deployment(struct sync *s)
{
	AUTO_JSON *d = runner_parse(s->runner, bucket_get(api_bucket(s->api, "apps", "deployments"), s->ns, s->name));
	if (!d)
		return;
	AUTO_JSON *sets = claim_candidates(s->runner, replicasets(s->api), d);
	AUTO_JSON *taken = name_taken(s, d, sets);
	struct deployment_observed o = {.deployment = d,
					.replicasets = sets,
					.name_taken = taken,
					.old_pods_running = old_pods_running(s, d, sets)};
	deployment_plan(&o, s->now_ms, s->plan);
}

const struct controller deployment_controller = {
    .name = "deployment-controller",
    .component = "deployment-controller",
    .workers = 5,
    .sources = {{"apps", "deployments", runner_map_self},
		{"apps", "replicasets", map_replicaset},
		{"", "pods", map_pod}},
    .sync = sync_deployment,
};
