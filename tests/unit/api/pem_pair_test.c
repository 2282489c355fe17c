/* api/pem_pair.c: certificates and keys that do not go together, in the words of those that load them. */
#include "api/pem_pair.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "tests/unit/check_main.h"

/* PEM of a certificate of key, or of key itself. Owned. */
static char *pem_of(EVP_PKEY *key, bool certificate)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *text;

	if (certificate) {
		X509 *x = X509_new();
		X509_set_pubkey(x, key);
		X509_gmtime_adj(X509_getm_notBefore(x), 0);
		X509_gmtime_adj(X509_getm_notAfter(x), 3600);
		ck_assert_int_gt(X509_sign(x, key, EVP_sha256()), 0);
		PEM_write_bio_X509(out, x);
		X509_free(x);
	} else {
		PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL);
	}
	long n = BIO_get_mem_data(out, &text);
	text = xstrndup(text, (size_t)n);
	BIO_free(out);
	return text;
}

static void check(const char *certificate, const char *key, const char *wanted)
{
	AUTO_FREE char *got = pem_pair_problem(certificate, strlen(certificate), key, strlen(key));

	ck_assert_str_eq(got ? got : "", wanted);
}

START_TEST(problems)
{
#define ODD "-----BEGIN TEA-----\nAAAA\n-----END TEA-----\n"
	EVP_PKEY *one = EVP_EC_gen("P-256"), *two = EVP_EC_gen("P-256"), *other = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	AUTO_FREE char *c = pem_of(one, true), *k = pem_of(one, false), *k2 = pem_of(two, false), *k3 = pem_of(other, false);
	AUTO_FREE char *both = xasprintf(ODD "%s%s", k, c);

	check(c, k, "");
	check(both, both, "");
	check("", k, "tls: failed to find any PEM data in certificate input");
	check(k, c, "tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched");
	check(ODD ODD, k, "tls: failed to find \"CERTIFICATE\" PEM block in certificate input after skipping PEM blocks of the following types: [TEA TEA]");
	check(c, "x", "tls: failed to find any PEM data in key input");
	check(c, c, "tls: found a certificate rather than a key in the PEM for the private key");
	check(c, ODD, "tls: failed to find PEM block with type ending in \"PRIVATE KEY\" in key input after skipping PEM blocks of the following types: [TEA]");
	check("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", k, "x509: malformed certificate");
	check(c, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "tls: failed to parse private key");
	check(c, k2, "tls: private key does not match public key");
	check(c, k3, "tls: private key type does not match public key type");
	EVP_PKEY_free(one);
	EVP_PKEY_free(two);
	EVP_PKEY_free(other);
}
END_TEST

TESTS("pem_pair", problems)
