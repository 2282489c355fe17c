/* An informer: lists a resource, watches it from there, keeps every object, and reports changes. */
#ifndef KNARR_API_INFORMER_H
#define KNARR_API_INFORMER_H

#include <stdbool.h>
#include <stddef.h>

#include "api/client.h"

/* Who wants a resource of a whole cluster, of which others of the process may want it too, asks a feed: api/feed.h. */
struct informer;

struct informer_ops {
	/* old is NULL for a new object, new is NULL for a deleted one (old is then its last state). Borrowed. Objects
	 * of a relist that did not change (same resourceVersion) are not reported again. */
	void (*on_change)(void *arg, const char *key, json_t *old_object, json_t *new_object);
	/* The first list has been reported in full. Called once; may be NULL. */
	void (*on_synced)(void *arg);
	/* A list or watch failed; it is tried again by itself with growing delays (50 ms ... 30 s). May be NULL. */
	void (*on_error)(void *arg, const struct err *e);
};

/* path: "/api/v1/pods"; selectors NULL or as in the query. Keys are "namespace/name" or "name". Pages of 500, watch
 * with bookmarks and resume; relists on 410. managedFields are dropped from what is kept. */
struct informer *informer_start(struct api_client *c, const char *path, const char *label_selector,
				const char *field_selector, const struct informer_ops *ops, void *arg);
void informer_stop(struct informer *i); /* frees; NULL is fine; not from its own callbacks */
bool informer_synced(const struct informer *i);
json_t *informer_get(const struct informer *i, const char *key); /* borrowed, NULL when absent */
size_t informer_len(const struct informer *i);
/* Iterates as map_next(). */
bool informer_next(const struct informer *i, size_t *at, const char **ret_key, json_t **ret_object);

#endif
