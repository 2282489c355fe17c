/* A connection to another server, below whichever protocol is spoken on it: dials, speaks TLS, queues what goes out. */
#ifndef KNARR_IO_UPSTREAM_H
#define KNARR_IO_UPSTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/loop.h"
#include "io/tls.h"

struct upstream;

/* All are called from the loop, never from inside a call of the connection's own functions; upstream_free() is allowed in
 * each of them. */
struct upstream_ops {
	/* Connected, and TLS is established. NULL: not wanted. */
	void (*on_ready)(void *arg);
	void (*on_data)(void *arg, const char *p, size_t n);
	/* What waits to go out has fallen below 64 KiB after it exceeded them. NULL: not wanted. */
	void (*on_drain)(void *arg);
	/* Nothing more comes: the server has ended its side (e NULL), or why the connection cannot go on. The last call. */
	void (*on_end)(void *arg, const struct err *e);
};

struct upstream_opts {
	struct loop *loop;
	const char *host; /* numeric address */
	uint16_t port;
	struct tls_ctx *tls;	 /* a client context; NULL: plain */
	const char *server_name; /* that its certificate must carry; NULL: host */
	int timeout_ms;		 /* until it is ready, else -ETIMEDOUT; 0: none */
	const struct upstream_ops *ops;
	void *arg;
};

enum { UPSTREAM_HIGH_WATER = 65536 };

/* Never fails: on_end tells (-EINVAL: no numeric address; -ECONNREFUSED ...; -EPROTO: TLS). */
struct upstream *upstream_dial(const struct upstream_opts *o);
/* What still fits into the socket goes out first. NULL is fine. */
void upstream_free(struct upstream *u);
/* Copies; it goes out at the end of the current callback, at the earliest when the connection is ready. */
void upstream_write(struct upstream *u, const void *p, size_t n);
size_t upstream_pending(const struct upstream *u); /* bytes not yet taken by the kernel */
/* Stops and restarts on_data; the server is held up meanwhile. */
void upstream_pause(struct upstream *u, bool paused);
bool upstream_is_ready(const struct upstream *u);

#endif
