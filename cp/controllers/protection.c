/* The controllers that protect claims and volumes in use: from the cache to protection_plan.c. */
#include "base/json.h"
#include "cp/controllers/protection_plan.h"
#include "cp/controllers/table.h"

/* A pod that goes, or ends, may have been the last one that used its claims. */
static void map_pod(struct runner *r, const struct cache_event *ev)
{
	AUTO_JSON *pod = ev->type == CACHE_DELETED ? runner_parse(r, ev->obj) : NULL;
	size_t i;
	json_t *v;
	json_array_foreach(json_at(pod, "spec.volumes"), i, v)
	{
		const char *name = json_str_at(v, "persistentVolumeClaim.claimName");
		AUTO_FREE char *own = xasprintf("%s-%s", ev->obj->name, json_str_or(v, "name", ""));
		if (name || json_object_get(v, "ephemeral"))
			runner_add(r, ev->obj->ns, name ? name : own);
	}
}

static void sync_claim(struct sync *s)
{
	struct cobj *o = bucket_get(api_bucket(s->api, "", "persistentvolumeclaims"), s->ns, s->name);
	AUTO_JSON *claim = runner_parse(s->runner, o);
	if (!claim)
		return;
	AUTO_JSON *pods = o->deleting ? runner_list(s->runner, api_bucket(s->api, "", "pods"), s->ns, NULL, NULL) : json_array();
	protection_claim_plan(claim, pods, s->plan);
}

static void sync_volume(struct sync *s)
{
	AUTO_JSON *volume = runner_parse(s->runner, bucket_get(api_bucket(s->api, "", "persistentvolumes"), "", s->name));
	if (volume)
		protection_volume_plan(volume, s->plan);
}

const struct controller claim_protection_controller = {
    .name = "persistentvolumeclaim-protection-controller",
    .component = "pvc-protection-controller",
    .workers = 1,
    .sources = {{"", "persistentvolumeclaims", runner_map_self}, {"", "pods", map_pod}},
    .sync = sync_claim,
};

const struct controller volume_protection_controller = {
    .name = "persistentvolume-protection-controller",
    .component = "pv-protection-controller",
    .workers = 1,
    .sources = {{"", "persistentvolumes", runner_map_self}},
    .sync = sync_volume,
};
