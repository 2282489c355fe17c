/* Digests. */
#include "rootfs/digest.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

struct digest *digest_new(void)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	EVP_DigestInit_ex(c, EVP_sha256(), NULL);
	return (struct digest *)c;
}

void digest_add(struct digest *d, const void *bytes, size_t n)
{
	EVP_DigestUpdate((EVP_MD_CTX *)d, bytes, n);
}

void digest_finish(struct digest *d, char *ret)
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	EVP_DigestFinal_ex((EVP_MD_CTX *)d, sum, &n);
	EVP_MD_CTX_free((EVP_MD_CTX *)d);
	memcpy(ret, "sha256:", 8);
	for (unsigned i = 0; i < 32; i++)
		snprintf(ret + 7 + i * 2, 3, "%02x", sum[i]);
}

void digest_of(const void *bytes, size_t n, char *ret)
{
	struct digest *d = digest_new();
	digest_add(d, bytes, n);
	digest_finish(d, ret);
}

const char *digest_hex(const char *digest)
{
	if (!digest || !str_has_prefix(digest, "sha256:") || strlen(digest + 7) != 64 ||
	    strspn(digest + 7, "0123456789abcdef") != 64)
		return NULL;
	return digest + 7;
}
