/* Asking other servers. Happy path: a socket of its own for each question (so that the kernel picks a random port), a random
 * id, one datagram, one answer that repeats the question. A server that is silent for a while, cannot be reached, or
 * answers SERVFAIL or REFUSED gives way to the next one; after some tries the question has failed. A cut answer is asked
 * for again over TCP. Answers to anything else are ignored. What always holds: at most so many questions are under way, and
 * each of them ends. */
#include "dns/upstream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/map.h"
#include "base/rand.h"
#include "dns/cache.h"
#include "io/net/ip_socket.h"

struct waiter {
	struct list link;
	upstream_fn fn;
	void *arg;
};

/* One question under way. */
struct ask {
	struct upstream *u;
	struct list waiters;
	struct question q;
	char *key;
	uint16_t id;
	int fd, tries;
	bool tcp, writing;
	struct fd_watch *watch;
	struct timer *timer;
	uint8_t *buf; /* TCP: length and bytes, the question first, then the answer */
	size_t len, at;
	struct message worst; /* an answer that tells of a failure, given where nobody has a better one */
};

struct upstream {
	struct loop *loop;
	struct ip *servers;
	size_t n_servers;
	uint16_t port;
	struct cache *cache;
	struct map *asks; /* key -> struct ask */
	struct upstream_counts counts;
	void (*on_ask)(void *arg);
	void *arg;
};

enum { TCP_HEAD = 2, UDP_BUF = 4096 };

static void next_try(void *arg);

static void close_socket(struct ask *a)
{
	fd_watch_free(TAKE(a->watch));
	if (a->fd >= 0)
		close(TAKE_FD(a->fd));
	free(TAKE(a->buf));
	a->len = a->at = 0;
}

/* Ends the question: m is taken, NULL: failed. */
static void finish(struct ask *a, struct message *m)
{
	struct upstream *u = a->u;
	struct list waiters;
	list_init(&waiters);
	close_socket(a);
	timer_free(a->timer);
	while (!list_is_empty(&a->waiters))
		list_add(&waiters, list_pop(&a->waiters));
	map_remove(u->asks, a->key);
	u->counts.answered += m != NULL;
	u->counts.failed += m == NULL;
	while (!list_is_empty(&waiters)) {
		struct waiter *w = LIST_ENTRY(list_pop(&waiters), struct waiter, link);
		w->fn(w->arg, m, 0);
		free(w);
	}
	if (m)
		cache_put(u->cache, a->key, m, clock_mono_ms());
	message_done(&a->worst);
	free(a->key);
	free(a);
}

static void give_up(struct ask *a)
{
	struct message m = a->worst;
	a->worst = (struct message){0};
	finish(a, m.wire ? &m : NULL);
}

/* An answer has come: taken where it is good enough. */
static void answered(struct ask *a, struct message *m)
{
	if (m->truncated && !a->tcp) {
		message_done(m);
		a->tcp = true;
		a->tries--;
		next_try(a);
		return;
	}
	bool failure = m->rcode == LDNS_RCODE_SERVFAIL || m->rcode == LDNS_RCODE_REFUSED || m->rcode == LDNS_RCODE_FORMERR ||
		       m->rcode == LDNS_RCODE_NOTIMPL;
	if (!failure) {
		finish(a, m);
		return;
	}
	message_done(&a->worst);
	a->worst = *m;
	next_try(a);
}

static void on_udp(void *arg, int events)
{
	struct ask *a = arg;
	uint8_t buf[UDP_BUF];
	(void)events;
	for (;;) {
		ssize_t n = recv(a->fd, buf, sizeof(buf), 0);
		struct message m;
		if (n < 0) {
			if (errno != EAGAIN && errno != EINTR)
				next_try(a);
			return;
		}
		if (message_read(&a->q, a->id, buf, (size_t)n, &m) == 0) {
			answered(a, &m);
			return;
		}
	}
}

/* Sends, then receives, one message with its length in front. */
static void on_tcp(void *arg, int events)
{
	struct ask *a = arg;
	(void)events;
	ssize_t n = a->writing ? send(a->fd, a->buf + a->at, a->len - a->at, MSG_NOSIGNAL)
			       : recv(a->fd, a->buf + a->at, a->len - a->at, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		next_try(a);
		return;
	}
	a->at += (size_t)n;
	if (a->at < a->len)
		return;
	if (a->writing) {
		a->writing = false;
		a->buf = xrealloc(a->buf, TCP_HEAD + MESSAGE_MAX);
		a->at = 0;
		a->len = TCP_HEAD;
		fd_watch_set(a->watch, FD_READ);
		return;
	}
	size_t size = (size_t)(a->buf[0] << 8 | a->buf[1]);
	struct message m;
	if (a->len == TCP_HEAD && size)
		a->len += size;
	else if (message_read(&a->q, a->id, a->buf + TCP_HEAD, size, &m) == 0)
		answered(a, &m);
	else
		next_try(a);
}

static int start_tcp(struct ask *a)
{
	a->buf = xmalloc(TCP_HEAD + DNS_UDP_PLAIN);
	size_t len = message_ask(&a->q, a->id, a->buf + TCP_HEAD, DNS_UDP_PLAIN);
	a->buf[0] = (uint8_t)(len >> 8);
	a->buf[1] = (uint8_t)len;
	a->len = TCP_HEAD + len;
	a->at = 0;
	a->writing = true;
	a->watch = fd_watch_new(a->u->loop, a->fd, FD_WRITE, on_tcp, a);
	return a->watch ? 0 : -EIO;
}

static int start_udp(struct ask *a)
{
	uint8_t buf[DNS_UDP_PLAIN];
	size_t len = message_ask(&a->q, a->id, buf, sizeof(buf));
	if (send(a->fd, buf, len, MSG_NOSIGNAL) < 0)
		return -errno;
	a->watch = fd_watch_new(a->u->loop, a->fd, FD_READ, on_udp, a);
	return a->watch ? 0 : -EIO;
}

static int start(struct ask *a)
{
	struct sockaddr_storage to;
	const struct ip *server = &a->u->servers[(size_t)a->tries % a->u->n_servers];
	socklen_t len = ip_sockaddr(server, a->u->port, &to);
	rand_bytes(&a->id, sizeof(a->id));
	a->fd = socket(server->family, (a->tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (a->fd < 0)
		return -errno;
	if (connect(a->fd, (struct sockaddr *)&to, len) < 0 && errno != EINPROGRESS)
		return -errno;
	return a->tcp ? start_tcp(a) : start_udp(a);
}

static void next_try(void *arg)
{
	struct ask *a = arg;
	for (;;) {
		close_socket(a);
		if (!a->u->n_servers || a->tries >= UPSTREAM_TRIES) {
			give_up(a);
			return;
		}
		int r = start(a);
		a->tries++;
		if (r < 0)
			continue;
		timer_start(a->timer, UPSTREAM_TRY_MS);
		return;
	}
}

static void wait_for(struct ask *a, upstream_fn fn, void *arg)
{
	struct waiter *w = xcalloc(1, sizeof(*w));
	w->fn = fn;
	w->arg = arg;
	list_init(&w->link);
	list_add(&a->waiters, &w->link);
}

void upstream_ask(struct upstream *u, const struct question *q, upstream_fn fn, void *arg)
{
	char key[QUESTION_KEY_MAX];
	uint32_t age = 0;
	question_key(q, key);
	const struct message *m = cache_get(u->cache, key, clock_mono_ms(), &age);
	struct ask *a = map_get(u->asks, key);
	u->counts.misses += m == NULL;
	if (m) {
		u->counts.hits[m->empty]++;
		fn(arg, m, age);
		return;
	}
	if (a) {
		wait_for(a, fn, arg);
		return;
	}
	if (u->on_ask)
		u->on_ask(u->arg);
	if (map_len(u->asks) >= UPSTREAM_PENDING_MAX || !u->n_servers) {
		u->counts.refused++;
		fn(arg, NULL, 0);
		return;
	}
	u->counts.asked++;
	a = xcalloc(1, sizeof(*a));
	*a = (struct ask){.u = u, .q = *q, .key = xstrdup(key), .fd = -1};
	a->timer = timer_new(u->loop, next_try, a);
	list_init(&a->waiters);
	map_set(u->asks, key, a);
	wait_for(a, fn, arg);
	next_try(a);
}

struct upstream *upstream_new(struct loop *l)
{
	struct upstream *u = xcalloc(1, sizeof(*u));
	u->loop = l;
	u->cache = cache_new(UPSTREAM_CACHE_BYTES);
	u->asks = map_new(NULL);
	return u;
}

void upstream_free(struct upstream *u)
{
	size_t at = 0;
	const char *key;
	struct ask *a;
	if (!u)
		return;
	u->n_servers = 0;
	while (map_next(u->asks, &at, &key, &a)) {
		finish(a, NULL);
		at = 0;
	}
	map_free(u->asks);
	cache_free(u->cache);
	free(u->servers);
	free(u);
}

void upstream_set_servers(struct upstream *u, const struct ip *v, size_t n, uint16_t port)
{
	free(u->servers);
	u->servers = xmemdup(v, n * sizeof(*v));
	u->n_servers = n;
	u->port = port ? port : 53;
}

void upstream_on_ask(struct upstream *u, void (*fn)(void *arg), void *arg)
{
	u->on_ask = fn;
	u->arg = arg;
}

struct upstream_counts upstream_counts(const struct upstream *u)
{
	return u->counts;
}

void upstream_cached(const struct upstream *u, uint64_t ret[2])
{
	ret[1] = cache_empty(u->cache);
	ret[0] = cache_len(u->cache) - ret[1];
}
