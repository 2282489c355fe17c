/* Internal: the exchange object that HTTP/1.1 and HTTP/2 connections carry alike. */
#ifndef KNARR_IO_HTTP_EXCHANGE_H
#define KNARR_IO_HTTP_EXCHANGE_H

#include <stdint.h>

#include "io/http_request.h"

struct http_conn;

/* What a carrier does for a response. Nothing calls back into the handler before the loop's next turn. */
struct http_carrier {
	void (*start)(struct http_exchange *x, int status, const struct http_header *headers, int64_t length);
	void (*write)(struct http_exchange *x, const void *bytes, size_t n);
	void (*write_buf)(struct http_exchange *x, struct buf *b);
	void (*end)(struct http_exchange *x);
	void (*abort)(struct http_exchange *x);
	size_t (*pending)(const struct http_exchange *x);
	/* n bytes of a body that streams were read; n 0: some are wanted. */
	void (*taken)(struct http_exchange *x, size_t n);
};

typedef void (*http_exchange_fn)(void *arg, struct http_exchange *x);

struct http_exchange {
	const struct http_carrier *carrier;
	struct http_conn *conn;
	void *stream; /* the carrier's */
	struct http_request request;
	http_exchange_fn close_fn, drain_fn, body_fn;
	void *close_arg, *drain_arg, *body_arg;
	int64_t body_length; /* of a body that streams, as announced; -1: unknown */
	size_t body_at;      /* how much of request.body was read */
	int64_t left; /* bytes of a body of known length still to come; -1: unknown */
	bool is_head; /* HEAD: the body is dropped */
	bool streams, body_whole; /* more of the body may come; all has come */
	bool continued;		  /* "100 Continue" was sent */
	bool started, ended, gone, above_mark;
};

/* Takes the request out of r. */
struct http_exchange *http_exchange_new(const struct http_carrier *carrier, struct http_conn *conn, void *stream,
					struct http_request *r);
/* The rest of the body follows by http_exchange_body(): before the handler has seen the exchange. */
void http_exchange_streams(struct http_exchange *x, int64_t length);
/* More of the body has come: the bytes are moved out of piece; whole: nothing follows. */
void http_exchange_body(struct http_exchange *x, struct str *piece, bool whole);
/* Bytes of the body that wait to be read. */
size_t http_exchange_unread(const struct http_exchange *x);
/* Calls on_drain when the queue has fallen below the mark. */
void http_exchange_check_drain(struct http_exchange *x);
/* Calls on_close and frees. */
void http_exchange_finish(struct http_exchange *x);

/* Bytes passed both ways on an HTTP/1.1 connection after an upgrade. on_close comes once, before http_on_close. */
struct http_raw_ops {
	void (*on_data)(void *arg, const char *p, size_t n);
	void (*on_drain)(void *arg);
	void (*on_close)(void *arg);
};
/* Whether the exchange can become raw: an HTTP/1.1 connection whose response has not started. */
bool http_raw_is_possible(const struct http_exchange *x);
/* From now on bytes go as they are, first of all head; the exchange ends only with its connection. */
void http_raw_begin(struct http_exchange *x, const char *head, size_t n, const struct http_raw_ops *ops, void *arg);
void http_raw_write(struct http_exchange *x, const void *bytes, size_t n);
size_t http_raw_pending(const struct http_exchange *x);
void http_raw_pause(struct http_exchange *x, bool paused);
/* Sends what is queued, then closes. on_close follows. */
void http_raw_finish(struct http_exchange *x);

#endif
