/* A keyed work queue: each key waits once, is worked on once at a time, and comes back later when asked. */
#ifndef KNARR_CP_CONTROLLERS_QUEUE_H
#define KNARR_CP_CONTROLLERS_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* No clock and no timers of its own: now_ms (monotonic) is always an argument. */
struct queue;

/* Retries of a key wait base_ms, twice that, ... at most max_ms (client-go: 5 and 1,000,000). */
struct queue *queue_new(int64_t base_ms, int64_t max_ms);
void queue_free(struct queue *q); /* NULL is fine */

/* The key is due now. One that is being worked on is due again as soon as it is done. */
void queue_add(struct queue *q, const char *key);
/* The key is due at at_ms, or earlier if something else says so. */
void queue_add_at(struct queue *q, const char *key, int64_t at_ms);
/* As queue_add_at() with the delay that the key's failures so far have earned. */
void queue_retry(struct queue *q, const char *key, int64_t now_ms);
/* Forgets the failures of a key. */
void queue_forget(struct queue *q, const char *key);
int queue_failures(const struct queue *q, const char *key);

/* The next key to work on, in the order in which they became due; NULL when there is none. Valid until queue_done(),
 * which the caller owes. */
const char *queue_take(struct queue *q, int64_t now_ms);
/* The key may be wanted again at once, but is not given out before rest_until_ms (0: it has no rest). */
void queue_done(struct queue *q, const char *key, int64_t rest_until_ms);
size_t queue_depth(const struct queue *q); /* keys that are known to be due */
/* When queue_take() may have something: now_ms or earlier when it has, INT64_MAX when nothing waits. */
int64_t queue_next_at(const struct queue *q);

#endif
