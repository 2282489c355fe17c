/* An informer. Purpose: keep every object of a resource and report each change once, over lost connections and expired
 * revisions.
 *
 * Happy path: list in pages (changes are reported page by page, what no page held is deleted at the end), then watch
 * from the list's revision (informer_watch.c). What is kept: informer_objects.c.
 * What can fail: any request; on_error hears of it and the same step is tried again after 50 ms, 100 ms ... 30 s. A
 * revision that expired (410) starts a new list.
 * What always holds: on_change gets states that differ in resourceVersion; the map is what on_change has told. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/client_internal.h"
#include "api/informer_internal.h"
#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/rand.h"

enum {
	PAGE = 500,
	MIN_DELAY_MS = 50, /* servers and agents are started together */
	MAX_DELAY_MS = 30000,
};

void informer_set_revision(struct informer *i, const json_t *object)
{
	const char *revision = json_str_at(object, "metadata.resourceVersion");
	if (str_empty(revision))
		return;
	char *old = i->revision;
	i->revision = xstrdup(revision);
	free(old);
}

void informer_retry_later(struct informer *i)
{
	int delay = i->delay_ms;
	i->delay_ms = MIN(i->delay_ms * 2, i->max_delay_ms);
	timer_start(i->retry, delay + (int)rand_below((uint32_t)delay / 5 + 1));
}

void informer_next_step(struct informer *i)
{
	if (i->relist || !i->synced) {
		informer_begin_list(i);
	} else {
		informer_begin_watch(i);
	}
}

void informer_report(struct informer *i, const struct err *e)
{
	if (i->ops->on_error)
		i->ops->on_error(i->arg, e);
}

void informer_add_selectors(const struct informer *i, struct str *url)
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
	if (!i->telling && i->light)
		i->light->on_begin(i->arg);
	i->telling = true;
	json_array_foreach (json_at(list, "items"), n, item) {
		AUTO_FREE char *key = informer_key(item);
		if (!key)
			continue;
		name_kind(item, list);
		informer_keep(i, key, item);
	}
}

static void end_list(struct informer *i, const json_t *list)
{
	informer_set_revision(i, list);
	informer_drop_unseen(i);
	informer_end_telling(i);
	i->relist = i->telling = false;
	i->delay_ms = i->min_delay_ms;
	if (i->light)
		i->light->on_end(i->arg);
	if (!i->synced) {
		i->synced = true;
		if (i->ops->on_synced)
			i->ops->on_synced(i->arg);
	}
	informer_begin_watch(i);
}

static void list_failed(struct informer *i, const struct err *e)
{
	bool expired = e->code == -EOVERFLOW && i->next_page;
	informer_end_telling(i); /* the next attempt begins with the first page */
	free(TAKE(i->next_page));
	if (!expired)
		informer_report(i, e);
	i->relist = true;
	i->telling = false;
	informer_retry_later(i);
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
	informer_add_selectors(i, &url);
	if (i->next_page) {
		str_add(&url, "&continue=");
		str_add_url(&url, i->next_page);
	}
	i->list = api_get(i->client, url.p, on_page, i);
}

void informer_begin_list(struct informer *i)
{
	informer_begin_telling(i);
	ask_page(i);
}

static void on_retry(void *arg)
{
	informer_next_step(arg);
}

static struct informer *start(struct api_client *c, const char *path, const char *label_selector,
			      const char *field_selector, const struct informer_ops *ops,
			      const struct informer_light_ops *light, void *arg)
{
	struct informer *i = xcalloc(1, sizeof(*i));
	i->light = light;
	i->client = c;
	i->ops = ops;
	i->arg = arg;
	i->path = xstrdup(path);
	i->label_selector = xstrdup(label_selector);
	i->field_selector = xstrdup(field_selector);
	informer_objects_init(i);
	informer_set_delays(i, MIN_DELAY_MS, MAX_DELAY_MS);
	i->retry = timer_new(api_client_loop(c), on_retry, i);
	informer_begin_list(i);
	return i;
}

struct informer *informer_start(struct api_client *c, const char *path, const char *label_selector,
				const char *field_selector, const struct informer_ops *ops, void *arg)
{
	return start(c, path, label_selector, field_selector, ops, NULL, arg);
}

struct informer *informer_start_light(struct api_client *c, const char *path, const char *label_selector,
				      const char *field_selector, const struct informer_ops *ops,
				      const struct informer_light_ops *light, void *arg)
{
	return start(c, path, label_selector, field_selector, ops, light, arg);
}

void informer_list_again(struct informer *i)
{
	if (i->list || i->relist || !i->synced)
		return;
	timer_stop(i->retry);
	informer_end_watch(i);
	informer_begin_list(i);
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
	informer_objects_done(i);
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
