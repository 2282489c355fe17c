/* What the rules of the proxy's table ask of packets and connections: expressions that several rules have. Pure. */
#ifndef KNARR_NETFILTER_SERVICE_MATCH_H
#define KNARR_NETFILTER_SERVICE_MATCH_H

#include "io/net/ip.h"
#include "io/nft/nft_rule.h"

/* The 4-byte registers of an address. */
int service_match_regs(int family);
/* address . protocol . port of the packet's destination into the registers from 0; returns the next free one. */
int service_match_front(struct nft_rule *r, int family);
/* The same that the connection was sent to, before any translation. */
int service_match_original(struct nft_rule *r, int family);
/* Goes on where the source (or destination) is inside the network, or outside of it. */
void service_match_net(struct nft_rule *r, const struct ip_net *net, bool source, bool inside);
/* Goes on for connections of the node's own. */
void service_match_node(struct nft_rule *r);

/* Bits of a packet's mark, from where a connection is translated to where its source is decided on. The first is
 * kube-proxy's; the second is not its 0x8000, for which old kubelets leave a rule that drops, nor portmap's 0x2000. */
#define SERVICE_MARK_MASQUERADE 0x4000u /* it gets the node's address */
#define SERVICE_MARK_LOOK 0x1000u	/* its client may be its endpoint, or is to be remembered */
#define SERVICE_MARKS (SERVICE_MARK_MASQUERADE | SERVICE_MARK_LOOK)
/* Goes on where one of the bits is set. */
void service_match_mark(struct nft_rule *r, uint32_t bits);
/* Sets bits, or takes them away. */
void service_match_set_mark(struct nft_rule *r, uint32_t bits, bool set);

#endif
