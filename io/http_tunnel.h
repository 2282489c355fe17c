/* Proxies an upgrade request (exec, attach, port-forward) to another server and then passes bytes both ways. */
#ifndef KNARR_IO_HTTP_TUNNEL_H
#define KNARR_IO_HTTP_TUNNEL_H

#include "io/http_server.h"

struct http_tunnel_opts {
	const char *host; /* numeric address */
	uint16_t port;
	struct tls_ctx *tls;  /* a client context; NULL: plain */
	const char *target;   /* path and query to ask for there */
	const char *const *headers; /* "Name: value" lines, NULL-terminated, to be sent instead of those told below; with Host */
	int connect_timeout_ms; /* 0: 10 s */
	/* Called instead of an answer when the server cannot be reached or the handshake fails; the handler then
	 * responds on x itself. A non-101 answer of the server is passed on to the client as it is. */
	void (*on_error)(void *arg, struct http_exchange *x, const struct err *e);
	void *arg;
};

/* Sends the exchange's own method and, where no headers are given, its Upgrade, Connection, Sec-WebSocket-* and X-Stream-Protocol-Version headers on;
 * takes over the exchange. opts is copied. Nothing is called before the loop's next turn; http_on_close set before is
 * called at the end as always. */
void http_tunnel(struct http_exchange *x, const struct http_tunnel_opts *opts);

#endif
