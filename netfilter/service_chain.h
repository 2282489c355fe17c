/* The chains that fronts lead to: how an endpoint is chosen, how a client is remembered. */
#ifndef KNARR_NETFILTER_SERVICE_CHAIN_H
#define KNARR_NETFILTER_SERVICE_CHAIN_H

#include "io/nft/nft.h"
#include "netfilter/service_rules.h"

/* The i-th of the choices whose chains are made with the table, as an element of this family without a key; false: that
 * was the last. */
bool service_chain_usual(const struct service_rules *s, int family, size_t i, struct svc_elem *ret);
/* The chain that a SVC_SERVICE or SVC_STICKY element leads to. */
void service_chain_add(struct nft_batch *b, const struct service_rules *s, const struct svc_elem *elem);
/* The name of that chain. ret has room for 32. */
char *service_chain_name(const struct svc_elem *elem, char *ret);
/* The seconds in the chain's name of a SVC_STICKY element into its data; false: another name. */
bool service_chain_read_sticky(const char *chain, struct svc_elem *ret);

#endif
