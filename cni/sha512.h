/* SHA-512, of which the reference makes the names of links. FIPS 180-4. */
#ifndef KNARR_CNI_SHA512_H
#define KNARR_CNI_SHA512_H

#include <stddef.h>
#include <stdint.h>

void sha512(const void *bytes, size_t n, uint8_t ret[64]);

#endif
