/* Peers. Purpose: verify a client's certificate once, by the CAs of clients and those of proxies, and read its names.
 * What can fail: names with a NUL inside, which could be read as others.
 * What always holds: a certificate that nobody vouches for has no names here. */
#include "io/tls_peer.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/tls_internal.h"

static bool vouches(X509_STORE *store, X509 *cert, STACK_OF(X509) *chain)
{
	X509_STORE_CTX *v = X509_STORE_CTX_new();
	if (!v)
		abort(); /* out of memory */
	bool ok = X509_STORE_CTX_init(v, store, cert, chain) == 1 && X509_verify_cert(v) == 1;
	X509_STORE_CTX_free(v);
	return ok;
}

int tls_peer_judge(X509_STORE_CTX *v, void *tls_ctx)
{
	const struct tls_ctx *t = tls_ctx;
	SSL *ssl = X509_STORE_CTX_get_ex_data(v, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_peer *p = SSL_get_app_data(ssl);
	p->presented = true;
	p->is_client = X509_verify_cert(v) == 1;
	p->is_proxy = t->proxies && vouches(t->proxies, X509_STORE_CTX_get0_cert(v), X509_STORE_CTX_get0_untrusted(v));
	X509_STORE_CTX_set_error(v, X509_V_OK);
	ERR_clear_error();
	return 1;
}

/* A subject entry as UTF-8; NULL where it holds a NUL and so could be read as another name. */
static char *entry_text(const X509_NAME_ENTRY *entry)
{
	unsigned char *utf8 = NULL;
	int n = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry));
	char *text = n >= 0 && !memchr(utf8, 0, (size_t)n) ? xstrndup((const char *)utf8, (size_t)n) : NULL;
	OPENSSL_free(utf8);
	return text;
}

static int read_subject(struct tls_peer *p, const X509_NAME *name)
{
	for (int i = 0; i < X509_NAME_entry_count(name); i++) {
		const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);
		int nid = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
		if (nid != NID_commonName && nid != NID_organizationName)
			continue;
		AUTO_FREE char *text = entry_text(entry);
		if (!text)
			return -EPROTO;
		if (nid == NID_organizationName) {
			strv_add(&p->organizations, text);
		} else {
			free(p->common_name);
			p->common_name = TAKE(text);
		}
	}
	return 0;
}

static void read_fingerprint(struct tls_peer *p, const unsigned char *digest, unsigned int n)
{
	static const char hex[] = "0123456789abcdef";
	for (unsigned int i = 0; i < n; i++) {
		p->fingerprint[2 * i] = hex[digest[i] >> 4];
		p->fingerprint[2 * i + 1] = hex[digest[i] & 15];
	}
}

int tls_peer_read(struct tls_peer *p, const struct tls_ctx *t, SSL *ssl, struct err *e)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int n = 0;
	X509 *cert = SSL_get0_peer_certificate(ssl);
	if (!cert || SSL_get_verify_mode(ssl) == SSL_VERIFY_NONE || (t->server && !p->is_client && !p->is_proxy))
		return 0;
	if (SSL_get_verify_result(ssl) != X509_V_OK || X509_digest(cert, EVP_sha256(), digest, &n) != 1 || n != 32)
		return tls_error(e, -EPROTO, "peer certificate");
	read_fingerprint(p, digest, n);
	if (read_subject(p, X509_get_subject_name(cert)) < 0)
		return err_set(e, -EPROTO, "peer certificate: malformed subject");
	return 0;
}

void tls_peer_done(struct tls_peer *p)
{
	free(p->common_name);
	free_strv(&p->organizations);
}
