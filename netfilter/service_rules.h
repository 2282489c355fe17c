/* The proxy's table: its fixed chains, rules and maps. */
#ifndef KNARR_NETFILTER_SERVICE_RULES_H
#define KNARR_NETFILTER_SERVICE_RULES_H

#include "io/nft/nft.h"
#include "netfilter/service_plan.h"

#define SERVICE_MAP "services"
#define ENDPOINT_MAP "endpoints"
#define CHOICE_MAP "choices" /* from the numbers of SERVICE_MAP to chains */
#define AFFINITY_MAP "affinity"
#define ALLOWED_SET "allowed"

struct service_rules {
	const char *table;
	struct ip_net pods[2], services[2]; /* IPv4, IPv6; ip.family 0: not known */
	bool masquerade_pods;
};

/* Everything but elements and endpoint chains. held: how many elements of each kind will follow at once; ret_room: how
 * many the maps have room for, 0: any number (-ENFILE at a commit: one is full). */
void service_rules_base(struct nft_batch *b, const struct service_rules *s, int family, const size_t held[SVC_MAPS],
			size_t ret_room[SVC_MAPS]);
/* A chain's name that changes with the layout and the configuration of the fixed rules. ret has room for 32. */
char *service_rules_layout(const struct service_rules *s, int family, char *ret);
/* The map or set of a kind of element, below SVC_MAPS. */
const char *service_rules_set(int kind);
void service_rules_elem(const struct svc_elem *elem, struct nft_elem *ret);

#endif
