/* Pods of the API server, merged with static ones.
 *
 * Happy path: the informer reports, pods are added, changed, dropped; once its first list is in, restored pods that it
 * does not have are taken down. What can fail: the API server is away: what runs goes on. What always holds: a mirror
 * is never run, it only shows a static pod. */
#include "agent/pod_source.h"

#include <errno.h>
#include <string.h>

#include "agent/events.h"
#include "agent/log_read.h"
#include "agent/node.h"
#include "agent/node_info.h"
#include "agent/objects.h"
#include "agent/pod.h"
#include "agent/pod_admit.h"
#include "agent/pod_plan.h"
#include "agent/service_links.h"
#include "agent/sweep.h"
#include "agent/tokens.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"

static bool is_mirror(const json_t *pod)
{
	return json_member(json_at(pod, "metadata.annotations"), MIRROR_ANNOTATION);
}

static bool is_terminal(const json_t *pod)
{
	const char *phase = json_str_or(pod, "status.phase", "");
	return !strcmp(phase, "Succeeded") || !strcmp(phase, "Failed");
}

/* A pod that nobody has acknowledged yet is taken, or fails at once. What has ended, or
 * was deleted without waiting for this node, holds nothing any more; static pods are taken in any case. */
static void admit(struct agent *a, struct pod *p)
{
	AUTO_FREE const json_t **others = xcalloc(map_len(a->pods) + 1, sizeof(*others));
	AUTO_FREE char *message = NULL;
	struct pod_admit_in in = {.pod = p->state->pod,
				  .others = others,
				  .cpu_milli = a->cpu_milli,
				  .memory_bytes = a->memory_bytes - NODE_RESERVED_BYTES,
				  .max_pods = a->config->max_pods};
	size_t at = 0;
	const char *uid;
	struct pod *other;
	while (map_next(a->pods, &at, &uid, &other))
		if (other != p && !other->gone_from_api && !other->state->cleaned && !other->state->fail_reason &&
		    !pod_is_over(other->state))
			others[in.n_others++] = other->state->pod;
	const char *reason = pod_admit(&in, &message);
	if (!reason)
		return;
	p->state->fail_reason = xstrdup(reason);
	p->state->fail_message = TAKE(message);
	events_pod(a->events, p->state, NULL, true, reason, "%s", p->state->fail_message);
}

static void add_pod(struct agent *a, json_t *object)
{
	/* One that has ended and has left nothing here is only to be deleted when that is asked for. */
	if (is_terminal(object) && !json_str_at(object, "metadata.deletionTimestamp"))
		return;
	struct pod *p = pod_add(a, object, false);
	if (!p)
		return;
	if (!json_at(object, "status.startTime"))
		admit(a, p);
	pod_state_resume(p->state, json_object_get(object, "status"), clock_wall_ms(), clock_mono_ms());
	objects_want(a->objects, object);
	tokens_want(a->tokens, object);
	pod_kick(p);
}

static void mirror_changed(struct agent *a, const char *key, json_t *object)
{
	if (object)
		map_set(a->mirrors, key, json_incref(object));
	else
		map_remove(a->mirrors, key);
	pod_source_mirrors(a);
}

static void on_pod(void *arg, const char *key, json_t *old_object, json_t *new_object)
{
	struct agent *a = arg;
	json_t *object = new_object ? new_object : old_object;
	if (is_mirror(object)) {
		mirror_changed(a, key, new_object);
		return;
	}
	const char *uid = json_str_or(object, "metadata.uid", ""), *old_uid = json_str_at(old_object, "metadata.uid");
	if (old_uid && strcmp(old_uid, uid)) { /* deleted and made anew between two lists */
		struct pod *before = map_get(a->pods, old_uid);
		if (before)
			pod_drop(before, 0);
	}
	struct pod *p = map_get(a->pods, uid);
	if (!new_object && p)
		pod_drop(p, p->state->deleting ? p->state->grace_ms : 0);
	else if (new_object && p && !p->removed)
		pod_object_changed(p, new_object);
	else if (new_object && !p)
		add_pod(a, new_object);
	else if (!new_object)
		sweep_orphans(a); /* it had ended in an agent's life before this one: its logs */
}

static void on_synced(void *arg)
{
	struct agent *a = arg;
	size_t at = 0;
	const char *uid;
	struct pod *p;
	while (map_next(a->pods, &at, &uid, &p)) {
		AUTO_FREE char *key = xasprintf("%s/%s", p->state->ns, p->state->name);
		const json_t *object = informer_get(a->pod_informer, key);
		if (p->state->is_static || str_eq(json_str_at(object, "metadata.uid"), uid))
			continue;
		log_info("pod is no longer wanted pod=%s", key);
		pod_drop(p, 0);
	}
	sweep_orphans(a);
	pod_source_mirrors(a);
}

static void on_error(void *arg, const struct err *e)
{
	(void)arg;
	log_warn("pods not watched, tried again error=\"%s\"", err_text(e));
}

static void on_ignored(void *arg, int status, json_t *body, const struct err *e)
{
	(void)arg;
	(void)body;
	if (e && e->code != -ENOENT && e->code != -EEXIST)
		log_warn("mirror of a static pod not changed status=%d error=\"%s\"", status, err_text(e));
}

static void delete_mirror(struct agent *a, const json_t *mirror)
{
	AUTO_FREE char *path = xasprintf("/api/v1/namespaces/%s/pods/%s", json_str_or(mirror, "metadata.namespace", ""),
					 json_str_or(mirror, "metadata.name", ""));
	AUTO_JSON *options =
	    json_pack("{s:s, s:s, s:i, s:{s:s}}", "kind", "DeleteOptions", "apiVersion", "v1", "gracePeriodSeconds", 0,
		      "preconditions", "uid", json_str_or(mirror, "metadata.uid", ""));
	api_delete(a->api, path, options, on_ignored, NULL);
}

static void create_mirror(struct agent *a, const struct pod *p)
{
	const char *node = node_uid(a->node);
	if (!*node)
		return; /* comes again when the node is registered */
	AUTO_JSON *o = json_deep_copy(p->state->pod);
	const char *hash = json_member(json_at(o, "metadata.annotations"), HASH_ANNOTATION);
	AUTO_FREE char *path = xasprintf("/api/v1/namespaces/%s/pods", p->state->ns), *copy = xstrdup(hash ? hash : "");
	json_object_set_new(json_object_at(o, "metadata.annotations"), MIRROR_ANNOTATION, json_string(copy));
	json_object_del(json_object_get(o, "metadata"), "uid");
	json_set_at(o, "metadata.ownerReferences",
		    json_pack("[{s:s, s:s, s:s, s:s, s:b}]", "apiVersion", "v1", "kind", "Node", "name", a->config->node_name, "uid",
			      node, "controller", 1));
	json_object_del(o, "status");
	api_create(a->api, path, o, on_ignored, NULL);
}

void pod_source_mirrors(struct agent *a)
{
	size_t at = 0;
	const char *key;
	json_t *mirror;
	struct pod *p;
	if (!a->api || !a->pod_informer || !informer_synced(a->pod_informer))
		return;
	while (map_next(a->mirrors, &at, &key, &mirror)) {
		const char *hash = json_member(json_at(mirror, "metadata.annotations"), MIRROR_ANNOTATION);
		p = map_get(a->pods, hash ? hash : "");
		bool ended =
		    json_str_at(mirror, "metadata.deletionTimestamp"); /* somebody deleted it: a new one follows */
		if (!p || !p->state->is_static || p->state->deleting || ended)
			delete_mirror(a, mirror);
	}
	at = 0;
	while (map_next(a->pods, &at, &key, &p)) {
		AUTO_FREE char *name = xasprintf("%s/%s", p->state->ns, p->state->name);
		if (!p->state->is_static || p->state->deleting)
			continue;
		if (!map_has(a->mirrors, name))
			create_mirror(a, p);
		pod_kick(p);
	}
}

/* The manifest says nothing of earlier attempts, and the mirror may come later than they are counted: their logs tell. */
static void count_by_logs(const struct pod *p)
{
	for (size_t i = 0; i < p->state->n; i++) {
		struct container_state *c = &p->state->containers[i];
		AUTO_FREE char *log = container_log_path(p, c, 0);
		*strrchr(log, '/') = '\0';
		c->restart_count = log_last_attempt(log) + 1;
	}
}

void pod_source_static(struct agent *a, const char *uid, json_t *object)
{
	struct pod *p = map_get(a->pods, uid);
	if (!object) {
		if (p)
			pod_drop(p, pod_grace_ms(p->state));
	} else if (!p) {
		p = pod_add(a, object, true);
		if (p) {
			count_by_logs(p);
			objects_want(a->objects, object);
			tokens_want(a->tokens, object);
			pod_kick(p);
		}
	}
	pod_source_mirrors(a);
}

static void on_services(void *arg)
{
	struct agent *a = arg;
	size_t at = 0;
	const char *uid;
	struct pod *p;
	while (map_next(a->pods, &at, &uid, &p))
		pod_kick(p);
}

void pod_source_start(struct agent *a)
{
	static const struct informer_ops pods = {.on_change = on_pod, .on_synced = on_synced, .on_error = on_error};
	if (!a->api)
		return;
	AUTO_FREE char *field = xasprintf("spec.nodeName=%s", a->config->node_name);
	a->pod_informer = informer_start(a->api, "/api/v1/pods", NULL, field, &pods, a);
	a->service_links = service_links_start(a->feed, on_services, a);
}

void pod_source_stop(struct agent *a)
{
	informer_stop(TAKE(a->pod_informer));
	service_links_stop(TAKE(a->service_links));
}
