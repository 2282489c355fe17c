/* SHA-256 digests in the OCI form "sha256:<hex>", over libcrypto. */
#ifndef KNARR_ROOTFS_DIGEST_H
#define KNARR_ROOTFS_DIGEST_H

#include <stddef.h>

#include "base/err.h"

#define DIGEST_MAX 72 /* "sha256:" + 64 + NUL */

struct digest;
struct digest *digest_new(void);
void digest_add(struct digest *d, const void *bytes, size_t n);
/* Writes the text into ret (room DIGEST_MAX) and frees d. */
void digest_finish(struct digest *d, char *ret);
void digest_of(const void *bytes, size_t n, char *ret);
/* The hex part of a valid "sha256:<hex>", else NULL. */
const char *digest_hex(const char *digest);

#endif
