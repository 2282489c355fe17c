/* The server's HTTP/1.1 codec. Purpose: turn bytes into one request at a time and responses into bytes.
 *
 * Happy path: h1_input() builds the request through http-parser's callbacks and stops at its end; the caller answers,
 * calls h1_next() and feeds what was left. Of a body that streams the caller takes what has come after each h1_input().
 * What can fail: every malformed or too large request ends in H1_ERROR with the status to answer.
 * What always holds: no byte behind a complete request is touched; body (but for one that streams) and head stay below
 * their limits; each request starts from a fresh parser. */
#include "io/h1.h"

#include <http_parser.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

enum piece { PIECE_NONE, PIECE_TARGET, PIECE_NAME, PIECE_VALUE };

struct h1 {
	http_parser parser;
	struct http_request request;
	size_t max_body;
	enum h1_state state;
	enum piece piece;
	int error_status;
	bool fresh, wants_continue, keep_alive, head_done, streams;
	int64_t length; /* of a body that streams */
	bool (*streams_when)(void *arg, const struct http_request *head);
	void *arg;
};

static int fail(struct h1 *h, int status)
{
	h->error_status = status;
	return -1;
}

static int check_head_size(struct h1 *h)
{
	return http_request_is_too_large(&h->request) ? fail(h, 431) : 0;
}

static int on_url(http_parser *p, const char *at, size_t n)
{
	struct h1 *h = p->data;
	if (h->piece == PIECE_TARGET) {
		http_request_more(&h->request, at, n);
	} else {
		http_request_target(&h->request, at, n);
	}
	h->piece = PIECE_TARGET;
	return check_head_size(h);
}

/* Trailers come through the same callbacks; they are dropped, their size is bounded by the parser. */
static int on_field(http_parser *p, const char *at, size_t n)
{
	struct h1 *h = p->data;
	if (h->head_done)
		return 0;
	if (h->piece == PIECE_NAME) {
		http_request_more(&h->request, at, n);
	} else {
		http_request_header_name(&h->request, at, n);
	}
	h->piece = PIECE_NAME;
	return check_head_size(h);
}

static int on_value(http_parser *p, const char *at, size_t n)
{
	struct h1 *h = p->data;
	if (h->head_done)
		return 0;
	if (h->piece == PIECE_VALUE) {
		http_request_more(&h->request, at, n);
	} else {
		http_request_header_value(&h->request, at, n);
	}
	h->piece = PIECE_VALUE;
	return check_head_size(h);
}

static int check_expect(struct h1 *h, bool has_body)
{
	const char *expect = http_request_header(&h->request, "expect");
	if (!expect || h1_is_http10(h))
		return 0;
	if (strcasecmp(expect, "100-continue") != 0)
		return fail(h, 417);
	h->wants_continue = has_body;
	return 0;
}

/* RFC 9112 3.2: exactly one Host in HTTP/1.1. The parser lets spaces in names pass: names that two sides may read
 * differently are refused. */
static bool headers_are_valid(const struct h1 *h)
{
	size_t hosts = 0;
	for (size_t i = 0; i < h->request.n_headers; i++) {
		const char *name = h->request.headers[i].name;
		if (!*name || strchr(name, ' '))
			return false;
		hosts += !strcasecmp(name, "host");
	}
	return hosts == 1 || (hosts == 0 && h1_is_http10(h));
}

static int on_headers(http_parser *p)
{
	struct h1 *h = p->data;
	const char *method = http_method_str(p->method);
	http_request_method(&h->request, method, strlen(method));
	h->head_done = true;
	h->state = H1_BODY;
	if (p->http_major != 1)
		return fail(h, 505);
	if (p->method == HTTP_CONNECT)
		return fail(h, 405);
	if (http_request_finish_head(&h->request) < 0 || !headers_are_valid(h))
		return fail(h, 400);
	bool chunked = p->flags & F_CHUNKED, sized = p->content_length && p->content_length != UINT64_MAX;
	if (p->uses_transfer_encoding && !chunked)
		return fail(h, 501);
	bool body = (chunked || sized) && !p->upgrade;
	h->keep_alive = http_should_keep_alive(p);
	h->streams = body && h->streams_when && h->streams_when(h->arg, &h->request);
	h->length = sized && p->content_length <= INT64_MAX ? (int64_t)p->content_length : -1;
	if (sized && p->content_length > h->max_body && !h->streams)
		return fail(h, 413);
	if (sized)
		str_reserve(&h->request.body, MIN((size_t)p->content_length, (size_t)65536));
	return check_expect(h, chunked || sized);
}

static int on_body(http_parser *p, const char *at, size_t n)
{
	struct h1 *h = p->data;
	if (!h->streams && n > h->max_body - h->request.body.len)
		return fail(h, 413);
	str_addn(&h->request.body, at, n);
	return 0;
}

static int on_complete(http_parser *p)
{
	struct h1 *h = p->data;
	h->state = H1_DONE;
	h->wants_continue = false;
	h->keep_alive = http_should_keep_alive(p);
	http_parser_pause(p, 1);
	return 0;
}

static const http_parser_settings settings = {
	.on_url = on_url,
	.on_header_field = on_field,
	.on_header_value = on_value,
	.on_headers_complete = on_headers,
	.on_body = on_body,
	.on_message_complete = on_complete,
};

static void restart(struct h1 *h)
{
	http_parser_init(&h->parser, HTTP_REQUEST);
	h->parser.data = h;
	h->state = H1_HEAD;
	h->piece = PIECE_NONE;
	h->error_status = 0;
	h->fresh = true;
	h->wants_continue = h->keep_alive = h->head_done = h->streams = false;
}

struct h1 *h1_new(size_t max_body)
{
	struct h1 *h = xcalloc(1, sizeof(*h));
	h->max_body = max_body;
	restart(h);
	return h;
}

void h1_stream_when(struct h1 *h, bool (*streams)(void *arg, const struct http_request *head), void *arg)
{
	h->streams_when = streams;
	h->arg = arg;
}

bool h1_streams(const struct h1 *h)
{
	return h->streams;
}

int64_t h1_body_length(const struct h1 *h)
{
	return h->length;
}

void h1_free(struct h1 *h)
{
	if (!h)
		return;
	http_request_done(&h->request);
	free(h);
}

static int status_of_parser_error(const http_parser *p)
{
	switch (HTTP_PARSER_ERRNO(p)) {
	case HPE_HEADER_OVERFLOW:
		return 431;
	case HPE_INVALID_VERSION:
		return 505;
	default:
		return 400;
	}
}

size_t h1_input(struct h1 *h, const char *p, size_t n)
{
	if (!n || h->state == H1_DONE || h->state == H1_ERROR)
		return 0;
	size_t used = http_parser_execute(&h->parser, &settings, p, n);
	h->fresh = h->fresh && used == 0;
	if (h->state == H1_DONE)
		return used;
	if (HTTP_PARSER_ERRNO(&h->parser) != HPE_OK) {
		h->state = H1_ERROR;
		if (!h->error_status)
			h->error_status = status_of_parser_error(&h->parser);
	}
	return used;
}

enum h1_state h1_state(const struct h1 *h)
{
	return h->state;
}

bool h1_is_fresh(const struct h1 *h)
{
	return h->fresh;
}

int h1_error_status(const struct h1 *h)
{
	return h->error_status;
}

bool h1_take_continue(struct h1 *h)
{
	bool wants = h->wants_continue && h->state == H1_BODY;
	h->wants_continue = false;
	return wants;
}

struct http_request *h1_request(struct h1 *h)
{
	return &h->request;
}

bool h1_keep_alive(const struct h1 *h)
{
	return h->keep_alive;
}

bool h1_is_http10(const struct h1 *h)
{
	return h->parser.http_major == 1 && h->parser.http_minor == 0;
}

void h1_take(struct h1 *h, struct http_request *ret)
{
	*ret = h->request;
	h->request = (struct http_request){ 0 };
}

void h1_next(struct h1 *h, struct http_request *ret)
{
	h1_take(h, ret);
	restart(h);
}

static bool status_has_no_body(int status)
{
	return status < 200 || status == 204 || status == 304;
}

enum h1_body h1_body_kind(const struct h1_response *r)
{
	if (r->head_only || status_has_no_body(r->status))
		return H1_BODY_NONE;
	if (r->length >= 0)
		return H1_BODY_LENGTH;
	return r->http10 ? H1_BODY_CLOSE : H1_BODY_CHUNKED;
}

static void add_header(struct str *out, const char *name, const char *value)
{
	str_add(out, name);
	str_add(out, ": ");
	str_addn(out, value, strcspn(value, "\r\n"));
	str_add(out, "\r\n");
}

void h1_encode_head(struct str *out, const struct h1_response *r)
{
	str_addf(out, "HTTP/1.1 %d %s\r\n", r->status, http_status_text(r->status));
	for (const struct http_header *x = r->headers; x && x->name; x++)
		add_header(out, x->name, x->value);
	add_header(out, "Date", http_date());
	if (r->status >= 200 && r->status != 204 && r->length >= 0 && (r->status != 304 || r->length > 0))
		str_addf(out, "Content-Length: %lld\r\n", (long long)r->length);
	if (h1_body_kind(r) == H1_BODY_CHUNKED || (r->head_only && r->length < 0 && !r->http10))
		str_add(out, "Transfer-Encoding: chunked\r\n");
	if (r->status >= 200 && (!r->keep_alive || h1_body_kind(r) == H1_BODY_CLOSE)) {
		str_add(out, "Connection: close\r\n");
	} else if (r->http10 && r->keep_alive) {
		str_add(out, "Connection: keep-alive\r\n");
	}
	str_add(out, "\r\n");
}
