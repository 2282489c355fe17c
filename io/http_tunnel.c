/* Proxies an upgrade. Purpose: exec, attach and port-forward through the API server to a node.
 *
 * Happy path: connect -> (TLS) -> request head -> 101 -> bytes both ways until one side ends.
 * What can fail: reaching the server, its handshake or its answer: on_error gets the exchange back. A refusal (no 101)
 * is collected and becomes the client's answer.
 * What always holds: either the tunnel or the handler owns the exchange; a client that goes away ends the tunnel at any
 * point; each side is read only while the other takes what it gets. */
#include "io/http_tunnel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <http_parser.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/http_conn.h"

enum { CONNECT_TIMEOUT_MS = 10000, MAX_HEAD = 65536, MAX_REFUSAL = 1 << 20, HIGH_WATER = 65536, READ_SIZE = 32768 };

enum phase { CONNECTING, HANDSHAKE, RESPONSE, PASSING };

struct tunnel {
	struct http_exchange *x;
	struct loop *loop;
	struct timer *timer;
	int fd;
	struct fd_watch *watch;
	struct tls_conn *tls;
	enum phase phase;
	struct outq out; /* towards the server */
	struct str head; /* the response head as it came */
	http_parser parser;
	struct http_request answer; /* headers and body of a refusal */
	bool in_value, head_done, complete;
	bool client_paused, server_paused, write_blocked, ended;
	struct err failure;
	void (*on_error)(void *arg, struct http_exchange *x, const struct err *e);
	void *arg;
	http_exchange_fn close_fn; /* the handler's */
	void *close_arg;
};

static void tunnel_free(struct tunnel *t)
{
	timer_free(t->timer);
	fd_watch_free(t->watch);
	close_fd(&t->fd);
	tls_conn_free(t->tls);
	outq_done(&t->out);
	str_done(&t->head);
	http_request_done(&t->answer);
	free(t);
}

/* Gives the exchange back to its handler. */
static struct http_exchange *release(struct tunnel *t)
{
	struct http_exchange *x = t->x;
	http_on_close(x, t->close_fn, t->close_arg);
	return x;
}

static void fail(struct tunnel *t)
{
	struct http_exchange *x = release(t);
	struct err e = t->failure;
	void (*on_error)(void *, struct http_exchange *, const struct err *) = t->on_error;
	void *arg = t->arg;
	tunnel_free(t);
	on_error(arg, x, &e);
}

/* Failures are told from the timer, where nothing of ours is on the stack. */
static void fail_soon(struct tunnel *t)
{
	t->ended = true;
	if (t->watch)
		fd_watch_set(t->watch, 0);
	timer_start(t->timer, 0);
}

static void on_timer(void *arg)
{
	struct tunnel *t = arg;
	if (!t->failure.code)
		err_set(&t->failure, -ETIMEDOUT, "connect to the server: timed out");
	fail(t);
}

/* The server's side is broken or over. */
static void server_gone(struct tunnel *t, int code, const char *what)
{
	if (t->phase == PASSING) {
		t->ended = true;
		fd_watch_set(t->watch, 0);
		http_raw_finish(t->x);
		return;
	}
	if (!t->failure.code)
		err_code(&t->failure, code, "%s", what);
	fail_soon(t);
}

static void update_watch(struct tunnel *t)
{
	if (t->ended)
		return;
	bool reads = !t->server_paused && t->phase != CONNECTING;
	fd_watch_set(t->watch, (reads ? FD_READ : 0) | (t->write_blocked || t->phase == CONNECTING ? FD_WRITE : 0));
}

static size_t server_pending(const struct tunnel *t)
{
	return t->out.bytes + (t->tls ? tls_conn_wire(t->tls)->len : 0);
}

/* Hands the queue to TLS as far as the socket may take it. */
static int encrypt(struct tunnel *t)
{
	struct iovec iov;
	if (tls_conn_handshake(t->tls, &t->failure) != 0)
		return 0;
	while (tls_conn_wire(t->tls)->len < HIGH_WATER && outq_iov(&t->out, &iov, 1)) {
		if (tls_conn_write(t->tls, iov.iov_base, iov.iov_len) < 0)
			return -EPROTO;
		outq_consume(&t->out, iov.iov_len);
	}
	return 0;
}

static ssize_t send_some(struct tunnel *t)
{
	struct iovec iov = { 0 };
	struct str *wire = t->tls ? tls_conn_wire(t->tls) : NULL;
	if (wire && encrypt(t) < 0)
		return -EPROTO;
	if (wire) {
		iov = (struct iovec){ wire->p, wire->len };
	} else {
		outq_iov(&t->out, &iov, 1);
	}
	if (!iov.iov_len)
		return 0;
	ssize_t n = send(t->fd, iov.iov_base, iov.iov_len, MSG_NOSIGNAL);
	if (n < 0)
		return -errno;
	if (wire) {
		str_consume(wire, (size_t)n);
	} else {
		outq_consume(&t->out, (size_t)n);
	}
	return n;
}

/* 0, or a failure that was passed to server_gone(). */
static int flush(struct tunnel *t)
{
	ssize_t n;
	do {
		n = send_some(t);
	} while (n > 0 || n == -EINTR);
	t->write_blocked = n == -EAGAIN;
	if (n < 0 && n != -EAGAIN) {
		server_gone(t, (int)n, "write to the server");
		return -EIO;
	}
	update_watch(t);
	if (t->client_paused && server_pending(t) < HIGH_WATER) {
		t->client_paused = false;
		http_raw_pause(t->x, false);
	}
	return 0;
}

static int on_head_name(http_parser *p, const char *at, size_t n)
{
	struct tunnel *t = p->data;
	if (t->head_done)
		return 0;
	if (t->in_value || !t->answer.n_at) {
		http_request_header_name(&t->answer, at, n);
	} else {
		http_request_more(&t->answer, at, n);
	}
	t->in_value = false;
	return http_request_is_too_large(&t->answer);
}

static int on_head_value(http_parser *p, const char *at, size_t n)
{
	struct tunnel *t = p->data;
	if (t->head_done)
		return 0;
	if (t->in_value) {
		http_request_more(&t->answer, at, n);
	} else {
		http_request_header_value(&t->answer, at, n);
	}
	t->in_value = true;
	return http_request_is_too_large(&t->answer);
}

/* 2: no body follows, the rest belongs to another protocol. */
static int on_head_complete(http_parser *p)
{
	struct tunnel *t = p->data;
	t->head_done = true;
	return p->status_code == 101 ? 2 : 0;
}

static int on_answer_body(http_parser *p, const char *at, size_t n)
{
	struct tunnel *t = p->data;
	if (n > MAX_REFUSAL - t->answer.body.len)
		return -1;
	str_addn(&t->answer.body, at, n);
	return 0;
}

static int on_answer_complete(http_parser *p)
{
	((struct tunnel *)p->data)->complete = true;
	http_parser_pause(p, 1);
	return 0;
}

static const http_parser_settings settings = {
	.on_header_field = on_head_name,
	.on_header_value = on_head_value,
	.on_headers_complete = on_head_complete,
	.on_body = on_answer_body,
	.on_message_complete = on_answer_complete,
};

static bool is_framing(const char *name)
{
	return !strcasecmp(name, "content-length") || !strcasecmp(name, "transfer-encoding") ||
	       !strcasecmp(name, "connection") || !strcasecmp(name, "date");
}

/* The server's refusal becomes the client's answer. */
static void pass_refusal(struct tunnel *t)
{
	struct http_request *a = &t->answer;
	size_t kept = 0;
	http_request_method(a, "", 0);
	http_request_target(a, "*", 1);
	http_request_finish_head(a);
	for (size_t i = 0; i < a->n_headers; i++)
		if (!is_framing(a->headers[i].name))
			a->headers[kept++] = a->headers[i];
	a->headers[kept] = (struct http_header){ NULL, NULL };
	http_respond(release(t), (int)t->parser.status_code, a->headers, str_text(&a->body), a->body.len);
	tunnel_free(t);
}

static void to_client(struct tunnel *t, const char *p, size_t n)
{
	http_raw_write(t->x, p, n);
	if (http_raw_pending(t->x) > HIGH_WATER && !t->server_paused) {
		t->server_paused = true;
		update_watch(t);
	}
}

static void client_data(void *arg, const char *p, size_t n)
{
	struct tunnel *t = arg;
	if (t->ended)
		return;
	outq_add(&t->out, p, n);
	if (flush(t) == 0 && server_pending(t) > HIGH_WATER) {
		t->client_paused = true;
		http_raw_pause(t->x, true);
	}
}

static void client_drained(void *arg)
{
	struct tunnel *t = arg;
	t->server_paused = false;
	update_watch(t);
}

static void client_gone(void *arg)
{
	struct tunnel *t = arg;
	release(t);
	while (!t->ended && send_some(t) > 0)
		; /* what the client sent last may still fit into the socket */
	tunnel_free(t);
}

static const struct http_raw_ops raw_ops = { .on_data = client_data,
					     .on_drain = client_drained,
					     .on_close = client_gone };

static void begin_passing(struct tunnel *t, const char *rest, size_t n)
{
	t->phase = PASSING;
	timer_stop(t->timer);
	http_raw_begin(t->x, t->head.p, t->head.len, &raw_ops, t);
	str_done(&t->head);
	if (n)
		to_client(t, rest, n);
}

/* False when the tunnel is gone. */
static bool response_input(struct tunnel *t, const char *p, size_t n)
{
	size_t used = http_parser_execute(&t->parser, &settings, p, n);
	bool upgraded = t->complete && t->parser.status_code == 101;
	if (!t->head_done || upgraded)
		str_addn(&t->head, p, upgraded ? used : n);
	if (upgraded) {
		begin_passing(t, p + used, n - used);
	} else if (t->complete) {
		pass_refusal(t);
		return false;
	} else if (HTTP_PARSER_ERRNO(&t->parser) != HPE_OK || t->head.len > MAX_HEAD) {
		server_gone(t, -EPROTO, "malformed answer of the server");
	}
	return true;
}

static bool plain_input(struct tunnel *t, const char *p, size_t n)
{
	if (t->failure.code)
		return true;
	if (t->phase == PASSING) {
		to_client(t, p, n);
		return true;
	}
	return response_input(t, p, n);
}

/* The end may be what delimits a refusal. False when the tunnel is gone. */
static bool server_ended(struct tunnel *t)
{
	if (t->phase == RESPONSE && t->head_done) {
		http_parser_execute(&t->parser, &settings, NULL, 0);
		if (t->complete) {
			pass_refusal(t);
			return false;
		}
	}
	server_gone(t, -ECONNRESET, "the server closed the connection");
	return true;
}

static void tls_input(struct tunnel *t, const char *wire, size_t n)
{
	char plain[READ_SIZE];
	tls_conn_feed(t->tls, wire, n);
	int r = tls_conn_handshake(t->tls, &t->failure);
	if (r < 0 && r != -EAGAIN) {
		flush(t); /* the alert */
		fail_soon(t);
		return;
	}
	if (r == 0 && t->phase == HANDSHAKE)
		t->phase = RESPONSE;
	while (r == 0) {
		ssize_t got = tls_conn_read(t->tls, plain, sizeof(plain), &t->failure);
		if (got == -EAGAIN)
			break;
		if (got <= 0) {
			if (got < 0)
				server_gone(t, -EPROTO, "TLS");
			else if (!server_ended(t))
				return;
			break;
		}
		if (!plain_input(t, plain, (size_t)got))
			return;
	}
	flush(t);
}

static void server_readable(struct tunnel *t)
{
	char buf[READ_SIZE];
	ssize_t n = recv(t->fd, buf, sizeof(buf), 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		server_gone(t, -errno, "read from the server");
	} else if (n == 0) {
		server_ended(t);
	} else if (t->tls) {
		tls_input(t, buf, (size_t)n);
	} else {
		plain_input(t, buf, (size_t)n);
	}
}

static void connected(struct tunnel *t)
{
	int code = 0;
	socklen_t n = sizeof(code);
	if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &code, &n) < 0)
		code = errno;
	if (code) {
		server_gone(t, -code, "connect to the server");
		return;
	}
	t->phase = t->tls ? HANDSHAKE : RESPONSE;
	flush(t);
}

static void on_socket(void *arg, int events)
{
	struct tunnel *t = arg;
	if (t->phase == CONNECTING) {
		connected(t);
		return;
	}
	if ((events & FD_WRITE) && flush(t) < 0)
		return;
	if (events & FD_READ)
		server_readable(t);
}

static bool is_forwarded(const char *name)
{
	return !strcasecmp(name, "upgrade") || !strcasecmp(name, "connection") ||
	       !strcasecmp(name, "x-stream-protocol-version") || !strncasecmp(name, "sec-websocket-", 14);
}

static void queue_head(struct tunnel *t, const struct http_tunnel_opts *o)
{
	AUTO_STR head = STR_INIT;
	size_t n;
	const struct http_header *headers = http_headers(t->x, &n);
	bool six = strchr(o->host, ':');
	str_addf(&head, "%s %s HTTP/1.1\r\n", http_method(t->x), o->target);
	if (!o->headers)
		str_addf(&head, "Host: %s%s%s:%u\r\n", six ? "[" : "", o->host, six ? "]" : "", o->port);
	for (size_t i = 0; !o->headers && i < n; i++)
		if (is_forwarded(headers[i].name))
			str_addf(&head, "%s: %s\r\n", headers[i].name, headers[i].value);
	for (size_t i = 0; o->headers && o->headers[i]; i++)
		str_addf(&head, "%s\r\n", o->headers[i]);
	if (strcmp(http_method(t->x), "GET") != 0)
		str_add(&head, "Content-Length: 0\r\n");
	str_add(&head, "\r\n");
	outq_add(&t->out, head.p, head.len);
}

static int start_connect(struct tunnel *t, const struct http_tunnel_opts *o)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(o->port) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(o->port) };
	bool is_four = inet_pton(AF_INET, o->host, &four.sin_addr) == 1;
	if (!is_four && inet_pton(AF_INET6, o->host, &six.sin6_addr) != 1)
		return err_set(&t->failure, -EINVAL, "not a numeric address: %s", o->host);
	t->fd = socket(is_four ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (t->fd < 0)
		return err_sys(&t->failure, "socket");
	int on = 1, r;
	setsockopt(t->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(t->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	if (is_four) {
		r = connect(t->fd, (struct sockaddr *)&four, sizeof(four));
	} else {
		r = connect(t->fd, (struct sockaddr *)&six, sizeof(six));
	}
	if (r < 0 && errno != EINPROGRESS)
		return err_sys(&t->failure, "connect to %s port %u", o->host, o->port);
	t->watch = fd_watch_new(t->loop, t->fd, FD_WRITE, on_socket, t);
	return 0;
}

static void client_left(void *arg, struct http_exchange *x)
{
	struct tunnel *t = arg;
	http_exchange_fn fn = t->close_fn;
	void *close_arg = t->close_arg;
	tunnel_free(t);
	if (fn)
		fn(close_arg, x);
}

void http_tunnel(struct http_exchange *x, const struct http_tunnel_opts *o)
{
	struct tunnel *t = xcalloc(1, sizeof(*t));
	t->x = x;
	t->fd = -1;
	t->loop = x->conn->server->config.loop;
	t->timer = timer_new(t->loop, on_timer, t);
	t->on_error = o->on_error;
	t->arg = o->arg;
	t->close_fn = x->close_fn;
	t->close_arg = x->close_arg;
	http_on_close(x, client_left, t);
	http_parser_init(&t->parser, HTTP_RESPONSE);
	t->parser.data = t;
	int r = http_raw_is_possible(x) ? 0 : err_set(&t->failure, -EPROTONOSUPPORT, "upgrades need HTTP/1.1");
	if (r == 0)
		r = start_connect(t, o);
	if (r < 0) {
		fail_soon(t);
		return;
	}
	if (o->tls)
		t->tls = tls_conn_new(o->tls, o->host);
	queue_head(t, o);
	timer_start(t->timer, o->connect_timeout_ms ? o->connect_timeout_ms : CONNECT_TIMEOUT_MS);
}
