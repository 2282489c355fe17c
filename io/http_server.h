/* One HTTP server for HTTP/1.1 (RFC 9112), HTTP/2 (RFC 9113) and WebSocket upgrades (RFC 6455), with or without TLS. */
#ifndef KNARR_IO_HTTP_SERVER_H
#define KNARR_IO_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "io/loop.h"
#include "io/tls.h"

struct http_server;
struct http_exchange; /* one request and its response */

struct http_header {
	const char *name, *value;
};

struct http_server_config {
	struct loop *loop;
	const char *bind_address; /* numeric IPv4 or IPv6, "", NULL or 0.0.0.0 for any of both families */
	uint16_t port;            /* 0 picks one: http_server_port() */
	struct tls_ctx *tls;      /* NULL: plain */
	size_t max_body;          /* larger bodies are answered 413; 0: 3 MiB */
	const char *too_large;    /* JSON that such an answer carries; NULL: a line of text. Borrowed */
	int header_timeout_ms;    /* 0: 10 s for a whole head, 30 s for a body */
	int idle_timeout_ms;      /* keep-alive; 0: 90 s */
	/* Called with the whole body read. The handler answers now or later; the exchange lives until the response has
	 * ended *and* on_close was called, or until on_close when the peer went away first. */
	void (*on_request)(void *arg, struct http_exchange *x);
	/* Asked once for each request with a body, when its head is there: true hands it to on_request before the body,
	 * which may then have any size and is read as it comes (http_body_read()). NULL: none is. */
	bool (*streams)(void *arg, const char *method, const char *path);
	void *arg;
};

int http_server_start(const struct http_server_config *c, struct http_server **ret, struct err *e);
uint16_t http_server_port(const struct http_server *s);
/* Stops listening, lets running exchanges finish for up to grace_ms (HTTP/2 GOAWAY), then closes; done may be NULL. */
void http_server_stop(struct http_server *s, int grace_ms, loop_fn done, void *arg);

/* The request; everything borrowed, valid as long as the exchange. Header names match without case. */
const char *http_method(const struct http_exchange *x);
const char *http_target(const struct http_exchange *x);      /* as sent: path and query */
const char *http_path(const struct http_exchange *x);        /* decoded, without query */
const char *http_query(const struct http_exchange *x);       /* raw, "" when absent */
/* The first value of a query parameter, decoded; NULL when absent. */
const char *http_query_get(const struct http_exchange *x, const char *name);
/* The n-th value of a repeated parameter (command=a&command=b); NULL behind the last. */
const char *http_query_nth(const struct http_exchange *x, const char *name, size_t n);
const char *http_header_get(const struct http_exchange *x, const char *name);
/* All headers, *ret_n of them. */
const struct http_header *http_headers(const struct http_exchange *x, size_t *ret_n);
const char *http_body(const struct http_exchange *x, size_t *ret_len);

/* A body that streams. What nobody reads holds the peer up: some 128 KiB wait here (HTTP/1), or the stream's window of 256
 * KiB (HTTP/2). The response may start and end at any time; what then still comes of the body is dropped, and the peer told
 * to stop: its connection (HTTP/1) or stream (HTTP/2, RFC 9113 8.1) closes soon behind the response. False also where all of the
 * body was there with the head: http_body() has it then. */
bool http_body_streams(const struct http_exchange *x);
/* As announced; -1: unknown. */
int64_t http_body_length(const struct http_exchange *x);
/* Up to n bytes of the body, which are gone then: their number, 0 at the end, -EAGAIN: none now, on_body will tell. A peer
 * that waits for "100 Continue" gets it at the first call. */
ssize_t http_body_read(struct http_exchange *x, void *p, size_t n);
/* Called whenever more of the body has come, or its end; not once the response has ended. */
void http_on_body(struct http_exchange *x, void (*fn)(void *arg, struct http_exchange *x), void *arg);

const char *http_peer_address(const struct http_exchange *x); /* numeric, without port */

/* The verified client certificate's subject: NULL/empty when anonymous. Organizations as a NULL-terminated vector. */
const char *http_peer_common_name(const struct http_exchange *x);
char *const *http_peer_organizations(const struct http_exchange *x);
/* Whether the verified certificate is of a CA of clients, and whether of one of proxies (tls_config.proxy_ca_file). */
bool http_peer_is_client(const struct http_exchange *x);
bool http_peer_is_proxy(const struct http_exchange *x);
/* Whether there is a certificate that no CA of clients vouches for. */
bool http_peer_is_stranger(const struct http_exchange *x);
/* SHA-256 of the verified certificate as lower-case hex, "" without one. */
const char *http_peer_fingerprint(const struct http_exchange *x);

/* Called once when the exchange is over for whatever reason (response sent in full, peer gone, server stopping);
 * afterwards the exchange must not be touched. Set it whenever the response is not completed inside on_request. */
void http_on_close(struct http_exchange *x, void (*fn)(void *arg, struct http_exchange *x), void *arg);
/* Called when the bytes queued for the peer have fallen below a low-water mark (64 KiB) after exceeding it. */
void http_on_drain(struct http_exchange *x, void (*fn)(void *arg, struct http_exchange *x), void *arg);

/* A whole response. headers end with {NULL, NULL} and may be NULL; content-length is added. The buf is referenced. */
void http_respond(struct http_exchange *x, int status, const struct http_header *headers, const void *body, size_t len);
void http_respond_buf(struct http_exchange *x, int status, const struct http_header *headers, struct buf *body);
/* A streamed response: start, any number of writes, end. Writes copy or reference; nothing blocks. */
void http_start(struct http_exchange *x, int status, const struct http_header *headers);
void http_write(struct http_exchange *x, const void *bytes, size_t n);
void http_write_buf(struct http_exchange *x, struct buf *b);
void http_end(struct http_exchange *x);
/* Cuts the connection (HTTP/1) or resets the stream (HTTP/2) of a started response that cannot be completed. */
void http_abort(struct http_exchange *x);
size_t http_pending_bytes(const struct http_exchange *x); /* queued and not yet taken by the kernel */
bool http_started(const struct http_exchange *x);

#endif
