/* A node's WireGuard key: kept in a file, its public half for everybody. RFC 7748. */
#ifndef KNARR_OVERLAY_WIREGUARD_KEY_H
#define KNARR_OVERLAY_WIREGUARD_KEY_H

#include <stdint.h>

#include "base/err.h"
#include "io/net/wireguard.h"

/* Reads the key, or makes one and writes it (mode 0600). -EINVAL: the file holds something else. */
int wireguard_key_load(const char *path, uint8_t ret_private[WIREGUARD_KEY], uint8_t ret_public[WIREGUARD_KEY], struct err *e);

#endif
