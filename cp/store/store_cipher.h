/* The two ciphers of encryption at rest, in the byte formats of Kubernetes' providers. Pure but for randomness. */
#ifndef KNARR_CP_STORE_STORE_CIPHER_H
#define KNARR_CP_STORE_STORE_CIPHER_H

#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

/* aesgcm: 12 bytes of nonce, the ciphertext, 16 bytes of tag; context (the object's key in the store) is
 * authenticated. aescbc: 16 bytes of IV, the ciphertext padded as PKCS #7. key_len 16, 24 or 32. */
struct store_cipher {
	const char *name; /* "aesgcm" */
	/* Adds to ret. -EIO. */
	int (*seal)(const unsigned char *key, size_t key_len, const char *context, const void *text, size_t len,
		    struct str *ret, struct err *e);
	/* Adds to ret. -EBADMSG: not sealed with this key and context. */
	int (*open)(const unsigned char *key, size_t key_len, const char *context, const void *sealed, size_t len,
		    struct str *ret, struct err *e);
};
const struct store_cipher *store_cipher_find(const char *name); /* NULL: none of that name */

#endif
