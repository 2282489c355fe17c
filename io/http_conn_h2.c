/* HTTP/2 on a connection of the server: joins the h2 codec to exchanges.
 *
 * What can fail: the peer breaking the protocol: GOAWAY goes out, then the connection closes.
 * What always holds: frames are pulled from the codec only while little is queued, so that bodies stay in their
 * streams' queues (shared bufs) and a slow stream holds up no other. */
#include <stdlib.h>
#include <strings.h>

#include "base/mem.h"
#include "io/h2.h"
#include "io/http_conn.h"

enum { AHEAD = 65536 };

enum deadline_kind { DEADLINE_UNSET, DEADLINE_IDLE, DEADLINE_REQUEST, DEADLINE_NONE };

struct h2_conn {
	struct h2 *codec;
	enum deadline_kind deadline;
};

static const struct http_carrier carrier;

static void on_request(void *arg, struct h2_stream *s, struct http_request *request)
{
	struct http_conn *c = arg;
	struct http_exchange *x = http_exchange_new(&carrier, c, s, request);
	int64_t length = -1;
	h2_set_data(s, x);
	if (!h2_body_is_whole(s)) {
		const char *text = http_header_get(x, "content-length");
		http_exchange_streams(x, text && str_to_i64(text, &length) == 0 ? length : -1);
	}
	c->server->config.on_request(c->server->config.arg, x);
}

static void on_end(void *arg, struct h2_stream *s, bool complete)
{
	(void)arg;
	(void)complete;
	http_exchange_finish(h2_data(s));
}

static void on_progress(void *arg, struct h2_stream *s)
{
	(void)arg;
	http_exchange_check_drain(h2_data(s));
}

static bool streams(void *arg, const struct http_request *head)
{
	const struct http_conn *c = arg;
	return http_server_streams(c->server, head);
}

static void on_body(void *arg, struct h2_stream *s, struct str *piece)
{
	(void)arg;
	http_exchange_body(h2_data(s), piece, h2_body_is_whole(s));
}

static const struct h2_events events = {
	.on_request = on_request,
	.on_end = on_end,
	.on_progress = on_progress,
	.streams = streams,
	.on_body = on_body,
};

static void set_deadline(struct http_conn *c)
{
	struct h2_conn *h = c->state;
	enum deadline_kind kind = DEADLINE_NONE;
	if (h2_n_incomplete(h->codec)) {
		kind = DEADLINE_REQUEST;
	} else if (!h2_n_streams(h->codec)) {
		kind = DEADLINE_IDLE;
	}
	if (c->finish || kind == h->deadline)
		return;
	const int64_t ms[] = { [DEADLINE_IDLE] = c->server->config.idle_timeout_ms,
			       [DEADLINE_REQUEST] = HTTP_BODY_TIMEOUT_MS, [DEADLINE_NONE] = 0 };
	h->deadline = kind;
	http_conn_deadline(c, ms[kind]);
}

static void on_open(struct http_conn *c)
{
	struct h2_conn *h = xcalloc(1, sizeof(*h));
	h->codec = h2_new(c->server->config.max_body, &events, c);
	h2_say_too_large(h->codec, c->server->config.too_large);
	c->state = h;
	if (c->server->stopping)
		h2_shutdown(h->codec);
	http_conn_schedule(c);
}

static void on_input(struct http_conn *c, const char *p, size_t n)
{
	struct h2_conn *h = c->state;
	int r = h2_input(h->codec, p, n);
	if (c->dead)
		return;
	http_conn_schedule(c);
	set_deadline(c);
	if (r < 0)
		http_conn_finish(c);
}

static void pull(struct http_conn *c)
{
	struct h2_conn *h = c->state;
	while (c->out.bytes < AHEAD && !c->dead) {
		const char *p;
		ssize_t n = h2_output(h->codec, &p);
		if (n == 0) {
			h2_settle(h->codec); /* which may have made more to send */
			n = h2_output(h->codec, &p);
		}
		if (n < 0)
			http_conn_die(c);
		if (n <= 0)
			return;
		outq_add(&c->out, p, (size_t)n);
	}
	h2_settle(h->codec);
}

static void on_flushed(struct http_conn *c)
{
	struct h2_conn *h = c->state;
	if (c->dead)
		return;
	set_deadline(c);
	if (h2_is_over(h->codec) && !c->finish)
		http_conn_finish(c);
}

static void on_eof(struct http_conn *c)
{
	http_conn_die(c);
}

static void on_timeout(struct http_conn *c)
{
	struct h2_conn *h = c->state;
	h->deadline = DEADLINE_UNSET;
	if (h2_n_incomplete(h->codec)) {
		h2_reset_incomplete(h->codec);
		http_conn_schedule(c);
	} else {
		h2_shutdown(h->codec);
		http_conn_finish(c);
	}
}

static void on_shutdown(struct http_conn *c)
{
	struct h2_conn *h = c->state;
	h2_shutdown(h->codec);
	if (h2_n_streams(h->codec)) {
		http_conn_schedule(c);
	} else {
		http_conn_finish(c);
	}
}

static void on_close(struct http_conn *c)
{
	struct h2_conn *h = c->state;
	h2_free(h->codec);
	free(h);
	c->state = NULL;
}

const struct http_proto http_proto_h2 = {
	.open = on_open,
	.input = on_input,
	.pull = pull,
	.flushed = on_flushed,
	.eof = on_eof,
	.timeout = on_timeout,
	.shutdown = on_shutdown,
	.close = on_close,
};

static void carrier_start(struct http_exchange *x, int status, const struct http_header *headers, int64_t length)
{
	bool bare = x->is_head || length == 0 || status == 204 || status == 304;
	h2_start(x->stream, status, headers, length, bare);
	http_conn_schedule(x->conn);
}

static void carrier_write(struct http_exchange *x, const void *bytes, size_t n)
{
	h2_write(x->stream, bytes, n);
	http_conn_schedule(x->conn);
}

static void carrier_write_buf(struct http_exchange *x, struct buf *b)
{
	h2_write_buf(x->stream, b);
	http_conn_schedule(x->conn);
}

static void carrier_end(struct http_exchange *x)
{
	h2_end(x->stream);
	http_conn_schedule(x->conn);
}

static void carrier_abort(struct http_exchange *x)
{
	h2_reset(x->stream);
	http_conn_schedule(x->conn);
}

static size_t carrier_pending(const struct http_exchange *x)
{
	return h2_pending(x->stream);
}

static void carrier_taken(struct http_exchange *x, size_t n)
{
	const char *expect = http_header_get(x, "expect");
	if (!n && !x->started && !x->continued && expect && !strcasecmp(expect, "100-continue")) {
		x->continued = true;
		h2_continue(x->stream);
	}
	h2_body_taken(x->stream, n);
	http_conn_schedule(x->conn);
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
