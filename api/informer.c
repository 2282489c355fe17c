/* An informer. Purpose: keep every object of a resource and report each change once, over lost connections and expired
 * revisions.
 *
 * Happy path: list in pages (changes are reported page by page, what no page held is deleted at the end), then watch
 * from the list's revision; a watch that ends is resumed from the last revision seen.
 * What can fail: any request; on_error hears of it and the same step is tried again after 1 s, 2 s ... 30 s. A revision
 * that expired (410) starts a new list.
 * What always holds: on_change gets states that differ in resourceVersion; the map is what on_change has told. */
#include "api/informer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/client_internal.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/rand.h"

enum {
	PAGE = 500,
	MIN_DELAY_MS = 50, /* servers and agents are started together */
	MAX_DELAY_MS = 30000,
	WATCH_SECONDS = 300,	 /* and up to as much again, so that informers do not reconnect together */
	WATCH_GRACE_SECONDS = 30, /* for a server that does not end the watch itself */
	SHORT_WATCH_MS = 1000,
	MAX_EVENT = 32 << 20,
};

struct informer {
	struct api_client *client;
	const struct informer_ops *ops;
	void *arg;
	char *path, *label_selector, *field_selector;
	struct map *objects; /* key -> object; light: key -> text of the revision */
	struct map *seen; /* keys of the list under way; NULL while none is */
	char *next_page, *revision;
	struct api_call *list;
	struct http_call *watch;
	struct str line; /* the unfinished event */
	int watch_status;
	int64_t watch_began_ms;
	struct timer *retry;
	int delay_ms, min_delay_ms, max_delay_ms;
	bool synced, relist, light;
};

static void begin_list(struct informer *i);
static void begin_watch(struct informer *i);

static void object_free(void *object)
{
	json_decref(object);
}

/* "namespace/name" or "name"; NULL for what is no object. Returns owned. */
static char *key_of(const json_t *object)
{
	const char *namespace_ = json_str_at(object, "metadata.namespace"),
		   *name = json_str_at(object, "metadata.name");
	if (str_empty(name))
		return NULL;
	return str_empty(namespace_) ? xstrdup(name) : xasprintf("%s/%s", namespace_, name);
}

static const char *revision_of(const json_t *object)
{
	return json_str_at(object, "metadata.resourceVersion");
}

static void set_revision(struct informer *i, const char *revision)
{
	if (str_empty(revision))
		return;
	char *old = i->revision;
	i->revision = xstrdup(revision);
	free(old);
}

static void keep_light(struct informer *i, const char *key, json_t *object)
{
	const char *known = map_get(i->objects, key), *revision = revision_of(object);
	if (known && str_eq(known, revision))
		return;
	map_set(i->objects, key, xstrdup(revision ? revision : ""));
	i->ops->on_change(i->arg, key, NULL, object);
}

/* Keeps a new state and reports it. */
static void keep(struct informer *i, const char *key, json_t *object)
{
	if (i->light) {
		keep_light(i, key, object);
		return;
	}
	json_t *old = map_get(i->objects, key);
	if (old && str_eq(revision_of(old), revision_of(object)))
		return;
	json_object_del(json_at(object, "metadata"), "managedFields");
	json_incref(old);
	map_set(i->objects, key, json_incref(object));
	i->ops->on_change(i->arg, key, old, object);
	json_decref(old);
}

/* Reports the end of an object with its last state. */
static void drop(struct informer *i, const char *key, json_t *last)
{
	if (i->light) {
		if (map_has(i->objects, key)) {
			map_remove(i->objects, key);
			i->ops->on_change(i->arg, key, last, NULL);
		}
		return;
	}
	AUTO_JSON *old = map_steal(i->objects, key);
	if (!old)
		return;
	if (last)
		json_object_del(json_at(last, "metadata"), "managedFields");
	i->ops->on_change(i->arg, key, last ? last : old, NULL);
}

static void drop_unseen(struct informer *i)
{
	AUTO_STRV char **gone = NULL;
	size_t at = 0;
	const char *key;
	void *value;
	while (map_next(i->objects, &at, &key, &value))
		if (!map_has(i->seen, key))
			strv_add(&gone, key);
	for (char **k = gone; k && *k; k++)
		drop(i, *k, NULL);
}

static void retry_later(struct informer *i)
{
	int delay = i->delay_ms;
	i->delay_ms = MIN(i->delay_ms * 2, i->max_delay_ms);
	timer_start(i->retry, delay + (int)rand_below((uint32_t)delay / 5 + 1));
}

static void on_retry(void *arg)
{
	struct informer *i = arg;
	if (i->relist || !i->synced) {
		begin_list(i);
	} else {
		begin_watch(i);
	}
}

static void report(struct informer *i, const struct err *e)
{
	if (i->ops->on_error)
		i->ops->on_error(i->arg, e);
}

static void add_selectors(const struct informer *i, struct str *url)
{
	if (i->label_selector) {
		str_add(url, "&labelSelector=");
		str_add_url(url, i->label_selector);
	}
	if (i->field_selector) {
		str_add(url, "&fieldSelector=");
		str_add_url(url, i->field_selector);
	}
}

/* Items of a list carry neither kind nor apiVersion: the list's own name them. */
static void name_kind(json_t *item, const json_t *list)
{
	const char *kind = json_str_at(list, "kind"), *version = json_str_at(list, "apiVersion");
	if (json_object_get(item, "kind") || !kind || !version || !str_has_suffix(kind, "List"))
		return;
	json_object_set_new(item, "kind", json_stringn(kind, strlen(kind) - 4));
	json_object_set_new(item, "apiVersion", json_string(version));
}

static void take_page(struct informer *i, json_t *list)
{
	size_t n;
	json_t *item;
	json_array_foreach (json_at(list, "items"), n, item) {
		AUTO_FREE char *key = key_of(item);
		if (!key)
			continue;
		name_kind(item, list);
		map_set(i->seen, key, i);
		keep(i, key, item);
	}
}

static void end_list(struct informer *i, const json_t *list)
{
	set_revision(i, revision_of(list));
	drop_unseen(i);
	map_free(TAKE(i->seen));
	i->relist = false;
	i->delay_ms = i->min_delay_ms;
	if (!i->synced) {
		i->synced = true;
		if (i->ops->on_synced)
			i->ops->on_synced(i->arg);
	}
	begin_watch(i);
}

static void list_failed(struct informer *i, const struct err *e)
{
	bool expired = e->code == -EOVERFLOW && i->next_page;
	map_free(TAKE(i->seen)); /* the next attempt begins with the first page */
	free(TAKE(i->next_page));
	if (!expired)
		report(i, e);
	i->relist = true;
	retry_later(i);
}

static void ask_page(struct informer *i);

static void on_page(void *arg, int status, json_t *list, const struct err *e)
{
	struct informer *i = arg;
	struct err none;
	(void)status;
	i->list = NULL;
	if (!e && !json_is_array(json_at(list, "items")) && !json_is_null(json_at(list, "items"))) {
		none = ERR_INIT;
		err_set(&none, -EPROTO, "GET %s: not a list", i->path);
		e = &none;
	}
	if (e) {
		list_failed(i, e);
		return;
	}
	take_page(i, list);
	const char *next = json_str_at(list, "metadata.continue");
	free(TAKE(i->next_page));
	if (str_empty(next)) {
		end_list(i, list);
	} else {
		i->next_page = xstrdup(next);
		ask_page(i);
	}
}

static void ask_page(struct informer *i)
{
	AUTO_STR url = STR_INIT;
	str_addf(&url, "%s?limit=%d", i->path, PAGE);
	add_selectors(i, &url);
	if (i->next_page) {
		str_add(&url, "&continue=");
		str_add_url(&url, i->next_page);
	}
	i->list = api_get(i->client, url.p, on_page, i);
}

static void begin_list(struct informer *i)
{
	i->seen = map_new(NULL);
	ask_page(i);
}

static void on_added(struct informer *i, json_t *object)
{
	AUTO_FREE char *key = key_of(object);
	set_revision(i, revision_of(object));
	if (key)
		keep(i, key, object);
}

static void on_deleted(struct informer *i, json_t *object)
{
	AUTO_FREE char *key = key_of(object);
	set_revision(i, revision_of(object));
	if (key)
		drop(i, key, object);
}

static void on_bookmark(struct informer *i, json_t *object)
{
	set_revision(i, revision_of(object));
}

static void on_error_event(struct informer *i, json_t *object)
{
	struct err e = ERR_INIT;
	int code = (int)json_int_at(object, "code", 500);
	i->relist = true;
	if (code == 410)
		return;
	api_status_error(i->path, code, object, &e);
	report(i, &e);
}

static const struct {
	const char *type;
	void (*fn)(struct informer *i, json_t *object);
} event_handlers[] = {
	{ "ADDED", on_added },	     { "MODIFIED", on_added },	  { "DELETED", on_deleted },
	{ "BOOKMARK", on_bookmark }, { "ERROR", on_error_event },
};

static void take_event(struct informer *i, const char *text, size_t n)
{
	AUTO_JSON *event = NULL;
	struct err e = ERR_INIT;
	if (json_parse(text, n, &event, &e) < 0) {
		err_wrap(&e, -EPROTO, "watch %s", i->path);
		report(i, &e);
		i->relist = true;
		return;
	}
	const char *type = json_str_at(event, "type");
	json_t *object = json_object_get(event, "object");
	i->delay_ms = i->min_delay_ms;
	for (size_t k = 0; k < ARRAY_LEN(event_handlers) && object; k++)
		if (str_eq(event_handlers[k].type, type))
			event_handlers[k].fn(i, object);
}

static void on_watch_status(void *arg, int status)
{
	struct informer *i = arg;
	i->watch_status = status;
}

/* Ends a watch that cannot go on; what comes next is a list, soon or a little later. */
static void abandon_watch(struct informer *i)
{
	http_call_cancel(TAKE(i->watch));
	str_done(&i->line);
	i->relist = true;
	if (clock_mono_ms() - i->watch_began_ms < SHORT_WATCH_MS) {
		retry_later(i);
	} else {
		begin_list(i);
	}
}

static void take_lines(struct informer *i, size_t from)
{
	size_t begin = 0;
	char *end;
	while (!i->relist && (end = memchr(i->line.p + from, '\n', i->line.len - from))) {
		size_t at = (size_t)(end - i->line.p);
		if (at > begin)
			take_event(i, i->line.p + begin, at - begin);
		begin = from = at + 1;
	}
	str_consume(&i->line, begin);
}

/* Whole lines are events; of a refusal, the text is kept for the end. */
static void on_watch_data(void *arg, const char *data, size_t n)
{
	struct informer *i = arg;
	size_t from = i->line.len;
	struct err e = ERR_INIT;
	str_addn(&i->line, data, n);
	if (i->watch_status == 200)
		take_lines(i, from);
	if (!i->relist && i->line.len > MAX_EVENT) {
		err_set(&e, -E2BIG, "watch %s: event too large", i->path);
		report(i, &e);
		i->relist = true;
	}
	if (i->relist)
		abandon_watch(i);
}

/* What the end of a watch means: NULL for an ordinary end, else the error. */
static const struct err *watch_error(struct informer *i, int status, const struct err *e, struct err *scratch)
{
	if (status && status != 200) {
		AUTO_JSON *body = NULL;
		json_parse(str_text(&i->line), i->line.len, &body, NULL);
		api_status_error(i->path, status, body, scratch);
		i->relist |= status == 410;
		return scratch;
	}
	if (e && e->code == -ETIMEDOUT && status == 200)
		return NULL; /* the server did not end it: done here */
	return e;
}

static void on_watch_done(void *arg, int status, const char *body, size_t len, const struct err *e)
{
	struct informer *i = arg;
	struct err scratch = ERR_INIT;
	(void)body;
	(void)len;
	i->watch = NULL;
	e = watch_error(i, status, e, &scratch);
	str_done(&i->line);
	if (e && !i->relist)
		report(i, e);
	bool brief = clock_mono_ms() - i->watch_began_ms < SHORT_WATCH_MS;
	if (e || brief) {
		retry_later(i);
	} else {
		on_retry(i);
	}
}

static void begin_watch(struct informer *i)
{
	AUTO_STR path = STR_INIT;
	int seconds = WATCH_SECONDS + (int)rand_below(WATCH_SECONDS);
	str_addf(&path, "%s?watch=1&allowWatchBookmarks=true&timeoutSeconds=%d&resourceVersion=", i->path, seconds);
	str_add_url(&path, i->revision ? i->revision : "");
	add_selectors(i, &path);
	AUTO_FREE char *url = api_client_url(i->client, path.p);
	i->watch_status = 0;
	i->watch_began_ms = clock_mono_ms();
	struct http_call_opts o = { .method = "GET", .url = url, .headers = api_client_headers(),
				    .timeout_ms = (seconds + WATCH_GRACE_SECONDS) * 1000, .on_status = on_watch_status,
				    .on_data = on_watch_data, .on_done = on_watch_done, .arg = i };
	i->watch = http_call_start(api_client_http(i->client), &o);
}

static struct informer *start(struct api_client *c, const char *path, const char *label_selector,
			      const char *field_selector, const struct informer_ops *ops, void *arg, bool light)
{
	struct informer *i = xcalloc(1, sizeof(*i));
	i->light = light;
	i->client = c;
	i->ops = ops;
	i->arg = arg;
	i->path = xstrdup(path);
	i->label_selector = xstrdup(label_selector);
	i->field_selector = xstrdup(field_selector);
	i->objects = map_new(light ? free : object_free);
	informer_set_delays(i, MIN_DELAY_MS, MAX_DELAY_MS);
	i->retry = timer_new(api_client_loop(c), on_retry, i);
	begin_list(i);
	return i;
}

struct informer *informer_start(struct api_client *c, const char *path, const char *label_selector,
				const char *field_selector, const struct informer_ops *ops, void *arg)
{
	return start(c, path, label_selector, field_selector, ops, arg, false);
}

struct informer *informer_start_light(struct api_client *c, const char *path, const char *label_selector,
				      const char *field_selector, const struct informer_ops *ops, void *arg)
{
	return start(c, path, label_selector, field_selector, ops, arg, true);
}

/* Objects of a full informer keep their place until the list tells them anew: only their revisions are forgotten. */
static void forget_revisions(struct informer *i)
{
	size_t at = 0;
	const char *key;
	void *value;
	while (map_next(i->objects, &at, &key, &value))
		if (i->light)
			*(char *)value = '\0';
		else
			json_object_del(json_at(value, "metadata"), "resourceVersion");
}

void informer_again(struct informer *i)
{
	forget_revisions(i);
	timer_stop(i->retry);
	api_cancel(TAKE(i->list));
	http_call_cancel(TAKE(i->watch));
	map_free(TAKE(i->seen));
	free(TAKE(i->next_page));
	str_done(&i->line);
	i->relist = true;
	timer_start(i->retry, 0); /* not inside a callback of what was cancelled */
}

void informer_set_delays(struct informer *i, int min_ms, int max_ms)
{
	i->delay_ms = i->min_delay_ms = min_ms;
	i->max_delay_ms = max_ms;
}

void informer_stop(struct informer *i)
{
	if (!i)
		return;
	api_cancel(i->list);
	http_call_cancel(i->watch);
	timer_free(i->retry);
	map_free(i->objects);
	map_free(i->seen);
	str_done(&i->line);
	free(i->next_page);
	free(i->revision);
	free(i->path);
	free(i->label_selector);
	free(i->field_selector);
	free(i);
}

bool informer_synced(const struct informer *i)
{
	return i->synced;
}

json_t *informer_get(const struct informer *i, const char *key)
{
	return map_get(i->objects, key);
}

size_t informer_len(const struct informer *i)
{
	return map_len(i->objects);
}

bool informer_next(const struct informer *i, size_t *at, const char **ret_key, json_t **ret_object)
{
	return map_next(i->objects, at, ret_key, ret_object);
}
