/* Ranges of service addresses, of either family: which addresses are in them, in which order they are offered. Pure. */
#ifndef KNARR_CP_KINDS_SERVICE_RANGE_H
#define KNARR_CP_KINDS_SERVICE_RANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum { SERVICE_ADDRESS_MAX = 46 }; /* room for an address as text */

/* Addresses first .. first+size-1; the lowest band are for people's own choices. */
struct service_range {
	int family; /* 4, 6 */
	unsigned __int128 first;
	uint64_t size, band;
};

/* "10.96.0.0/16" (from /8 to /29), "fd00:96::/112" (from /64 to /125). Left out are the network's own address and, of IPv4,
 * the broadcast address. -EINVAL. */
int service_range_parse(const char *cidr, struct service_range *ret, struct err *e);
bool service_range_has(const struct service_range *r, int family, unsigned __int128 address);
/* The n-th address of the range as canonical text; ret has room for SERVICE_ADDRESS_MAX. Returns ret. */
const char *service_range_text(const struct service_range *r, uint64_t n, char *ret);
/* An address: 4 or 6, or 0 for a text that is none. */
int service_address_parse(const char *text, unsigned __int128 *ret);

#endif
