/* Expressions that several rules of the proxy's table have. Nothing fails here; the kernel checks at commit. What always
 * holds: only our bits of a mark are changed, the others are somebody else's. */
#include <netinet/in.h> /* before the kernel headers, which yield to it */

#include "netfilter/service_match.h"

#include <linux/netfilter.h>
#include <linux/rtnetlink.h>

#define IPV4_PROTOCOL_AT 9

int service_match_regs(int family)
{
	return family == NFPROTO_IPV4 ? 1 : 4;
}

int service_match_front(struct nft_rule *r, int family)
{
	int n = service_match_regs(family);
	nft_x_daddr(r, family, 0);
	if (family == NFPROTO_IPV4)
		nft_x_payload(r, NFT_PAYLOAD_NETWORK_HEADER, IPV4_PROTOCOL_AT, 1, n);
	else
		nft_x_meta(r, NFT_META_L4PROTO, n);
	nft_x_dport(r, n + 1);
	return n + 2;
}

int service_match_original(struct nft_rule *r, int family)
{
	int n = service_match_regs(family);
	nft_x_ct_original(r, family == NFPROTO_IPV4 ? NFT_CT_DST_IP : NFT_CT_DST_IP6, 0);
	nft_x_meta(r, NFT_META_L4PROTO, n);
	nft_x_ct_original(r, NFT_CT_PROTO_DST, n + 1);
	return n + 2;
}

void service_match_net(struct nft_rule *r, const struct ip_net *net, bool source, bool inside)
{
	int family = net->ip.family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;
	if (source)
		nft_x_saddr(r, family, 0);
	else
		nft_x_daddr(r, family, 0);
	nft_x_prefix(r, inside ? NFT_CMP_EQ : NFT_CMP_NEQ, 0, net->ip.b, (uint32_t)ip_len(&net->ip), net->prefix);
}

void service_match_node(struct nft_rule *r)
{
	uint32_t local = RTN_LOCAL;
	nft_x_fib_saddr_type(r, 0);
	nft_x_cmp(r, NFT_CMP_EQ, 0, &local, sizeof(local));
}

void service_match_mark(struct nft_rule *r, uint32_t bits)
{
	uint32_t none = 0;
	nft_x_meta(r, NFT_META_MARK, 0);
	nft_x_bitwise(r, 0, &bits, &none, sizeof(bits));
	nft_x_cmp(r, NFT_CMP_NEQ, 0, &none, sizeof(none));
}

void service_match_set_mark(struct nft_rule *r, uint32_t bits, bool set)
{
	uint32_t keep = ~bits, flip = set ? bits : 0;
	nft_x_meta(r, NFT_META_MARK, 0);
	nft_x_bitwise(r, 0, &keep, &flip, sizeof(keep));
	nft_x_meta_set(r, NFT_META_MARK, 0);
}
