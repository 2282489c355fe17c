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

/* What an object takes that nothing but the ring holds. */
static size_t bytes_of(const struct cobj *o)
{
	return o->json->len + OBJECT_EXTRA;
}

static void name_object(struct bucket *b, struct cobj *o)
{
	struct object *x = CONTAINER_OF(o, struct object, pub);
	if (!x->rings++ && !x->current)
		b->ring_bytes += bytes_of(o);
}

static void forget_object(struct bucket *b, struct cobj *o)
{
	struct object *x = CONTAINER_OF(o, struct object, pub);
	if (--x->rings || x->current)
		return;
	b->ring_bytes -= bytes_of(o);
	cache_dropped(b->cache, bytes_of(o));
}

void ring_note_current(struct bucket *b, struct cobj *o, bool current)
{
	struct object *x = CONTAINER_OF(o, struct object, pub);
	if (x->rings && x->current != current)
		b->ring_bytes = current ? b->ring_bytes - bytes_of(o) : b->ring_bytes + bytes_of(o);
	x->current = current;
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

void change_told(struct bucket *b, struct cache_change *c)
{
	drop_encoded(c);
	/* Of what was deleted one state is kept, where selectors find the same in both. */
	if (c->type != CACHE_DELETED || !c->prev || c->prev == c->obj || !object_selects_alike(c->obj, c->prev))
		return;
	if (c->in_ring) {
		forget_object(b, c->prev);
		name_object(b, c->obj);
	}
	cobj_unref(c->prev);
	c->prev = cobj_ref(c->obj);
}

struct cache_change *ring_nth(const struct bucket *b, size_t i)
{
	return b->ring[(b->first + i) % b->cap];
}

static void enter(struct bucket *b, struct cache_change *c)
{
	c->in_ring = true;
	name_object(b, c->obj);
	if (c->prev)
		name_object(b, c->prev);
}

static void drop_first(struct bucket *b)
{
	struct cache_change *old = ring_nth(b, 0);
	b->floor = old->rev;
	if (old->volatile_)
		b->recall_from = MAX(b->recall_from, old->rev);
	b->first = (b->first + 1) % b->cap;
	b->n--;
	old->in_ring = false;
	forget_object(b, old->obj);
	if (old->prev)
		forget_object(b, old->prev);
	change_unref(old);
}

/* With all that share its revision: of what is recalled up to the floor nothing is there already. */
static void drop_oldest(struct bucket *b)
{
	do
		drop_first(b);
	while (b->n && ring_nth(b, 0)->rev == b->floor);
}

static bool is_too_big(const struct bucket *b, int64_t now_ms)
{
	if (b->ring_bytes <= WINDOW_SHORT)
		return false;
	if (b->recalled_ms && b->recalled_ms + RECALLED_MS >= now_ms)
		return b->ring_bytes > WINDOW_RECALLED;
	bool can_recall = b->n && !ring_nth(b, 0)->volatile_ && b->recall_from <= b->floor && store_keeps_past(b->cache->store);
	return can_recall || b->ring_bytes > WINDOW_BYTES;
}

static size_t limit(const struct bucket *b)
{
	return b->window ? b->window : MIN(MAX((size_t)WINDOW_MIN, b->len), (size_t)WINDOW_MAX);
}

/* One more fits now, if the limit allows it. Doubled: a bucket that grows object by object must not be copied each time. */
static void grow(struct bucket *b, size_t to)
{
	if (b->n < b->cap || b->cap >= to)
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
	while (!b->window && b->n > WINDOW_KEEP && (ring_nth(b, 0)->at_ms < c->at_ms - WINDOW_MS || is_too_big(b, c->at_ms)))
		drop_oldest(b);
	grow(b, limit(b));
	if (b->n == b->cap)
		drop_oldest(b);
	b->ring[(b->first + b->n++) % b->cap] = c;
	enter(b, c);
}

bool ring_prepend(struct bucket *b, struct cache_change *c)
{
	grow(b, b->window ? b->window : WINDOW_MAX);
	if (b->n == b->cap || b->ring_bytes > WINDOW_RECALLED)
		return false;
	c->seq = b->n ? ring_nth(b, 0)->seq - 1 : b->seq;
	c->at_ms = b->n ? ring_nth(b, 0)->at_ms : clock_mono_ms();
	b->first = (b->first + b->cap - 1) % b->cap;
	b->ring[b->first] = c;
	b->n++;
	enter(b, c);
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
