/* One TLS session without I/O. Purpose: let the server and the tunnel keep their own sockets and queues.
 *
 * Happy path: the caller lends wire bytes, OpenSSL reads them through a BIO that points right at them, and what it
 * writes is collected in a string that the caller sends.
 * What can fail: the handshake (a server does not fail it for a client's certificate: tls_peer.h) and every later record (-EPROTO).
 * What always holds: an idle session owns no buffers (lent input is used up, sent output is freed, OpenSSL releases
 * its own), and the peer's names are only those of a verified certificate. */
#include "io/tls_conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/tls_internal.h"
#include "io/tls_peer.h"

struct tls_conn {
	struct tls_ctx *ctx;
	SSL *ssl;
	const char *in;
	size_t in_len;
	struct str wire;
	bool established, failed;
	struct tls_peer peer;
};

static int wire_read(BIO *bio, char *out, int n)
{
	struct tls_conn *c = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	if (!c->in_len) {
		BIO_set_retry_read(bio);
		return -1;
	}
	size_t take = MIN((size_t)n, c->in_len);
	memcpy(out, c->in, take);
	c->in += take;
	c->in_len -= take;
	return (int)take;
}

static int wire_write(BIO *bio, const char *bytes, int n)
{
	struct tls_conn *c = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	str_addn(&c->wire, bytes, (size_t)n);
	return n;
}

static long wire_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
	(void)bio;
	(void)num;
	(void)ptr;
	return cmd == BIO_CTRL_FLUSH;
}

static BIO_METHOD *wire_method(void)
{
	static BIO_METHOD *m;
	if (!m) {
		m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "knarr wire");
		BIO_meth_set_read(m, wire_read);
		BIO_meth_set_write(m, wire_write);
		BIO_meth_set_ctrl(m, wire_ctrl);
	}
	return m;
}

/* Clients: SNI for names, and the name or address that the certificate must carry. */
static void expect_host(struct tls_conn *c, const char *host)
{
	unsigned char addr[16];
	X509_VERIFY_PARAM *p = SSL_get0_param(c->ssl);
	if (inet_pton(AF_INET, host, addr) == 1 || inet_pton(AF_INET6, host, addr) == 1) {
		X509_VERIFY_PARAM_set1_ip_asc(p, host);
	} else {
		SSL_set_tlsext_host_name(c->ssl, host);
		X509_VERIFY_PARAM_set1_host(p, host, 0);
	}
}

struct tls_conn *tls_conn_new(struct tls_ctx *t, const char *host)
{
	struct tls_conn *c = xcalloc(1, sizeof(*c));
	c->ctx = tls_ref(t);
	c->ssl = SSL_new(t->ssl);
	BIO *bio = BIO_new(wire_method());
	if (!c->ssl || !bio)
		abort(); /* out of memory */
	BIO_set_data(bio, c);
	BIO_set_init(bio, 1);
	SSL_set_bio(c->ssl, bio, bio);
	c->peer.organizations = xcalloc(1, sizeof(char *));
	SSL_set_app_data(c->ssl, &c->peer);
	if (t->server) {
		SSL_set_accept_state(c->ssl);
		return c;
	}
	SSL_set_connect_state(c->ssl);
	if (!t->insecure && (t->server_name || host))
		expect_host(c, t->server_name ? t->server_name : host);
	return c;
}

void tls_conn_free(struct tls_conn *c)
{
	if (!c)
		return;
	SSL_free(c->ssl);
	tls_unref(c->ctx);
	str_done(&c->wire);
	tls_peer_done(&c->peer);
	free(c);
}

void tls_conn_feed(struct tls_conn *c, const void *wire, size_t n)
{
	c->in = wire;
	c->in_len = n;
}

static int failed(struct tls_conn *c, const char *what, struct err *e)
{
	c->failed = true;
	return tls_error(e, -EPROTO, what);
}

int tls_conn_handshake(struct tls_conn *c, struct err *e)
{
	if (c->established)
		return 0;
	if (c->failed)
		return err_set(e, -EPROTO, "TLS handshake failed");
	ERR_clear_error();
	int r = SSL_do_handshake(c->ssl);
	if (r != 1) {
		if (SSL_get_error(c->ssl, r) == SSL_ERROR_WANT_READ)
			return -EAGAIN;
		long verify = SSL_get_verify_result(c->ssl);
		if (verify == X509_V_OK)
			return failed(c, "TLS handshake", e);
		failed(c, "TLS handshake", NULL);
		return err_set(e, -EPROTO, "TLS handshake: %s", X509_verify_cert_error_string(verify));
	}
	r = tls_peer_read(&c->peer, c->ctx, c->ssl, e);
	c->failed = r < 0;
	c->established = r == 0;
	return r;
}

ssize_t tls_conn_read(struct tls_conn *c, void *plain, size_t n, struct err *e)
{
	if (c->failed)
		return err_set(e, -EPROTO, "TLS session failed");
	ERR_clear_error();
	int r = SSL_read(c->ssl, plain, (int)MIN(n, (size_t)INT_MAX));
	if (r > 0)
		return r;
	int why = SSL_get_error(c->ssl, r);
	if (why == SSL_ERROR_WANT_READ)
		return -EAGAIN;
	if (why == SSL_ERROR_ZERO_RETURN)
		return 0;
	return failed(c, "TLS", e);
}

int tls_conn_write(struct tls_conn *c, const void *plain, size_t n)
{
	const char *p = plain;
	while (n) {
		ERR_clear_error();
		int r = c->failed ? -1 : SSL_write(c->ssl, p, (int)MIN(n, (size_t)INT_MAX));
		if (r <= 0)
			return failed(c, "TLS", NULL);
		p += r;
		n -= (size_t)r;
	}
	return 0;
}

void tls_conn_shutdown(struct tls_conn *c)
{
	ERR_clear_error();
	if (c->established && !c->failed)
		SSL_shutdown(c->ssl);
	ERR_clear_error();
}

struct str *tls_conn_wire(struct tls_conn *c)
{
	return &c->wire;
}

bool tls_conn_is_h2(const struct tls_conn *c)
{
	const unsigned char *name = NULL;
	unsigned int n = 0;
	SSL_get0_alpn_selected(c->ssl, &name, &n);
	return n == 2 && !memcmp(name, "h2", 2);
}

const char *tls_conn_common_name(const struct tls_conn *c)
{
	return c->peer.common_name;
}

char *const *tls_conn_organizations(const struct tls_conn *c)
{
	return c->peer.organizations;
}

bool tls_conn_is_client(const struct tls_conn *c)
{
	return c->peer.is_client;
}

bool tls_conn_is_proxy(const struct tls_conn *c)
{
	return c->peer.is_proxy;
}

bool tls_conn_is_stranger(const struct tls_conn *c)
{
	return c->peer.presented && !c->peer.is_client;
}

const char *tls_conn_fingerprint(const struct tls_conn *c)
{
	return c->peer.fingerprint;
}
