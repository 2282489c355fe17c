/* Changes that the ring has no more, or from before the load, read from the store when a watch asks for them: what nobody
 * may want need not be in memory, and who comes back after a restart was there a moment ago.
 *
 * Happy path: the changes between the revision and the bucket's oldest one come from the store, the newest first, and go
 * before the ring's. What can fail: reading (it is logged), or they are more than the window holds: then it reaches back
 * as far as it may. What always holds: the ring is complete after the bucket's floor. */
#include "cp/cache/recall.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

struct recall {
	struct bucket *b;
	struct map *before; /* key -> the state, older than what was told of it so far; cobj */
	bool lost;
};

static void free_object(void *o)
{
	cobj_unref(o);
}

/* An object of the key at the event's revision: one that is there already, or made of its bytes. */
static struct cobj *object_of(const struct recall *r, const char *rest, const struct store_event *ev)
{
	const char *slash = r->b->namespaced ? strchr(rest, '/') : NULL;
	AUTO_FREE char *ns = slash ? xstrndup(rest, (size_t)(slash - rest)) : xstrdup("");
	struct cobj *known = map_get(r->before, rest);
	if (!known)
		known = bucket_get(r->b, ns, slash ? slash + 1 : rest);
	if (known && known->rev == ev->rev)
		return cobj_ref(known);
	return ev->value ? object_new(r->b, rest, ev->value, ev->rev, ev->create_rev) : NULL;
}

/* The change that a store's event tells; NULL where the bytes are no object. */
static struct cache_change *change_of(struct recall *r, const char *rest, const struct store_event *ev,
				      const struct store_event *prev)
{
	AUTO_COBJ *old = prev ? object_of(r, rest, prev) : NULL;
	AUTO_COBJ *o = NULL;
	if (ev->type == STORE_DELETE)
		o = old ? object_last(r->b, rest, ev, old) : object_of(r, rest, ev);
	else
		o = object_of(r, rest, ev);
	if (!o)
		return NULL;
	/* A heartbeat that was not written: selectors found the same. */
	if (!old && ev->prev_rev)
		old = cobj_ref(o);
	if (old)
		map_set(r->before, rest, cobj_ref(old));
	else
		map_remove(r->before, rest);
	enum cache_event_type type = ev->type == STORE_DELETE ? CACHE_DELETED : old ? CACHE_MODIFIED : CACHE_ADDED;
	return change_new(type, o, old, ev->rev);
}

static bool on_past(void *arg, const struct store_event *ev, const struct store_event *prev)
{
	struct recall *r = arg;
	struct cache_change *c = change_of(r, ev->key + strlen(r->b->prefix), ev, prev);
	if (c && ring_prepend(r->b, c))
		return true;
	change_unref(c);
	r->b->floor = ev->rev;
	r->lost = true;
	return false;
}

void bucket_recall(struct bucket *b, uint64_t after)
{
	struct recall r = {.b = b, .before = map_new(free_object)};
	struct err e = ERR_INIT;
	int err = store_past(b->cache->store, b->prefix, after, b->floor, on_past, &r, &e);
	if (err && err != -EOVERFLOW)
		log_warn("cannot read past changes, watches begin anew resources=%s error=\"%s\"", b->prefix, err_text(&e));
	b->recalled_ms = clock_mono_ms();
	if (!err && !r.lost)
		b->floor = after;
	else /* not to be tried again; what was told of already would be told twice */
		b->recall_from = MAX(b->recall_from, err == -EOVERFLOW ? after + 1 : b->floor);
	map_free(r.before);
}
