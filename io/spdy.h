/* SPDY/3.1 framing (draft-mbelshe-httpbis-spdy-00 with the 3.1 changes), the server's side: streams that the peer opens.
 *
 * A codec, no I/O: bytes of the peer go in, frames come out as calls; what is to be sent leaves through send. Flow control is
 * left to the transport, as clients of Kubernetes do. */
#ifndef KNARR_IO_SPDY_H
#define KNARR_IO_SPDY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct spdy;

struct spdy_header {
	const char *name, *value; /* names in lower case */
};

struct spdy_ops {
	void (*send)(void *arg, const void *bytes, size_t n);
	/* A new stream; headers are borrowed, ended by a NULL name. fin: the peer sends nothing on it. */
	void (*on_open)(void *arg, uint32_t id, const struct spdy_header *headers, bool fin);
	/* Bytes of a stream, in pieces as they come; fin with the last one (n may be 0). */
	void (*on_data)(void *arg, uint32_t id, const void *bytes, size_t n, bool fin);
	/* The peer gave the stream up. */
	void (*on_reset)(void *arg, uint32_t id);
	/* The peer opens no more streams. May be NULL. */
	void (*on_goaway)(void *arg);
};

struct spdy *spdy_new(const struct spdy_ops *ops, void *arg);
void spdy_free(struct spdy *s); /* NULL is fine */
/* -EPROTO: the peer breaks the protocol, the connection is of no use any more. */
int spdy_feed(struct spdy *s, const void *bytes, size_t n, struct err *e);

/* Accepts a stream (an empty SYN_REPLY). */
void spdy_reply(struct spdy *s, uint32_t id);
void spdy_data(struct spdy *s, uint32_t id, const void *bytes, size_t n, bool fin);
#define SPDY_REFUSED 3
#define SPDY_CANCEL 5
void spdy_reset(struct spdy *s, uint32_t id, uint32_t status);

#endif
