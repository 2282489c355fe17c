/* HTTP/1.1 on a connection of the server, and the raw bytes that follow an upgrade.
 *
 * Happy path: bytes -> h1 codec -> exchange -> handler; when its response has left in full, the next request is taken
 * from what has been read meanwhile (pipelining), else the connection idles.
 * A body that streams goes on coming while its exchange runs; the peer is held up while much of it is unread.
 * What can fail: a malformed request gets its status and the connection closes; a peer that ends during a request or a
 * response ends the exchange.
 * What always holds: one exchange at a time; requests that come too early wait, at most 64 KiB of them; a response that
 * starts before its request's body has ended is the connection's last. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/h1.h"
#include "io/http_conn.h"

enum { MAX_WAITING = 65536 };

struct h1_conn {
	struct h1 *codec;
	struct http_exchange *x; /* the running one */
	enum h1_body body;
	bool keep_alive, http10, draining;
	enum h1_state phase; /* whose deadline runs */
	bool phase_fresh;
	const struct http_raw_ops *raw;
	void *raw_arg;
	bool raw_above_mark;
};

static const struct http_carrier carrier;

/* The head has its time from its first byte, the body from the end of the head. */
static void set_deadline(struct http_conn *c)
{
	struct h1_conn *h = c->state;
	const struct http_server_config *config = &c->server->config;
	enum h1_state phase = h1_state(h->codec);
	bool fresh = h1_is_fresh(h->codec);
	if (c->finish || (!h->x && phase == h->phase && fresh == h->phase_fresh))
		return;
	h->phase = phase;
	h->phase_fresh = fresh;
	if (h->x) {
		http_conn_deadline(c, 0);
	} else if (phase == H1_BODY) {
		http_conn_deadline(c, HTTP_BODY_TIMEOUT_MS);
	} else {
		http_conn_deadline(c, fresh ? config->idle_timeout_ms : config->header_timeout_ms);
	}
}

static void refuse(struct http_conn *c, int status)
{
	AUTO_STR out = STR_INIT;
	const char *json = status == 413 ? c->server->config.too_large : NULL, *text = json ? json : http_status_text(status);
	struct http_header headers[] = { { "Content-Type", json ? "application/json" : "text/plain" }, { NULL, NULL } };
	h1_encode_head(&out, &(struct h1_response){ .status = status, .headers = headers,
						    .length = (int64_t)strlen(text) + 1 });
	str_addf(&out, "%s\n", text);
	http_conn_write(c, out.p, out.len);
	http_conn_finish(c);
}

static void dispatch(struct http_conn *c)
{
	struct h1_conn *h = c->state;
	struct http_request request;
	h->keep_alive = h1_keep_alive(h->codec) && !c->server->stopping;
	h->http10 = h1_is_http10(h->codec);
	bool streams = h1_state(h->codec) != H1_DONE;
	if (streams)
		h1_take(h->codec, &request);
	else
		h1_next(h->codec, &request);
	h->x = http_exchange_new(&carrier, c, NULL, &request);
	if (streams)
		http_exchange_streams(h->x, h1_body_length(h->codec));
	set_deadline(c);
	c->server->config.on_request(c->server->config.arg, h->x);
}

static void keep(struct http_conn *c, const char *p, size_t n)
{
	struct h1_conn *h = c->state;
	str_addn(&c->in, p, n);
	if (c->in.len > MAX_WAITING && !h->raw)
		http_conn_pause(c, true);
	if (h->raw)
		http_conn_schedule(c);
}

static bool body_is_coming(const struct h1_conn *h)
{
	return h->x && h->x->streams && !h->x->body_whole;
}

static void send_continue(struct http_conn *c)
{
	struct h1_conn *h = c->state;
	if (h1_take_continue(h->codec))
		http_conn_write(c, "HTTP/1.1 100 Continue\r\n\r\n", 25);
}

static void body_came(struct http_conn *c)
{
	struct h1_conn *h = c->state;
	struct http_request piece;
	bool whole = h1_state(h->codec) == H1_DONE;
	if (whole)
		h1_next(h->codec, &piece);
	else
		h1_take(h->codec, &piece);
	http_exchange_body(h->x, &piece.body, whole);
	http_request_done(&piece);
	if (!whole && http_exchange_unread(h->x) > MAX_WAITING)
		http_conn_pause(c, true);
}

static void malformed(struct http_conn *c)
{
	struct h1_conn *h = c->state;
	if (h->x)
		http_conn_die(c);
	else
		refuse(c, h1_error_status(h->codec));
}

static void consume(struct http_conn *c, const char *p, size_t n)
{
	struct h1_conn *h = c->state;
	while (n && (!h->x || body_is_coming(h)) && !c->finish && !c->dead) {
		size_t used = h1_input(h->codec, p, n);
		p += used;
		n -= used;
		if (h1_state(h->codec) == H1_ERROR) {
			malformed(c);
			return;
		}
		if (!h1_streams(h->codec))
			send_continue(c);
		if (h->x)
			body_came(c);
		else if (h1_state(h->codec) == H1_DONE || h1_streams(h->codec))
			dispatch(c);
	}
	if (n && !c->finish && !c->dead)
		keep(c, p, n);
	if (!c->dead)
		set_deadline(c);
}

static void on_open(struct http_conn *c)
{
	struct h1_conn *h = xcalloc(1, sizeof(*h));
	h->codec = h1_new(c->server->config.max_body);
	h1_stream_when(h->codec, http_server_streams, c->server);
	h->phase_fresh = true;
	c->state = h;
}

static void on_input(struct http_conn *c, const char *p, size_t n)
{
	struct h1_conn *h = c->state;
	if (h->raw && !c->paused && !c->in.len) {
		h->raw->on_data(h->raw_arg, p, n);
	} else if (h->x && !body_is_coming(h)) {
		keep(c, p, n);
	} else {
		consume(c, p, n);
	}
}

/* Goes on with what was read while the last exchange ran. */
static void next(struct http_conn *c)
{
	struct h1_conn *h = c->state;
	AUTO_STR waiting = c->in;
	c->in = STR_INIT;
	h->phase = H1_DONE; /* a new deadline in any case */
	if (c->paused)
		http_conn_pause(c, false);
	if (waiting.len) {
		consume(c, waiting.p, waiting.len);
	} else {
		set_deadline(c);
	}
}

static void exchange_over(struct http_conn *c)
{
	struct h1_conn *h = c->state;
	http_exchange_finish(TAKE(h->x));
	if (c->dead)
		return;
	if (!h->keep_alive || h->draining) {
		http_conn_finish(c);
	} else {
		next(c);
	}
}

static void raw_flushed(struct http_conn *c)
{
	struct h1_conn *h = c->state;
	if (c->in.len && !c->paused && !c->finish) {
		AUTO_STR early = c->in;
		c->in = STR_INIT;
		h->raw->on_data(h->raw_arg, early.p, early.len);
	}
	if (!h->raw_above_mark || c->dead || c->finish || http_conn_pending(c) >= MAX_WAITING)
		return;
	h->raw_above_mark = false;
	h->raw->on_drain(h->raw_arg);
}

static void on_flushed(struct http_conn *c)
{
	struct h1_conn *h = c->state;
	if (h->raw) {
		raw_flushed(c);
	} else if (h->x && h->x->ended && !http_conn_pending(c)) {
		exchange_over(c);
	} else if (h->x && h->x->ended) {
		http_conn_deadline(c, c->server->config.idle_timeout_ms); /* progress */
	} else if (h->x) {
		http_exchange_check_drain(h->x);
	}
}

static void on_eof(struct http_conn *c)
{
	struct h1_conn *h = c->state;
	if (h->x && h->x->ended && !h->raw) {
		h->keep_alive = false; /* the answer is still on its way */
		http_conn_pause(c, true);
	} else {
		http_conn_die(c);
	}
}

static void on_timeout(struct http_conn *c)
{
	struct h1_conn *h = c->state;
	if (!h->x && !h1_is_fresh(h->codec)) {
		refuse(c, 408);
	} else {
		http_conn_die(c);
	}
}

static void on_shutdown(struct http_conn *c)
{
	struct h1_conn *h = c->state;
	h->draining = true;
	h->keep_alive = false;
	if (!h->x && h1_is_fresh(h->codec))
		http_conn_die(c);
}

static void on_close(struct http_conn *c)
{
	struct h1_conn *h = c->state;
	if (h->raw)
		h->raw->on_close(h->raw_arg);
	if (h->x)
		http_exchange_finish(TAKE(h->x));
	h1_free(h->codec);
	free(h);
	c->state = NULL;
}

const struct http_proto http_proto_h1 = {
	.open = on_open,
	.input = on_input,
	.flushed = on_flushed,
	.eof = on_eof,
	.timeout = on_timeout,
	.shutdown = on_shutdown,
	.close = on_close,
};

static void carrier_start(struct http_exchange *x, int status, const struct http_header *headers, int64_t length)
{
	struct http_conn *c = x->conn;
	if (c->dead)
		return;
	struct h1_conn *h = c->state;
	struct h1_response r = { .status = status, .headers = headers, .length = length, .head_only = x->is_head,
				 .http10 = h->http10 };
	h->body = h1_body_kind(&r);
	h->keep_alive = h->keep_alive && !h->draining && h->body != H1_BODY_CLOSE && !body_is_coming(h);
	r.keep_alive = h->keep_alive;
	AUTO_STR head = STR_INIT;
	h1_encode_head(&head, &r);
	http_conn_write(c, head.p, head.len);
}

static bool has_body(const struct http_exchange *x)
{
	return !x->conn->dead && ((struct h1_conn *)x->conn->state)->body != H1_BODY_NONE;
}

static bool open_chunk(struct http_exchange *x, size_t n)
{
	if (((struct h1_conn *)x->conn->state)->body != H1_BODY_CHUNKED)
		return false;
	char size[24];
	int len = snprintf(size, sizeof(size), "%zx\r\n", n);
	http_conn_write(x->conn, size, (size_t)len);
	return true;
}

static void carrier_write(struct http_exchange *x, const void *bytes, size_t n)
{
	if (!has_body(x))
		return;
	bool chunked = open_chunk(x, n);
	http_conn_write(x->conn, bytes, n);
	if (chunked)
		http_conn_write(x->conn, "\r\n", 2);
}

static void carrier_write_buf(struct http_exchange *x, struct buf *b)
{
	if (!has_body(x))
		return;
	bool chunked = open_chunk(x, b->len);
	http_conn_write_buf(x->conn, b);
	if (chunked)
		http_conn_write(x->conn, "\r\n", 2);
}

static void carrier_end(struct http_exchange *x)
{
	if (x->conn->dead)
		return;
	struct h1_conn *h = x->conn->state;
	if (h->body == H1_BODY_CHUNKED)
		http_conn_write(x->conn, "0\r\n\r\n", 5);
	http_conn_deadline(x->conn, x->conn->server->config.idle_timeout_ms);
	http_conn_schedule(x->conn);
}

static void carrier_abort(struct http_exchange *x)
{
	http_conn_die(x->conn);
}

static size_t carrier_pending(const struct http_exchange *x)
{
	return http_conn_pending(x->conn);
}

static void carrier_taken(struct http_exchange *x, size_t n)
{
	struct http_conn *c = x->conn;
	(void)n;
	if (c->dead || !body_is_coming(c->state))
		return;
	if (!x->started)
		send_continue(c);
	if (c->paused && http_exchange_unread(x) < MAX_WAITING / 2)
		http_conn_pause(c, false);
}

static const struct http_carrier carrier = {
	.start = carrier_start,
	.write = carrier_write,
	.write_buf = carrier_write_buf,
	.end = carrier_end,
	.abort = carrier_abort,
	.pending = carrier_pending,
	.taken = carrier_taken,
};

bool http_raw_is_possible(const struct http_exchange *x)
{
	return x->carrier == &carrier && !x->started && !x->gone && !x->conn->dead;
}

void http_raw_begin(struct http_exchange *x, const char *head, size_t n, const struct http_raw_ops *ops, void *arg)
{
	struct http_conn *c = x->conn;
	struct h1_conn *h = c->state;
	x->started = true;
	h->raw = ops;
	h->raw_arg = arg;
	if (c->paused)
		http_conn_pause(c, false);
	http_conn_deadline(c, 0);
	http_conn_write(c, head, n);
}

void http_raw_write(struct http_exchange *x, const void *bytes, size_t n)
{
	if (x->gone || x->conn->dead)
		return;
	struct h1_conn *h = x->conn->state;
	http_conn_write(x->conn, bytes, n);
	if (http_conn_pending(x->conn) > MAX_WAITING)
		h->raw_above_mark = true;
}

size_t http_raw_pending(const struct http_exchange *x)
{
	return x->gone ? 0 : http_conn_pending(x->conn);
}

void http_raw_pause(struct http_exchange *x, bool paused)
{
	if (x->gone || x->conn->dead)
		return;
	http_conn_pause(x->conn, paused);
	http_conn_schedule(x->conn); /* what waits is delivered from the loop, not from inside this call */
}

void http_raw_finish(struct http_exchange *x)
{
	if (!x->gone)
		http_conn_finish(x->conn);
}
