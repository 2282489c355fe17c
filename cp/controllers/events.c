/* The event recorder of one component.
 *
 * An event that is the same in object, type, reason and message as one written before is counted on that one by a
 * patch; else it is created. A token bucket per object (25, one more every five minutes) keeps a failing loop from
 * filling the store. What can fail is the call: then the event is lost, which is accepted, and the next one is created
 * anew. Always holds: at most one call is under way for each remembered event; what comes meanwhile is counted. */
#include "cp/controllers/events.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "cp/controllers/object.h"

enum { KEPT_MAX = 1024, BURST = 25, REFILL_MS = 300000 };

struct kept {
	int count, pending; /* pending: repeats that are not written yet */
	bool busy, known;   /* known: the object exists as far as we heard */
	char *path;         /* of the event object */
	json_t *object;
};

struct bucket_of_tokens {
	double tokens;
	int64_t at_ms;
};

struct events {
	struct api *api;
	char *user, *component;
	struct map *kept, *limits;
	int calls;
	bool freed;
};

static void kept_free(void *value)
{
	struct kept *k = value;
	free(k->path);
	json_decref(k->object);
	free(k);
}

struct events *events_new(struct api *a, const char *user, const char *component)
{
	struct events *ev = xcalloc(1, sizeof(*ev));
	ev->api = a;
	ev->user = xstrdup(user);
	ev->component = xstrdup(component);
	ev->kept = map_new(kept_free);
	ev->limits = map_new(free);
	return ev;
}

void events_free(struct events *ev)
{
	if (!ev)
		return;
	ev->freed = true;
	if (ev->calls)
		return;
	map_free(ev->kept);
	map_free(ev->limits);
	free(ev->user);
	free(ev->component);
	free(ev);
}

json_t *event_new(const json_t *involved, const char *type, const char *reason, const char *message,
		  const char *component, int64_t now_us)
{
	char now[RFC3339_MAX];
	rfc3339(now_us / 1000, now);
	const char *ns = json_member(involved, "namespace");
	AUTO_FREE char *name =
	    xasprintf("%s.%llx", json_str_or(involved, "name", "unknown"), (unsigned long long)now_us * 1000);
	return json_pack("{s:s, s:s, s:{s:s, s:s}, s:O, s:s, s:s, s:{s:s}, s:s, s:s, s:i, s:s, s:s, s:s}", "apiVersion",
			 "v1", "kind", "Event", "metadata", "name", name, "namespace", str_empty(ns) ? "default" : ns,
			 "involvedObject", (json_t *)involved, "reason", reason, "message", message, "source",
			 "component", component, "firstTimestamp", now, "lastTimestamp", now, "count", 1, "type", type,
			 "reportingComponent", component, "reportingInstance", "");
}

char *event_key(const json_t *involved, const char *type, const char *reason, const char *message)
{
	return xasprintf("%s/%s/%s/%s/%s/%s/%s/%s", json_str_or(involved, "kind", ""),
			 json_str_or(involved, "namespace", ""), json_str_or(involved, "name", ""),
			 json_str_or(involved, "uid", ""), json_str_or(involved, "fieldPath", ""), type, reason,
			 message);
}

static bool may_record(struct events *ev, const json_t *involved)
{
	AUTO_FREE char *key = event_key(involved, "", "", "");
	int64_t now = clock_mono_ms();
	struct bucket_of_tokens *b = map_get(ev->limits, key);
	if (!b) {
		if (map_len(ev->limits) >= KEPT_MAX)
			map_clear(ev->limits);
		b = xcalloc(1, sizeof(*b));
		*b = (struct bucket_of_tokens){.tokens = BURST, .at_ms = now};
		map_set(ev->limits, key, b);
	}
	b->tokens = MIN(BURST, b->tokens + (double)(now - b->at_ms) / REFILL_MS);
	b->at_ms = now;
	if (b->tokens < 1)
		return false;
	b->tokens -= 1;
	return true;
}

struct event_call {
	struct events *ev;
	char *key;
};

static void write_one(struct events *ev, const char *key, struct kept *k);

static void on_written(void *arg, int status, json_t *answer, const struct err *e)
{
	struct event_call *call = arg;
	struct events *ev = call->ev;
	(void)status, (void)answer;
	ev->calls--;
	struct kept *k = map_get(ev->kept, call->key);
	if (k) {
		k->busy = false;
		if (e && k->known) /* it is gone: the next one is a new one */
			map_remove(ev->kept, call->key);
		else if (!e && (k->known = true) && k->pending && !ev->freed)
			write_one(ev, call->key, k);
		else if (e)
			map_remove(ev->kept, call->key);
	}
	free(call->key);
	free(call);
	if (ev->freed)
		events_free(ev);
}

static void write_one(struct events *ev, const char *key, struct kept *k)
{
	struct event_call *call = xmalloc(sizeof(*call));
	*call = (struct event_call){ev, xstrdup(key)};
	k->count += k->pending;
	k->pending = 0;
	k->busy = true;
	ev->calls++;
	if (!k->known) {
		AUTO_FREE char *path = object_path("", "v1", object_ns(k->object), "events", NULL);
		api_local(ev->api, ev->user, "POST", path, "application/json", k->object, on_written, call);
		return;
	}
	char now[RFC3339_MAX];
	AUTO_JSON *patch = json_pack("{s:i, s:s}", "count", k->count, "lastTimestamp", rfc3339(clock_wall_ms(), now));
	api_local(ev->api, ev->user, "PATCH", k->path, "application/merge-patch+json", patch, on_written, call);
}

/* Room for one more: forgets all that is not being written. */
static void make_room(struct events *ev)
{
	size_t at = 0;
	const char *key;
	struct kept *k;
	if (map_len(ev->kept) < KEPT_MAX)
		return;
	while (map_next(ev->kept, &at, &key, &k)) {
		if (!k->busy)
			map_remove(ev->kept, key);
	}
}

void events_record(struct events *ev, const json_t *involved, const char *type, const char *reason, const char *message)
{
	if (ev->freed || !may_record(ev, involved))
		return;
	AUTO_FREE char *key = event_key(involved, type, reason, message);
	struct kept *k = map_get(ev->kept, key);
	if (!k) {
		make_room(ev);
		k = xcalloc(1, sizeof(*k));
		k->object = event_new(involved, type, reason, message, ev->component, clock_wall_us());
		k->path = object_path("", "v1", object_ns(k->object), "events", object_name(k->object));
		map_set(ev->kept, key, k);
	}
	k->pending++;
	if (!k->busy)
		write_one(ev, key, k);
}
