/* Watches: of the changes in a bucket's ring (ring.c) and those that come, each encoded at most once per type for all
 * watchers.
 *
 * What can fail: a watch from before the ring (-EOVERFLOW) or from the future (-ERANGE). What always holds: a watcher
 * sees each change once and in order, also when watchers come and go inside a callback. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cp/cache/internal.h"
#include "cp/cache/recall.h"
#include "cp/cache/ring.h"

static struct buf *encode(const struct cache_change *c, enum cache_event_type type)
{
	static const char *const names[] = {"ADDED", "MODIFIED", "DELETED"};
	bool left = type == CACHE_DELETED && c->type != CACHE_DELETED && c->prev;
	AUTO_BUF *json = left ? object_at_revision(c->prev, c->rev) : buf_ref(c->obj->json);
	size_t head = strlen("{\"type\":\"\",\"object\":") + strlen(names[type]);
	struct buf *b = buf_alloc(head + json->len + 2);
	char *p = stpcpy(stpcpy(stpcpy(b->data, "{\"type\":\""), names[type]), "\",\"object\":");
	memcpy(p, json->data, json->len);
	memcpy(p + json->len, "}\n", 2);
	return b;
}

struct buf *cache_event_json(const struct cache_event *ev, enum cache_event_type type)
{
	struct cache_change *c = ev->change;
	if (!c->json[type])
		c->json[type] = encode(c, type);
	return c->json[type];
}

/* The type under which a watch with a query hears of the change; false: not at all. */
static bool turn(const struct cache_watch *w, const struct cache_change *c, enum cache_event_type *ret)
{
	*ret = c->type;
	if (!w->has_query)
		return true;
	bool now = query_matches(&w->query, c->obj), before = c->prev && query_matches(&w->query, c->prev);
	if (c->type == CACHE_DELETED)
		return before;
	if (now) {
		*ret = before ? CACHE_MODIFIED : CACHE_ADDED;
		return true;
	}
	*ret = CACHE_DELETED;
	return before;
}

static void tell(struct cache_watch *w, struct cache_change *c)
{
	enum cache_event_type type;
	if (w->dead || c->seq <= w->seen)
		return;
	w->seen = c->seq;
	if (!turn(w, c, &type))
		return;
	struct cache_event ev = {.type = type, .obj = c->obj, .prev = c->prev, .rev = c->rev, .change = c};
	w->fn(w->arg, &ev);
}

static void watch_free(struct cache_watch *w)
{
	list_remove(&w->link);
	free(w->ns);
	free(w);
}

/* Watches that were stopped while events were told. */
static void sweep(struct bucket *b)
{
	LIST_FOR_EACH(w, &b->watches, struct cache_watch, link)
	if (w->dead)
		watch_free(w);
}

void bucket_change(struct bucket *b, enum cache_event_type type, struct cobj *obj, struct cobj *prev, uint64_t rev,
		   bool volatile_)
{
	struct cache_change *c = change_new(type, obj, prev, rev);
	c->volatile_ = volatile_;
	ring_append(b, c);
	c->refs++;
	b->dispatching++;
	/* Watches that a callback adds stand behind the last and have replayed this change already. */
	for (struct list *l = b->watches.next, *last = b->watches.prev; l != &b->watches; l = l->next) {
		tell(LIST_ENTRY(l, struct cache_watch, link), c);
		if (l == last)
			break;
	}
	if (--b->dispatching == 0)
		sweep(b);
	change_told(b, c);
	change_unref(c);
}

/* The ring only grows meanwhile, at its old end, by a watch that a callback begins: what was told is passed over then. */
static void replay(struct cache_watch *w, size_t from)
{
	for (size_t i = from; i < w->bucket->n && !w->dead; i++) {
		struct cache_change *c = ring_nth(w->bucket, i);
		tell(w, c);
		/* The newest may be in the middle of being told to others. */
		if (w->bucket->dispatching == 1)
			change_told(w->bucket, c);
	}
}

int bucket_watch(struct bucket *b, uint64_t from_rev, const struct bucket_query *q,
		 void (*fn)(void *arg, const struct cache_event *ev), void *arg, struct cache_watch **ret,
		 struct err *e)
{
	uint64_t now = b->cache->revision;
	if (from_rev != UINT64_MAX && from_rev > now)
		return err_set(e, -ERANGE, "revision %llu is in the future, the newest is %llu",
			       (unsigned long long)from_rev, (unsigned long long)now);
	if (from_rev < b->floor && from_rev >= b->recall_from)
		bucket_recall(b, from_rev);
	if (from_rev < b->floor)
		return err_set(e, -EOVERFLOW, "too old resource version: %llu (%llu)", (unsigned long long)from_rev,
			       (unsigned long long)b->floor);
	struct cache_watch *w = xcalloc(1, sizeof(*w));
	w->bucket = b;
	w->fn = fn;
	w->arg = arg;
	size_t from = from_rev == UINT64_MAX ? b->n : ring_after(b, from_rev);
	w->seen = b->seq - (b->n - from);
	if (q) {
		w->has_query = true;
		w->query = *q;
		w->ns = xstrdup(q->ns);
		w->query.ns = w->ns;
	}
	list_add(&b->watches, &w->link);
	*ret = w;
	b->dispatching++;
	replay(w, from);
	if (w->dead)
		*ret = NULL;
	if (--b->dispatching == 0)
		sweep(b);
	return 0;
}

void cache_watch_stop(struct cache_watch *w)
{
	if (!w)
		return;
	w->dead = true;
	if (!w->bucket->dispatching)
		watch_free(w);
}
