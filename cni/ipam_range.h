/* Ranges of addresses to hand out: pure arithmetic of the host-local plugin. */
#ifndef KNARR_CNI_IPAM_RANGE_H
#define KNARR_CNI_IPAM_RANGE_H

#include "base/err.h"
#include "base/str.h"
#include "io/net/ip.h"

struct ip_range {
	struct ip_net subnet;
	struct ip start, end, gateway; /* family 0 before ip_range_complete(): not given */
};

/* One address is handed out of each set; its ranges are tried in order. */
struct range_set {
	struct ip_range *ranges;
	size_t n;
};

void range_set_done(struct range_set *s);
/* Fills in start, end and gateway where they are not given and checks that all lie inside. -EINVAL. */
int ip_range_complete(struct ip_range *r, struct err *e);
bool ip_range_contains(const struct ip_range *r, const struct ip *ip);
/* The range of the set that holds the address, or NULL. */
const struct ip_range *range_set_find(const struct range_set *s, const struct ip *ip);
bool range_set_overlaps(const struct range_set *a, const struct range_set *b);
/* -EINVAL for an empty set, mixed families or ranges of one set that overlap. */
int range_set_check(const struct range_set *s, struct err *e);
/* "10.0.0.1-10.0.0.9,10.0.1.1-10.0.1.9" */
void range_set_text(const struct range_set *s, struct str *out);

/* Walks once around the whole set, gateways left out, starting behind the address last (NULL or outside: from the
 * beginning). range_iter_next() is false at the end. */
struct range_iter {
	const struct range_set *set;
	size_t at;
	struct ip cur, first;
};
void range_iter_init(struct range_iter *it, const struct range_set *s, const struct ip *last);
bool range_iter_next(struct range_iter *it, struct ip *ret, const struct ip_range **ret_range);

#endif
