/* The scheduler: observe pods, nodes and namespaces, plan a place, apply it as a binding.
 *
 * Happy path: a pod without node appears in the cache, waits in the queue, schedule_plan() finds a node, the pod is
 * counted there at once (assumed) and a Binding is posted; the cache then shows the pod on its node, which replaces
 * what was assumed. What can fail is the binding: then the assumption is taken back and the pod is tried again after a
 * delay. A pod that fits nowhere gets the condition PodScheduled=False and an event, written again only when the
 * message changes, and waits until a node or another pod changes. Always holds: a pod is counted once; nothing wakes up
 * while nothing is pending but for changes. */
#include "cp/scheduler/scheduler.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "cp/controllers/events.h"
#include "cp/controllers/object.h"
#include "cp/controllers/pod.h"
#include "cp/scheduler/pending.h"
#include "cp/scheduler/preempt.h"
#include "cp/scheduler/schedule_metrics.h"
#include "cp/scheduler/schedule_plan.h"

#define USER "system:kube-scheduler"
#define SCHEDULER_NAME "default-scheduler"
enum { TURN_MAX = 32, WATCHES = 3 };

struct scheduler {
	struct api *api;
	struct cluster cluster;
	struct pending pending;
	struct events *events;
	struct timer *timer;
	struct cache_watch *watches[WATCHES];
	uint32_t seed;
	int refs;
	bool pumping, stopped;
};

struct bind_call {
	struct scheduler *s;
	char *uid, *node;
	json_t *involved;
};

static void scheduler_unref(struct scheduler *s)
{
	if (--s->refs > 0)
		return;
	events_free(s->events);
	pending_done(&s->pending);
	cluster_done(&s->cluster);
	free(s);
}

static void pump(void *arg);

static void wake(void *arg)
{
	struct scheduler *s = arg;
	if (s->pumping || s->stopped)
		return;
	s->pumping = true;
	s->refs++;
	loop_defer(api_loop(s->api), pump, s);
}

static void rearm(struct scheduler *s)
{
	int64_t at = pending_next_at(&s->pending), now = clock_mono_ms();
	if (at == INT64_MAX)
		timer_stop(s->timer);
	else if (at <= now)
		wake(s);
	else
		timer_start(s->timer, at - now);
}

/* Something changed that may make room for pods that fitted nowhere. */
static void something_changed(struct scheduler *s)
{
	pending_wake(&s->pending, clock_mono_ms());
	if (!s->pumping)
		rearm(s);
}

static void record(struct scheduler *s, const json_t *involved, const char *type, const char *reason,
		   const char *message)
{
	if (!s->stopped)
		events_record(s->events, involved, type, reason, message);
}

static void on_condition_written(void *arg, int status, json_t *answer, const struct err *e)
{
	(void)status, (void)answer;
	if (e && e->code != -ENOENT)
		log_warn("pod condition not written, ignoring error=%s", err_text(e));
	scheduler_unref(arg);
}

/* Says on the pod and in an event why it has no node, when that is news. */
static void write_unschedulable(struct scheduler *s, const json_t *pod, struct pending_pod *p, const char *message)
{
	const json_t *have = object_condition(json_object_get(pod, "status"), "PodScheduled");
	bool written = str_eq(p->message, message) || (have && str_eq(json_member(have, "reason"), "Unschedulable") &&
						       str_eq(json_member(have, "message"), message));
	free(p->message);
	p->message = xstrdup(message);
	if (written)
		return;
	AUTO_JSON *involved = object_reference(pod);
	record(s, involved, "Warning", "FailedScheduling", message);
	char now[RFC3339_MAX];
	bool was_false = have && str_eq(json_member(have, "status"), "False");
	const char *since = was_false ? json_str_or(have, "lastTransitionTime", "") : "";
	AUTO_JSON *patch = json_pack("{s:{s:[{s:s, s:s, s:s, s:s, s:s}]}}", "status", "conditions", "type",
				     "PodScheduled", "status", "False", "reason", "Unschedulable", "message", message,
				     "lastTransitionTime", *since ? since : rfc3339(clock_wall_ms(), now));
	AUTO_FREE char *path = object_path("", "v1", p->ns, "pods", p->name);
	AUTO_FREE char *sub = xasprintf("%s/status", path);
	s->refs++;
	api_local(s->api, USER, "PATCH", sub, "application/strategic-merge-patch+json", patch, on_condition_written, s);
}

static void on_bound(void *arg, int status, json_t *answer, const struct err *e)
{
	struct bind_call *call = arg;
	struct scheduler *s = call->s;
	struct pending_pod *p = pending_get(&s->pending, call->uid);
	(void)status, (void)answer;
	if (!e) {
		AUTO_FREE char *text =
		    xasprintf("Successfully assigned %s/%s to %s", json_str_or(call->involved, "namespace", ""),
			      json_str_or(call->involved, "name", ""), call->node);
		record(s, call->involved, "Normal", "Scheduled", text);
		pending_remove(&s->pending, call->uid);
	} else if (p && p->state == PENDING_BUSY) {
		cluster_remove_pod(&s->cluster, call->uid);
		if (e->code != -ESTALE && e->code != -ENOENT)
			log_warn("binding failed pod=%s/%s node=%s error=%s", p->ns, p->name, call->node, err_text(e));
		pending_retry(&s->pending, p, clock_mono_ms());
	}
	free(call->uid);
	free(call->node);
	json_decref(call->involved);
	free(call);
	if (!s->stopped && !s->pumping)
		rearm(s);
	scheduler_unref(s);
}

static void bind(struct scheduler *s, const json_t *pod, struct sched_pod *take_pod, const char *node)
{
	struct bind_call *call = xmalloc(sizeof(*call));
	*call = (struct bind_call){s, xstrdup(take_pod->uid), xstrdup(node), object_reference(pod)};
	AUTO_JSON *binding = json_pack("{s:s, s:s, s:{s:s, s:s, s:s}, s:{s:s, s:s, s:s}}", "apiVersion", "v1", "kind",
				       "Binding", "metadata", "name", take_pod->name, "namespace", take_pod->ns, "uid",
				       take_pod->uid, "target", "apiVersion", "v1", "kind", "Node", "name", node);
	AUTO_FREE char *path = object_path("", "v1", take_pod->ns, "pods", take_pod->name);
	AUTO_FREE char *sub = xasprintf("%s/binding", path);
	cluster_unnominate(&s->cluster, take_pod->uid);
	cluster_set_pod(&s->cluster, take_pod, node);
	s->refs++;
	api_local(s->api, USER, "POST", sub, "application/json", binding, on_bound, call);
}

static void schedule_one(struct scheduler *s, struct pending_pod *p)
{
	struct cobj *o = bucket_get(api_bucket(s->api, "", "pods"), p->ns, p->name);
	if (!o || !str_eq(o->uid, p->uid)) {
		pending_remove(&s->pending, p->uid);
		return;
	}
	AUTO_JSON *pod = cobj_parse(o);
	AUTO_SCHED_POD *parsed = sched_pod_new(pod);
	AUTO_SCHEDULE_RESULT result = {0};
	int64_t begun_us = clock_mono_us();
	schedule_plan(&s->cluster, parsed, s->seed++, &result);
	schedule_count(api_metrics(s->api), SCHEDULER_NAME, result.node ? "scheduled" : "unschedulable",
		       clock_mono_us() - begun_us);
	if (result.node) {
		AUTO_FREE char *node = xstrdup(result.node->name);
		bind(s, pod, TAKE(parsed), node);
		return;
	}
	AUTO_FREE char *promised = preempt(s->api, &s->cluster, parsed, USER, s->events);
	if (promised)
		cluster_nominate(&s->cluster, TAKE(parsed), promised);
	write_unschedulable(s, pod, p, str_text(&result.message));
	pending_park(&s->pending, p, clock_mono_ms());
}

static void pump(void *arg)
{
	struct scheduler *s = arg;
	struct pending_pod *p;
	for (int i = 0; i < TURN_MAX && !s->stopped && (p = pending_take(&s->pending, clock_mono_ms())); i++)
		schedule_one(s, p);
	s->pumping = false;
	if (!s->stopped)
		rearm(s);
	scheduler_unref(s);
}

static bool is_mine(const json_t *pod)
{
	return str_eq(json_str_or(pod, "spec.schedulerName", SCHEDULER_NAME), SCHEDULER_NAME) &&
	       !json_array_size(json_at(pod, "spec.schedulingGates"));
}

/* The pod no longer takes up room. */
static void forget_pod(struct scheduler *s, const char *uid)
{
	bool was_there = cluster_has_pod(&s->cluster, uid);
	cluster_remove_pod(&s->cluster, uid);
	cluster_unnominate(&s->cluster, uid);
	if (was_there)
		something_changed(s);
}

/* Whether anything that placing looks at may have changed; the status of a waiting pod does not. */
static bool spec_changed(const json_t *pod, const struct cache_event *ev)
{
	if (!ev->prev)
		return true;
	AUTO_JSON *before = cobj_parse(ev->prev);
	AUTO_JSON *labels = object_merge_diff(object_labels(before), object_labels(pod));
	return labels || !json_equal(json_object_get(pod, "spec"), json_object_get(before, "spec"));
}

static void on_bound_pod(struct scheduler *s, const json_t *pod, const char *node)
{
	bool was_there = cluster_has_pod(&s->cluster, object_uid(pod));
	pending_remove(&s->pending, object_uid(pod));
	cluster_unnominate(&s->cluster, object_uid(pod));
	cluster_set_pod(&s->cluster, sched_pod_new(pod), node);
	if (!was_there)
		something_changed(s); /* others may want to be near it */
}

static void on_pod(void *arg, const struct cache_event *ev)
{
	struct scheduler *s = arg;
	const char *uid = ev->obj->uid;
	if (ev->type == CACHE_BOOKMARK)
		return;
	AUTO_JSON *pod = cobj_parse(ev->obj);
	const char *node = json_str_at(pod, "spec.nodeName");
	if (ev->type == CACHE_DELETED || pod_is_terminal(pod)) {
		pending_remove(&s->pending, uid);
		forget_pod(s, uid);
	} else if (!str_empty(node)) {
		on_bound_pod(s, pod, node);
	} else if (object_deleting(pod) || !is_mine(pod)) {
		pending_remove(&s->pending, uid);
		forget_pod(s, uid);
	} else if (!pending_get(&s->pending, uid) || spec_changed(pod, ev)) {
		const char *promised = json_str_at(pod, "status.nominatedNodeName");
		if (!str_empty(promised))
			cluster_nominate(&s->cluster, sched_pod_new(pod), promised);
		pending_put(&s->pending, uid, ev->obj->ns, ev->obj->name, json_int_at(pod, "spec.priority", 0),
			    clock_mono_ms());
		wake(s);
	}
}

static void on_node(void *arg, const struct cache_event *ev)
{
	struct scheduler *s = arg;
	if (ev->type == CACHE_BOOKMARK)
		return;
	if (ev->type == CACHE_DELETED) {
		cluster_remove_node(&s->cluster, ev->obj->name);
		return;
	}
	AUTO_JSON *node = cobj_parse(ev->obj);
	if (cluster_set_node(&s->cluster, node))
		something_changed(s);
}

static void on_namespace(void *arg, const struct cache_event *ev)
{
	struct scheduler *s = arg;
	if (ev->type == CACHE_BOOKMARK)
		return;
	AUTO_JSON *ns = cobj_parse(ev->obj);
	cluster_set_namespace(&s->cluster, ev->obj->name, ev->type == CACHE_DELETED ? NULL : object_labels(ns));
}

struct source {
	const char *plural;
	void (*fn)(void *arg, const struct cache_event *ev);
};

struct existing {
	struct scheduler *s;
	const struct source *source;
};

static void on_existing(void *arg, struct cobj *o)
{
	struct existing *x = arg;
	x->source->fn(x->s, &(struct cache_event){.type = CACHE_ADDED, .obj = o, .rev = o->rev});
}

static void tell_pending(void *arg)
{
	struct scheduler *s = arg;
	schedule_tell_pending(api_metrics(s->api), &s->pending);
}

int scheduler_start(struct api *a, struct scheduler **ret, struct err *e)
{
	static const struct source sources[WATCHES] = {
	    {"namespaces", on_namespace}, {"nodes", on_node}, {"pods", on_pod}};
	struct scheduler *s = xcalloc(1, sizeof(*s));
	*s = (struct scheduler){.api = a, .refs = 1, .seed = rand_below(1u << 30)};
	cluster_init(&s->cluster);
	pending_init(&s->pending);
	s->events = events_new(a, USER, SCHEDULER_NAME);
	s->timer = timer_new(api_loop(a), wake, s);
	metrics_before_write(api_metrics(a), tell_pending, s);
	for (size_t i = 0; i < WATCHES; i++) {
		struct bucket *b = api_bucket(a, "", sources[i].plural);
		struct existing x = {s, &sources[i]};
		int r = b ? 0 : err_set(e, -EINVAL, "scheduler: resource %s is not stored", sources[i].plural);
		if (b)
			bucket_list(b, &(struct bucket_query){0}, on_existing, &x);
		if (b)
			r = bucket_watch(b, UINT64_MAX, NULL, sources[i].fn, s, &s->watches[i], e);
		if (r < 0) {
			scheduler_stop(s);
			return r;
		}
	}
	*ret = s;
	return 0;
}

void scheduler_stop(struct scheduler *s)
{
	if (!s)
		return;
	s->stopped = true;
	metrics_forget_before_write(api_metrics(s->api), s);
	for (size_t i = 0; i < WATCHES; i++)
		cache_watch_stop(s->watches[i]);
	timer_free(s->timer);
	scheduler_unref(s);
}
