/* Changes and watches: a ring of recent changes per bucket, each encoded at most once per type for all its watchers.
 *
 * What can fail: a watch from before the ring (-EOVERFLOW) or from the future (-ERANGE). What always holds: a watcher
 * sees each change once and in order, also when watchers come and go inside a callback. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "cp/cache/internal.h"

static void drop_encoded(struct cache_change *c)
{
	for (size_t i = 0; i < ARRAY_LEN(c->json); i++)
		buf_unref_ptr(&c->json[i]);
}

void change_unref(struct cache_change *c)
{
	if (!c || --c->refs)
		return;
	cobj_unref(c->obj);
	cobj_unref(c->prev);
	drop_encoded(c);
	free(c);
}

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

static struct cache_change *nth(const struct bucket *b, size_t i)
{
	return b->ring[(b->first + i) % b->cap];
}

static void drop_oldest(struct bucket *b)
{
	struct cache_change *old = nth(b, 0);
	b->floor = old->rev;
	b->first = (b->first + 1) % b->cap;
	b->n--;
	b->ring_bytes -= old->obj->json->len;
	cache_dropped(b->cache, old->obj->json->len);
	change_unref(old);
}

/* Objects of the ring that are current are in the bucket's bytes as well. */
static bool oldest_may_go(const struct bucket *b, int64_t now_ms)
{
	return nth(b, 0)->at_ms < now_ms - WINDOW_MS || b->ring_bytes > b->bytes + WINDOW_BYTES;
}

/* Makes room: the ring follows the bucket's size between its bounds, and time. */
static void ring_reserve(struct bucket *b, int64_t now_ms)
{
	while (!b->window && b->n > WINDOW_KEEP && oldest_may_go(b, now_ms))
		drop_oldest(b);
	size_t want = b->window ? b->window : MAX((size_t)WINDOW_MIN, b->len),
	       most = b->window ? b->window : WINDOW_MAX;
	if (b->n == b->cap && b->cap < MIN(want, most)) {
		/* Doubled: a bucket that grows object by object must not be copied each time. */
		size_t cap = MIN(b->cap ? b->cap * 2 : 64, most);
		struct cache_change **ring = xcalloc(cap, sizeof(*ring));
		for (size_t i = 0; i < b->n; i++)
			ring[i] = nth(b, i);
		free(b->ring);
		b->ring = ring;
		b->cap = cap;
		b->first = 0;
	}
	if (b->n == b->cap)
		drop_oldest(b);
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

/* Of what was deleted one state is kept, where selectors find the same in both. */
static void forget_prev(struct cache_change *c)
{
	if (!c->prev || !object_selects_alike(c->obj, c->prev))
		return;
	struct cobj *same = cobj_ref(c->obj);
	cobj_unref(c->prev);
	c->prev = same;
}

void bucket_change(struct bucket *b, enum cache_event_type type, struct cobj *obj, struct cobj *prev, uint64_t rev)
{
	struct cache_change *c = xcalloc(1, sizeof(*c));
	*c = (struct cache_change){.refs = 2,
				   .type = type,
				   .obj = cobj_ref(obj),
				   .prev = prev ? cobj_ref(prev) : NULL,
				   .rev = rev,
				   .seq = ++b->seq,
				   .at_ms = clock_mono_ms()};
	ring_reserve(b, c->at_ms);
	b->ring[(b->first + b->n++) % b->cap] = c;
	b->ring_bytes += obj->json->len;
	b->dispatching++;
	/* Watches that a callback adds stand behind the last and have replayed this change already. */
	for (struct list *l = b->watches.next, *last = b->watches.prev; l != &b->watches; l = l->next) {
		tell(LIST_ENTRY(l, struct cache_watch, link), c);
		if (l == last)
			break;
	}
	if (--b->dispatching == 0)
		sweep(b);
	if (type == CACHE_DELETED)
		forget_prev(c);
	drop_encoded(c);
	change_unref(c);
}

/* The place in the ring of the first change after a revision. */
static size_t place_after(const struct bucket *b, uint64_t rev)
{
	size_t lo = 0, hi = b->n;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		if (nth(b, mid)->rev <= rev)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The ring stays as it is meanwhile: changes come from the loop only. */
static void replay(struct cache_watch *w, size_t from)
{
	for (size_t i = from; i < w->bucket->n && !w->dead; i++) {
		struct cache_change *c = nth(w->bucket, i);
		tell(w, c);
		/* The newest may be in the middle of being told to others. */
		if (w->bucket->dispatching == 1)
			drop_encoded(c);
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
	if (from_rev < b->floor)
		return err_set(e, -EOVERFLOW, "too old resource version: %llu (%llu)", (unsigned long long)from_rev,
			       (unsigned long long)b->floor);
	struct cache_watch *w = xcalloc(1, sizeof(*w));
	w->bucket = b;
	w->fn = fn;
	w->arg = arg;
	size_t from = from_rev == UINT64_MAX ? b->n : place_after(b, from_rev);
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
