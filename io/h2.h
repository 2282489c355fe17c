/* The server's HTTP/2 codec (RFC 9113), on nghttp2. No I/O: bytes in and out, requests and ends of streams as events.
 */
#ifndef KNARR_IO_H2_H
#define KNARR_IO_H2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "io/http_request.h"

struct h2;
struct h2_stream;

/* Called from h2_input(), h2_settle() and h2_free(), never with nghttp2 on the stack, so that every call is allowed
 * inside. */
struct h2_events {
	/* A whole request: the receiver takes what is in request (http_request_finish_head() was called). */
	void (*on_request)(void *arg, struct h2_stream *s, struct http_request *request);
	/* Asked with each head that has a body behind it, with nghttp2 on the stack: true lets the body stream, whatever its
	 * size; on_request comes then at once, unless the body has ended meanwhile (h2_body_is_whole()). NULL: none does. */
	bool (*streams)(void *arg, const struct http_request *head);
	/* More of such a body has come, or its end: the receiver takes what is in piece. */
	void (*on_body)(void *arg, struct h2_stream *s, struct str *piece);
	/* A stream that was given to on_request is over; complete: the response went out in full. It is gone after
	 * this. */
	void (*on_end)(void *arg, struct h2_stream *s, bool complete);
	/* Bytes of the stream's queue have been taken. */
	void (*on_progress)(void *arg, struct h2_stream *s);
};

struct h2 *h2_new(size_t max_body, const struct h2_events *events, void *arg);
/* The JSON that a 413 carries (borrowed; NULL: its name in plain text). */
void h2_say_too_large(struct h2 *h, const char *json);
/* Streams that are still there end first (on_end, not complete). NULL is fine. */
void h2_free(struct h2 *h);
/* 0, or -EPROTO: send what h2_output() still gives, then close. */
int h2_input(struct h2 *h, const char *p, size_t n);
/* The next bytes to send: their number, 0 for none at the moment, -EPROTO. Valid until the next call. */
ssize_t h2_output(struct h2 *h, const char **ret);
/* Emits the events that h2_output() has caused; call it after the last of a run of them. */
void h2_settle(struct h2 *h);
/* Neither reading nor writing is wanted any more. */
bool h2_is_over(const struct h2 *h);
size_t h2_n_streams(const struct h2 *h);
/* Streams whose request is not complete yet. */
size_t h2_n_incomplete(const struct h2 *h);
/* Resets those (a deadline has passed). */
void h2_reset_incomplete(struct h2 *h);
/* GOAWAY: no new streams. */
void h2_shutdown(struct h2 *h);

/* Of a body that streams. */
bool h2_body_is_whole(const struct h2_stream *s);
/* n bytes of it are done with: the peer may send as many more. */
void h2_body_taken(struct h2_stream *s, size_t n);
/* "100 Continue", before the response. */
void h2_continue(struct h2_stream *s);

void h2_set_data(struct h2_stream *s, void *data);
void *h2_data(const struct h2_stream *s);
/* The response. end: nothing follows. length: for content-length, -1 unknown. */
void h2_start(struct h2_stream *s, int status, const struct http_header *headers, int64_t length, bool end);
void h2_write(struct h2_stream *s, const void *bytes, size_t n);
void h2_write_buf(struct h2_stream *s, struct buf *b);
void h2_end(struct h2_stream *s);
void h2_reset(struct h2_stream *s);
size_t h2_pending(const struct h2_stream *s);

#endif
