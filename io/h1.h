/* The server's HTTP/1.1 codec (RFC 9112), on http-parser. No I/O: bytes in, a request out; response heads encoded. */
#ifndef KNARR_IO_H1_H
#define KNARR_IO_H1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "io/http_request.h"

struct h1;

enum h1_state {
	H1_HEAD,  /* nothing or a part of a head was seen */
	H1_BODY,  /* the head is complete */
	H1_DONE,  /* a whole request waits in h1_request(); input stops here until h1_next() */
	H1_ERROR, /* answer h1_error_status() and close */
};

struct h1 *h1_new(size_t max_body);
/* Asked once with each complete head that announces a body: true lets the body stream, whatever its size. h1_streams() then
 * holds from the end of the head on: h1_take() gives the head, later h1_request()->body what came since, until H1_DONE. */
void h1_stream_when(struct h1 *h, bool (*streams)(void *arg, const struct http_request *head), void *arg);
bool h1_streams(const struct h1 *h);
void h1_free(struct h1 *h); /* NULL is fine */
/* Parses up to the end of one request; returns the number of bytes used. What is left belongs to the next request
 * (pipelining) or to another protocol (upgrade): the caller keeps it. */
size_t h1_input(struct h1 *h, const char *p, size_t n);
enum h1_state h1_state(const struct h1 *h);
/* Whether any byte of the current request was seen. */
bool h1_is_fresh(const struct h1 *h);
/* Bad requests 400, too large heads 431 and bodies 413, Expect 417, transfer codings 501, versions 505. */
int h1_error_status(const struct h1 *h);
/* True once: the client waits for "100 Continue" before it sends the body. */
bool h1_take_continue(struct h1 *h);
struct http_request *h1_request(struct h1 *h);
/* The announced length of a body that streams; -1: none. */
int64_t h1_body_length(const struct h1 *h);
/* Of the request in H1_DONE, or whose body streams. */
bool h1_keep_alive(const struct h1 *h);
bool h1_is_http10(const struct h1 *h);
/* Moves the request, as far as it has come, to *ret; the rest of its body follows. */
void h1_take(struct h1 *h, struct http_request *ret);
/* Moves the request (with what it owns) to *ret and gets ready for the next one. */
void h1_next(struct h1 *h, struct http_request *ret);

struct h1_response {
	int status;
	const struct http_header *headers; /* ends with NULLs; may be NULL */
	int64_t length;                    /* -1: unknown */
	bool head_only;                    /* answer to HEAD */
	bool http10;
	bool keep_alive;
};

/* How the body goes: as many bytes as length says, in chunks, or until the connection closes. */
enum h1_body { H1_BODY_NONE, H1_BODY_LENGTH, H1_BODY_CHUNKED, H1_BODY_CLOSE };
enum h1_body h1_body_kind(const struct h1_response *r);
/* Adds status line and headers with Date, the framing and Connection where needed. Names and values with line breaks or
 * NULs cannot be (the value is cut there). */
void h1_encode_head(struct str *out, const struct h1_response *r);

#endif
