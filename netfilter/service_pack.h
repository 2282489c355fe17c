/* Services, endpoint slices and elements in few bytes: what the proxy keeps of each between two changes. */
#ifndef KNARR_NETFILTER_SERVICE_PACK_H
#define KNARR_NETFILTER_SERVICE_PACK_H

#include "base/str.h"
#include "netfilter/service_plan.h"

/* Owned; bytes for this process only, whose first member is their length. */
struct packed {
	uint32_t len;
	uint8_t bytes[];
};

bool packed_same(const struct packed *a, const struct packed *b); /* NULL equals only NULL */

/* Everything but the key. */
struct packed *service_pack(const struct service *s);
struct service *service_unpack(const struct packed *p); /* owned; its key is NULL */
/* Everything but the keys and the time of the trigger, added to out. */
void service_slice_pack(const struct service_slice *s, struct str *out);
struct service_slice *service_slice_unpack(const void *bytes); /* owned; its keys are NULL */
struct packed *svc_elems_pack(const struct svc_elem *v, size_t n); /* NULL for none */
void svc_elems_unpack(const struct packed *p, struct svc_elem **ret, size_t *ret_n); /* an owned array */

#endif
