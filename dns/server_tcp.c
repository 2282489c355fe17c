/* Connections. Happy path: requests with their length in front, several at a time, answers in the order in which they are
 * ready. What can fail: a client that is silent, slow, or too many of them is disconnected. What always holds: a request
 * under way keeps its connection's structure. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "dns/server_internal.h"
#include "io/net/ip_socket.h"

enum { HEAD = 2, CHUNK = 4096, OUT_MAX = 1 << 20, UNDER_WAY_MAX = 64 };

struct connection {
	struct list link;
	struct dns_server *s;
	int fd, refs; /* one of the socket's, one of each request under way */
	struct ip peer;
	struct str in, out;
	struct fd_watch *watch;
	struct timer *idle;
};

// NOLINTBEGIN(clang-analyzer-unix.Malloc): the analyzer does not count references
static void unref(struct connection *c)
{
	if (--c->refs)
		return;
	str_done(&c->in);
	str_done(&c->out);
	dns_server_unref(c->s);
	free(c);
}

static void close_connection(void *arg)
{
	struct connection *c = arg;
	if (c->fd < 0)
		return;
	fd_watch_free(TAKE(c->watch));
	timer_free(TAKE(c->idle));
	close(TAKE_FD(c->fd));
	list_remove(&c->link);
	c->s->n_connections--;
	unref(c);
}

/* Reading stops while much is under way or unsent. */
static void set_events(struct connection *c)
{
	bool full = c->refs > UNDER_WAY_MAX || c->out.len > OUT_MAX / 2;
	fd_watch_set(c->watch, (full ? 0 : FD_READ) | (c->out.len ? FD_WRITE : 0));
}

static void flush(struct connection *c)
{
	ssize_t n = c->out.len ? send(c->fd, c->out.p, c->out.len, MSG_NOSIGNAL) : 0;
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		close_connection(c);
		return;
	}
	if (n > 0)
		str_consume(&c->out, (size_t)n);
	set_events(c);
}

static void on_reply(void *arg, const uint8_t *bytes, size_t len)
{
	struct connection *c = arg;
	uint8_t head[HEAD] = {(uint8_t)(len >> 8), (uint8_t)len};
	if (c->fd >= 0 && bytes && c->out.len < OUT_MAX) {
		str_addn(&c->out, head, HEAD);
		str_addn(&c->out, bytes, len);
		flush(c);
	}
	unref(c);
}

/* Every whole request in the buffer. */
static void handle(struct connection *c)
{
	size_t at = 0;
	while (c->fd >= 0 && c->in.len - at >= HEAD) {
		const uint8_t *p = (const uint8_t *)c->in.p + at;
		size_t len = (size_t)(p[0] << 8 | p[1]);
		if (c->in.len - at - HEAD < len)
			break;
		at += HEAD + len;
		c->refs++;
		resolver_answer(c->s->resolver, p + HEAD, len, true, &c->peer, on_reply, c);
	}
	str_consume(&c->in, at);
}

static void on_ready(void *arg, int events)
{
	struct connection *c = arg;
	char chunk[CHUNK];
	c->refs++;
	if (events & FD_WRITE)
		flush(c);
	ssize_t n = c->fd >= 0 && (events & FD_READ) ? recv(c->fd, chunk, sizeof(chunk), 0) : -1;
	if (n > 0) {
		timer_start_slack(c->idle, DNS_IDLE_MS, DNS_IDLE_MS / 10);
		str_addn(&c->in, chunk, (size_t)n);
		handle(c);
	} else if (c->fd >= 0 && (events & FD_READ) && (n == 0 || (errno != EAGAIN && errno != EINTR))) {
		close_connection(c);
	}
	if (c->fd >= 0)
		set_events(c);
	unref(c);
}

void dns_server_on_accept(void *server, int events)
{
	struct dns_server *s = server;
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	(void)events;
	AUTO_FD int fd = accept4(s->tcp_fd, (struct sockaddr *)&from, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	if (s->n_connections >= DNS_CONNECTIONS_MAX) /* the one that has been there longest makes room */
		close_connection(LIST_ENTRY(s->connections.next, struct connection, link));
	struct connection *c = xcalloc(1, sizeof(*c));
	*c = (struct connection){.s = s, .refs = 1, .peer = ip_of_sockaddr(&from, NULL)};
	c->fd = TAKE_FD(fd);
	s->refs++;
	s->n_connections++;
	list_init(&c->link);
	list_add(&s->connections, &c->link);
	c->idle = timer_new(s->loop, close_connection, c);
	timer_start_slack(c->idle, DNS_IDLE_MS, DNS_IDLE_MS / 10);
	c->watch = fd_watch_new(s->loop, c->fd, FD_READ, on_ready, c);
}

void dns_connections_close(struct dns_server *s)
{
	while (!list_is_empty(&s->connections))
		close_connection(LIST_ENTRY(s->connections.next, struct connection, link));
}
// NOLINTEND(clang-analyzer-unix.Malloc)
