/* The cluster's name server on this node: pods' questions never leave it, unless they are about somebody else's names. */
#ifndef KNARR_AGENT_NODE_DNS_H
#define KNARR_AGENT_NODE_DNS_H

#include "agent/agent.h"
#include "base/str.h"

struct node_dns;

/* The service that has the name servers' address; the proxy leaves it alone where the node answers itself. */
#define NODE_DNS_SERVICE "kube-system/kube-dns"

/* Where the configuration asks for it: gives the --cluster-dns addresses to this node and answers there. NULL otherwise, or
 * where it cannot (logged): pods run all the same. */
struct node_dns *node_dns_start(struct agent *a);
void node_dns_stop(struct node_dns *d); /* NULL is fine; the addresses stay, an agent that is started again needs them */
void node_dns_metrics(const struct node_dns *d, struct str *out); /* NULL is fine */

#endif
