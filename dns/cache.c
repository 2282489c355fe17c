/* The cache of answers. Happy path: a hit moves to the end of the list; a new one pushes out what has not been used for
 * longest. Nothing fails. What always holds: the bytes of all entries are at most the bound. */
#include "dns/cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/map.h"

struct entry {
	struct list link;
	char *key;
	struct message message;
	int64_t since_ms, until_ms;
	size_t bytes;
};

struct cache {
	struct map *entries;
	struct list used; /* the least lately used first */
	size_t bytes, bytes_max, empty;
};

static void free_entry(void *value)
{
	struct entry *e = value;
	list_remove(&e->link);
	message_done(&e->message);
	free(e->key);
	free(e);
}

struct cache *cache_new(size_t bytes_max)
{
	struct cache *c = xcalloc(1, sizeof(*c));
	c->entries = map_new(free_entry);
	c->bytes_max = bytes_max;
	list_init(&c->used);
	return c;
}

void cache_free(struct cache *c)
{
	if (!c)
		return;
	map_free(c->entries);
	free(c);
}

static void drop(struct cache *c, struct entry *e)
{
	c->bytes -= e->bytes;
	c->empty -= e->message.empty;
	AUTO_FREE char *key = TAKE(e->key);
	map_remove(c->entries, key);
}

const struct message *cache_get(struct cache *c, const char *key, int64_t now_ms, uint32_t *ret_age_s)
{
	struct entry *e = map_get(c->entries, key);
	if (!e)
		return NULL;
	if (now_ms >= e->until_ms) {
		drop(c, e);
		return NULL;
	}
	list_remove(&e->link);
	list_add(&c->used, &e->link);
	*ret_age_s = (uint32_t)((now_ms - e->since_ms) / 1000);
	return &e->message;
}

static int64_t holds_s(const struct message *m)
{
	if (m->truncated)
		return 0;
	if (m->rcode == LDNS_RCODE_SERVFAIL)
		return CACHE_FAILURE_S;
	if (m->rcode != LDNS_RCODE_NOERROR && m->rcode != LDNS_RCODE_NXDOMAIN)
		return 0;
	return MIN(m->ttl_s, m->empty ? (uint32_t)CACHE_NEGATIVE_MAX_S : (uint32_t)CACHE_TTL_MAX_S);
}

void cache_put(struct cache *c, const char *key, struct message *m, int64_t now_ms)
{
	int64_t s = holds_s(m);
	struct entry *old = map_get(c->entries, key);
	size_t bytes = sizeof(struct entry) + 2 * strlen(key) + m->len + m->n_ttls * sizeof(*m->ttls);
	if (old)
		drop(c, old);
	if (!s || bytes > c->bytes_max) {
		message_done(m);
		return;
	}
	while (c->bytes + bytes > c->bytes_max)
		drop(c, LIST_ENTRY(c->used.next, struct entry, link));
	struct entry *e = xcalloc(1, sizeof(*e));
	*e = (struct entry){.key = xstrdup(key), .message = *m, .since_ms = now_ms, .until_ms = now_ms + s * 1000, .bytes = bytes};
	*m = (struct message){0};
	c->bytes += bytes;
	c->empty += e->message.empty;
	list_init(&e->link);
	list_add(&c->used, &e->link);
	map_set(c->entries, key, e);
}

void cache_clear(struct cache *c)
{
	map_clear(c->entries);
	c->bytes = c->empty = 0;
}

size_t cache_len(const struct cache *c)
{
	return map_len(c->entries);
}

size_t cache_empty(const struct cache *c)
{
	return c->empty;
}
