/* What tls.c shares with tls_conn.c: the inside of a context. */
#ifndef KNARR_IO_TLS_INTERNAL_H
#define KNARR_IO_TLS_INTERNAL_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "io/tls.h"

struct tls_ctx {
	int refs;
	SSL_CTX *ssl;
	bool server;
	bool insecure;
	X509_STORE *proxies; /* servers with a proxy CA; those of clients are the session's own */
	char *server_name;
};

/* Sets e from OpenSSL's error queue (and empties it); returns code. */
int tls_error(struct err *e, int code, const char *what);

#endif
