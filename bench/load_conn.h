/* A measuring client's connection: HTTPS with HTTP/1.1, one request at a time, so lean that the server is what is measured. */
#ifndef KNARR_BENCH_LOAD_CONN_H
#define KNARR_BENCH_LOAD_CONN_H

#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "io/loop.h"
#include "io/tls.h"

struct load_conn;

struct load_conn_config {
	struct loop *loop;
	struct tls_ctx *tls;
	const char *host; /* numeric address */
	const char *port;
	void (*on_body)(void *arg, const char *p, size_t n); /* a piece of the body; NULL: collected for on_done */
	void (*on_done)(void *arg, int status, struct str *body);
	void *arg;
};

/* Connects and shakes hands before it returns; what breaks later ends the program with a line that says why. */
int load_conn_new(const struct load_conn_config *c, struct load_conn **ret, struct err *e);
void load_conn_free(struct load_conn *c); /* NULL is fine */
/* body may be NULL; type: the body's. */
void load_conn_request(struct load_conn *c, const char *method, const char *path, const char *type, const struct str *body);

#endif
