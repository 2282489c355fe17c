/* The inside of the cache: objects with their headers, ordered buckets, rings of changes, watches. */
#ifndef KNARR_CP_CACHE_INTERNAL_H
#define KNARR_CP_CACHE_INTERNAL_H

#include "base/list.h"
#include "base/map.h"
#include "cp/cache/cache.h"
#include "cp/cache/slot_set.h"

/* Changes older than WINDOW_MS go when new ones come, and those that hold WINDOW_BYTES which nothing else does, but for the
 * newest WINDOW_KEEP. What the store can tell again goes when they hold WINDOW_SHORT. Where it was just asked for (RECALLED_MS)
 * WINDOW_RECALLED stay: many watches come back at once. */
enum { SLOT_LEVELS = 16, WINDOW_MIN = 1000, WINDOW_MAX = 100000, WINDOW_KEEP = 100, WINDOW_MS = 300000, INDEX_MAX = 4 };
enum { WINDOW_BYTES = 32 << 20, WINDOW_SHORT = 8 << 20, WINDOW_RECALLED = 64 << 20, RECALLED_MS = 30000, OBJECT_EXTRA = 384 };

/* An object with what was found in it, in one block: behind it stand, each NUL-terminated, namespace, name, uid, labels
 * (key, value ... ended by an empty key), field values in the order of the bucket's fields (0x01 before a present one,
 * 0x02 for an absent one), owners (uid, kind, name, apiVersion, flags ... ended by an empty uid). */
struct object {
	struct cobj pub;
	const struct bucket *bucket;
	uint32_t labels, fields, owners; /* where they begin in text */
	uint32_t rings; /* how often changes of the ring name it (ring.c) */
	bool current;   /* it stands in its bucket */
	char text[];
};

/* A key's place in its bucket: a node of a skip list. */
struct slot {
	struct cobj *obj;
	struct bucket *bucket;
	unsigned levels;
	struct slot *next[];
};

struct cache_change {
	int refs;
	enum cache_event_type type;
	bool volatile_; /* the store cannot tell of it again */
	bool in_ring;
	struct cobj *obj, *prev;
	uint64_t rev, seq;   /* seq counts the bucket's changes: a transaction's share a revision */
	int64_t at_ms;       /* monotonic */
	struct buf *json[3]; /* by the type it is told as; kept while it is being told */
};

struct bucket {
	struct cache *cache;
	char *prefix;
	bool namespaced, any_field;
	char **fields;                /* what selectors may name */
	char **paths, **absent;       /* of each: the path that the scanner looks for, the value of an absent one */
	size_t n_index;               /* the first n of fields that have an index */
	struct map *index[INDEX_MAX]; /* value -> slot_set */
	struct map *labels;           /* "key=value" -> slot_set */
	size_t window;
	struct slot *head; /* sentinel with SLOT_LEVELS levels */
	size_t len, bytes;
	struct cache_change **ring; /* capacity cap, oldest at first */
	size_t cap, first, n;
	size_t ring_bytes;  /* of the objects that only the ring holds */
	uint64_t seq;       /* of the newest change; begins in the middle, for older ones that are recalled */
	uint64_t floor;     /* changes up to this revision may be missing */
	uint64_t recall_from; /* what is missing after it, the store may know (recall.c); UINT64_MAX: nothing */
	int64_t recalled_ms;  /* monotonic; when that was asked for; 0: never */
	struct list watches;
	int dispatching;
};

struct cache_watch {
	struct list link;
	struct bucket *bucket;
	uint64_t seen; /* seq of the last change told or passed over */
	bool dead, has_query;
	char *ns;
	struct bucket_query query; /* selectors borrowed for the watch's life */
	void (*fn)(void *arg, const struct cache_event *ev);
	void *arg;
};

/* Values that were kept (kept.c). */
enum { KEPT_MAX = 64, KEPT_BYTES = 32768, KEPT_MS = 3000 };

struct kept {
	struct kept_value {
		struct cobj *o; /* NULL: none */
		json_t *value;
		int64_t until_ms;
	} v[KEPT_MAX];
	size_t next; /* the place of the oldest */
	struct timer *timer;
};

/* Memory that malloc() may have to give back (trim.c): looked for once so much was dropped, and not all the time. */
enum { TRIM_BYTES = 16 << 20, TRIM_MS = 2000 };

struct trim {
	size_t dropped; /* since the last time */
	struct timer *timer;
};

struct unclaimed {
	uint64_t rev, create_rev;
	struct buf *value;
};

struct cache {
	struct loop *loop;
	struct store *store;
	struct map *buckets;    /* prefix -> bucket */
	struct map *by_uid;     /* uid -> slot */
	struct map *dependents; /* owner uid -> slot_set */
	struct map *unclaimed;  /* key -> struct unclaimed */
	struct kept kept;
	struct trim trim;
	uint64_t revision;
};

void kept_done(struct kept *k);
void cache_dropped(struct cache *c, size_t bytes);
void trim_done(struct trim *t);
/* While much is loaded: asks for the pages by which the heap grew since the call before, together, which costs a fraction of
 * touching each. *end: NULL at first. */
void heap_populate(char **end);

/* Whether every selector that matches the one matches the other. */
bool object_selects_alike(const struct cobj *a, const struct cobj *b);
struct cache *object_cache(const struct cobj *o);
/* Calls fn(arg, key, value) for each label. */
void object_each_label(const struct cobj *o, void (*fn)(void *arg, const char *key, const char *value), void *arg);
/* cobj.c: bytes with or without a revision -> object; NULL when the bytes are no object. key: behind the bucket's
 * prefix; it says the name. */
struct cobj *object_new(const struct bucket *b, const char *key, const struct buf *value, uint64_t rev,
			uint64_t create_rev);
/* The object's bytes at another revision (deletes). Returns owned. */
struct buf *object_at_revision(const struct cobj *o, uint64_t rev);
/* cache.c: the state in which a delete tells of old. Returns owned. */
struct cobj *object_last(const struct bucket *b, const char *rest, const struct store_event *ev, struct cobj *old);
const char *object_field_nth(const struct cobj *o, size_t n); /* NULL: absent */

/* bucket.c */
void bucket_init(struct bucket *b);
/* Puts (takes a reference) or removes; returns the object that stood there, owned, or NULL. */
struct cobj *bucket_put(struct bucket *b, struct cobj *o);
struct cobj *bucket_remove(struct bucket *b, const char *ns, const char *name);
/* Frees it with its objects; no watch is left on it. */
void bucket_free(struct bucket *b);
bool query_matches(const struct bucket_query *q, const struct cobj *o);

/* bucket_index.c: enters (or takes out) the current object of a slot in every index. other, or NULL, is what stands there
 * after (before): a value that stays costs nothing. */
void bucket_index_slot(struct slot *s, bool enter, const struct cobj *other);
/* The slots that an index gives for the query, a few more than match, in key order. False: none gives few enough that the
 * bucket had better not be walked. Owned. */
bool bucket_from_index(const struct bucket *b, const struct bucket_query *q, struct slot ***ret, size_t *ret_n);
void slots_sort(struct slot **slots, size_t n); /* by namespace and name */
int slot_compare(const struct slot *s, const char *ns, const char *name);
/* The first slot at or behind (ns, name); before gets the slots before it on each level (NULL: not wanted). */
struct slot *bucket_seek(const struct bucket *b, const char *ns, const char *name, struct slot **before);

/* watch.c: records the change (borrows) and tells the watchers. volatile_: as of the store's event. */
void bucket_change(struct bucket *b, enum cache_event_type type, struct cobj *obj, struct cobj *prev, uint64_t rev,
		   bool volatile_);
/* ring.c: the object came into its bucket, or left it. */
void ring_note_current(struct bucket *b, struct cobj *o, bool current);

#endif
