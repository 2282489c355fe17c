/* Who the other side of a TLS session is, by its certificate. */
#ifndef KNARR_IO_TLS_PEER_H
#define KNARR_IO_TLS_PEER_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "base/err.h"

struct tls_ctx;

/* All empty without a certificate; names and fingerprint are only those of one that somebody vouches for. */
struct tls_peer {
	bool presented;		   /* a certificate, whoever vouches for it */
	bool is_client, is_proxy;  /* a CA of clients, of proxies vouches for it */
	char *common_name;	   /* or NULL */
	char **organizations;	   /* NULL-terminated, never NULL in a session */
	char fingerprint[65];	   /* SHA-256, lower-case hex */
};

/* A server's verdict on a certificate, in OpenSSL's form (SSL_CTX_set_cert_verify_callback(); the session's application data is
 * the struct tls_peer): always yes, because who is asked for is answered by HTTP, as kube-apiserver does it; what was found
 * stands in the peer. */
int tls_peer_judge(X509_STORE_CTX *v, void *tls_ctx);
/* After the handshake. -EPROTO: a client's side, whose server was not verified; a malformed subject. */
int tls_peer_read(struct tls_peer *p, const struct tls_ctx *t, SSL *ssl, struct err *e);
void tls_peer_done(struct tls_peer *p);

#endif
