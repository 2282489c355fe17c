/* AES in GCM and CBC mode by OpenSSL.
 *
 * Happy path: random nonce, encrypt, put together. What can fail: bytes that are too short, padding or tag that are not
 * right (-EBADMSG). What always holds: nothing of a text that did not authenticate is given out. */
#include "cp/store/store_cipher.h"

#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#include "base/mem.h"

enum { NONCE = 12, TAG = 16, BLOCK = 16 };

static void ctx_free(EVP_CIPHER_CTX **c)
{
	EVP_CIPHER_CTX_free(*c);
}

static const EVP_CIPHER *gcm(size_t key_len)
{
	return key_len == 16 ? EVP_aes_128_gcm() : key_len == 24 ? EVP_aes_192_gcm() : EVP_aes_256_gcm();
}

static const EVP_CIPHER *cbc(size_t key_len)
{
	return key_len == 16 ? EVP_aes_128_cbc() : key_len == 24 ? EVP_aes_192_cbc() : EVP_aes_256_cbc();
}

static int failed(struct err *e)
{
	return err_set(e, -EIO, "cipher: OpenSSL failed");
}

static int gcm_seal(const unsigned char *key, size_t key_len, const char *context, const void *text, size_t len,
		    struct str *ret, struct err *e)
{
	AUTO(ctx_free) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	unsigned char nonce[NONCE], tag[TAG];
	AUTO_FREE unsigned char *out = xmalloc(len + BLOCK);
	int n, tail;
	if (len > INT_MAX || !c || RAND_bytes(nonce, NONCE) != 1 || EVP_EncryptInit_ex(c, gcm(key_len), NULL, key, nonce) != 1 ||
	    EVP_EncryptUpdate(c, NULL, &n, (const unsigned char *)context, (int)strlen(context)) != 1 ||
	    EVP_EncryptUpdate(c, out, &n, text, (int)len) != 1 || EVP_EncryptFinal_ex(c, out + n, &tail) != 1 ||
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG, tag) != 1)
		return failed(e);
	str_addn(ret, nonce, NONCE);
	str_addn(ret, out, (size_t)(n + tail));
	str_addn(ret, tag, TAG);
	return 0;
}

static int gcm_open(const unsigned char *key, size_t key_len, const char *context, const void *sealed, size_t len,
		    struct str *ret, struct err *e)
{
	AUTO(ctx_free) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	const unsigned char *in = sealed;
	int n = 0, tail = 0;
	if (len < NONCE + TAG || len > INT_MAX)
		return err_set(e, -EBADMSG, "the stored data was shorter than the required size");
	size_t text = len - NONCE - TAG;
	AUTO_FREE unsigned char *out = xmalloc(text + BLOCK);
	if (!c || EVP_DecryptInit_ex(c, gcm(key_len), NULL, key, in) != 1 ||
	    EVP_DecryptUpdate(c, NULL, &n, (const unsigned char *)context, (int)strlen(context)) != 1 ||
	    EVP_DecryptUpdate(c, out, &n, in + NONCE, (int)text) != 1 ||
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG, (void *)(in + NONCE + text)) != 1)
		return failed(e);
	if (EVP_DecryptFinal_ex(c, out + n, &tail) != 1)
		return err_set(e, -EBADMSG, "cipher: message authentication failed");
	str_addn(ret, out, (size_t)(n + tail));
	return 0;
}

static int cbc_seal(const unsigned char *key, size_t key_len, const char *context, const void *text, size_t len,
		    struct str *ret, struct err *e)
{
	AUTO(ctx_free) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	unsigned char iv[BLOCK];
	AUTO_FREE unsigned char *out = xmalloc(len + BLOCK);
	int n, tail;
	(void)context;
	if (len > INT_MAX - BLOCK || !c || RAND_bytes(iv, BLOCK) != 1 || EVP_EncryptInit_ex(c, cbc(key_len), NULL, key, iv) != 1 ||
	    EVP_EncryptUpdate(c, out, &n, text, (int)len) != 1 || EVP_EncryptFinal_ex(c, out + n, &tail) != 1)
		return failed(e);
	str_addn(ret, iv, BLOCK);
	str_addn(ret, out, (size_t)(n + tail));
	return 0;
}

static int cbc_open(const unsigned char *key, size_t key_len, const char *context, const void *sealed, size_t len,
		    struct str *ret, struct err *e)
{
	AUTO(ctx_free) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	const unsigned char *in = sealed;
	int n = 0, tail = 0;
	(void)context;
	if (len < 2 * BLOCK || len % BLOCK || len > INT_MAX)
		return err_set(e, -EBADMSG, "the stored data is not a multiple of the block size");
	AUTO_FREE unsigned char *out = xmalloc(len);
	if (!c || EVP_DecryptInit_ex(c, cbc(key_len), NULL, key, in) != 1 ||
	    EVP_DecryptUpdate(c, out, &n, in + BLOCK, (int)(len - BLOCK)) != 1)
		return failed(e);
	if (EVP_DecryptFinal_ex(c, out + n, &tail) != 1)
		return err_set(e, -EBADMSG, "invalid padding on input");
	str_addn(ret, out, (size_t)(n + tail));
	return 0;
}

static const struct store_cipher ciphers[] = {{"aesgcm", gcm_seal, gcm_open}, {"aescbc", cbc_seal, cbc_open}};

const struct store_cipher *store_cipher_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(ciphers); i++)
		if (str_eq(ciphers[i].name, name))
			return &ciphers[i];
	return NULL;
}
