/* Encryption at rest: which values are stored encrypted, and with which key (Kubernetes, EncryptionConfiguration). */
#ifndef KNARR_CP_STORE_STORE_CRYPT_H
#define KNARR_CP_STORE_STORE_CRYPT_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

struct store_crypt;

/* config: an apiserver.config.k8s.io/v1 EncryptionConfiguration. resolve adds to prefixes what the store's keys of a
 * resource ("secrets", "deployments.apps", "*.apps", "*.*") begin with. The first entry of the file that covers a key
 * rules it: its first provider writes, all of them read. -EINVAL names the field; secrets never stand in an error. */
int store_crypt_new(const json_t *config, void (*resolve)(void *arg, const char *resource, char ***prefixes), void *arg,
		    struct store_crypt **ret, struct err *e);
void store_crypt_free(struct store_crypt *c); /* wipes the keys; NULL is fine */

/* What is stored for value. Returns owned; value itself (referenced) where it is stored as it is. -EIO. */
int store_crypt_seal(const struct store_crypt *c, const char *key, struct buf *value, struct buf **ret, struct err *e);
/* The reverse. stale: it would be written with another key or provider now. c may be NULL: nothing is encrypted.
 * -EBADMSG names the key. */
int store_crypt_open(const struct store_crypt *c, const char *key, struct buf *stored, struct buf **ret, bool *ret_stale,
		     struct err *e);

#endif
