/* A process' one feed of a cluster's resources: each is listed and watched once, however many of its parts want it. */
#ifndef KNARR_API_FEED_H
#define KNARR_API_FEED_H

#include "api/informer.h"

struct feed;
struct feed_sub;

struct feed *feed_new(struct api_client *c);
void feed_free(struct feed *f); /* after the last subscription has ended; NULL is fine */

/* As informer_start(), with the same ops: each object is told once, then each change, whoever asked before or asks
 * later. No object is kept, only its revision, so old is NULL, but for a deletion whose event tells the last state; and
 * deleted may be what was never told: an object that a wider list has and the selectors do not want. The objects
 * themselves are borrowed, shared with the other subscribers and not to be changed.
 *
 * The first to ask for a path opens its list and watch, with its selectors; who asks for less than one that is open
 * (one without selectors, or with the same ones) joins it. Whoever wants the most should come first. Selectors that
 * cannot be parsed select nothing. */
struct feed_sub *feed_subscribe(struct feed *f, const char *path, const char *label_selector, const char *field_selector,
				const struct informer_ops *ops, void *arg);
/* Tells this subscriber every object again, and on_synced at the end; the others hear what has changed. */
void feed_again(struct feed_sub *s);
/* Everything has been told, since feed_again() where that was called. NULL: false. */
bool feed_synced(const struct feed_sub *s);
/* The last of a resource closes its watch. Not from a callback of the feed; NULL is fine. */
void feed_unsubscribe(struct feed_sub *s);

/* Lists and watches that are open. */
size_t feed_len(const struct feed *f);

#endif
