/* The recorder of events.
 *
 * Happy path: a new event is created; the same one again within ten minutes becomes a patch of its count. What can
 * fail: the API server is away (ignoring: events are best effort). What always holds: at most MAX_KNOWN are remembered,
 * and a source that repeats itself is limited to one request a second per event. */
#include "agent/events.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/pod_state.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"

enum { MAX_KNOWN = 512, FORGET_MS = 600000, MIN_GAP_MS = 1000 };

struct known {
	char *name, *ns;
	int count;
	int64_t last_ms;
};

struct events {
	struct api_client *api;
	char *node_name;
	struct map *known; /* what it says -> struct known */
};

static void known_free(void *p)
{
	struct known *k = p;
	free(k->name);
	free(k->ns);
	free(k);
}

struct events *events_new(struct api_client *api, const char *node_name)
{
	struct events *ev = xcalloc(1, sizeof(*ev));
	ev->api = api;
	ev->node_name = xstrdup(node_name);
	ev->known = map_new(known_free);
	return ev;
}

void events_free(struct events *ev)
{
	if (!ev)
		return;
	map_free(ev->known);
	free(ev->node_name);
	free(ev);
}

static void on_failure(void *arg, int status, json_t *body, const struct err *e)
{
	(void)arg;
	(void)body;
	if (e)
		log_debug("event not recorded, ignoring status=%d error=\"%s\"", status, err_text(e));
}

static void repeat(struct events *ev, struct known *k, int64_t now)
{
	char time[RFC3339_MAX];
	k->count++;
	if (now - k->last_ms < MIN_GAP_MS)
		return;
	k->last_ms = now;
	AUTO_FREE char *path = xasprintf("/api/v1/namespaces/%s/events/%s", k->ns, k->name);
	AUTO_JSON *patch = json_pack("{s:i, s:s}", "count", k->count, "lastTimestamp", rfc3339(now, time));
	api_patch(ev->api, path, API_PATCH_MERGE, patch, on_failure, NULL);
}

static void prune(struct events *ev, int64_t now)
{
	size_t at = 0;
	const char *key;
	struct known *k;
	while (map_next(ev->known, &at, &key, &k))
		if (now - k->last_ms > FORGET_MS || map_len(ev->known) > MAX_KNOWN)
			map_remove(ev->known, key);
}

/* Takes object. */
static void record(struct events *ev, json_t *object, const char *ns, bool warning, const char *reason,
		   const char *message)
{
	AUTO_JSON *involved = object;
	AUTO_FREE char *key =
	    xasprintf("%s|%s|%s|%s|%s", json_str_or(involved, "uid", ""), json_str_or(involved, "name", ""),
		      json_str_or(involved, "fieldPath", ""), reason, message);
	int64_t now = clock_wall_ms();
	log_debug("event object=%s/%s reason=%s message=\"%s\"", ns, json_str_or(involved, "name", ""), reason,
		  message);
	if (!ev->api)
		return;
	struct known *k = map_get(ev->known, key);
	if (k && now - k->last_ms < FORGET_MS) {
		repeat(ev, k, now);
		return;
	}
	prune(ev, now);
	char suffix[20], time[RFC3339_MAX];
	rfc3339(now, time);
	k = xcalloc(1, sizeof(*k));
	*k = (struct known){xasprintf("%s.%s", json_str_or(involved, "name", ""), rand_suffix(suffix, 16)), xstrdup(ns),
			    1, now};
	map_set(ev->known, key, k);
	AUTO_JSON *e = json_pack("{s:s, s:s, s:{s:s, s:s}, s:O, s:s, s:s, s:s, s:{s:s, s:s}, s:s, s:s, s:i, s:s, s:s}",
				 "apiVersion", "v1", "kind", "Event", "metadata", "name", k->name, "namespace", ns,
				 "involvedObject", involved, "reason", reason, "message", message, "type",
				 warning ? "Warning" : "Normal", "source", "component", "kubelet", "host",
				 ev->node_name, "firstTimestamp", time, "lastTimestamp", time, "count", 1,
				 "reportingComponent", "kubelet", "reportingInstance", ev->node_name);
	AUTO_FREE char *path = xasprintf("/api/v1/namespaces/%s/events", ns);
	api_create(ev->api, path, e, on_failure, NULL);
}

void events_pod(struct events *ev, const struct pod_state *s, const char *container, bool warning, const char *reason,
		const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	AUTO_FREE char *message = xvasprintf(fmt, ap);
	va_end(ap);
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s}", "kind", "Pod", "apiVersion", "v1", "namespace", s->ns,
			      "name", s->name, "uid", s->uid);
	if (json_str_at(s->pod, "metadata.resourceVersion"))
		json_set_str(o, "resourceVersion", json_str_at(s->pod, "metadata.resourceVersion"));
	if (container) {
		const struct container_state *c = pod_state_find((struct pod_state *)s, container);
		json_object_set_new(o, "fieldPath",
				    json_sprintf("spec.%s{%s}",
						 !c || c->kind == CONTAINER_MAIN     ? "containers"
						 : c->kind == CONTAINER_EPHEMERAL ? "ephemeralContainers"
										  : "initContainers",
						 container));
	}
	record(ev, o, s->ns, warning, reason, message);
}

void events_node(struct events *ev, bool warning, const char *reason, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	AUTO_FREE char *message = xvasprintf(fmt, ap);
	va_end(ap);
	json_t *o = json_pack("{s:s, s:s, s:s}", "kind", "Node", "name", ev->node_name, "uid", ev->node_name);
	record(ev, o, "default", warning, reason, message);
}
