/* Expressions of rules, one function each, on libnftnl. Nothing fails: memory aborts, the kernel checks the rest. */
#include <netinet/in.h>

#include "io/nft/nft_rule.h"

#include <libnftnl/expr.h>
#include <linux/netfilter/nf_nat.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define R(n) ((uint32_t)(NFT_REG32_00 + (n)))

struct nftnl_rule *nft_rule_new(int family, const char *table, const char *chain)
{
	struct nftnl_rule *r = nftnl_rule_alloc();
	if (!r)
		abort();
	nftnl_rule_set_u32(r, NFTNL_RULE_FAMILY, (uint32_t)family);
	nftnl_rule_set_str(r, NFTNL_RULE_TABLE, table);
	nftnl_rule_set_str(r, NFTNL_RULE_CHAIN, chain);
	return r;
}

static struct nftnl_expr *expr(struct nftnl_rule *r, const char *name)
{
	struct nftnl_expr *x = nftnl_expr_alloc(name);
	if (!x)
		abort();
	nftnl_rule_add_expr(r, x);
	return x;
}

void nft_x_meta(struct nftnl_rule *r, uint32_t key, int reg)
{
	struct nftnl_expr *x = expr(r, "meta");
	nftnl_expr_set_u32(x, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(x, NFTNL_EXPR_META_DREG, R(reg));
}

void nft_x_meta_set(struct nftnl_rule *r, uint32_t key, int reg)
{
	struct nftnl_expr *x = expr(r, "meta");
	nftnl_expr_set_u32(x, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(x, NFTNL_EXPR_META_SREG, R(reg));
}

void nft_x_payload(struct nftnl_rule *r, uint32_t base, uint32_t offset, uint32_t len, int reg)
{
	struct nftnl_expr *x = expr(r, "payload");
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_LEN, len);
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_DREG, R(reg));
}

void nft_x_saddr(struct nftnl_rule *r, int family, int reg)
{
	bool four = family == NFPROTO_IPV4;
	nft_x_payload(r, NFT_PAYLOAD_NETWORK_HEADER, four ? 12 : 8, four ? 4 : 16, reg);
}

void nft_x_daddr(struct nftnl_rule *r, int family, int reg)
{
	bool four = family == NFPROTO_IPV4;
	nft_x_payload(r, NFT_PAYLOAD_NETWORK_HEADER, four ? 16 : 24, four ? 4 : 16, reg);
}

void nft_x_dport(struct nftnl_rule *r, int reg)
{
	nft_x_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, reg);
}

void nft_x_ct_original(struct nftnl_rule *r, uint32_t key, int reg)
{
	struct nftnl_expr *x = expr(r, "ct");
	nftnl_expr_set_u32(x, NFTNL_EXPR_CT_KEY, key);
	nftnl_expr_set_u8(x, NFTNL_EXPR_CT_DIR, 0); /* IP_CT_DIR_ORIGINAL */
	nftnl_expr_set_u32(x, NFTNL_EXPR_CT_DREG, R(reg));
}

void nft_x_cmp(struct nftnl_rule *r, uint32_t op, int reg, const void *data, uint32_t len)
{
	struct nftnl_expr *x = expr(r, "cmp");
	nftnl_expr_set_u32(x, NFTNL_EXPR_CMP_SREG, R(reg));
	nftnl_expr_set_u32(x, NFTNL_EXPR_CMP_OP, op);
	nftnl_expr_set(x, NFTNL_EXPR_CMP_DATA, data, len);
}

void nft_x_bitwise(struct nftnl_rule *r, int reg, const void *mask, const void *flip, uint32_t len)
{
	struct nftnl_expr *x = expr(r, "bitwise");
	nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_SREG, R(reg));
	nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_DREG, R(reg));
	nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_BOOL);
	nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_LEN, len);
	nftnl_expr_set(x, NFTNL_EXPR_BITWISE_MASK, mask, len);
	nftnl_expr_set(x, NFTNL_EXPR_BITWISE_XOR, flip, len);
}

void nft_x_lookup(struct nftnl_rule *r, const char *set, int reg)
{
	struct nftnl_expr *x = expr(r, "lookup");
	nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_SREG, R(reg));
	nftnl_expr_set_str(x, NFTNL_EXPR_LOOKUP_SET, set);
}

void nft_x_map(struct nftnl_rule *r, const char *map, int reg, int to_reg)
{
	struct nftnl_expr *x = expr(r, "lookup");
	nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_SREG, R(reg));
	nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_DREG, to_reg < 0 ? (uint32_t)NFT_REG_VERDICT : R(to_reg));
	nftnl_expr_set_str(x, NFTNL_EXPR_LOOKUP_SET, map);
}

void nft_x_verdict(struct nftnl_rule *r, int verdict, const char *chain)
{
	struct nftnl_expr *x = expr(r, "immediate");
	nftnl_expr_set_u32(x, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(x, NFTNL_EXPR_IMM_VERDICT, (uint32_t)verdict);
	if (chain)
		nftnl_expr_set_str(x, NFTNL_EXPR_IMM_CHAIN, chain);
}

void nft_x_immediate(struct nftnl_rule *r, int reg, const void *data, uint32_t len)
{
	struct nftnl_expr *x = expr(r, "immediate");
	nftnl_expr_set_u32(x, NFTNL_EXPR_IMM_DREG, R(reg));
	nftnl_expr_set(x, NFTNL_EXPR_IMM_DATA, data, len);
}

void nft_x_random(struct nftnl_rule *r, uint32_t modulus, int reg)
{
	struct nftnl_expr *x = expr(r, "numgen");
	nftnl_expr_set_u32(x, NFTNL_EXPR_NG_DREG, R(reg));
	nftnl_expr_set_u32(x, NFTNL_EXPR_NG_MODULUS, modulus);
	nftnl_expr_set_u32(x, NFTNL_EXPR_NG_TYPE, NFT_NG_RANDOM);
}

void nft_x_dnat(struct nftnl_rule *r, int family, int addr_reg, int port_reg)
{
	struct nftnl_expr *x = expr(r, "nat");
	nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_TYPE, NFT_NAT_DNAT);
	nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_FAMILY, (uint32_t)family);
	nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_REG_ADDR_MIN, R(addr_reg));
	nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_REG_PROTO_MIN, R(port_reg));
	nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_FLAGS, NF_NAT_RANGE_MAP_IPS | NF_NAT_RANGE_PROTO_SPECIFIED);
}

void nft_x_masquerade(struct nftnl_rule *r, bool fully_random)
{
	struct nftnl_expr *x = expr(r, "masq");
	if (fully_random)
		nftnl_expr_set_u32(x, NFTNL_EXPR_MASQ_FLAGS, NF_NAT_RANGE_PROTO_RANDOM_FULLY);
}

void nft_x_reject_port_unreachable(struct nftnl_rule *r, int family)
{
	struct nftnl_expr *x = expr(r, "reject");
	nftnl_expr_set_u32(x, NFTNL_EXPR_REJECT_TYPE, NFT_REJECT_ICMP_UNREACH);
	nftnl_expr_set_u8(x, NFTNL_EXPR_REJECT_CODE,
			  family == NFPROTO_IPV4 ? 3 : 4); /* ICMP and ICMPv6 number it apart */
}

void nft_x_update(struct nftnl_rule *r, const char *map, int key_reg, int data_reg, uint64_t timeout_ms)
{
	struct nftnl_expr *x = expr(r, "dynset");
	nftnl_expr_set_u32(x, NFTNL_EXPR_DYNSET_SREG_KEY, R(key_reg));
	nftnl_expr_set_u32(x, NFTNL_EXPR_DYNSET_SREG_DATA, R(data_reg));
	nftnl_expr_set_u32(x, NFTNL_EXPR_DYNSET_OP, NFT_DYNSET_OP_UPDATE);
	nftnl_expr_set_u64(x, NFTNL_EXPR_DYNSET_TIMEOUT, timeout_ms);
	nftnl_expr_set_str(x, NFTNL_EXPR_DYNSET_SET_NAME, map);
	nftnl_expr_set_u32(x, NFTNL_EXPR_DYNSET_SET_ID, 0);
}
