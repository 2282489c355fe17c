/* An HTTP client on the event loop (libcurl multi): pooled connections, streaming, HTTP/2 where the server has it. */
#ifndef KNARR_IO_HTTP_CLIENT_H
#define KNARR_IO_HTTP_CLIENT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "io/loop.h"

struct http_client;
struct http_call;

struct http_client_config {
	struct loop *loop;
	const char *ca_file;              /* NULL: the system's */
	const char *cert_file, *key_file; /* client certificate, or NULL */
	const char *token_file;           /* bearer token, read again when it changes, or NULL */
	int insecure;
};

struct http_call_opts {
	const char *method, *url;
	const char *const *headers; /* "Name: value", NULL-terminated; may be NULL */
	const void *body;           /* copied; NULL: none */
	size_t body_len;
	/* Instead of body: asked for up to n bytes whenever the server takes more. Their number, 0 at the end, -EAGAIN: none
	 * now (http_call_resume() when there are), another -errno breaks the call off. An answer that is whole ends the
	 * call, whatever is left of the body. By HTTP/1.1, on a connection of its own. */
	ssize_t (*read_body)(void *arg, void *p, size_t n);
	int64_t read_len; /* what read_body gives in all; -1: unknown */
	int timeout_ms;         /* the whole call; 0: none */
	int connect_timeout_ms; /* 0: 10 s */
	int http2;		/* without TLS as well: the server is known to speak it */
	const char *unix_socket; /* dial this instead of the URL's host; NULL: none */
	const char *connect_to;	 /* "host:port" to dial instead, the URL's host still names the server; NULL: none */
	const char *ca_pem;	 /* CA certificates for this call alone, PEM text; NULL: the client's */
	/* The status line and headers have come. NULL: not wanted. */
	void (*on_status)(void *arg, int status);
	/* Streaming: each piece of the body; NULL: the body is collected (at most 64 MiB) for on_done. */
	void (*on_data)(void *arg, const char *data, size_t len);
	/* The end. status 0: no response, e says why (-ECONNREFUSED, -ETIMEDOUT, -ECONNRESET, -EPROTO ...);
	 * a broken body after a status gives the status and e. e is NULL on success. The call is gone after this. */
	void (*on_done)(void *arg, int status, const char *body, size_t len, const struct err *e);
	void *arg;
};

/* Proxies of the environment are not used, redirects not followed, bodies not decompressed. */
int http_client_new(const struct http_client_config *c, struct http_client **ret, struct err *e);
void http_client_free(struct http_client *c); /* cancels what runs */
/* Never fails synchronously: errors come through on_done, from the loop. */
struct http_call *http_call_start(struct http_client *c, const struct http_call_opts *o);
void http_call_cancel(struct http_call *call); /* on_done is not called */
/* Stops and restarts the body (back-pressure: the peer is held up). */
void http_call_pause(struct http_call *call, int paused);
/* read_body, which had nothing, has something now. */
void http_call_resume(struct http_call *call);
/* The value of a response header, NULL when absent; valid from on_status to the end of on_done. */
const char *http_call_header(const struct http_call *call, const char *name);
/* The n-th header as it came, "Name: value"; NULL behind the last. Valid as long. */
const char *http_call_header_line(const struct http_call *call, size_t n);

#endif
