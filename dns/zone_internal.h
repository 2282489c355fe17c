/* What the zone*.c files share. */
#ifndef KNARR_DNS_ZONE_INTERNAL_H
#define KNARR_DNS_ZONE_INTERNAL_H

#include "dns/zone.h"

/* Borrowed pointers, in no order. */
struct ptrs {
	void **v;
	size_t n;
};

struct zone {
	char *domain;
	size_t domain_len;
	struct ip *servers;
	struct ip_net *reverse;
	size_t n_servers, n_reverse;
	uint64_t generation;
	struct map *services, *slices; /* key -> owned */
	struct map *of_service;        /* service key -> struct ptrs of its slices */
	struct map *by_ip;             /* address -> struct ptrs of services that have it */
	struct map *hosts;             /* address -> struct ptrs of slices that have it */
	struct map *namespaces;
};

#endif
