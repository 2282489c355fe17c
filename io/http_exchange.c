/* The exchange object. Purpose: one interface over both protocols; guards the handler against itself (a second
 * response, bytes after the end, a body longer than announced).
 *
 * What can fail: nothing here; a lost peer makes writes vanish until on_close says so.
 *
 * What always holds: on_close is called exactly once, never from inside a call of the handler. */
#include "io/http_exchange.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "io/http_conn.h"

enum { LOW_WATER = 65536 };

struct http_exchange *http_exchange_new(const struct http_carrier *carrier, struct http_conn *conn, void *stream,
					struct http_request *r)
{
	struct http_exchange *x = xcalloc(1, sizeof(*x));
	x->carrier = carrier;
	x->conn = conn;
	x->stream = stream;
	x->request = *r;
	*r = (struct http_request){ 0 };
	x->is_head = !strcmp(x->request.method, "HEAD");
	x->left = -1;
	x->body_whole = true;
	return x;
}

void http_exchange_streams(struct http_exchange *x, int64_t length)
{
	x->streams = true;
	x->body_whole = false;
	x->body_length = length;
}

/* What nobody will read any more is dropped. */
void http_exchange_body(struct http_exchange *x, struct str *piece, bool whole)
{
	x->body_whole = x->body_whole || whole;
	if (!x->ended && !x->gone && piece->len)
		str_addn(&x->request.body, piece->p, piece->len);
	str_done(piece);
	if (x->body_fn && !x->ended && !x->gone)
		x->body_fn(x->body_arg, x);
}

size_t http_exchange_unread(const struct http_exchange *x)
{
	return x->request.body.len - x->body_at;
}

void http_exchange_check_drain(struct http_exchange *x)
{
	if (!x->above_mark || x->gone || http_pending_bytes(x) >= LOW_WATER)
		return;
	x->above_mark = false;
	if (x->drain_fn && !x->ended)
		x->drain_fn(x->drain_arg, x);
}

void http_exchange_finish(struct http_exchange *x)
{
	x->gone = true;
	if (x->close_fn)
		x->close_fn(x->close_arg, x);
	http_request_done(&x->request);
	free(x);
}

const char *http_method(const struct http_exchange *x)
{
	return x->request.method;
}

const char *http_target(const struct http_exchange *x)
{
	return x->request.target;
}

const char *http_path(const struct http_exchange *x)
{
	return x->request.path;
}

const char *http_query(const struct http_exchange *x)
{
	return x->request.query;
}

const char *http_query_get(const struct http_exchange *x, const char *name)
{
	return http_query_nth(x, name, 0);
}

const char *http_query_nth(const struct http_exchange *x, const char *name, size_t n)
{
	/* Parameters are taken apart at the first question: a cache, invisible to the caller. */
	return http_request_param((struct http_request *)&x->request, name, n);
}

const char *http_header_get(const struct http_exchange *x, const char *name)
{
	return http_request_header(&x->request, name);
}

const struct http_header *http_headers(const struct http_exchange *x, size_t *ret_n)
{
	*ret_n = x->request.n_headers;
	return x->request.headers;
}

const char *http_body(const struct http_exchange *x, size_t *ret_len)
{
	*ret_len = x->streams ? 0 : x->request.body.len;
	return x->streams ? "" : str_text(&x->request.body);
}

bool http_body_streams(const struct http_exchange *x)
{
	return x->streams;
}

int64_t http_body_length(const struct http_exchange *x)
{
	return x->streams ? x->body_length : (int64_t)x->request.body.len;
}

ssize_t http_body_read(struct http_exchange *x, void *p, size_t n)
{
	struct str *b = &x->request.body;
	size_t take = MIN(n, http_exchange_unread(x));
	if (take)
		memcpy(p, b->p + x->body_at, take);
	x->body_at += take;
	if (x->body_at == b->len) {
		str_reset(b);
		x->body_at = 0;
	}
	if (x->streams && !x->gone)
		x->carrier->taken(x, take);
	return take || x->body_whole || !n ? (ssize_t)take : -EAGAIN;
}

void http_on_body(struct http_exchange *x, http_exchange_fn fn, void *arg)
{
	x->body_fn = fn;
	x->body_arg = arg;
}

const char *http_peer_address(const struct http_exchange *x)
{
	return x->conn->peer;
}

const char *http_peer_common_name(const struct http_exchange *x)
{
	return x->conn->tls ? tls_conn_common_name(x->conn->tls) : NULL;
}

char *const *http_peer_organizations(const struct http_exchange *x)
{
	static char *const none[] = { NULL };
	return x->conn->tls ? tls_conn_organizations(x->conn->tls) : none;
}

bool http_peer_is_client(const struct http_exchange *x)
{
	return x->conn->tls && tls_conn_is_client(x->conn->tls);
}

bool http_peer_is_proxy(const struct http_exchange *x)
{
	return x->conn->tls && tls_conn_is_proxy(x->conn->tls);
}

bool http_peer_is_stranger(const struct http_exchange *x)
{
	return x->conn->tls && tls_conn_is_stranger(x->conn->tls);
}

const char *http_peer_fingerprint(const struct http_exchange *x)
{
	return x->conn->tls ? tls_conn_fingerprint(x->conn->tls) : "";
}

void http_on_close(struct http_exchange *x, http_exchange_fn fn, void *arg)
{
	x->close_fn = fn;
	x->close_arg = arg;
}

void http_on_drain(struct http_exchange *x, http_exchange_fn fn, void *arg)
{
	x->drain_fn = fn;
	x->drain_arg = arg;
}

/* A response may be started once, on a connection that is still there. */
static bool begin(struct http_exchange *x, int status, const struct http_header *headers, int64_t length)
{
	if (x->started || x->gone)
		return false;
	x->started = true;
	x->left = length;
	x->carrier->start(x, status, headers, length);
	return true;
}

void http_respond(struct http_exchange *x, int status, const struct http_header *headers, const void *body, size_t len)
{
	if (!begin(x, status, headers, (int64_t)len))
		return;
	http_write(x, body, len);
	http_end(x);
}

void http_respond_buf(struct http_exchange *x, int status, const struct http_header *headers, struct buf *body)
{
	if (!begin(x, status, headers, (int64_t)body->len))
		return;
	http_write_buf(x, body);
	http_end(x);
}

/* A Content-Length that the handler gives frames the body; -1 without one. */
static int64_t announced_length(const struct http_header *headers)
{
	for (; headers && headers->name; headers++) {
		int64_t n;
		if (!strcasecmp(headers->name, "content-length") && str_to_i64(headers->value, &n) == 0 && n >= 0)
			return n;
	}
	return -1;
}

void http_start(struct http_exchange *x, int status, const struct http_header *headers)
{
	begin(x, status, headers, announced_length(headers));
}

/* How many of n bytes may still be written. */
static size_t admit(struct http_exchange *x, size_t n)
{
	if (!x->started || x->ended || x->gone)
		return 0;
	if (x->left >= 0) {
		n = MIN(n, (size_t)x->left);
		x->left -= (int64_t)n;
	}
	return x->is_head ? 0 : n;
}

static void mark(struct http_exchange *x)
{
	if (http_pending_bytes(x) > LOW_WATER)
		x->above_mark = true;
}

void http_write(struct http_exchange *x, const void *bytes, size_t n)
{
	n = admit(x, n);
	if (!n)
		return;
	x->carrier->write(x, bytes, n);
	mark(x);
}

void http_write_buf(struct http_exchange *x, struct buf *b)
{
	size_t n = admit(x, b->len);
	if (!n)
		return;
	if (n < b->len) {
		x->carrier->write(x, b->data, n);
	} else {
		x->carrier->write_buf(x, b);
	}
	mark(x);
}

void http_end(struct http_exchange *x)
{
	if (!x->started || x->ended || x->gone)
		return;
	if (x->left > 0 && !x->is_head) {
		http_abort(x); /* shorter than announced: the peer must not take it for whole */
		return;
	}
	x->ended = true;
	x->carrier->end(x);
}

void http_abort(struct http_exchange *x)
{
	if (x->gone)
		return;
	x->ended = x->started = true;
	x->carrier->abort(x);
}

size_t http_pending_bytes(const struct http_exchange *x)
{
	return x->gone ? 0 : x->carrier->pending(x);
}

bool http_started(const struct http_exchange *x)
{
	return x->started;
}
