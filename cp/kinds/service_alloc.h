/* Which service addresses and node ports are taken: derived from the services and IPAddresses in the cache and the requests
 * in flight. */
#ifndef KNARR_CP_KINDS_SERVICE_ALLOC_H
#define KNARR_CP_KINDS_SERVICE_ALLOC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "cp/cache/cache.h"

struct service_alloc;
struct service_ticket; /* what one request has taken */

/* services, addresses, cidrs: the buckets of Services, IPAddresses and ServiceCIDRs (the latter may be NULL), loaded.
 * configured: a range of at least 8 addresses, or one of each family ("10.96.0.0/16,fd00:96::/112"). -EINVAL. */
int service_alloc_new(struct bucket *services, struct bucket *addresses, struct bucket *cidrs, const char *configured, uint16_t port_min, uint16_t port_max,
		      struct service_alloc **ret, struct err *e);
void service_alloc_free(struct service_alloc *a); /* NULL is fine */

struct service_ticket *service_ticket_new(struct service_alloc *a);
/* The request is over: nothing is in flight any more (a committed one is in the cache by now). */
void service_ticket_free(struct service_ticket *t);

/* Takes an address; wanted NULL: any of family ("IPv4", "IPv6"), from the upper part of the range that is not kept for people's
 * own choices. ret_text gets it in canonical form and has room for SERVICE_ADDRESS_MAX (service_range.h). -EEXIST: taken,
 * -ERANGE: not in the range, -ENOSPC: none is left. */
int service_take_ip(struct service_ticket *t, const char *family, const char *wanted, char *ret_text);
/* The families of the configured ranges, the default first; valid as long as a. Returns how many. */
size_t service_cluster_families(const struct service_alloc *a, const char *const **ret);
/* Takes a port, for all protocols; wanted 0: any. Codes as above. */
int service_take_port(struct service_ticket *t, uint16_t wanted, uint16_t *ret);
/* "30000-32767", for messages; static in a. */
const char *service_port_range(const struct service_alloc *a);

#endif
