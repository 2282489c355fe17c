/* An HTTP/2 client of one server (RFC 9113): all calls share one connection, which is made when first needed and kept. */
#ifndef KNARR_IO_H2_CLIENT_H
#define KNARR_IO_H2_CLIENT_H

#include <stddef.h>

#include "base/err.h"
#include "io/http_server.h"
#include "io/loop.h"

struct h2_client;
struct h2_call;

struct h2_client_config {
	struct loop *loop;
	const char *url; /* "http://HOST[:PORT]" or https; a path is left aside */
	const char *ca_file, *cert_file, *key_file; /* PEM, read anew for each connection; NULL: the system's, none */
	int connect_timeout_ms;
};

/* -EINVAL: not such a URL. */
int h2_client_new(const struct h2_client_config *c, struct h2_client **ret, struct err *e);
/* Nothing that runs is told any more. NULL is fine. */
void h2_client_free(struct h2_client *c);

struct h2_call_opts {
	const char *path;
	const struct http_header *headers; /* in lower case, ended by NULLs */
	const void *body;		   /* of the POST; copied */
	size_t body_len;
	int timeout_ms; /* the whole call; 0: none */
	/* Each piece of the answer's body; NULL: it is collected (at most 64 MiB) for on_done. The call may be cancelled,
	 * the client may not be freed inside. */
	void (*on_data)(void *arg, const char *p, size_t n);
	/* The end, with what came. e NULL: the answer is whole. -ECONNREFUSED, -EHOSTUNREACH ...: the server was not reached
	 * or did not take the call; -ETIMEDOUT; -ECONNRESET: the connection broke; -EPROTO (TLS, HTTP/2); -E2BIG. The
	 * call is gone after this. */
	void (*on_done)(void *arg, int status, const char *body, size_t len, const struct err *e);
	void *arg;
};

/* Never fails at once: errors come through on_done, from the loop. */
struct h2_call *h2_call_start(struct h2_client *c, const struct h2_call_opts *o);
void h2_call_cancel(struct h2_call *call); /* on_done is not called; NULL is fine */
int h2_call_status(const struct h2_call *call); /* 0: none yet */
/* A header or trailer that has come; NULL when absent. Valid until the call is gone. */
const char *h2_call_header(const struct h2_call *call, const char *name);

#endif
