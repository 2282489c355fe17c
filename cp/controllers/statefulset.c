/* The statefulset controller: StatefulSets, their pods, revisions and claims from the cache to statefulset_plan(). */
#include <string.h>

#include "base/json.h"
#include "cp/controllers/claim.h"
#include "cp/controllers/history.h"
#include "cp/controllers/statefulset_plan.h"
#include "cp/controllers/table.h"

static struct bucket *sets_of(struct runner *r)
{
	return api_bucket(runner_api(r), "apps", "statefulsets");
}

static void map_child(struct runner *r, const struct cache_event *ev)
{
	claim_map_child(r, ev, sets_of(r), "StatefulSet");
}

static bool is_claim_of(void *arg, const struct cobj *claim)
{
	AUTO_FREE char *part = xasprintf("-%s-", (const char *)arg);
	return strstr(claim->name, part) != NULL;
}

static void sync_statefulset(struct sync *s)
{
	AUTO_JSON *set = runner_parse(s->runner, bucket_get(sets_of(s->runner), s->ns, s->name));
	if (!set)
		return;
	struct bucket *revisions = api_bucket(s->api, "apps", "controllerrevisions");
	AUTO_JSON *pods = claim_candidates(s->runner, api_bucket(s->api, "", "pods"), set);
	AUTO_JSON *history = claim_candidates(s->runner, revisions, set);
	AUTO_JSON *claims = runner_list(s->runner, api_bucket(s->api, "", "persistentvolumeclaims"), s->ns, is_claim_of,
					(void *)s->name);
	AUTO_FREE char *name = history_name(set);
	struct statefulset_observed o = {.set = set,
					 .pods = pods,
					 .revisions = history,
					 .claims = claims,
					 .name_taken = bucket_get(revisions, s->ns, name) != NULL};
	statefulset_plan(&o, s->now_ms, s->plan);
}

const struct controller statefulset_controller = {
    .name = "statefulset-controller",
    .component = "statefulset-controller",
    .workers = 5,
    .sources = {{"apps", "statefulsets", runner_map_self}, {"", "pods", map_child}, {"apps", "controllerrevisions", map_child}},
    .sync = sync_statefulset,
};
