/* A ring of changes that follows its bucket's size. Nothing here can fail. What always holds: seq goes up by one from each
 * change to the next, at_ms never goes down. */
#include "cp/cache/ring.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

struct cache_change *change_new(enum cache_event_type type, struct cobj *obj, struct cobj *prev, uint64_t rev)
{
	struct cache_change *c = xcalloc(1, sizeof(*c));
	*c = (struct cache_change){
	    .refs = 1, .type = type, .obj = cobj_ref(obj), .prev = prev ? cobj_ref(prev) : NULL, .rev = rev};
	return c;
}

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

void change_told(struct cache_change *c)
{
	drop_encoded(c);
	/* Of what was deleted one state is kept, where selectors find the same in both. */
	if (c->type != CACHE_DELETED || !c->prev || !object_selects_alike(c->obj, c->prev))
		return;
	struct cobj *same = cobj_ref(c->obj);
	cobj_unref(c->prev);
	c->prev = same;
}

struct cache_change *ring_nth(const struct bucket *b, size_t i)
{
	return b->ring[(b->first + i) % b->cap];
}

static void drop_oldest(struct bucket *b)
{
	struct cache_change *old = ring_nth(b, 0);
	b->floor = old->rev;
	b->whole = false;
	b->first = (b->first + 1) % b->cap;
	b->n--;
	b->ring_bytes -= old->obj->json->len;
	cache_dropped(b->cache, old->obj->json->len);
	change_unref(old);
}

/* Objects of the ring that are current are in the bucket's bytes as well. */
static bool is_too_big(const struct bucket *b)
{
	return b->ring_bytes > b->bytes + WINDOW_BYTES;
}

static size_t limit(const struct bucket *b)
{
	return b->window ? b->window : MIN(MAX((size_t)WINDOW_MIN, b->len), (size_t)WINDOW_MAX);
}

/* One more fits now, if the limit allows it. Doubled: a bucket that grows object by object must not be copied each time. */
static void grow(struct bucket *b)
{
	if (b->n < b->cap || b->cap >= limit(b))
		return;
	size_t cap = MIN(b->cap ? b->cap * 2 : 64, b->window ? b->window : WINDOW_MAX);
	struct cache_change **ring = xcalloc(cap, sizeof(*ring));
	for (size_t i = 0; i < b->n; i++)
		ring[i] = ring_nth(b, i);
	free(b->ring);
	b->ring = ring;
	b->cap = cap;
	b->first = 0;
}

void ring_append(struct bucket *b, struct cache_change *c)
{
	c->seq = ++b->seq;
	c->at_ms = clock_mono_ms();
	while (!b->window && b->n > WINDOW_KEEP && (ring_nth(b, 0)->at_ms < c->at_ms - WINDOW_MS || is_too_big(b)))
		drop_oldest(b);
	grow(b);
	if (b->n == b->cap)
		drop_oldest(b);
	b->ring[(b->first + b->n++) % b->cap] = c;
	b->ring_bytes += c->obj->json->len;
}

bool ring_prepend(struct bucket *b, struct cache_change *c)
{
	grow(b);
	if (b->n == b->cap || is_too_big(b))
		return false;
	c->seq = b->n ? ring_nth(b, 0)->seq - 1 : b->seq;
	c->at_ms = b->n ? ring_nth(b, 0)->at_ms : clock_mono_ms();
	b->first = (b->first + b->cap - 1) % b->cap;
	b->ring[b->first] = c;
	b->n++;
	b->ring_bytes += c->obj->json->len;
	return true;
}

size_t ring_after(const struct bucket *b, uint64_t rev)
{
	size_t lo = 0, hi = b->n;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		if (ring_nth(b, mid)->rev <= rev)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}
