/* The proxy's table: its fixed chains, rules and maps, and the chains for each number of endpoints. */
#ifndef KNARR_NETFILTER_SERVICE_RULES_H
#define KNARR_NETFILTER_SERVICE_RULES_H

#include "io/nft/nft.h"
#include "netfilter/service_plan.h"

#define SERVICE_MAP "services"
#define ENDPOINT_MAP "endpoints"
#define UNAVAILABLE_MAP "unavailable"
#define HAIRPIN_SET "hairpin"
#define AFFINITY_MAP "affinity"
#define STICKY_MAP "sticky"
#define ALLOWED_SET "allowed"

struct service_rules {
	const char *table;
	struct ip_net pods[2], services[2]; /* IPv4, IPv6; ip.family 0: not known */
	bool masquerade_pods;
};

/* Everything but elements and endpoint chains. */
void service_rules_base(struct nft_batch *b, const struct service_rules *s, int family);
/* The chain that a SVC_SERVICE or SVC_STICKY element goes to. */
void service_rules_chain(struct nft_batch *b, const struct service_rules *s, const struct svc_elem *elem);
/* A chain's name that changes with the layout and the configuration of the fixed rules. ret has room for 32. */
char *service_rules_layout(const struct service_rules *s, int family, char *ret);
/* The map or set of a kind of element. */
const char *service_rules_set(int kind);
void service_rules_elem(const struct svc_elem *elem, struct nft_elem *ret);

#endif
