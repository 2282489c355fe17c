/* The recent changes of a bucket, oldest first, as far back as its window reaches; complete after bucket->floor. */
#ifndef KNARR_CP_CACHE_RING_H
#define KNARR_CP_CACHE_RING_H

#include "cp/cache/internal.h"

/* One reference to the change is the caller's; obj and prev (or NULL) are referenced. */
struct cache_change *change_new(enum cache_event_type type, struct cobj *obj, struct cobj *prev, uint64_t rev);
void change_unref(struct cache_change *c); /* NULL is fine */
/* Everybody has been told: what only that needed goes. */
void change_told(struct bucket *b, struct cache_change *c);

/* Takes c, as the newest; older ones may have to go. */
void ring_append(struct bucket *b, struct cache_change *c);
/* Takes c, as the oldest. False: the window has no room for it, and nothing was done. */
bool ring_prepend(struct bucket *b, struct cache_change *c);
struct cache_change *ring_nth(const struct bucket *b, size_t i); /* i < b->n; the oldest is 0. Borrowed */
/* The place of the first change after a revision; b->n, if there is none. */
size_t ring_after(const struct bucket *b, uint64_t rev);

#endif
