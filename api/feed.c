/* A feed. Happy path: the first subscriber of a path opens a light informer, those that come before its list has told
 * anything hear all of it with the first. Who comes later is fresh: the list is asked for again, and what has not
 * changed is told to those that are fresh only. What can fail: what informers fail with; every subscriber hears of it.
 * What always holds: a subscriber that is synced has been told every object that its selectors want, in its last known
 * state. */
#include "api/feed.h"

#include <stdlib.h>
#include <string.h>

#include "api/informer_internal.h"
#include "api/selector.h"
#include "base/json.h"
#include "base/list.h"
#include "base/str.h"

/* FRESH: wants everything from the next list on; CATCHING: the list under way tells it. */
enum phase { FRESH, CATCHING, CAUGHT_UP };

struct source {
	struct list link; /* feed.sources */
	struct feed *feed;
	char *path, *label_selector, *field_selector;
	struct informer *informer;
	struct timer *again; /* lists anew for those that are fresh: never inside a callback of the informer */
	struct list subs;
};

struct feed_sub {
	struct list link; /* source.subs */
	struct source *source;
	struct selector *labels, *fields; /* NULL: the source's own selection */
	const struct informer_ops *ops;
	void *arg;
	enum phase phase;
	bool blind; /* a selector could not be parsed */
};

struct feed {
	struct api_client *client;
	struct list sources;
};

static const char *field_of(const void *object, const char *key)
{
	return json_str_at(object, key);
}

static bool wants(const struct feed_sub *s, const json_t *object)
{
	return !s->blind && (!s->labels || selector_match_labels(s->labels, json_at(object, "metadata.labels"))) &&
	       (!s->fields || selector_match(s->fields, field_of, object));
}

static void tell(struct feed_sub *s, const char *key, json_t *last, json_t *object)
{
	s->ops->on_change(s->arg, key, last, object && wants(s, object) ? object : NULL);
}

static void on_change(void *arg, const char *key, json_t *last, json_t *object)
{
	const struct source *so = arg;
	LIST_FOR_EACH(s, &so->subs, struct feed_sub, link) tell(s, key, last, object);
}

static void on_same(void *arg, const char *key, json_t *object)
{
	const struct source *so = arg;
	LIST_FOR_EACH(s, &so->subs, struct feed_sub, link)
		if (s->phase == CATCHING && wants(s, object))
			s->ops->on_change(s->arg, key, NULL, object);
}

static void on_begin(void *arg)
{
	const struct source *so = arg;
	LIST_FOR_EACH(s, &so->subs, struct feed_sub, link)
		if (s->phase == FRESH)
			s->phase = CATCHING;
}

static bool any_fresh(const struct source *so)
{
	LIST_FOR_EACH(s, &so->subs, struct feed_sub, link)
		if (s->phase == FRESH)
			return true;
	return false;
}

static void on_end(void *arg)
{
	struct source *so = arg;
	LIST_FOR_EACH(s, &so->subs, struct feed_sub, link) {
		if (s->phase != CATCHING)
			continue;
		s->phase = CAUGHT_UP;
		if (s->ops->on_synced)
			s->ops->on_synced(s->arg);
	}
	if (any_fresh(so))
		timer_start(so->again, 0);
}

static void on_error(void *arg, const struct err *e)
{
	const struct source *so = arg;
	LIST_FOR_EACH(s, &so->subs, struct feed_sub, link)
		if (s->ops->on_error)
			s->ops->on_error(s->arg, e);
}

static void on_again(void *arg)
{
	struct source *so = arg;
	if (any_fresh(so))
		informer_list_again(so->informer); /* where one is being told, its end leads here again */
}

static struct source *source_open(struct feed *f, const char *path, const char *labels, const char *fields)
{
	static const struct informer_ops ops = {.on_change = on_change, .on_error = on_error};
	static const struct informer_light_ops light = {on_begin, on_same, on_end};
	struct source *so = xcalloc(1, sizeof(*so));
	so->feed = f;
	so->path = xstrdup(path);
	so->label_selector = xstrdup(labels);
	so->field_selector = xstrdup(fields);
	list_init(&so->subs);
	list_add(&f->sources, &so->link);
	so->again = timer_new(api_client_loop(f->client), on_again, so);
	so->informer = informer_start_light(f->client, path, labels, fields, &ops, &light, so);
	return so;
}

static void source_close(struct source *so)
{
	list_remove(&so->link);
	informer_stop(so->informer);
	timer_free(so->again);
	free(so->path);
	free(so->label_selector);
	free(so->field_selector);
	free(so);
}

static bool same(const struct source *so, const char *labels, const char *fields)
{
	return str_eq(so->label_selector ? so->label_selector : "", labels ? labels : "") &&
	       str_eq(so->field_selector ? so->field_selector : "", fields ? fields : "");
}

/* One with the very selection first, then one with everything. */
static struct source *find(struct feed *f, const char *path, const char *labels, const char *fields)
{
	struct source *whole = NULL;
	LIST_FOR_EACH(so, &f->sources, struct source, link) {
		if (strcmp(so->path, path) != 0)
			continue;
		if (same(so, labels, fields))
			return so;
		if (same(so, NULL, NULL))
			whole = so;
	}
	return whole;
}

static void select_own(struct feed_sub *s, const char *labels, const char *fields)
{
	if (same(s->source, labels, fields))
		return;
	s->blind = (labels && selector_parse_labels(labels, &s->labels, NULL) < 0) ||
		   (fields && selector_parse_fields(fields, &s->fields, NULL) < 0);
}

struct feed_sub *feed_subscribe(struct feed *f, const char *path, const char *label_selector, const char *field_selector,
				const struct informer_ops *ops, void *arg)
{
	struct source *so = find(f, path, label_selector, field_selector);
	if (!so)
		so = source_open(f, path, label_selector, field_selector);
	struct feed_sub *s = xcalloc(1, sizeof(*s));
	*s = (struct feed_sub){.source = so, .ops = ops, .arg = arg, .phase = FRESH};
	select_own(s, label_selector, field_selector);
	list_add(&so->subs, &s->link);
	timer_start(so->again, 0);
	return s;
}

void feed_again(struct feed_sub *s)
{
	if (s->phase == FRESH)
		return;
	s->phase = FRESH;
	timer_start(s->source->again, 0);
}

bool feed_synced(const struct feed_sub *s)
{
	return s && s->phase == CAUGHT_UP;
}

void feed_unsubscribe(struct feed_sub *s)
{
	if (!s)
		return;
	list_remove(&s->link);
	if (list_is_empty(&s->source->subs))
		source_close(s->source);
	selector_free(s->labels);
	selector_free(s->fields);
	free(s);
}

struct feed *feed_new(struct api_client *c)
{
	struct feed *f = xcalloc(1, sizeof(*f));
	f->client = c;
	list_init(&f->sources);
	return f;
}

void feed_free(struct feed *f)
{
	free(f);
}

size_t feed_len(const struct feed *f)
{
	size_t n = 0;
	LIST_FOR_EACH(so, &f->sources, struct source, link) n++;
	return n;
}
