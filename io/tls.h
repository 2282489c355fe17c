/* TLS contexts (OpenSSL, TLS 1.2 and 1.3), shared by servers, tunnels and clients. */
#ifndef KNARR_IO_TLS_H
#define KNARR_IO_TLS_H

#include "base/err.h"

struct tls_ctx;

struct tls_config {
	const char *cert_file, *key_file; /* PEM; required for servers, the client certificate for clients */
	const char *ca_file; /* servers: CAs of client certificates (asked for, not required: an absent one leaves the
				peer anonymous, of one that does not verify tls_conn_is_stranger() tells), NULL: none is asked for;
				clients: CAs that the server must chain to, NULL: the system's */
	const char *ca_pem; /* clients: the same as PEM text, instead of ca_file */
	const char *proxy_ca_file; /* servers: further CAs, of proxies that speak for others (tls_conn_is_proxy()); NULL: none */
	const char *server_name; /* clients: name or address that the certificate must carry; NULL: the host dialled */
	int insecure;            /* clients: do not verify */
	int http2;               /* clients: speak HTTP/2, and nothing else */
};

/* ALPN offers h2 and http/1.1 on servers, http/1.1 or h2 on clients. Errors name the file. Reference-counted. */
int tls_server_new(const struct tls_config *c, struct tls_ctx **ret, struct err *e);
int tls_client_new(const struct tls_config *c, struct tls_ctx **ret, struct err *e);
/* Another certificate for the sessions to come. On failure the old one may be gone. */
int tls_reload(struct tls_ctx *t, const char *cert_file, const char *key_file, struct err *e);
struct tls_ctx *tls_ref(struct tls_ctx *t);
void tls_unref(struct tls_ctx *t);

#endif
