/* Answers of other servers, kept as long as they hold: bounded, the least used go first. */
#ifndef KNARR_DNS_CACHE_H
#define KNARR_DNS_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "dns/message.h"

struct cache;

enum { CACHE_TTL_MAX_S = 3600, CACHE_NEGATIVE_MAX_S = 30, CACHE_FAILURE_S = 5 };

struct cache *cache_new(size_t bytes_max);
void cache_free(struct cache *c); /* NULL is fine */
/* What is known for a key, and its age in seconds; NULL: nothing that still holds. Valid until the cache changes. */
const struct message *cache_get(struct cache *c, const char *key, int64_t now_ms, uint32_t *ret_age_s);
/* Takes the message's parts; one that does not hold at all is dropped. */
void cache_put(struct cache *c, const char *key, struct message *m, int64_t now_ms);
void cache_clear(struct cache *c);
size_t cache_len(const struct cache *c);
size_t cache_empty(const struct cache *c); /* those of them without records */

#endif
