/* The pod garbage collector: pods without node and ended pods from the cache to their plans. Nodes that are missing are
 * remembered with the time since when, from the moment a pod first shows it. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/map.h"
#include "cp/controllers/pod_gc_plan.h"
#include "cp/controllers/table.h"

static const char sweep[] = "ended pods";

static bool is_ended(void *arg, const struct cobj *pod)
{
	const char *phase = cobj_field(pod, "status.phase");
	(void)arg;
	return str_eq(phase, "Succeeded") || str_eq(phase, "Failed");
}

static void map_pod(struct runner *r, const struct cache_event *ev)
{
	struct api *a = runner_api(r);
	const char *node = cobj_field(ev->obj, "spec.nodeName");
	if (ev->type == CACHE_DELETED)
		return;
	if (str_empty(node) ? ev->obj->deleting : !bucket_get(api_bucket(a, "", "nodes"), "", node))
		runner_add(r, ev->obj->ns, ev->obj->name);
	if (bucket_len(api_bucket(a, "", "pods")) > POD_GC_TERMINATED_MAX && is_ended(NULL, ev->obj))
		runner_add_key(r, sweep);
}

struct gone {
	struct runner *runner;
	const char *node;
};

static void add_bound(void *arg, struct cobj *pod)
{
	struct gone *g = arg;
	if (str_eq(cobj_field(pod, "spec.nodeName"), g->node))
		runner_add(g->runner, pod->ns, pod->name);
}

static void map_node(struct runner *r, const struct cache_event *ev)
{
	if (ev->type != CACHE_DELETED) {
		map_remove(runner_state(r), ev->obj->name);
		return;
	}
	struct gone g = {r, ev->obj->name};
	runner_each(api_bucket(runner_api(r), "", "pods"), NULL, add_bound, &g);
}

static int64_t node_gone_since(struct sync *s, const char *node)
{
	if (str_empty(node) || bucket_get(api_bucket(s->api, "", "nodes"), "", node))
		return -1;
	int64_t *since = map_get(s->state, node);
	if (!since) {
		since = xmemdup(&s->now_ms, sizeof(s->now_ms));
		map_set(s->state, node, since);
	}
	return *since;
}

static void sync_pod(struct sync *s)
{
	struct bucket *pods = api_bucket(s->api, "", "pods");
	if (str_eq(s->key, sweep)) {
		AUTO_JSON *ended = runner_list(s->runner, pods, NULL, is_ended, NULL);
		pod_gc_terminated_plan(ended, POD_GC_TERMINATED_MAX, s->plan);
		return;
	}
	AUTO_JSON *pod = runner_parse(s->runner, bucket_get(pods, s->ns, s->name));
	if (pod)
		pod_gc_plan(pod, node_gone_since(s, json_str_at(pod, "spec.nodeName")), s->now_ms, s->plan);
}

static void *gone_new(struct api *a)
{
	(void)a;
	return map_new(free);
}

static void gone_free(void *state)
{
	map_free(state);
}

const struct controller pod_gc_controller = {
    .name = "pod-garbage-collector-controller",
    .component = "pod-garbage-collector",
    .workers = 2,
    .sources = {{"", "nodes", map_node}, {"", "pods", map_pod}},
    .sync = sync_pod,
    .state_new = gone_new,
    .state_free = gone_free,
};
