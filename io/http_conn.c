/* A connection of the server. Purpose: socket, TLS, output queue and deadline below the protocols.
 *
 * Happy path: readable -> (decrypt) -> protocol; whatever is queued meanwhile leaves in one go from conn_work(), which
 * is deferred to the end of the callback. A full socket waits for writability.
 *
 * What can fail: the peer, at any moment: the connection is marked dead and freed by conn_work().
 *
 * What always holds: a connection is freed only in conn_work(), never below a protocol or a handler; it encrypts and
 * pulls only what the socket is about to take, so that queues hold shared bufs rather than copies. */
#include "io/http_conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

enum { WIRE_AHEAD = 65536, FLUSH_MAX = 1 << 20, IOV_COUNT = 32, RECORD = 16384, LINGER_MS = 1000 };

static void conn_work(void *arg);

static int read_event(const struct http_conn *c)
{
	return c->paused ? 0 : FD_READ;
}

static void update_watch(struct http_conn *c)
{
	if (!c->dead)
		fd_watch_set(c->watch, read_event(c) | (c->write_blocked ? FD_WRITE : 0));
}

void http_conn_schedule(struct http_conn *c)
{
	if (c->scheduled)
		return;
	c->scheduled = true;
	loop_defer(c->server->config.loop, conn_work, c);
}

void http_conn_die(struct http_conn *c)
{
	if (c->dead)
		return;
	c->dead = true;
	fd_watch_set(c->watch, 0);
	http_conn_schedule(c);
}

void http_conn_write(struct http_conn *c, const void *bytes, size_t n)
{
	if (c->dead)
		return;
	outq_add(&c->out, bytes, n);
	http_conn_schedule(c);
}

void http_conn_write_buf(struct http_conn *c, struct buf *b)
{
	if (c->dead)
		return;
	outq_add_buf(&c->out, b);
	http_conn_schedule(c);
}

size_t http_conn_pending(const struct http_conn *c)
{
	return c->out.bytes + (c->tls ? tls_conn_wire(c->tls)->len : 0);
}

void http_conn_pause(struct http_conn *c, bool paused)
{
	c->paused = paused;
	update_watch(c);
}

/* The timer is moved only when it would fire too late: a deadline that is pushed on costs nothing. */
void http_conn_deadline(struct http_conn *c, int64_t ms)
{
	c->deadline_ms = ms ? clock_mono_ms() + ms : 0;
	if (!ms || (timer_is_active(c->timer) && c->armed_ms <= c->deadline_ms))
		return;
	c->armed_ms = c->deadline_ms;
	timer_start_slack(c->timer, ms, ms / 8);
}

static void on_timer(void *arg)
{
	struct http_conn *c = arg;
	if (c->dead || !c->deadline_ms)
		return;
	int64_t left = c->deadline_ms - clock_mono_ms();
	if (left > 0) {
		c->armed_ms = c->deadline_ms;
		timer_start_slack(c->timer, left, left / 8);
		return;
	}
	c->deadline_ms = 0;
	if (c->proto && !c->finish) {
		c->proto->timeout(c);
	} else {
		http_conn_die(c);
	}
}

void http_conn_finish(struct http_conn *c)
{
	c->finish = true;
	http_conn_deadline(c, c->server->config.idle_timeout_ms);
	http_conn_schedule(c);
}

void http_conn_shutdown(struct http_conn *c)
{
	if (c->dead || c->finish)
		return;
	if (c->proto) {
		c->proto->shutdown(c);
	} else {
		http_conn_die(c);
	}
}

static void destroy(struct http_conn *c)
{
	struct http_server *s = c->server;
	if (c->proto)
		c->proto->close(c);
	list_remove(&c->link);
	fd_watch_free(c->watch);
	timer_free(c->timer);
	tls_conn_free(c->tls);
	close(c->fd);
	str_done(&c->in);
	outq_done(&c->out);
	free(c);
	http_server_conn_gone(s);
}

static void open_proto(struct http_conn *c, const struct http_proto *proto)
{
	c->proto = proto;
	proto->open(c);
}

/* Without TLS: a client that knows HTTP/2 is spoken here starts with its preface. */
static void sniff(struct http_conn *c)
{
	static const char preface[] = "PRI * HTTP/2.0";
	size_t n = MIN(c->in.len, sizeof(preface) - 1);
	bool same = !memcmp(c->in.p, preface, n);
	if (same && n < sizeof(preface) - 1)
		return;
	open_proto(c, same ? &http_proto_h2 : &http_proto_h1);
	AUTO_STR early = c->in;
	c->in = STR_INIT;
	c->proto->input(c, early.p, early.len);
}

static void plain_input(struct http_conn *c, const char *p, size_t n)
{
	if (c->lingering || c->finish)
		return;
	if (c->proto) {
		c->proto->input(c, p, n);
	} else {
		str_addn(&c->in, p, n);
		sniff(c);
	}
}

static void peer_ended(struct http_conn *c)
{
	if (c->proto && !c->lingering && !c->finish) {
		c->proto->eof(c);
	} else if (!c->finish || c->lingering) {
		http_conn_die(c);
	} else {
		http_conn_pause(c, true); /* still sending the last answer */
	}
}

static void tls_input(struct http_conn *c, const char *wire, size_t n)
{
	char *plain = c->server->input + HTTP_READ_SIZE;
	tls_conn_feed(c->tls, wire, n);
	int r = tls_conn_handshake(c->tls, NULL);
	if (tls_conn_wire(c->tls)->len)
		http_conn_schedule(c);
	if (r == -EAGAIN)
		return;
	if (r < 0) {
		http_conn_finish(c); /* the alert still goes out */
		return;
	}
	if (!c->proto)
		open_proto(c, tls_conn_is_h2(c->tls) ? &http_proto_h2 : &http_proto_h1);
	while (!c->dead) {
		ssize_t got = tls_conn_read(c->tls, plain, HTTP_READ_SIZE, NULL);
		if (got == -EAGAIN)
			break;
		if (got <= 0) {
			peer_ended(c);
			break;
		}
		plain_input(c, plain, (size_t)got);
	}
	if (tls_conn_wire(c->tls)->len)
		http_conn_schedule(c);
}

static void read_input(struct http_conn *c)
{
	ssize_t n = recv(c->fd, c->server->input, HTTP_READ_SIZE, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		http_conn_die(c);
	} else if (n == 0) {
		peer_ended(c);
	} else if (c->tls && !c->finish) {
		tls_input(c, c->server->input, (size_t)n);
	} else {
		plain_input(c, c->server->input, (size_t)n);
	}
}

/* The next record's worth of plain bytes: small pieces are put together in scratch. */
static const char *next_record(const struct http_conn *c, char *scratch, size_t *ret_n)
{
	struct iovec iov[IOV_COUNT];
	int count = outq_iov(&c->out, iov, IOV_COUNT);
	if (!count)
		return NULL;
	if (count == 1 || iov[0].iov_len >= RECORD / 2) {
		*ret_n = MIN(iov[0].iov_len, (size_t)RECORD);
		return iov[0].iov_base;
	}
	size_t n = 0;
	for (int i = 0; i < count && n < RECORD; i++) {
		size_t take = MIN(iov[i].iov_len, RECORD - n);
		memcpy(scratch + n, iov[i].iov_base, take);
		n += take;
	}
	*ret_n = n;
	return scratch;
}

/* Encrypts as much of the queue as should be ahead of the socket. */
static int encrypt(struct http_conn *c)
{
	struct str *wire = tls_conn_wire(c->tls);
	char scratch[RECORD];
	size_t n;
	const char *p;
	while (wire->len < WIRE_AHEAD && (p = next_record(c, scratch, &n))) {
		if (tls_conn_write(c->tls, p, n) < 0)
			return -EPROTO;
		outq_consume(&c->out, n);
	}
	return 0;
}

static ssize_t send_tls(struct http_conn *c)
{
	struct str *wire = tls_conn_wire(c->tls);
	if (encrypt(c) < 0)
		return -EPROTO;
	if (!wire->len)
		return 0;
	ssize_t n = send(c->fd, wire->p, wire->len, MSG_NOSIGNAL);
	if (n < 0)
		return -errno;
	if ((size_t)n == wire->len) {
		str_done(wire);
	} else {
		str_consume(wire, (size_t)n);
	}
	return n;
}

static ssize_t send_plain(struct http_conn *c)
{
	struct iovec iov[IOV_COUNT];
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = (size_t)outq_iov(&c->out, iov, IOV_COUNT) };
	if (!m.msg_iovlen)
		return 0;
	ssize_t n = sendmsg(c->fd, &m, MSG_NOSIGNAL);
	if (n < 0)
		return -errno;
	outq_consume(&c->out, (size_t)n);
	return n;
}

/* Sends until nothing is left (0), the socket is full (-EAGAIN) or broken; a large flow yields to others in between. */
static int send_queue(struct http_conn *c, size_t *ret_sent)
{
	size_t sent = 0;
	ssize_t n;
	do {
		if (c->proto && c->proto->pull && c->out.bytes < WIRE_AHEAD)
			c->proto->pull(c);
		n = c->tls ? send_tls(c) : send_plain(c);
		sent += n > 0 ? (size_t)n : 0;
	} while ((n > 0 && sent < FLUSH_MAX) || n == -EINTR);
	*ret_sent = sent;
	return n > 0 ? -EAGAIN : (int)n;
}

/* Everything is sent: says so, and waits for the peer's end so that a reset cannot overtake the last answer. */
static void linger(struct http_conn *c)
{
	if (!c->lingering && c->tls) {
		c->lingering = true;
		tls_conn_shutdown(c->tls);
		size_t sent;
		send_queue(c, &sent);
	}
	c->lingering = true;
	c->paused = false;
	shutdown(c->fd, SHUT_WR);
	http_conn_deadline(c, LINGER_MS);
}

static void flush(struct http_conn *c)
{
	size_t sent = 0;
	int r = send_queue(c, &sent);
	c->write_blocked = r == -EAGAIN;
	if (r < 0 && r != -EAGAIN) {
		http_conn_die(c);
		return;
	}
	if (c->proto)
		c->proto->flushed(c);
	if (c->finish && !c->dead && !c->lingering && !http_conn_pending(c))
		linger(c);
	update_watch(c);
}

static void conn_work(void *arg)
{
	struct http_conn *c = arg;
	if (c->dead) {
		destroy(c); /* still marked as scheduled, so that nothing schedules it again */
		return;
	}
	c->scheduled = false;
	flush(c);
}

static void on_socket(void *arg, int events)
{
	struct http_conn *c = arg;
	if (events & FD_WRITE)
		flush(c);
	if ((events & FD_READ) && !c->dead)
		read_input(c);
}

void http_conn_new(struct http_server *s, int fd, const char *peer)
{
	struct http_conn *c = xcalloc(1, sizeof(*c));
	c->server = s;
	c->fd = fd;
	strncpy(c->peer, peer, sizeof(c->peer) - 1);
	c->watch = fd_watch_new(s->config.loop, fd, FD_READ, on_socket, c);
	c->timer = timer_new(s->config.loop, on_timer, c);
	if (s->tls)
		c->tls = tls_conn_new(s->tls, NULL);
	list_add(&s->conns, &c->link);
	http_conn_deadline(c, s->config.header_timeout_ms);
}
