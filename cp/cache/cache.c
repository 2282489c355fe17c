/* The cache: follows the store, one bucket a resource.
 *
 * Happy path: the store tells of a commit, the key's bucket is found by its prefix, the object is made from its bytes,
 * put in place, and the change told. What can fail: bytes that are no object (only in a damaged database): they are
 * kept aside, unserved. What always holds: when a write is acknowledged, the cache shows it. */
#include "cp/cache/cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cp/cache/internal.h"
#include "cp/cache/scan.h"

static void unclaimed_free(void *p)
{
	struct unclaimed *u = p;
	buf_unref(u->value);
	free(u);
}

static void free_bucket(void *p)
{
	bucket_free(p);
}

struct cache *cache_new(struct loop *l, struct store *s)
{
	struct cache *c = xcalloc(1, sizeof(*c));
	c->loop = l;
	c->store = s;
	c->buckets = map_new(free_bucket);
	c->by_uid = map_new(NULL);
	c->dependents = map_new(slot_set_free);
	c->unclaimed = map_new(unclaimed_free);
	return c;
}

void cache_free(struct cache *c)
{
	if (!c)
		return;
	kept_done(&c->kept);
	trim_done(&c->trim);
	map_free(c->buckets);
	map_free(c->by_uid);
	map_free(c->dependents);
	map_free(c->unclaimed);
	free(c);
}

/* The bucket whose prefix the key begins with; rest gets what is behind it. */
static struct bucket *bucket_of_key(const struct cache *c, const char *key, const char **ret_rest)
{
	for (const char *slash = strchr(key + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		AUTO_FREE char *prefix = xstrndup(key, (size_t)(slash - key) + 1);
		struct bucket *b = map_get(c->buckets, prefix);
		if (b) {
			*ret_rest = slash + 1;
			return b;
		}
	}
	return NULL;
}

static void keep_aside(struct cache *c, const struct store_event *ev)
{
	struct unclaimed *u = xcalloc(1, sizeof(*u));
	*u = (struct unclaimed){ev->rev, ev->create_rev, buf_new(ev->value->data, ev->value->len)};
	map_set(c->unclaimed, ev->key, u);
}

struct cobj *object_last(const struct bucket *b, const char *rest, const struct store_event *ev, struct cobj *old)
{
	struct cobj *last = ev->value ? object_new(b, rest, ev->value, ev->rev, ev->create_rev) : NULL;
	if (last)
		return last;
	AUTO_BUF *bytes = object_at_revision(old, ev->rev);
	last = object_new(b, rest, bytes, ev->rev, ev->create_rev);
	return last ? last : cobj_ref(old);
}

static void apply_delete(struct bucket *b, const struct store_event *ev, const char *rest)
{
	const char *slash = b->namespaced ? strchr(rest, '/') : NULL;
	AUTO_FREE char *ns = slash ? xstrndup(rest, (size_t)(slash - rest)) : xstrdup("");
	AUTO_COBJ *old = bucket_remove(b, ns, slash ? slash + 1 : rest);
	if (!old || ev->state)
		return;
	AUTO_COBJ *last = object_last(b, rest, ev, old);
	bucket_change(b, CACHE_DELETED, last, old, ev->rev, ev->volatile_);
}

static void apply_put(struct bucket *b, const struct store_event *ev, const char *rest)
{
	AUTO_COBJ *o = object_new(b, rest, ev->value, ev->rev, ev->create_rev);
	if (!o) {
		keep_aside(b->cache, ev);
		apply_delete(
		    b, &(struct store_event){.type = STORE_DELETE, .rev = ev->rev, .create_rev = ev->create_rev, .state = ev->state}, rest);
		return;
	}
	o->stale = ev->stale;
	AUTO_COBJ *old = bucket_put(b, o);
	if (!ev->create_rev)
		o->create_rev = old ? old->create_rev : ev->rev;
	if (!ev->state)
		bucket_change(b, old ? CACHE_MODIFIED : CACHE_ADDED, o, old, ev->rev, ev->volatile_);
}

static void on_store(void *arg, const struct store_event *ev)
{
	struct cache *c = arg;
	const char *rest = NULL;
	struct bucket *b = bucket_of_key(c, ev->key, &rest);
	c->revision = MAX(c->revision, ev->rev);
	map_remove(c->unclaimed, ev->key);
	if (!b && ev->type == STORE_PUT)
		keep_aside(c, ev);
	else if (b && ev->type == STORE_PUT)
		apply_put(b, ev, rest);
	else if (b)
		apply_delete(b, ev, rest);
}

struct loading {
	struct cache *c;
	char *heap_end;
};

static void on_loaded(void *arg, const struct store_event *ev)
{
	struct loading *l = arg;
	on_store(l->c, ev);
	heap_populate(&l->heap_end);
}

int cache_load(struct cache *c, struct err *e)
{
	uint64_t from = 0;
	int r = store_load(c->store, on_loaded, &(struct loading){.c = c}, &from, e);
	if (r < 0)
		return r;
	c->revision = store_revision(c->store);
	size_t at = 0;
	const char *prefix;
	struct bucket *b;
	while (map_next(c->buckets, &at, &prefix, &b)) {
		b->floor = MAX(b->floor, from);
		b->recall_from = 0;
	}
	store_set_watch(c->store, on_store, c);
	return 0;
}

struct store *cache_store(struct cache *c)
{
	return c->store;
}

uint64_t cache_revision(const struct cache *c)
{
	return c->revision;
}

/* Keys that were there before their bucket. */
static void claim(struct bucket *b)
{
	size_t at = 0;
	const char *key;
	struct unclaimed *u;
	while (map_next(b->cache->unclaimed, &at, &key, &u)) {
		if (!str_has_prefix(key, b->prefix))
			continue;
		AUTO_COBJ *o = object_new(b, key + strlen(b->prefix), u->value, u->rev, u->create_rev);
		if (!o)
			continue;
		cobj_unref(bucket_put(b, o));
		map_remove(b->cache->unclaimed, key);
	}
}

/* Fields of the scanner: the indexed first, then the others but metadata's, which the header has. */
static void set_fields(struct bucket *b, const struct bucket_config *config)
{
	for (const char *const *f = config->by_field; f && *f && b->n_index < INDEX_MAX; f++) {
		strv_add(&b->fields, *f);
		b->n_index++;
	}
	for (const char *const *f = config->fields; f && *f; f++)
		if (!strv_has(b->fields, *f) && !str_has_prefix(*f, "metadata.") &&
		    strv_len(b->fields) < SCAN_FIELDS_MAX)
			strv_add(&b->fields, *f);
	for (size_t i = 0; b->fields && b->fields[i]; i++) {
		const struct bucket_field *d = config->details;
		while (d && d->field && strcmp(d->field, b->fields[i]) != 0)
			d++;
		strv_add(&b->paths, d && d->field && d->path ? d->path : b->fields[i]);
		strv_add(&b->absent, d && d->field && d->absent ? d->absent : "");
	}
}

struct bucket *cache_add_bucket(struct cache *c, const struct bucket_config *config)
{
	struct bucket *b = map_get(c->buckets, config->prefix);
	if (b)
		return b;
	b = xcalloc(1, sizeof(*b));
	b->cache = c;
	b->prefix = xstrdup(config->prefix);
	b->namespaced = config->namespaced;
	b->any_field = config->any_field;
	b->window = config->window;
	b->recall_from = c->revision ? c->revision : UINT64_MAX;
	b->floor = c->revision ? c->revision : store_compacted_revision(c->store);
	set_fields(b, config);
	bucket_init(b);
	map_set(c->buckets, config->prefix, b);
	claim(b);
	return b;
}

struct bucket *cache_bucket(struct cache *c, const char *prefix)
{
	return map_get(c->buckets, prefix);
}

struct cobj *cache_by_uid(const struct cache *c, const char *uid)
{
	struct slot *s = map_get(c->by_uid, uid);
	return s ? s->obj : NULL;
}

void cache_dependents(const struct cache *c, const char *uid, void (*fn)(void *arg, struct bucket *b, struct cobj *o),
		      void *arg)
{
	/* fn may change the set: it works on a copy of references. */
	size_t n = slot_set_len(c->dependents, uid);
	AUTO_FREE struct slot **slots = xcalloc(n + 1, sizeof(*slots));
	AUTO_FREE struct cobj **objects = xcalloc(n + 1, sizeof(*objects));
	AUTO_FREE struct bucket **buckets = xcalloc(n + 1, sizeof(*buckets));
	slot_set_copy(c->dependents, uid, slots);
	slots_sort(slots, n);
	for (size_t i = 0; i < n; i++) {
		objects[i] = cobj_ref(slots[i]->obj);
		buckets[i] = slots[i]->bucket;
	}
	for (size_t i = 0; i < n; i++) {
		fn(arg, buckets[i], objects[i]);
		cobj_unref(objects[i]);
	}
}
