/* One TLS session that does no I/O: bytes of the wire in and out, plain bytes out and in. */
#ifndef KNARR_IO_TLS_CONN_H
#define KNARR_IO_TLS_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/str.h"
#include "io/tls.h"

struct tls_conn;

/* host: for clients whose context names no server, the name or numeric address to verify; may be NULL on servers. */
struct tls_conn *tls_conn_new(struct tls_ctx *t, const char *host);
void tls_conn_free(struct tls_conn *c); /* NULL is fine */

/* Lends the next bytes of the wire; they must stay until tls_conn_handshake()/tls_conn_read() said -EAGAIN, which is
 * when all of them were used. */
void tls_conn_feed(struct tls_conn *c, const void *wire, size_t n);
/* 0 when established, -EAGAIN when the peer has to say more, -EPROTO with the reason. Call until 0. */
int tls_conn_handshake(struct tls_conn *c, struct err *e);
/* Plain bytes: their number, 0 after the peer's close, -EAGAIN, -EPROTO. */
ssize_t tls_conn_read(struct tls_conn *c, void *plain, size_t n, struct err *e);
/* Encrypts all n bytes into tls_conn_wire(). 0 or -EPROTO. */
int tls_conn_write(struct tls_conn *c, const void *plain, size_t n);
/* Adds the closing alert to tls_conn_wire(). */
void tls_conn_shutdown(struct tls_conn *c);
/* What must go out on the wire; the caller consumes what it sent (str_done() once empty keeps idle sessions small). */
struct str *tls_conn_wire(struct tls_conn *c);

/* After the handshake: whether HTTP/2 was agreed on by ALPN. */
bool tls_conn_is_h2(const struct tls_conn *c);
/* The verified peer certificate's subject; NULL, an empty vector and "" without one. Valid as long as c. */
const char *tls_conn_common_name(const struct tls_conn *c);
char *const *tls_conn_organizations(const struct tls_conn *c);
/* Servers: whether a CA of clients, or one of proxies, vouches for the peer; whether it has a certificate for which none of clients does. */
bool tls_conn_is_client(const struct tls_conn *c);
bool tls_conn_is_proxy(const struct tls_conn *c);
bool tls_conn_is_stranger(const struct tls_conn *c);
const char *tls_conn_fingerprint(const struct tls_conn *c); /* SHA-256, lower-case hex */

#endif
