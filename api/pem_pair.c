/* Looks whether a certificate and a key belong together. Happy path: the first certificate and the first key of the texts are read,
 * and one's public half is the other's. Nothing fails: what is wrong is the result. What always holds: no byte of a key is kept. */
#include "api/pem_pair.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

struct block {
	unsigned char *bytes;
	long n;
	struct str skipped; /* types of the blocks before it, with blanks between */
	size_t n_skipped;
};

static void block_done(struct block *b)
{
	OPENSSL_clear_free(b->bytes, b->n > 0 ? (size_t)b->n : 0);
	str_done(&b->skipped);
}

static bool is_certificate(const char *type)
{
	return !strcmp(type, "CERTIFICATE");
}

static bool is_key(const char *type)
{
	return !strcmp(type, "PRIVATE KEY") || str_has_suffix(type, " PRIVATE KEY");
}

/* The first block of a wanted type; without bytes: there is none. */
static void find_block(const char *text, size_t n, bool (*wanted)(const char *type), struct block *b)
{
	BIO *in = BIO_new_mem_buf(text, (int)n);
	char *type = NULL, *header = NULL;
	bool found = false;

	while (in && !found && PEM_read_bio(in, &type, &header, &b->bytes, &b->n)) {
		found = wanted(type);
		if (!found) {
			str_addf(&b->skipped, "%s%s", b->n_skipped++ ? " " : "", type);
			OPENSSL_clear_free(b->bytes, (size_t)b->n);
			b->bytes = NULL;
		}
		OPENSSL_free(type);
		OPENSSL_free(header);
	}
	BIO_free(in);
	ERR_clear_error();
}

static char *no_certificate(const struct block *b)
{
	if (!b->n_skipped)
		return xstrdup("tls: failed to find any PEM data in certificate input");
	if (b->n_skipped == 1 && str_has_suffix(str_text(&b->skipped), "PRIVATE KEY"))
		return xstrdup("tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been "
			       "switched");
	return xasprintf("tls: failed to find \"CERTIFICATE\" PEM block in certificate input after skipping PEM blocks of the following types: [%s]",
			 str_text(&b->skipped));
}

static char *no_key(const struct block *b)
{
	if (!b->n_skipped)
		return xstrdup("tls: failed to find any PEM data in key input");
	if (!strcmp(str_text(&b->skipped), "CERTIFICATE"))
		return xstrdup("tls: found a certificate rather than a key in the PEM for the private key");
	return xasprintf("tls: failed to find PEM block with type ending in \"PRIVATE KEY\" in key input after skipping PEM blocks of the following "
			 "types: [%s]",
			 str_text(&b->skipped));
}

/* NULL: they belong together. Static. */
static const char *compare(const struct block *certificate, const struct block *key)
{
	const unsigned char *at = certificate->bytes, *key_at = key->bytes;
	X509 *x = d2i_X509(NULL, &at, certificate->n);
	EVP_PKEY *private = x ? d2i_AutoPrivateKey(NULL, &key_at, key->n) : NULL, *public = x ? X509_get0_pubkey(x) : NULL;
	const char *problem = NULL;

	if (!x)
		problem = "x509: malformed certificate";
	else if (!private)
		problem = "tls: failed to parse private key";
	else if (!public || EVP_PKEY_get_base_id(public) != EVP_PKEY_get_base_id(private))
		problem = "tls: private key type does not match public key type";
	else if (EVP_PKEY_eq(public, private) != 1)
		problem = "tls: private key does not match public key";
	EVP_PKEY_free(private);
	X509_free(x);
	ERR_clear_error();
	return problem;
}

char *pem_pair_problem(const char *certificate, size_t n_certificate, const char *key, size_t n_key)
{
	AUTO(block_done) struct block c = {.skipped = STR_INIT}, k = {.skipped = STR_INIT};
	const char *problem;

	find_block(certificate, n_certificate, is_certificate, &c);
	if (!c.bytes)
		return no_certificate(&c);
	find_block(key, n_key, is_key, &k);
	if (!k.bytes)
		return no_key(&k);
	problem = compare(&c, &k);
	return problem ? xstrdup(problem) : NULL;
}
