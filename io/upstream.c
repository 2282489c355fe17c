/* A connection to another server. Purpose: socket, TLS and queue of whoever is a client without being libcurl's.
 *
 * Happy path: connect -> (TLS handshake) -> on_ready; bytes that were written leave at the end of the callback, what comes is
 * told by on_data, the end by on_end.
 * What can fail: the connection, at any time: told once by on_end, from the loop.
 * What always holds: nothing is told after on_end or upstream_free(), nor before the caller has returned to the loop. */
#include "io/upstream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "io/outq.h"
#include "io/tls_conn.h"

enum { READ_SIZE = 32768, KEEP_IDLE_S = 30, KEEP_INTERVAL_S = 15, KEEP_COUNT = 4 };

struct upstream {
	struct loop *loop;
	struct timer *timer; /* the time to get ready in; tells a failure of dialling */
	int fd;
	struct fd_watch *watch;
	struct tls_conn *tls;
	struct outq out;
	const struct upstream_ops *ops;
	void *arg;
	struct err failure;
	bool connected, ready, paused, write_blocked, above_mark;
	bool ended;	/* on_end was called */
	bool scheduled; /* work() is deferred */
	bool freed;
	int inside; /* on the stack: not to be destroyed */
};

static void destroy(struct upstream *u)
{
	timer_free(u->timer);
	fd_watch_free(u->watch);
	close_fd(&u->fd);
	tls_conn_free(u->tls);
	outq_done(&u->out);
	free(u);
}

static void leave(struct upstream *u)
{
	if (--u->inside == 0 && u->freed && !u->scheduled)
		destroy(u);
}

static void update_watch(struct upstream *u)
{
	if (u->ended || u->freed || !u->watch)
		return;
	bool reads = u->connected && !u->paused;
	fd_watch_set(u->watch, (reads ? FD_READ : 0) | (u->write_blocked || !u->connected ? FD_WRITE : 0));
}

/* Told once; code 0: the server has ended its side. */
static void end(struct upstream *u, int code, const char *what)
{
	if (u->ended || u->freed)
		return;
	if (code && !u->failure.code)
		err_code(&u->failure, code, "%s", what);
	u->ended = true;
	timer_stop(u->timer);
	if (u->watch)
		fd_watch_set(u->watch, 0);
	u->ops->on_end(u->arg, code ? &u->failure : NULL);
}

static void on_timer(void *arg)
{
	struct upstream *u = arg;
	u->inside++;
	end(u, u->failure.code ? u->failure.code : -ETIMEDOUT, "connect to the server: timed out");
	leave(u);
}

size_t upstream_pending(const struct upstream *u)
{
	return u->out.bytes + (u->tls ? tls_conn_wire(u->tls)->len : 0);
}

bool upstream_is_ready(const struct upstream *u)
{
	return u->ready;
}

/* Hands the queue to TLS as far as the socket may take it. */
static int encrypt(struct upstream *u)
{
	struct iovec iov;
	while (u->ready && tls_conn_wire(u->tls)->len < UPSTREAM_HIGH_WATER && outq_iov(&u->out, &iov, 1)) {
		if (tls_conn_write(u->tls, iov.iov_base, iov.iov_len) < 0)
			return -EPROTO;
		outq_consume(&u->out, iov.iov_len);
	}
	return 0;
}

static ssize_t send_some(struct upstream *u)
{
	struct iovec iov = {0};
	struct str *wire = u->tls ? tls_conn_wire(u->tls) : NULL;
	if (wire && encrypt(u) < 0)
		return -EPROTO;
	if (wire)
		iov = (struct iovec){wire->p, wire->len};
	else
		outq_iov(&u->out, &iov, 1);
	if (!iov.iov_len)
		return 0;
	ssize_t n = send(u->fd, iov.iov_base, iov.iov_len, MSG_NOSIGNAL);
	if (n < 0)
		return -errno;
	if (wire)
		str_consume(wire, (size_t)n);
	else
		outq_consume(&u->out, (size_t)n);
	return n;
}

static void flush(struct upstream *u)
{
	ssize_t n;
	if (!u->connected || u->ended || u->freed)
		return;
	do {
		n = send_some(u);
	} while (n > 0 || n == -EINTR);
	u->write_blocked = n == -EAGAIN;
	if (n < 0 && n != -EAGAIN) {
		end(u, (int)n, "write to the server");
		return;
	}
	update_watch(u);
	if (u->above_mark && upstream_pending(u) < UPSTREAM_HIGH_WATER) {
		u->above_mark = false;
		if (u->ops->on_drain)
			u->ops->on_drain(u->arg);
	}
}

static void work(void *arg)
{
	struct upstream *u = arg;
	u->scheduled = false;
	u->inside++;
	flush(u);
	leave(u);
}

static void schedule(struct upstream *u)
{
	if (u->scheduled)
		return;
	u->scheduled = true;
	loop_defer(u->loop, work, u);
}

static void become_ready(struct upstream *u)
{
	u->ready = true;
	timer_stop(u->timer);
	schedule(u);
	if (u->ops->on_ready)
		u->ops->on_ready(u->arg);
}

static void tls_input(struct upstream *u, const char *wire, size_t n)
{
	char plain[READ_SIZE];
	tls_conn_feed(u->tls, wire, n);
	int r = tls_conn_handshake(u->tls, &u->failure);
	if (tls_conn_wire(u->tls)->len)
		schedule(u);
	if (r < 0 && r != -EAGAIN) {
		while (send_some(u) > 0)
			; /* the alert */
		end(u, r, "TLS");
		return;
	}
	if (r == 0 && !u->ready)
		become_ready(u);
	while (r == 0 && !u->ended && !u->freed) {
		ssize_t got = tls_conn_read(u->tls, plain, sizeof(plain), &u->failure);
		if (got == -EAGAIN)
			break;
		if (got > 0)
			u->ops->on_data(u->arg, plain, (size_t)got);
		else
			end(u, got < 0 ? -EPROTO : 0, "TLS");
	}
	if (!u->freed && tls_conn_wire(u->tls)->len)
		schedule(u);
}

static void read_input(struct upstream *u)
{
	char buf[READ_SIZE];
	ssize_t n = recv(u->fd, buf, sizeof(buf), 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		end(u, -errno, "read from the server");
	else if (n == 0)
		end(u, u->ready ? 0 : -ECONNRESET, "the server closed the connection");
	else if (u->tls)
		tls_input(u, buf, (size_t)n);
	else
		u->ops->on_data(u->arg, buf, (size_t)n);
}

static void connected(struct upstream *u)
{
	int code = 0;
	socklen_t n = sizeof(code);
	if (getsockopt(u->fd, SOL_SOCKET, SO_ERROR, &code, &n) < 0)
		code = errno;
	if (code) {
		end(u, -code, "connect to the server");
		return;
	}
	u->connected = true;
	if (u->tls)
		tls_conn_handshake(u->tls, &u->failure); /* what it says first */
	else
		become_ready(u);
	flush(u);
}

static void on_socket(void *arg, int events)
{
	struct upstream *u = arg;
	u->inside++;
	if (!u->connected) {
		connected(u);
	} else {
		if (events & FD_WRITE)
			flush(u);
		if ((events & FD_READ) && !u->ended && !u->freed)
			read_input(u);
	}
	leave(u);
}

static void tune(int fd)
{
	int on = 1, idle = KEEP_IDLE_S, interval = KEEP_INTERVAL_S, count = KEEP_COUNT;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
}

static int start_connect(struct upstream *u, const struct upstream_opts *o)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(o->port)};
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(o->port)};
	bool is_four = inet_pton(AF_INET, o->host, &four.sin_addr) == 1;
	if (!is_four && inet_pton(AF_INET6, o->host, &six.sin6_addr) != 1)
		return err_set(&u->failure, -EINVAL, "not a numeric address: %s", o->host);
	u->fd = socket(is_four ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (u->fd < 0)
		return err_sys(&u->failure, "socket");
	tune(u->fd);
	int r = is_four ? connect(u->fd, (struct sockaddr *)&four, sizeof(four)) : connect(u->fd, (struct sockaddr *)&six, sizeof(six));
	if (r < 0 && errno != EINPROGRESS)
		return err_sys(&u->failure, "connect to %s port %u", o->host, o->port);
	u->watch = fd_watch_new(u->loop, u->fd, FD_WRITE, on_socket, u);
	return 0;
}

struct upstream *upstream_dial(const struct upstream_opts *o)
{
	struct upstream *u = xcalloc(1, sizeof(*u));
	u->loop = o->loop;
	u->ops = o->ops;
	u->arg = o->arg;
	u->fd = -1;
	u->timer = timer_new(o->loop, on_timer, u);
	if (o->tls)
		u->tls = tls_conn_new(o->tls, o->server_name ? o->server_name : o->host);
	if (start_connect(u, o) < 0)
		timer_start(u->timer, 0); /* told from there */
	else if (o->timeout_ms)
		timer_start(u->timer, o->timeout_ms);
	return u;
}

void upstream_free(struct upstream *u)
{
	if (!u || u->freed)
		return;
	if (u->connected && !u->ended)
		while (send_some(u) > 0)
			;
	u->freed = true;
	if (u->watch)
		fd_watch_set(u->watch, 0);
	timer_stop(u->timer);
	if (!u->inside && !u->scheduled)
		destroy(u);
}

void upstream_write(struct upstream *u, const void *p, size_t n)
{
	if (u->ended || u->freed)
		return;
	outq_add(&u->out, p, n);
	u->above_mark = u->above_mark || upstream_pending(u) > UPSTREAM_HIGH_WATER;
	schedule(u);
}

void upstream_pause(struct upstream *u, bool paused)
{
	u->paused = paused;
	update_watch(u);
}
