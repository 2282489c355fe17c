/* Byte streams over one upgraded connection, as Kubernetes' exec, attach and port-forward want them: channels of a WebSocket
 * (v4 and v5), streams of SPDY/3.1, or SPDY inside a WebSocket. */
#ifndef KNARR_IO_STREAMS_H
#define KNARR_IO_STREAMS_H

#include "io/http_server.h"

struct streams;

/* What a stream of SPDY was opened with; NULL where it was not said. */
struct stream_headers {
	const char *type, *port, *request_id;
};

struct streams_ops {
	/* SPDY only: the peer opens streams; ids of WebSocket channels are simply known. */
	void (*on_open)(void *arg, uint32_t id, const struct stream_headers *h);
	void (*on_data)(void *arg, uint32_t id, const void *bytes, size_t n);
	/* The peer sends no more on it. */
	void (*on_end)(void *arg, uint32_t id);
	/* The queue towards the peer fell below 64 KiB again. */
	void (*on_drain)(void *arg);
	/* The connection is over and the struct gone after this call; called once, from the loop. */
	void (*on_close)(void *arg);
};

/* Names that the server speaks, each list by preference and NULL-terminated; NULL: none. */
struct streams_protocols {
	const char *const *channels; /* Sec-WebSocket-Protocol: "v5.channel.k8s.io" */
	const char *const *spdy;     /* X-Stream-Protocol-Version of an upgrade to SPDY/3.1: "v4.channel.k8s.io" */
	const char *const *tunnels;  /* Sec-WebSocket-Protocol of SPDY in a WebSocket: "SPDY/3.1+portforward.k8s.io" */
};

/* Answers 101. -EINVAL: no upgrade, or none of these protocols; the caller answers 400. */
int streams_accept(struct http_exchange *x, const struct streams_protocols *p, const struct streams_ops *ops, void *arg,
		   struct streams **ret, struct err *e);
bool streams_are_spdy(const struct streams *s);
void streams_send(struct streams *s, uint32_t id, const void *bytes, size_t n);
/* No more will be sent on the stream. Channels of a WebSocket have no such sign. */
void streams_end(struct streams *s, uint32_t id);
size_t streams_pending_bytes(const struct streams *s);
/* Stops and restarts reading from the peer. */
void streams_pause(struct streams *s, bool paused);
/* Sends what is queued, then ends the connection; on_close follows. */
void streams_close(struct streams *s);

#endif
