/* WireGuard links: keys and peers over generic netlink. https://www.wireguard.com/xplatform/, linux/wireguard.h. */
#ifndef KNARR_IO_NET_WIREGUARD_H
#define KNARR_IO_NET_WIREGUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/net/ip.h"

enum { WIREGUARD_KEY = 32, WIREGUARD_ALLOWED_MAX = 4 };

struct wireguard_peer {
	uint8_t key[WIREGUARD_KEY]; /* public */
	struct ip endpoint;
	uint16_t port;
	struct ip_net allowed[WIREGUARD_ALLOWED_MAX]; /* what comes from there and goes there */
	size_t n_allowed;
	bool remove; /* forget the peer; the rest does not matter */
};

/* Sets a link's key and port (key NULL: both stay) and changes these peers; fresh: others are forgotten. -ENODEV,
 * -EOPNOTSUPP where the kernel has no WireGuard. */
int wireguard_set(int index, const uint8_t *private_key, uint16_t port, const struct wireguard_peer *v, size_t n, bool fresh,
		  struct err *e);

#endif
