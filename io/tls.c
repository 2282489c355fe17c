/* TLS contexts. Purpose: load certificates and set the policy once (TLS 1.2 and later, ALPN, client certificates
 * verified where one is given); every session then shares the context.
 * What can fail: reading and matching the files; errors name the file.
 * What always holds: a context outlives its sessions by reference. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/tls_internal.h"
#include "io/tls_peer.h"

int tls_error(struct err *e, int code, const char *what)
{
	char text[256] = "unexpected end";
	unsigned long first = ERR_get_error();
	if (first)
		ERR_error_string_n(first, text, sizeof(text));
	ERR_clear_error();
	return err_set(e, code, "%s: %s", what, text);
}

/* Picks h2 before http/1.1; a client that offers neither goes on without ALPN. */
static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *outlen, const unsigned char *in,
		       unsigned int inlen, void *arg)
{
	static const unsigned char ours[] = "\x02h2\x08http/1.1";
	(void)ssl;
	(void)arg;
	unsigned char *picked = NULL;
	if (SSL_select_next_proto(&picked, outlen, ours, sizeof(ours) - 1, in, inlen) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*out = picked;
	return SSL_TLSEXT_ERR_OK;
}

static int load_pair(SSL_CTX *ssl, const char *cert_file, const char *key_file, struct err *e)
{
	if (SSL_CTX_use_certificate_chain_file(ssl, cert_file) != 1)
		return tls_error(e, -EINVAL, cert_file);
	if (SSL_CTX_use_PrivateKey_file(ssl, key_file, SSL_FILETYPE_PEM) != 1)
		return tls_error(e, -EINVAL, key_file);
	if (SSL_CTX_check_private_key(ssl) != 1)
		return tls_error(e, -EINVAL, key_file);
	return 0;
}

static SSL_CTX *new_ssl(bool server)
{
	SSL_CTX *ssl = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
	if (!ssl)
		abort(); /* out of memory */
	SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
	/* no chain is searched for in each handshake: what is sent stands in the file */
	SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_NO_AUTO_CHAIN);
	SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
					 (server ? SSL_OP_NO_TICKET : 0));
	SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
	return ssl;
}

static int setup_server(SSL_CTX *ssl, const struct tls_config *c, struct err *e)
{
	SSL_CTX_set_num_tickets(ssl, 0); /* nobody resumes with client certificates, and one costs a sixth of a handshake */
	SSL_CTX_set_alpn_select_cb(ssl, choose_alpn, NULL);
	int r = load_pair(ssl, c->cert_file, c->key_file, e);
	if (r < 0 || !c->ca_file)
		return r;
	STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(c->ca_file);
	if (!names)
		return tls_error(e, -EINVAL, c->ca_file);
	SSL_CTX_set_client_CA_list(ssl, names);
	if (SSL_CTX_load_verify_locations(ssl, c->ca_file, NULL) != 1)
		return tls_error(e, -EINVAL, c->ca_file);
	if (c->proxy_ca_file && SSL_add_file_cert_subjects_to_stack(names, c->proxy_ca_file) != 1)
		return tls_error(e, -EINVAL, c->proxy_ca_file);
	SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, NULL);
	return 0;
}

static int load_proxies(const char *ca_file, X509_STORE **ret, struct err *e)
{
	X509_STORE *s = X509_STORE_new();
	if (!s)
		abort(); /* out of memory */
	if (X509_STORE_load_file(s, ca_file) != 1) {
		X509_STORE_free(s);
		return tls_error(e, -EINVAL, ca_file);
	}
	X509_STORE_set_purpose(s, X509_PURPOSE_SSL_CLIENT);
	*ret = s;
	return 0;
}

/* Adds each certificate of the text to those that are trusted. */
static int trust_pem(SSL_CTX *ssl, const char *pem, struct err *e)
{
	BIO *in = BIO_new_mem_buf(pem, -1);
	X509 *one;
	int n = 0;
	for (; in && (one = PEM_read_bio_X509(in, NULL, NULL, NULL)); n++) {
		X509_STORE_add_cert(SSL_CTX_get_cert_store(ssl), one);
		X509_free(one);
	}
	ERR_clear_error(); /* the end of the text is an error, too */
	BIO_free(in);
	return n ? 0 : err_set(e, -EINVAL, "CA certificates: no certificate in the text");
}

static int setup_client(SSL_CTX *ssl, const struct tls_config *c, struct err *e)
{
	static const unsigned char h1[] = "\x08http/1.1", h2[] = "\x02h2";
	SSL_CTX_set_alpn_protos(ssl, c->http2 ? h2 : h1, c->http2 ? sizeof(h2) - 1 : sizeof(h1) - 1);
	if (c->cert_file) {
		int r = load_pair(ssl, c->cert_file, c->key_file, e);
		if (r < 0)
			return r;
	}
	if (c->insecure)
		return 0;
	if (c->ca_file && SSL_CTX_load_verify_locations(ssl, c->ca_file, NULL) != 1)
		return tls_error(e, -EINVAL, c->ca_file);
	if (c->ca_pem) {
		int r = trust_pem(ssl, c->ca_pem, e);
		if (r < 0)
			return r;
	}
	if (!c->ca_file && !c->ca_pem)
		SSL_CTX_set_default_verify_paths(ssl);
	SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, NULL);
	return 0;
}

static int new_ctx(bool server, const struct tls_config *c, struct tls_ctx **ret, struct err *e)
{
	ERR_clear_error();
	SSL_CTX *ssl = new_ssl(server);
	X509_STORE *proxies = NULL;
	int r = server ? setup_server(ssl, c, e) : setup_client(ssl, c, e);
	if (r == 0 && server && c->ca_file && c->proxy_ca_file)
		r = load_proxies(c->proxy_ca_file, &proxies, e);
	if (r < 0) {
		SSL_CTX_free(ssl);
		return r;
	}
	struct tls_ctx *t = xcalloc(1, sizeof(*t));
	*t = (struct tls_ctx){ .refs = 1, .ssl = ssl, .server = server, .insecure = c->insecure, .proxies = proxies };
	t->server_name = xstrdup(c->server_name);
	if (server)
		SSL_CTX_set_cert_verify_callback(ssl, tls_peer_judge, t);
	*ret = t;
	return 0;
}

int tls_server_new(const struct tls_config *c, struct tls_ctx **ret, struct err *e)
{
	if (!c->cert_file || !c->key_file)
		return err_set(e, -EINVAL, "a TLS server needs a certificate and its key");
	return new_ctx(true, c, ret, e);
}

int tls_client_new(const struct tls_config *c, struct tls_ctx **ret, struct err *e)
{
	if (!c->cert_file != !c->key_file)
		return err_set(e, -EINVAL, "a client certificate and its key belong together");
	return new_ctx(false, c, ret, e);
}

int tls_reload(struct tls_ctx *t, const char *cert_file, const char *key_file, struct err *e)
{
	ERR_clear_error();
	return load_pair(t->ssl, cert_file, key_file, e);
}

struct tls_ctx *tls_ref(struct tls_ctx *t)
{
	t->refs++;
	return t;
}

void tls_unref(struct tls_ctx *t)
{
	if (!t || --t->refs)
		return;
	SSL_CTX_free(t->ssl);
	X509_STORE_free(t->proxies);
	free(t->server_name);
	free(t);
}
