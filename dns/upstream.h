/* Questions to other servers: over UDP, again over TCP where an answer was cut, to the next server where one is silent;
 * equal questions at the same time are asked once; answers are cached. */
#ifndef KNARR_DNS_UPSTREAM_H
#define KNARR_DNS_UPSTREAM_H

#include <stddef.h>
#include <stdint.h>

#include "dns/message.h"
#include "io/loop.h"
#include "io/net/ip.h"

struct upstream;

enum { UPSTREAM_PENDING_MAX = 1000, UPSTREAM_TRY_MS = 1500, UPSTREAM_TRIES = 4, UPSTREAM_CACHE_BYTES = 4 << 20 };

struct upstream_counts {
	uint64_t asked, answered, failed, misses, refused; /* refused: too many at once */
	uint64_t hits[2]; /* of names that are there, of those that are not */
};

struct upstream *upstream_new(struct loop *l);
/* Questions under way are answered as failed. NULL is fine. */
void upstream_free(struct upstream *u);
/* In this order; port 0 is 53. What was cached stays. None: every question fails. */
void upstream_set_servers(struct upstream *u, const struct ip *v, size_t n, uint16_t port);
/* fn is called before a question goes out: it may set the servers. */
void upstream_on_ask(struct upstream *u, void (*fn)(void *arg), void *arg);

/* m NULL: no server answered (or none is known). m is valid during the call. */
typedef void (*upstream_fn)(void *arg, const struct message *m, uint32_t age_s);
/* fn is called once, perhaps before this returns. */
void upstream_ask(struct upstream *u, const struct question *q, upstream_fn fn, void *arg);
struct upstream_counts upstream_counts(const struct upstream *u);
/* How many answers are kept, told apart as hits are. */
void upstream_cached(const struct upstream *u, uint64_t ret[2]);

#endif
