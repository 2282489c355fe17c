/* The proxy's table: its fixed chains, rules and maps, and the chains for each number of endpoints. */
#ifndef KNARR_NETFILTER_SERVICE_RULES_H
#define KNARR_NETFILTER_SERVICE_RULES_H

#include "io/nft/nft.h"
#include "netfilter/service_plan.h"

#define AFFINITY_MAP "affinity"

struct service_rules {
	const char *table;
	struct ip_net pods[2], services[2]; /* IPv4, IPv6; ip.family 0: not known */
	bool masquerade_pods;
};

/* Everything but elements and endpoint chains. held: how many elements of each kind will follow at once; ret_room: how
 * many the maps have room for, 0: any number (-ENFILE at a commit: one is full). */
void service_rules_base(struct nft_batch *b, const struct service_rules *s, int family, const size_t held[SVC_MAPS],
			size_t ret_room[SVC_MAPS]);
/* The i-th of the choices whose chains are made with the table, as an element of this family without a key; false: that
 * was the last. */
bool service_rules_usual(const struct service_rules *s, int family, size_t i, struct svc_elem *ret);
/* The chain that a SVC_SERVICE or SVC_STICKY element leads to. */
void service_rules_chain(struct nft_batch *b, const struct service_rules *s, const struct svc_elem *elem);
/* The name of that chain. ret has room for 32. */
char *service_rules_chain_name(const struct svc_elem *elem, char *ret);
/* The seconds in the chain's name of a SVC_STICKY element into its data; false: another name. */
bool service_rules_read_sticky(const char *chain, struct svc_elem *ret);
/* A chain's name that changes with the layout and the configuration of the fixed rules. ret has room for 32. */
char *service_rules_layout(const struct service_rules *s, int family, char *ret);
/* The map or set of a kind of element, below SVC_MAPS. */
const char *service_rules_set(int kind);
void service_rules_elem(const struct svc_elem *elem, struct nft_elem *ret);

#endif
