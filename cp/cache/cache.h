/* The object cache: every object as its JSON bytes plus a small parsed header; get, list and watch answer from it.
 *
 * What is stored on disk is the object's JSON without metadata.resourceVersion; the cache splices the revision in when
 * a change is applied, so the bytes of an object here are what a client gets. One thread: the event loop's. */
#ifndef KNARR_CP_CACHE_CACHE_H
#define KNARR_CP_CACHE_CACHE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/selector.h"
#include "base/buf.h"
#include "base/err.h"
#include "cp/store/store.h"
#include "io/loop.h"

struct cache;
struct bucket; /* all objects of one resource */

/* An object at one revision: immutable, reference-counted. */
struct cobj {
	int refs;
	uint64_t rev, create_rev;
	struct buf *json; /* complete, with metadata.resourceVersion, no trailing newline */
	const char *ns;   /* by its key; "" when cluster-scoped */
	const char *name, *uid;
	bool deleting; /* metadata.deletionTimestamp is set */
	bool stale;    /* stored with another key than it would be now: worth writing unchanged */
};
struct cobj *cobj_ref(struct cobj *o);
void cobj_unref(struct cobj *o); /* NULL is fine */
void cobj_unref_ptr(struct cobj **o);
#define AUTO_COBJ AUTO(cobj_unref_ptr) struct cobj
/* A label's value, or an indexed or metadata field ("metadata.name", "spec.nodeName"); NULL when absent ("" for an
 * indexed field that is not set). Usable as selector_get with the cobj as object. */
const char *cobj_label(const void *o, const char *key);
const char *cobj_field(const void *o, const char *path);
/* Owner references: uid, kind, name, apiVersion, controller, blockOwnerDeletion of the i-th; false behind the last. */
struct cobj_owner {
	const char *uid, *kind, *name, *api_version;
	bool controller, block;
};
bool cobj_owner(const struct cobj *o, size_t i, struct cobj_owner *ret);
const char *cobj_controller_uid(const struct cobj *o); /* NULL when it has none */
/* Parses the bytes. Returns owned; never NULL (what is cached is well formed). */
json_t *cobj_parse(const struct cobj *o);
/* The same for what is read again and again and never changed: kept, parsed, until others take its place. Borrowed until
 * the loop runs again. For small objects. */
const json_t *cobj_value(struct cobj *o);
/* Keeps value (taken), which is what cobj_parse() would give, for whoever changes the object next; a few of those that were
 * kept last, for some seconds. */
void cobj_keep(struct cobj *o, json_t *value);
/* What was kept, or parsed now. Returns owned. */
json_t *cobj_take(struct cobj *o);
/* Whether bytes, without a resourceVersion, are those that the object was made of; or only as many. */
bool cobj_is_same(const struct cobj *o, const struct buf *stored);
bool cobj_is_as_long(const struct cobj *o, const struct buf *stored);

/* Loads everything from the store and becomes its watcher. Buckets are declared before cache_load(). */
struct cache *cache_new(struct loop *l, struct store *s);
/* After store_close(), whose last callbacks it still serves (or after store_set_watch(s, NULL, NULL)), and after every
 * watch was stopped. NULL is fine. */
void cache_free(struct cache *c);
int cache_load(struct cache *c, struct err *e);
struct store *cache_store(struct cache *c);
uint64_t cache_revision(const struct cache *c);

/* prefix: "/registry/pods/" (trailing slash), below it "ns/name" or "name". fields: NULL-terminated paths that field
 * selectors may name beyond metadata.name and metadata.namespace; those in by_field get an index each (NULL: none).
 * details: for some of the fields, where the value is and what stands for an absent one ("": NULL); ended by a NULL field.
 * window: how many recent changes watches may resume over (0: 1,000, growing with the bucket up to 100,000, but of
 * those older than five minutes only the newest 100). Buckets can be added at run time as well (their keys are loaded
 * from the store's memory of unclaimed keys). */
struct bucket_field {
	const char *field, *path, *absent;
};
struct bucket_config {
	const char *prefix;
	bool namespaced;
	const char *const *fields;
	const char *const *by_field;
	const struct bucket_field *details;
	bool any_field; /* field selectors may name any path: what is not in fields is looked for when it is asked for */
	size_t window;
};
struct bucket *cache_add_bucket(struct cache *c, const struct bucket_config *config);
struct bucket *cache_bucket(struct cache *c, const char *prefix); /* NULL when not declared */
/* Changes the scope of a bucket that is empty. */
void bucket_rescope(struct bucket *b, bool namespaced);
size_t bucket_len(const struct bucket *b);
size_t bucket_bytes(const struct bucket *b); /* of its objects' JSON */
/* The store key of an object. Returns owned. */
char *bucket_key(const struct bucket *b, const char *ns, const char *name);

/* Borrowed until the loop runs again; cobj_ref() to keep. NULL when absent. */
struct cobj *bucket_get(const struct bucket *b, const char *ns, const char *name);
struct cobj *cache_by_uid(const struct cache *c, const char *uid); /* any bucket */
/* Calls fn(arg, object) for the dependents: objects with an owner reference to uid. */
void cache_dependents(const struct cache *c, const char *uid, void (*fn)(void *arg, struct bucket *b, struct cobj *o),
		      void *arg);

/* Iterates in key order (namespace, name): */
struct bucket_query {
	const char *ns;                /* NULL or "": all */
	const struct selector *labels; /* NULL: all */
	const struct selector *fields;
	const char *after; /* continue behind this "ns/name" (or "name") key; NULL: from the start */
	size_t limit;      /* 0: none */
};
/* Calls fn for each match; stops at limit. Returns how many match behind the last one given (remaining), 0 at the
 * end. An index is used where the field selector or the namespace allows it. */
size_t bucket_list(const struct bucket *b, const struct bucket_query *q, void (*fn)(void *arg, struct cobj *o),
		   void *arg);
/* Whether there is any object behind key ("ns/name" or "name"), in the namespace ("": in all). */
bool bucket_has_behind(const struct bucket *b, const char *ns, const char *key);

enum cache_event_type { CACHE_ADDED, CACHE_MODIFIED, CACHE_DELETED, CACHE_BOOKMARK };
struct cache_event {
	enum cache_event_type type;
	struct cobj *obj;  /* the new state; of a delete the last state, at the revision of the delete */
	struct cobj *prev; /* the state before, NULL for a new object */
	uint64_t rev;
	struct cache_change *change; /* what cache_event_json() remembers its encoding in */
};
/* {"type":"MODIFIED","object":{...}}\n for a JSON watcher: encoded once per change and type and shared by every
 * watcher. Returns a borrowed buf, valid as long as the event's callback. type may differ from ev->type where a
 * selector turns an update into ADDED or DELETED (a DELETED of that kind carries prev's content at the new revision).
 */
struct buf *cache_event_json(const struct cache_event *ev, enum cache_event_type type);

struct cache_watch;
/* Every change of the bucket after from_rev, in order: those within the window at once (before the call returns),
 * later ones as they come. from_rev UINT64_MAX: only from now on. The callback filters (namespace, selectors) itself,
 * or gives a query: then only matching events come, with their types turned as selectors demand. -EOVERFLOW: from_rev
 * is older than the window (410 Gone); -ERANGE: from the future. The callback may stop its own watch. */
int bucket_watch(struct bucket *b, uint64_t from_rev, const struct bucket_query *q,
		 void (*fn)(void *arg, const struct cache_event *ev), void *arg, struct cache_watch **ret,
		 struct err *e);
void cache_watch_stop(struct cache_watch *w); /* NULL is fine */

#endif
