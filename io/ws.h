/* The server side of a WebSocket connection on an HTTP exchange (RFC 6455), on wslay. */
#ifndef KNARR_IO_WS_H
#define KNARR_IO_WS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/http_server.h"

struct ws;

struct ws_ops {
	/* A whole data message (binary or text). Borrowed for the call. */
	void (*on_message)(void *arg, const uint8_t *data, size_t len);
	/* The queue towards the peer fell below 64 KiB again. */
	void (*on_drain)(void *arg);
	/* The connection is over (close frame, error, peer gone): the ws is gone after this call. Called exactly once,
	 * always from the loop; the exchange's own http_on_close follows it. */
	void (*on_close)(void *arg);
};

/* Whether the request asks for a WebSocket upgrade. */
bool ws_is_upgrade(const struct http_exchange *x);
/* The first of the names (NULL-terminated, by preference of the server) that the client offers in
 * Sec-WebSocket-Protocol, or NULL. */
const char *ws_choose_protocol(const struct http_exchange *x, const char *const *names);
/* Answers 101 and turns the exchange into a WebSocket; messages above max_message are refused with 1009. -EINVAL for
 * a request that is no valid upgrade (then the caller answers 400). */
int ws_accept(struct http_exchange *x, const char *protocol, size_t max_message, const struct ws_ops *ops, void *arg,
	      struct ws **ret, struct err *e);
/* Queues one binary message made of a one-byte channel number and data (Kubernetes' channel protocols). */
void ws_send_channel(struct ws *w, uint8_t channel, const void *data, size_t len);
void ws_send(struct ws *w, const void *data, size_t len);
size_t ws_pending_bytes(const struct ws *w);
/* Stops and restarts reading from the peer (back-pressure); messages that were read already may still come (64 KiB). */
void ws_pause(struct ws *w, bool paused);
/* Sends what is queued, then a close frame; on_close follows. */
void ws_close(struct ws *w, uint16_t code, const char *reason);

#endif
