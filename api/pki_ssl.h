/* What the files about certificates share: OpenSSL's objects with cleanup, PEM files, parts of a certificate. */
#ifndef KNARR_API_PKI_SSL_H
#define KNARR_API_PKI_SSL_H

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "api/pki.h"
#include "base/mem.h"

static inline void pki_free_x509(X509 **x)
{
	X509_free(*x);
}

static inline void pki_free_key(EVP_PKEY **k)
{
	EVP_PKEY_free(*k);
}

static inline void pki_free_bio(BIO **b)
{
	BIO_free(*b);
}

#define AUTO_X509 AUTO(pki_free_x509) X509
#define AUTO_KEY AUTO(pki_free_key) EVP_PKEY
#define AUTO_BIO AUTO(pki_free_bio) BIO

/* -EINVAL with OpenSSL's words for its last error. */
int pki_ssl_error(struct err *e, const char *what);
int pki_write_key(const char *path, EVP_PKEY *key, struct err *e);
int pki_read_cert(const char *path, X509 **ret, struct err *e);
int pki_read_key(const char *path, EVP_PKEY **ret, struct err *e);
/* A certificate with serial, validity and public key, no names yet. Returns owned. */
X509 *pki_new_cert(EVP_PKEY *key, int days);
void pki_add_name(X509_NAME *n, const char *field, const char *value);
int pki_add_extension(X509 *x, X509 *issuer, int nid, const char *value, struct err *e);
/* "DNS:a,IP:b", "" for no names. Owned. */
char *pki_alt_names(const struct pki_subject *s);

#endif
