/* The node lifecycle and taint eviction controllers: nodes, leases and pods from the cache to their plans.
 *
 * A sign of life is a change of a node's lease or of its Ready heartbeat, timed when it is seen here (so that a server
 * that was down does not declare every node dead). A sign of life alone wakes nobody: the plan runs when the time that
 * it last asked for has come, and then finds the newer sign. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/map.h"
#include "cp/controllers/node_plan.h"
#include "cp/controllers/object.h"
#include "cp/controllers/table.h"

struct sign {
	int64_t heard_ms;
	char *heartbeat;
};

static void sign_free(void *value)
{
	struct sign *s = value;
	free(s->heartbeat);
	free(s);
}

static void *signs_new(struct api *a)
{
	(void)a;
	return map_new(sign_free);
}

static void signs_free(void *state)
{
	map_free(state);
}

static struct sign *sign_of(struct runner *r, const char *node)
{
	struct sign *s = map_get(runner_state(r), node);
	if (s)
		return s;
	s = xcalloc(1, sizeof(*s));
	s->heard_ms = clock_wall_ms();
	map_set(runner_state(r), node, s);
	return s;
}

static void map_lease(struct runner *r, const struct cache_event *ev)
{
	if (ev->type != CACHE_DELETED && str_eq(ev->obj->ns, "kube-node-lease") &&
	    map_has(runner_state(r), ev->obj->name))
		sign_of(r, ev->obj->name)->heard_ms = clock_wall_ms();
}

static void map_node(struct runner *r, const struct cache_event *ev)
{
	runner_add(r, "", ev->obj->name);
	if (ev->type == CACHE_DELETED) {
		map_remove(runner_state(r), ev->obj->name);
		return;
	}
	struct sign *s = sign_of(r, ev->obj->name);
	AUTO_JSON *node = runner_parse(r, ev->obj);
	const char *beat = json_str_at(object_condition(json_object_get(node, "status"), "Ready"), "lastHeartbeatTime");
	if (beat && !str_eq(beat, s->heartbeat)) {
		s->heard_ms = clock_wall_ms();
		free(s->heartbeat);
		s->heartbeat = xstrdup(beat);
	}
}

struct on_node {
	struct runner *runner;
	const char *node;
	json_t *pods;
	void (*fn)(struct on_node *o, struct cobj *pod);
};

static void each_on_node(void *arg, struct cobj *pod)
{
	struct on_node *o = arg;
	if (str_eq(cobj_field(pod, "spec.nodeName"), o->node))
		o->fn(o, pod);
}

/* Calls fn for each pod bound to the node; the cache has an index for it. */
static void pods_on_node(struct on_node *o)
{
	AUTO_SELECTOR *selector = NULL;
	AUTO_FREE char *text = xasprintf("spec.nodeName=%s", o->node);
	if (selector_parse_fields(text, &selector, NULL) == 0)
		bucket_list(api_bucket(runner_api(o->runner), "", "pods"), &(struct bucket_query){.fields = selector},
			    each_on_node, o);
}

static void collect_pod(struct on_node *o, struct cobj *pod)
{
	json_array_append_new(o->pods, runner_parse(o->runner, pod));
}

static void sync_node(struct sync *s)
{
	AUTO_JSON *node = runner_parse(s->runner, bucket_get(api_bucket(s->api, "", "nodes"), "", s->name));
	if (!node)
		return;
	AUTO_JSON *pods = json_array();
	struct node_observed o = {.node = node, .heard_ms = sign_of(s->runner, s->name)->heard_ms, .pods = pods};
	const json_t *ready = object_condition(json_object_get(node, "status"), "Ready");
	bool silent = o.heard_ms + NODE_GRACE_MS <= s->now_ms || str_eq(json_str_or(ready, "status", ""), "Unknown");
	if (silent)
		pods_on_node(&(struct on_node){.runner = s->runner, .node = s->name, .pods = pods, .fn = collect_pod});
	node_plan(&o, s->now_ms, s->plan);
}

const struct controller node_lifecycle_controller = {
    .name = "node-lifecycle-controller",
    .component = "node-controller",
    .workers = 4,
    .sources = {{"", "nodes", map_node}, {"coordination.k8s.io", "leases", map_lease}},
    .sync = sync_node,
    .state_new = signs_new,
    .state_free = signs_free,
};

static char *taint_id(const json_t *node, const json_t *taint)
{
	return xasprintf("%s %s=%s:%s", object_uid(node), json_str_or(taint, "key", ""),
			 json_str_or(taint, "value", ""), json_str_or(taint, "effect", ""));
}

/* Forgets when the taints that went were first seen. */
static void forget_taints(struct runner *r, const json_t *before, const json_t *now)
{
	size_t i, k;
	json_t *old, *t;
	json_array_foreach(json_at(before, "spec.taints"), i, old)
	{
		bool stays = false;
		AUTO_FREE char *id = taint_id(before, old);
		json_array_foreach(json_at(now, "spec.taints"), k, t)
		{
			AUTO_FREE char *other = taint_id(before, t);
			stays |= str_eq(id, other);
		}
		if (!stays)
			map_remove(runner_state(r), id);
	}
}

/* The node's taints with a time for each: taints without timeAdded count from when they were first seen. */
static json_t *timed_taints(struct runner *r, const json_t *node)
{
	json_t *taints = json_at(node, "spec.taints") ? json_deep_copy(json_at(node, "spec.taints")) : json_array(), *t;
	size_t i;
	json_array_foreach(taints, i, t)
	{
		if (json_object_get(t, "timeAdded"))
			continue;
		char now[RFC3339_MAX];
		AUTO_FREE char *id = taint_id(node, t);
		if (!map_has(runner_state(r), id))
			map_set(runner_state(r), id, xstrdup(rfc3339(clock_wall_ms(), now)));
		json_set_str(t, "timeAdded", map_get(runner_state(r), id));
	}
	return taints;
}

static bool has_no_execute(const json_t *node)
{
	return json_find(json_at(node, "spec.taints"), "effect", "NoExecute") != NULL;
}

static void map_pod(struct runner *r, const struct cache_event *ev)
{
	const char *node = cobj_field(ev->obj, "spec.nodeName");
	if (ev->type == CACHE_DELETED || str_empty(node) || ev->obj->deleting)
		return;
	AUTO_JSON *parsed = runner_parse(r, bucket_get(api_bucket(runner_api(r), "", "nodes"), "", node));
	if (has_no_execute(parsed))
		runner_add(r, ev->obj->ns, ev->obj->name);
}

static void add_pod(struct on_node *o, struct cobj *pod)
{
	runner_add(o->runner, pod->ns, pod->name);
}

static void map_tainted(struct runner *r, const struct cache_event *ev)
{
	AUTO_JSON *node = runner_parse(r, ev->obj);
	AUTO_JSON *before = ev->prev ? runner_parse(r, ev->prev) : NULL;
	json_t *now = json_at(node, "spec.taints"), *then = json_at(before, "spec.taints");
	forget_taints(r, ev->type == CACHE_DELETED ? node : before, ev->type == CACHE_DELETED ? NULL : node);
	if (ev->type == CACHE_DELETED || !has_no_execute(node) || (now && then && json_equal(now, then)))
		return;
	pods_on_node(&(struct on_node){.runner = r, .node = ev->obj->name, .fn = add_pod});
}

static void sync_eviction(struct sync *s)
{
	AUTO_JSON *pod = runner_parse(s->runner, bucket_get(api_bucket(s->api, "", "pods"), s->ns, s->name));
	const char *name = json_str_at(pod, "spec.nodeName");
	if (str_empty(name))
		return;
	AUTO_JSON *node = runner_parse(s->runner, bucket_get(api_bucket(s->api, "", "nodes"), "", name));
	AUTO_JSON *taints = timed_taints(s->runner, node);
	taint_eviction_plan(pod, taints, s->now_ms, s->plan);
}

static void *taints_new(struct api *a)
{
	(void)a;
	return map_new(free);
}

const struct controller taint_eviction_controller = {
    .name = "taint-eviction-controller",
    .component = "taint-eviction-controller",
    .workers = 4,
    .sources = {{"", "nodes", map_tainted}, {"", "pods", map_pod}},
    .sync = sync_eviction,
    .state_new = taints_new,
    .state_free = signs_free,
};
