/* Watches. Purpose: stream changes to whoever asked, each change encoded once for all. Happy path: the objects that
 * exist (unless a revision is named) as fast as they are read, holding the request's seats until then, the changes since the
 * revision, changes as they come, bookmarks each minute, the end at timeoutSeconds. A revision that is too old gives an
 * ERROR event with a 410 Status; past changes are told as fast as they are read, too; a watcher that then leaves more than
 * 4 MiB unread is cut off. Nothing is sent twice or out of
 * order. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/rand.h"
#include "cp/api/audit.h"
#include "cp/api/custom.h"
#include "cp/api/custom_select.h"
#include "cp/api/flow.h"
#include "cp/api/metrics.h"
#include "cp/api/snapshot.h"
#include "cp/api/transform.h"
#include "cp/api/view.h"

#define MAX_PENDING (4u << 20)
#define INITIAL_AHEAD (1u << 20)
#define BOOKMARK_MS 60000
#define PRE_TIMEOUT_MS 2000
#define MIN_DEFAULT_S 1800

struct watcher {
	struct req *q;
	struct list_plan plan;
	struct bucket_query query;
	struct cache_watch *source;
	struct timer *timer;
	int64_t end_ms;    /* monotonic */
	uint64_t sent_rev; /* the newest revision that the watcher has been told */
	uint64_t from_rev; /* events up to it are not wanted */
	uint64_t told_rev; /* while it catches up: up to which revision */
	struct snapshot initial; /* what exists, of which the first told have been sent */
	size_t told;
	bool columns_sent, dead;
	bool catching_up, is_behind; /* past changes are told; some wait until the peer has read more */
	struct metric *events, *sizes; /* counters of what is sent */
	struct waiting *waiting; /* events whose objects a webhook has to convert; NULL: none */
	const struct selector *late; /* the plan's fields, where they are looked at when objects are converted; NULL: not */
};

/* May come in the middle of a write to the peer: what is on the stack looks at dead first, and finds the watcher there
 * until the loop runs again. */
struct waiting;
static void abandon(struct waiting *q);

static void on_close(struct req *q)
{
	struct watcher *w = q->data;
	w->dead = true;
	cache_watch_stop(w->source);
	timer_free(w->timer);
	list_plan_done(&w->plan);
	snapshot_done(&w->initial);
	if (w->waiting)
		abandon(w->waiting);
	q->data = NULL;
	q->on_close = NULL;
	loop_defer(q->api->loop, free, w);
	reply_done(q);
}

/* Ends the stream from our side; the exchange's end frees the watcher. */
static void finish(struct watcher *w, bool abort)
{
	if (w->dead)
		return;
	struct http_exchange *x = w->q->x;
	w->dead = true;
	cache_watch_stop(w->source);
	w->source = NULL;
	timer_stop(w->timer);
	if (x && abort)
		http_abort(x);
	else if (x)
		http_end(x);
}

static void send(struct watcher *w, struct buf *b)
{
	struct http_exchange *x = w->dead ? NULL : w->q->x;
	if (!x)
		return;
	metric_add(w->events, 1);
	metric_observe(w->sizes, (double)b->len);
	http_write_buf(x, b);
	if (!w->dead && w->q->x && http_pending_bytes(x) > MAX_PENDING)
		finish(w, true);
}

static void send_value(struct watcher *w, const char *type, json_t *object)
{
	AUTO_STR text = STR_INIT;
	str_addf(&text, "{\"type\":\"%s\",\"object\":", type);
	str_add_jsonv(&text, object);
	str_add(&text, "}\n");
	AUTO_BUF *b = buf_new(text.p, text.len);
	json_decref(object);
	send(w, b);
}

static json_t *in_form(struct watcher *w, json_t *object)
{
	const struct req *q = w->q;
	if (q->answer.form != FORM_TABLE)
		return transform_partial(object, q->answer.version);
	json_t *table = transform_table(q, q->res->kind, &object, 1, NULL, !w->columns_sent);
	w->columns_sent = true;
	return table;
}

static const char *type_name(enum cache_event_type t)
{
	static const char *const names[] = {"ADDED", "MODIFIED", "DELETED", "BOOKMARK"};
	return names[t];
}

static void send_object(struct watcher *w, const char *type, const struct cobj *o)
{
	if (w->q->answer.form != FORM_OBJECT) {
		AUTO_JSON *object = view_parse(w->q->res, o);
		send_value(w, type, in_form(w, object));
		return;
	}
	AUTO_STR text = STR_INIT;
	str_addf(&text, "{\"type\":\"%s\",\"object\":", type);
	AUTO_BUF *json = view_bytes(w->q->res, o);
	str_addn(&text, json->data, json->len);
	str_add(&text, "}\n");
	AUTO_BUF *b = buf_new(text.p, text.len);
	send(w, b);
}

/* Events in their order, while the first one's object is being converted. */
struct waiting {
	struct watcher *w; /* NULL: it has gone */
	struct pending_event {
		enum cache_event_type type;
		struct cobj *o, *prev; /* prev: the state before, where it is selected late; else NULL */
	} * v;
	size_t n;
	bool asked;
};

static void pump(struct waiting *q);

/* The object has left the selection: it is told as it was, at the revision of the change. */
static void send_left(struct watcher *w, const struct pending_event *e)
{
	char rev[24];
	json_t *object = view_parse(w->q->res, e->type != CACHE_DELETED && e->prev ? e->prev : e->o);
	snprintf(rev, sizeof(rev), "%llu", (unsigned long long)e->o->rev);
	json_set_str(object, "metadata.resourceVersion", rev);
	if (w->q->answer.form == FORM_OBJECT) {
		send_value(w, "DELETED", object);
		return;
	}
	send_value(w, "DELETED", in_form(w, object));
	json_decref(object);
}

/* What both states of an object are to the watcher's selector, once they are converted. */
static void send_converted(struct watcher *w, const struct pending_event *e)
{
	const struct resource *res = w->q->res;
	if (!w->late) {
		send_object(w, type_name(e->type), e->o);
		return;
	}
	bool fits = custom_selects(res, e->o, w->late), now = fits && e->type != CACHE_DELETED,
	     before = e->type == CACHE_DELETED ? fits : e->type == CACHE_MODIFIED && e->prev && custom_selects(res, e->prev, w->late);
	if (now)
		send_object(w, before ? "MODIFIED" : "ADDED", e->o);
	else if (before)
		send_left(w, e);
}

static void on_converted(void *arg, json_t *status)
{
	struct waiting *q = arg;
	struct watcher *w = q->w;
	q->asked = false;
	if (w && !w->dead && status)
		send_value(w, "ERROR", json_incref(status));
	if (w && !w->dead && status)
		finish(w, false);
	json_decref(status);
	pump(q);
}

static void pump(struct waiting *q)
{
	while (q->n && !q->asked && q->w && !q->w->dead) {
		struct watcher *w = q->w;
		struct pending_event *e = &q->v[0];
		struct cobj *const both[] = {e->o, e->prev};
		if (!custom_is_ready(w->q->res, e->o) || (e->prev && !custom_is_ready(w->q->res, e->prev))) {
			q->asked = true;
			custom_prepare(w->q->api, w->q->res, both, e->prev ? 2 : 1, on_converted, q);
			return;
		}
		send_converted(w, e);
		cobj_unref(e->o);
		cobj_unref(e->prev);
		memmove(q->v, q->v + 1, --q->n * sizeof(*q->v));
	}
	if (q->asked || (q->w && !q->w->dead))
		return;
	for (size_t i = 0; i < q->n; i++) {
		cobj_unref(q->v[i].o);
		cobj_unref(q->v[i].prev);
	}
	if (q->w)
		q->w->waiting = NULL;
	free(q->v);
	free(q);
}

/* The watcher goes; what was asked for is waited for. */
static void abandon(struct waiting *q)
{
	q->w->waiting = NULL;
	q->w = NULL;
	if (!q->asked)
		pump(q);
}

static void enqueue(struct watcher *w, const struct cache_event *ev)
{
	if (!w->waiting) {
		w->waiting = xcalloc(1, sizeof(*w->waiting));
		w->waiting->w = w;
	}
	struct waiting *q = w->waiting;
	q->v = xreallocarray(q->v, q->n + 1, sizeof(*q->v));
	q->v[q->n++] = (struct pending_event){ev->type, cobj_ref(ev->obj), w->late && ev->prev ? cobj_ref(ev->prev) : NULL};
	pump(q);
}

static void on_event(void *arg, const struct cache_event *ev)
{
	struct watcher *w = arg;
	if (w->dead || ev->rev <= w->from_rev)
		return;
	if (custom_reads_by_webhook(w->q->res)) {
		w->sent_rev = ev->rev;
		enqueue(w, ev);
		return;
	}
	/* Who comes from far behind is told as fast as it reads. Changes of one revision stay together. */
	if (w->catching_up && ev->rev != w->told_rev && http_pending_bytes(w->q->x) > INITIAL_AHEAD) {
		w->is_behind = true;
		cache_watch_stop(w->source);
		return;
	}
	w->sent_rev = w->told_rev = ev->rev;
	const struct resource *res = w->q->res;
	bool plain = w->q->answer.form == FORM_OBJECT;
	if (plain && view_is_plain(res, ev->obj)) {
		send(w, cache_event_json(ev, ev->type));
		return;
	}
	/* The shared encoding knows best what a turned DELETED carries. */
	struct buf *line = cache_event_json(ev, ev->type);
	AUTO_JSON *event = NULL;
	if (json_parse(line->data, line->len, &event, NULL) < 0)
		return;
	json_t *object = json_object_get(event, "object");
	view_from_stored(res, object, ev->obj->rev);
	send_value(w, type_name(ev->type), plain ? json_incref(object) : in_form(w, object));
}

static void send_bookmark(struct watcher *w, uint64_t at, bool initial_end)
{
	const struct kind *k = w->q->res->kind;
	char rev[24];
	w->sent_rev = at;
	snprintf(rev, sizeof(rev), "%llu", (unsigned long long)w->sent_rev);
	json_t *o = schema_zero(k), *meta = json_object_get(o, "metadata");
	json_object_set_new(meta, "resourceVersion", json_string(rev));
	if (initial_end)
		json_object_set_new(meta, "annotations", json_pack("{s:s}", "k8s.io/initial-events-end", "true"));
	if (w->q->answer.form == FORM_PARTIAL || w->q->answer.form == FORM_PARTIAL_LIST) {
		json_t *partial = transform_partial(o, w->q->answer.version);
		json_decref(o);
		o = partial;
	} else if (w->q->answer.form == FORM_TABLE) {
		json_t *table = in_form(w, o);
		json_decref(o);
		o = table;
	}
	send_value(w, "BOOKMARK", o);
}

static void arm(struct watcher *w)
{
	int64_t left = w->end_ms - clock_mono_ms(), next = left;
	if (w->plan.bookmarks && left > PRE_TIMEOUT_MS)
		next = MIN(BOOKMARK_MS, left - PRE_TIMEOUT_MS);
	if (next == left)
		timer_start(w->timer, MAX(left, 0));
	else
		timer_start_slack(w->timer, next, next / 20);
}

static void on_timer(void *arg)
{
	struct watcher *w = arg;
	if (clock_mono_ms() >= w->end_ms) {
		finish(w, false);
		return;
	}
	uint64_t now = cache_revision(w->q->api->cache);
	if (w->plan.bookmarks && w->source && w->sent_rev != now)
		send_bookmark(w, now, false);
	if (!w->dead)
		arm(w);
}

static void send_expired(struct watcher *w, uint64_t rev)
{
	send_value(w, "ERROR",
		   status_expired("too old resource version: %llu (%llu)", (unsigned long long)rev,
				  (unsigned long long)store_compacted_revision(cache_store(w->q->api->cache))));
	finish(w, false);
}

static void on_drain(void *arg, struct http_exchange *x);

static void follow(struct watcher *w, uint64_t rev)
{
	w->told_rev = rev;
	w->is_behind = false;
	w->catching_up = true;
	int r = bucket_watch(w->q->res->bucket, rev, &w->query, on_event, w, &w->source, NULL);
	w->catching_up = false;
	if (r < 0)
		send_expired(w, rev);
	else if (w->is_behind && !w->dead)
		http_on_drain(w->q->x, on_drain, w);
}

/* What exists goes out as the peer takes it; what happens meanwhile follows from the cache's memory of changes. */
static void send_initial(struct watcher *w)
{
	struct snapshot *s = &w->initial;
	for (; w->told < s->n && !w->dead; w->told++) {
		if (http_pending_bytes(w->q->x) > INITIAL_AHEAD)
			return; /* until it is drained */
		send_object(w, "ADDED", s->v[w->told]);
	}
	if (w->dead)
		return;
	uint64_t rev = s->rev;
	snapshot_done(s);
	flow_release(w->q); /* what follows takes no seats */
	if (w->plan.initial_events && w->plan.bookmarks)
		send_bookmark(w, rev, true);
	if (!w->dead)
		follow(w, rev);
}

static void on_drain(void *arg, struct http_exchange *x)
{
	struct watcher *w = arg;
	(void)x;
	if (!w->dead && w->initial.v)
		send_initial(w);
	else if (!w->dead && w->is_behind)
		follow(w, w->told_rev);
}

static void send_future(struct watcher *w, uint64_t now)
{
	send_value(w, "ERROR", status_too_large_rv(w->plan.rev, now));
	finish(w, false);
}

static void run(struct watcher *w)
{
	bool from_now = !w->plan.rev || w->plan.initial_events;
	uint64_t now = cache_revision(w->q->api->cache);
	if (w->plan.initial_events && w->plan.rev > now) {
		send_future(w, now);
		return;
	}
	struct list_plan newest = {.labels = w->plan.labels, .fields = w->plan.fields};
	if (from_now && !w->plan.no_initial) {
		custom_snapshot(w->q->api, w->q->res, w->query.ns, &newest, &w->initial, NULL);
		http_on_drain(w->q->x, on_drain, w);
		send_initial(w);
		return;
	}
	/* From the future: wait for what comes behind it. */
	if (!from_now && w->plan.rev > now) {
		w->from_rev = w->plan.rev;
		from_now = true;
	}
	follow(w, from_now ? UINT64_MAX : w->plan.rev);
}

/* A watch of one object by its path is a selector on its name; a selector that is given has to say the same. */
static json_t *select_name(struct req *q, struct list_plan *plan)
{
	if (!*q->route.name)
		return NULL;
	if (plan->fields && !selector_is_everything(plan->fields))
		return str_eq(selector_requires(plan->fields, "metadata.name"), q->route.name)
			   ? NULL
			   : status_bad_request("fieldSelector metadata.name doesn't match requested name");
	AUTO_STR text = STR_INIT;
	struct err e = ERR_INIT;
	str_add(&text, "metadata.name=");
	for (const char *c = q->route.name; *c; c++)
		str_addf(&text, strchr("\\,=", *c) ? "\\%c" : "%c", *c);
	selector_free(TAKE(plan->fields));
	return selector_parse_fields(str_text(&text), &plan->fields, &e) < 0 ? status_bad_request("%s", err_text(&e)) : NULL;
}

void verb_watch(struct req *q)
{
	struct list_plan plan;
	json_t *status = list_plan_read(&q->query, q->res->kind, true, &plan);
	if (!status)
		status = select_name(q, &plan);
	if (!status && q->local)
		status = status_bad_request("a watch needs a connection");
	if (!status && q->answer.yaml)
		status = status_not_acceptable_stream();
	if (status || !q->x) {
		list_plan_done(&plan);
		reply_status(q, status ? status : status_new(500, NULL, "the client has gone"));
		return;
	}
	struct watcher *w = xcalloc(1, sizeof(*w));
	w->q = q;
	w->plan = plan;
	w->query = (struct bucket_query){
	    .ns = q->res->kind->namespaced ? q->route.ns : "", .labels = w->plan.labels, .fields = w->plan.fields};
	if (custom_selects_late(q->res, w->plan.fields)) {
		w->late = w->plan.fields;
		w->query.fields = NULL;
	}
	w->timer = timer_new(q->api->loop, on_timer, w);
	int seconds = plan.timeout_s ? plan.timeout_s : MIN_DEFAULT_S + (int)rand_below(MIN_DEFAULT_S);
	w->end_ms = clock_mono_ms() + seconds * 1000LL;
	q->data = w;
	q->on_close = on_close;
	watch_rows(q, &w->events, &w->sizes);
	request_answered(q, 200);
	audit_started(q, 200);
	struct http_header h[REPLY_HEADERS];
	reply_headers(q, "application/json", h);
	req_ref(q); /* while events go out, the peer may go */
	http_start(q->x, 200, h);
	if (q->data)
		arm(w);
	if (q->data)
		run(w);
	if (!q->data || !w->initial.v)
		flow_release(q);
	req_unref(q);
}

void api_drain(struct api *a)
{
	LIST_FOR_EACH (q, &a->requests, struct req, link)
		if (q->on_close == on_close)
			finish(q->data, false);
}

void watches_end(struct api *a, const struct custom *c)
{
	LIST_FOR_EACH (q, &a->requests, struct req, link)
		if (q->on_close == on_close && q->res && q->res->custom == c)
			finish(q->data, false);
}
