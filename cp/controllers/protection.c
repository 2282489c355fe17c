/* The controllers that protect claims, volumes and classes of their attributes in use: from the cache to protection_plan.c. */
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

static void add_deleted(void *arg, struct cobj *o)
{
	if (o->deleting)
		runner_add(arg, "", o->name);
}

/* A claim or volume that changes, or goes, may have been the last one that named a class. */
static void map_user(struct runner *r, const struct cache_event *ev)
{
	struct bucket *classes = api_bucket(runner_api(r), "storage.k8s.io", "volumeattributesclasses");
	if ((ev->type == CACHE_MODIFIED || ev->type == CACHE_DELETED) && bucket_len(classes))
		runner_each(classes, "", add_deleted, r);
}

static void sync_attributes(struct sync *s)
{
	struct cobj *o = bucket_get(api_bucket(s->api, "storage.k8s.io", "volumeattributesclasses"), "", s->name);
	AUTO_JSON *class = runner_parse(s->runner, o);
	if (!class)
		return;
	AUTO_JSON *claims = o->deleting ? runner_list(s->runner, api_bucket(s->api, "", "persistentvolumeclaims"), "", NULL, NULL) : json_array();
	AUTO_JSON *volumes = o->deleting ? runner_list(s->runner, api_bucket(s->api, "", "persistentvolumes"), "", NULL, NULL) : json_array();
	protection_attributes_plan(class, claims, volumes, s->plan);
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

const struct controller attributes_protection_controller = {
    .name = "volumeattributesclass-protection-controller",
    .component = "vac-protection-controller",
    .workers = 1,
    .sources = {{"storage.k8s.io", "volumeattributesclasses", runner_map_self},
		{"", "persistentvolumeclaims", map_user},
		{"", "persistentvolumes", map_user}},
    .sync = sync_attributes,
};
