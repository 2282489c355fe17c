/* The server's HTTP/2 codec. Purpose: nghttp2 sessions with whole requests on one side and queues on the other.
 *
 * Happy path: h2_input() fills requests from nghttp2's callbacks; complete ones wait in a list and are handed out when
 * nghttp2 has returned. Responses are queued per stream; a data provider gives them to nghttp2 as windows allow and
 * defers when its queue is empty. Of a body that streams each piece is told, and the stream's window opens as they are
 * taken; a peer whose body goes on behind the whole response, and who must have seen that, is told to stop.
 * What can fail: the peer breaking the protocol (nghttp2 sends GOAWAY, the caller closes); a head or body beyond its
 * limit is answered 431 or 413 here, without the handler.
 * What always holds: no event is emitted while nghttp2 is on the stack; a stream is freed only after its end was told; a
 * body that nobody takes holds up its own stream and no other.
 */
#include "io/h2.h"

#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/list.h"
#include "base/mem.h"
#include "io/outq.h"

enum { MAX_STREAMS = 250, STREAM_WINDOW = 256 << 10, CONN_WINDOW = 4 << 20, MAX_RESPONSE_HEADERS = 64 };

struct h2 {
	nghttp2_session *session;
	const struct h2_events *events;
	void *arg;
	size_t max_body, n_streams, n_incomplete;
	const char *too_large; /* what a 413 carries; NULL: its name */
	struct list streams; /* all */
	struct list news;    /* streams with something to tell */
	bool failed;
};

struct h2_stream {
	struct h2 *h2;
	struct list link, news;
	int32_t id;
	struct http_request request;
	struct outq out;
	void *data;
	int error_status; /* answered here */
	bool incomplete;  /* the request has not ended, and does not stream */
	bool streams, body_whole, body_news;
	size_t untaken; /* of the body, told but not taken */
	size_t dropped; /* of it, behind the response */
	bool given;       /* on_request was called */
	bool ready, closed, complete, progress;
	bool started, ended, deferred, end_sent;
};

static void tell(struct h2_stream *s)
{
	if (list_is_empty(&s->news))
		list_add(&s->h2->news, &s->news);
}

static void request_ended(struct h2_stream *s)
{
	if (s->incomplete)
		s->h2->n_incomplete--;
	s->incomplete = false;
}

static void stream_free(struct h2_stream *s)
{
	request_ended(s);
	s->h2->n_streams--;
	list_remove(&s->link);
	list_remove(&s->news);
	http_request_done(&s->request);
	outq_done(&s->out);
	free(s);
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *f, void *arg)
{
	struct h2 *h = arg;
	if (f->hd.type != NGHTTP2_HEADERS || f->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	struct h2_stream *s = xcalloc(1, sizeof(*s));
	s->h2 = h;
	s->id = f->hd.stream_id;
	s->incomplete = true;
	h->n_streams++;
	h->n_incomplete++;
	list_add(&h->streams, &s->link);
	list_init(&s->news);
	nghttp2_session_set_stream_user_data(session, s->id, s);
	return 0;
}

static bool is_name(const uint8_t *name, size_t n, const char *what)
{
	return n == strlen(what) && !memcmp(name, what, n);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *f, const uint8_t *name, size_t name_len,
		     const uint8_t *value, size_t value_len, uint8_t flags, void *arg)
{
	(void)flags;
	(void)arg;
	struct h2_stream *s = nghttp2_session_get_stream_user_data(session, f->hd.stream_id);
	if (!s || f->hd.type != NGHTTP2_HEADERS || f->headers.cat != NGHTTP2_HCAT_REQUEST || s->error_status)
		return 0; /* trailers are dropped */
	struct http_request *r = &s->request;
	const char *v = (const char *)value;
	if (is_name(name, name_len, ":method")) {
		http_request_method(r, v, value_len);
	} else if (is_name(name, name_len, ":path")) {
		http_request_target(r, v, value_len);
	} else if (name_len && *name != ':') {
		http_request_header_name(r, (const char *)name, name_len);
		http_request_header_value(r, v, value_len);
	} else if (is_name(name, name_len, ":authority")) {
		http_request_header_name(r, "host", 4);
		http_request_header_value(r, v, value_len);
	}
	if (http_request_is_too_large(r))
		s->error_status = 431;
	return 0;
}

/* RFC 9113 8.1: a response that is whole before its request asks the client to stop sending. Not at once: clients lose
 * the answer when the reset comes with it. Who sends more than the window that was open has read behind it. */
static void drop(struct h2_stream *s, size_t n)
{
	s->dropped += n;
	if (s->end_sent && s->dropped > 2 * STREAM_WINDOW)
		nghttp2_submit_rst_stream(s->h2->session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_NO_ERROR);
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *p, size_t n, void *arg)
{
	struct h2 *h = arg;
	(void)flags;
	struct h2_stream *s = nghttp2_session_get_stream_user_data(session, id);
	nghttp2_session_consume_connection(session, n);
	if (s && s->streams && !s->ended) {
		str_addn(&s->request.body, p, n);
		s->untaken += n;
		s->body_news = true;
		tell(s);
		return 0;
	}
	nghttp2_session_consume_stream(session, id, n);
	if (s && s->streams)
		drop(s, n);
	if (!s || s->error_status || s->streams)
		return 0;
	if (n > h->max_body - s->request.body.len) {
		s->error_status = 413;
		str_done(&s->request.body);
		tell(s);
		return 0;
	}
	str_addn(&s->request.body, p, n);
	return 0;
}

static void request_may_stream(struct h2_stream *s)
{
	struct h2 *h = s->h2;
	s->streams = h->events->streams && h->events->streams(h->arg, &s->request);
	if (!s->streams)
		return;
	request_ended(s);
	s->ready = true;
	tell(s);
}

static void head_complete(struct h2_stream *s, bool has_body)
{
	struct http_request *r = &s->request;
	if (s->error_status)
		return;
	if (!r->text.p || http_request_finish_head(r) < 0) {
		s->error_status = 400;
		return;
	}
	if (has_body)
		request_may_stream(s);
	const char *length = http_request_header(r, "content-length");
	int64_t n;
	if (!s->streams && length && str_to_i64(length, &n) == 0 && n > (int64_t)s->h2->max_body)
		s->error_status = 413;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *f, void *arg)
{
	(void)arg;
	if (f->hd.type != NGHTTP2_HEADERS && f->hd.type != NGHTTP2_DATA)
		return 0;
	struct h2_stream *s = nghttp2_session_get_stream_user_data(session, f->hd.stream_id);
	if (!s)
		return 0;
	if (f->hd.type == NGHTTP2_HEADERS && f->headers.cat == NGHTTP2_HCAT_REQUEST) {
		head_complete(s, !(f->hd.flags & NGHTTP2_FLAG_END_STREAM));
		if (s->error_status)
			tell(s);
	}
	if (f->hd.flags & NGHTTP2_FLAG_END_STREAM) {
		request_ended(s);
		s->ready = s->body_whole = s->body_news = true;
		tell(s);
	}
	return 0;
}

/* The response has gone: the rest of a body that streams may not take for ever. What waited to be taken was not. */
static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *f, void *arg)
{
	struct h2 *h = arg;
	if ((f->hd.type != NGHTTP2_HEADERS && f->hd.type != NGHTTP2_DATA) || !(f->hd.flags & NGHTTP2_FLAG_END_STREAM))
		return 0;
	struct h2_stream *s = nghttp2_session_get_stream_user_data(session, f->hd.stream_id);
	if (!s || !s->streams || s->body_whole || s->incomplete)
		return 0;
	s->incomplete = true;
	h->n_incomplete++;
	nghttp2_session_consume_stream(session, s->id, s->untaken);
	s->untaken = 0;
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *arg)
{
	(void)arg;
	struct h2_stream *s = nghttp2_session_get_stream_user_data(session, id);
	if (!s)
		return 0;
	nghttp2_session_set_stream_user_data(session, id, NULL);
	s->closed = true;
	s->complete = s->end_sent && code == NGHTTP2_NO_ERROR;
	tell(s);
	return 0;
}

static ssize_t read_data(nghttp2_session *session, int32_t id, uint8_t *p, size_t n, uint32_t *flags,
			 nghttp2_data_source *source, void *arg)
{
	(void)session;
	(void)id;
	(void)arg;
	struct h2_stream *s = source->ptr;
	struct iovec iov[16];
	size_t got = 0;
	while (got < n && s->out.n) {
		int count = outq_iov(&s->out, iov, ARRAY_LEN(iov));
		size_t before = got;
		for (int i = 0; i < count && got < n; i++) {
			size_t take = MIN(iov[i].iov_len, n - got);
			memcpy(p + got, iov[i].iov_base, take);
			got += take;
		}
		outq_consume(&s->out, got - before);
	}
	if (s->ended && !s->out.bytes) {
		*flags |= NGHTTP2_DATA_FLAG_EOF;
		s->end_sent = true;
	} else if (!got) {
		s->deferred = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	s->progress = true;
	tell(s);
	return (ssize_t)got;
}

static nghttp2_session_callbacks *callbacks(void)
{
	static nghttp2_session_callbacks *cb;
	if (!cb) {
		if (nghttp2_session_callbacks_new(&cb) != 0)
			abort(); /* out of memory */
		nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin_headers);
		nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
		nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
		nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
		nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_frame_sent);
		nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
	}
	return cb;
}

/* Windows open as bytes are done with, not as they come. */
static nghttp2_option *options(void)
{
	static nghttp2_option *o;
	if (!o) {
		if (nghttp2_option_new(&o) != 0)
			abort(); /* out of memory */
		nghttp2_option_set_no_auto_window_update(o, 1);
	}
	return o;
}

struct h2 *h2_new(size_t max_body, const struct h2_events *events, void *arg)
{
	struct h2 *h = xcalloc(1, sizeof(*h));
	h->max_body = max_body;
	h->events = events;
	h->arg = arg;
	list_init(&h->streams);
	list_init(&h->news);
	if (nghttp2_session_server_new2(&h->session, callbacks(), h, options()) != 0)
		abort(); /* out of memory */
	nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, MAX_STREAMS },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HTTP_MAX_HEAD },
	};
	nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings, ARRAY_LEN(settings));
	nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0, CONN_WINDOW);
	return h;
}

void h2_say_too_large(struct h2 *h, const char *json)
{
	h->too_large = json;
}

static void end_stream(struct h2_stream *s)
{
	struct h2 *h = s->h2;
	list_remove(&s->link);
	list_init(&s->link);
	if (s->given)
		h->events->on_end(h->arg, s, s->complete);
	stream_free(s);
}

void h2_free(struct h2 *h)
{
	if (!h)
		return;
	while (!list_is_empty(&h->streams)) {
		struct h2_stream *s = LIST_ENTRY(list_pop(&h->streams), struct h2_stream, link);
		nghttp2_session_set_stream_user_data(h->session, s->id, NULL);
		s->closed = true;
		end_stream(s);
	}
	nghttp2_session_del(h->session);
	free(h);
}

/* Answers in place of the handler. What is still uploaded is dropped rather than reset, since clients that are reset
 * lose the answer; the request's deadline bounds it. */
static void answer_error(struct h2_stream *s)
{
	const char *json = s->error_status == 413 ? s->h2->too_large : NULL, *text = json ? json : http_status_text(s->error_status);
	struct http_header headers[] = { { "content-type", json ? "application/json" : "text/plain" }, { NULL, NULL } };
	h2_start(s, s->error_status, headers, (int64_t)strlen(text), false);
	h2_write(s, text, strlen(text));
	h2_end(s);
}

static void tell_one(struct h2_stream *s)
{
	struct h2 *h = s->h2;
	if (s->closed) {
		end_stream(s);
		return;
	}
	if (s->error_status && !s->started) {
		answer_error(s);
	} else if (s->ready && !s->given && !s->error_status) {
		s->given = true;
		s->body_news = false;
		h->events->on_request(h->arg, s, &s->request);
	} else if (s->given) {
		bool body = s->body_news && s->streams, progress = s->progress;
		s->body_news = s->progress = false;
		if (body)
			h->events->on_body(h->arg, s, &s->request.body);
		if (progress)
			h->events->on_progress(h->arg, s);
	}
}

static void tell_all(struct h2 *h)
{
	while (!list_is_empty(&h->news)) {
		struct h2_stream *s = LIST_ENTRY(list_pop(&h->news), struct h2_stream, news);
		tell_one(s);
	}
}

int h2_input(struct h2 *h, const char *p, size_t n)
{
	if (h->failed)
		return -EPROTO;
	ssize_t r = nghttp2_session_mem_recv(h->session, (const uint8_t *)p, n);
	h->failed = r < 0;
	tell_all(h);
	return r < 0 ? -EPROTO : 0;
}

ssize_t h2_output(struct h2 *h, const char **ret)
{
	const uint8_t *p;
	ssize_t n = nghttp2_session_mem_send(h->session, &p);
	if (n < 0)
		return -EPROTO;
	*ret = (const char *)p;
	return n;
}

void h2_settle(struct h2 *h)
{
	tell_all(h);
}

bool h2_is_over(const struct h2 *h)
{
	return !nghttp2_session_want_read(h->session) && !nghttp2_session_want_write(h->session);
}

size_t h2_n_streams(const struct h2 *h)
{
	return h->n_streams;
}

size_t h2_n_incomplete(const struct h2 *h)
{
	return h->n_incomplete;
}

void h2_reset_incomplete(struct h2 *h)
{
	LIST_FOR_EACH (s, &h->streams, struct h2_stream, link)
		if (s->incomplete && !s->closed)
			nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, s->id,
						  s->end_sent ? NGHTTP2_NO_ERROR : NGHTTP2_INTERNAL_ERROR);
}

void h2_shutdown(struct h2 *h)
{
	nghttp2_submit_goaway(h->session, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(h->session),
			      NGHTTP2_NO_ERROR, NULL, 0);
}

bool h2_body_is_whole(const struct h2_stream *s)
{
	return s->body_whole;
}

void h2_body_taken(struct h2_stream *s, size_t n)
{
	n = MIN(n, s->untaken);
	s->untaken -= n;
	if (!s->closed && n)
		nghttp2_session_consume_stream(s->h2->session, s->id, n);
}

void h2_continue(struct h2_stream *s)
{
	nghttp2_nv status = { (uint8_t *)":status", (uint8_t *)"100", 7, 3, NGHTTP2_NV_FLAG_NONE };
	if (!s->closed && !s->started)
		nghttp2_submit_headers(s->h2->session, NGHTTP2_FLAG_NONE, s->id, NULL, &status, 1, NULL);
}

void h2_set_data(struct h2_stream *s, void *data)
{
	s->data = data;
}

void *h2_data(const struct h2_stream *s)
{
	return s->data;
}

/* Headers of HTTP/1.1's connections have no place in HTTP/2 (RFC 9113 8.2.2). */
static bool is_forbidden(const char *name)
{
	static const char *const names[] = { "connection",	  "keep-alive", "proxy-connection",
					     "transfer-encoding", "upgrade",	"content-length" };
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (!strcasecmp(names[i], name))
			return true;
	return false;
}

struct header_list {
	nghttp2_nv v[MAX_RESPONSE_HEADERS + 4];
	size_t n;
	struct str names; /* lower-case names, reserved so that it does not move */
};

static void add_header(struct header_list *l, const char *name, const char *value)
{
	char *lower = l->names.p + l->names.len;
	size_t n = strlen(name), len = strcspn(value, "\r\n");
	str_addn(&l->names, name, n);
	for (size_t i = 0; i < n; i++)
		if (lower[i] >= 'A' && lower[i] <= 'Z')
			lower[i] = (char)(lower[i] + ('a' - 'A'));
	l->v[l->n++] = (nghttp2_nv){ (uint8_t *)lower, (uint8_t *)value, n, len, NGHTTP2_NV_FLAG_NONE };
}

static size_t names_len(const struct http_header *headers)
{
	size_t n = 64;
	for (; headers && headers->name; headers++)
		n += strlen(headers->name);
	return n;
}

void h2_start(struct h2_stream *s, int status, const struct http_header *headers, int64_t length, bool end)
{
	if (s->closed || s->started)
		return;
	struct header_list list;
	char status_text[12], length_text[24];
	list.n = 0;
	list.names = STR_INIT;
	str_reserve(&list.names, names_len(headers));
	snprintf(status_text, sizeof(status_text), "%03d", status);
	add_header(&list, ":status", status_text);
	for (const struct http_header *x = headers; x && x->name && list.n < MAX_RESPONSE_HEADERS + 1; x++)
		if (!is_forbidden(x->name))
			add_header(&list, x->name, x->value);
	add_header(&list, "date", http_date());
	snprintf(length_text, sizeof(length_text), "%lld", (long long)length);
	if (length >= 0 && status != 204 && status != 304)
		add_header(&list, "content-length", length_text);
	nghttp2_data_provider provider = { .source.ptr = s, .read_callback = read_data };
	s->started = true;
	s->ended = s->end_sent = end;
	if (nghttp2_submit_response(s->h2->session, s->id, list.v, list.n, end ? NULL : &provider) != 0)
		h2_reset(s);
	str_done(&list.names);
}

static void resume(struct h2_stream *s)
{
	if (!s->deferred)
		return;
	s->deferred = false;
	nghttp2_session_resume_data(s->h2->session, s->id);
}

void h2_write(struct h2_stream *s, const void *bytes, size_t n)
{
	if (s->closed || s->ended)
		return;
	outq_add(&s->out, bytes, n);
	resume(s);
}

void h2_write_buf(struct h2_stream *s, struct buf *b)
{
	if (s->closed || s->ended)
		return;
	outq_add_buf(&s->out, b);
	resume(s);
}

void h2_end(struct h2_stream *s)
{
	if (s->closed || s->ended)
		return;
	s->ended = true;
	resume(s);
}

void h2_reset(struct h2_stream *s)
{
	if (!s->closed)
		nghttp2_submit_rst_stream(s->h2->session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_INTERNAL_ERROR);
}

size_t h2_pending(const struct h2_stream *s)
{
	return s->out.bytes;
}
