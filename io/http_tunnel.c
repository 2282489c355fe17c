/* Proxies an upgrade. Purpose: exec, attach and port-forward through the API server to a node.
 *
 * Happy path: dial (upstream.c) -> request head -> 101 -> bytes both ways until one side ends.
 * What can fail: reaching the server, its handshake or its answer: on_error gets the exchange back. A refusal (no 101)
 * is collected and becomes the client's answer.
 * What always holds: either the tunnel or the handler owns the exchange; a client that goes away ends the tunnel at any
 * point; each side is read only while the other takes what it gets. */
#include "io/http_tunnel.h"

#include <errno.h>
#include <http_parser.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "io/http_conn.h"
#include "io/upstream.h"

enum { CONNECT_TIMEOUT_MS = 10000, MAX_HEAD = 65536, MAX_REFUSAL = 1 << 20, HIGH_WATER = 65536 };

struct tunnel {
	struct http_exchange *x;
	struct timer *timer;
	struct upstream *server;
	struct str head; /* the response head as it came */
	http_parser parser;
	struct http_request answer; /* headers and body of a refusal */
	bool in_value, head_done, complete;
	bool passing, client_paused, ended;
	struct err failure;
	void (*on_error)(void *arg, struct http_exchange *x, const struct err *e);
	void *arg;
	http_exchange_fn close_fn; /* the handler's */
	void *close_arg;
};

static void tunnel_free(struct tunnel *t)
{
	timer_free(t->timer);
	upstream_free(t->server);
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
	if (t->passing) {
		t->ended = true;
		http_raw_finish(t->x);
		return;
	}
	if (!t->failure.code)
		err_code(&t->failure, code, "%s", what);
	fail(t);
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
	if (http_raw_pending(t->x) > HIGH_WATER)
		upstream_pause(t->server, true);
}

static void client_data(void *arg, const char *p, size_t n)
{
	struct tunnel *t = arg;
	if (t->ended)
		return;
	upstream_write(t->server, p, n);
	if (upstream_pending(t->server) > UPSTREAM_HIGH_WATER) {
		t->client_paused = true;
		http_raw_pause(t->x, true);
	}
}

static void client_drained(void *arg)
{
	struct tunnel *t = arg;
	upstream_pause(t->server, false);
}

static void client_gone(void *arg)
{
	struct tunnel *t = arg;
	release(t);
	tunnel_free(t);
}

static const struct http_raw_ops raw_ops = { .on_data = client_data,
					     .on_drain = client_drained,
					     .on_close = client_gone };

static void begin_passing(struct tunnel *t, const char *rest, size_t n)
{
	t->passing = true;
	timer_stop(t->timer);
	http_raw_begin(t->x, t->head.p, t->head.len, &raw_ops, t);
	str_done(&t->head);
	if (n)
		to_client(t, rest, n);
}

static void response_input(struct tunnel *t, const char *p, size_t n)
{
	size_t used = http_parser_execute(&t->parser, &settings, p, n);
	bool upgraded = t->complete && t->parser.status_code == 101;
	if (!t->head_done || upgraded)
		str_addn(&t->head, p, upgraded ? used : n);
	if (upgraded)
		begin_passing(t, p + used, n - used);
	else if (t->complete)
		pass_refusal(t);
	else if (HTTP_PARSER_ERRNO(&t->parser) != HPE_OK || t->head.len > MAX_HEAD)
		server_gone(t, -EPROTO, "malformed answer of the server");
}

static void on_data(void *arg, const char *p, size_t n)
{
	struct tunnel *t = arg;
	if (t->passing)
		to_client(t, p, n);
	else
		response_input(t, p, n);
}

static void on_drain(void *arg)
{
	struct tunnel *t = arg;
	if (!t->client_paused)
		return;
	t->client_paused = false;
	http_raw_pause(t->x, false);
}

/* The end may be what delimits a refusal. */
static void on_end(void *arg, const struct err *e)
{
	struct tunnel *t = arg;
	if (!e && !t->passing && t->head_done) {
		http_parser_execute(&t->parser, &settings, NULL, 0);
		if (t->complete) {
			pass_refusal(t);
			return;
		}
	}
	if (e)
		t->failure = *e;
	server_gone(t, -ECONNRESET, "the server closed the connection");
}

static const struct upstream_ops server_ops = { .on_data = on_data, .on_drain = on_drain, .on_end = on_end };

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
	upstream_write(t->server, head.p, head.len);
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
	struct loop *loop = x->conn->server->config.loop;
	t->x = x;
	t->timer = timer_new(loop, on_timer, t);
	t->on_error = o->on_error;
	t->arg = o->arg;
	t->close_fn = x->close_fn;
	t->close_arg = x->close_arg;
	http_on_close(x, client_left, t);
	http_parser_init(&t->parser, HTTP_RESPONSE);
	t->parser.data = t;
	if (!http_raw_is_possible(x)) {
		err_set(&t->failure, -EPROTONOSUPPORT, "upgrades need HTTP/1.1");
		timer_start(t->timer, 0); /* told from there */
		return;
	}
	t->server = upstream_dial(&(struct upstream_opts){ .loop = loop,
							   .host = o->host,
							   .port = o->port,
							   .tls = o->tls,
							   .ops = &server_ops,
							   .arg = t });
	queue_head(t, o);
	timer_start(t->timer, o->connect_timeout_ms ? o->connect_timeout_ms : CONNECT_TIMEOUT_MS);
}
