/* Chains of iptables-legacy and ip6tables-legacy, in the calling thread's network namespace. */
#ifndef KNARR_NETFILTER_LEGACY_CHAINS_H
#define KNARR_NETFILTER_LEGACY_CHAINS_H

#include <stdbool.h>

/* Whether a table of IPv4 or IPv6 has a chain of this name. Needs CAP_NET_ADMIN; without it: no. */
bool legacy_chain_exists(const char *table, const char *chain);

#endif
