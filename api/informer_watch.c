/* An informer's watch. Happy path: from the revision of the list, or the last one seen, each line is an event that is kept
 * and told; the server ends the watch from time to time and it is asked for again. What can fail: the connection (asked
 * for again a little later), an event that cannot be read, an expired revision (410): a list follows. What always
 * holds: the revision is that of the last event told. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/client_internal.h"
#include "api/informer_internal.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/rand.h"

enum {
	WATCH_SECONDS = 300,	  /* and up to as much again, so that informers do not reconnect together */
	WATCH_GRACE_SECONDS = 30, /* for a server that does not end the watch itself */
	SHORT_WATCH_MS = 1000,
	MAX_EVENT = 32 << 20,
};

static void on_added(struct informer *i, json_t *object)
{
	AUTO_FREE char *key = informer_key(object);
	informer_set_revision(i, object);
	if (key)
		informer_keep(i, key, object);
}

static void on_deleted(struct informer *i, json_t *object)
{
	AUTO_FREE char *key = informer_key(object);
	informer_set_revision(i, object);
	if (key)
		informer_drop(i, key, object);
}

static void on_bookmark(struct informer *i, json_t *object)
{
	informer_set_revision(i, object);
}

static void on_error_event(struct informer *i, json_t *object)
{
	struct err e = ERR_INIT;
	int code = (int)json_int_at(object, "code", 500);
	i->relist = true;
	if (code == 410)
		return;
	api_status_error(i->path, code, object, &e);
	informer_report(i, &e);
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
		informer_report(i, &e);
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

void informer_end_watch(struct informer *i)
{
	http_call_cancel(TAKE(i->watch));
	str_done(&i->line);
}

/* Ends a watch that cannot go on; what comes next is a list, soon or a little later. */
static void abandon_watch(struct informer *i)
{
	informer_end_watch(i);
	i->relist = true;
	if (clock_mono_ms() - i->watch_began_ms < SHORT_WATCH_MS) {
		informer_retry_later(i);
	} else {
		informer_begin_list(i);
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
		informer_report(i, &e);
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
		informer_report(i, e);
	bool brief = clock_mono_ms() - i->watch_began_ms < SHORT_WATCH_MS;
	if (e || brief) {
		informer_retry_later(i);
	} else {
		informer_next_step(i);
	}
}

void informer_begin_watch(struct informer *i)
{
	AUTO_STR path = STR_INIT;
	int seconds = WATCH_SECONDS + (int)rand_below(WATCH_SECONDS);
	str_addf(&path, "%s?watch=1&allowWatchBookmarks=true&timeoutSeconds=%d&resourceVersion=", i->path, seconds);
	str_add_url(&path, i->revision ? i->revision : "");
	informer_add_selectors(i, &path);
	AUTO_FREE char *url = api_client_url(i->client, path.p);
	i->watch_status = 0;
	i->watch_began_ms = clock_mono_ms();
	struct http_call_opts o = { .method = "GET", .url = url, .headers = api_client_headers(),
				    .timeout_ms = (seconds + WATCH_GRACE_SECONDS) * 1000, .on_status = on_watch_status,
				    .on_data = on_watch_data, .on_done = on_watch_done, .arg = i };
	i->watch = http_call_start(api_client_http(i->client), &o);
}
