/* Expressions of rules, one function each, as the kernel's attributes.
 *
 * A rule grows inside its own fixed room and is copied into a batch as it stands. Nothing fails: memory aborts, the
 * kernel checks the rest. */
#include <netinet/in.h>

#include "io/nft/nft_rule.h"

#include <linux/netfilter/nf_nat.h>
#include <stdio.h>
#include <stdlib.h>

#include "io/nft/nft_internal.h"

#define EXPR_MAX 256

#define R(n) ((uint32_t)(NFT_REG32_00 + (n)))

struct nft_rule *nft_rule_new(int family, const char *table, const char *chain)
{
	struct nft_rule *r = xcalloc(1, sizeof(*r));
	r->family = family;
	snprintf(r->table, sizeof(r->table), "%s", table);
	snprintf(r->chain, sizeof(r->chain), "%s", chain);
	r->h.nlmsg_len = sizeof(r->h);
	r->list = attr_begin(&r->h, NFTA_RULE_EXPRESSIONS);
	return r;
}

void nft_rule_free(struct nft_rule *r)
{
	free(r);
}

struct expr {
	struct nlattr *elem, *data;
};

/* A rule that outgrows its room is a mistake of the program. */
static struct expr expr(struct nft_rule *r, const char *name)
{
	struct expr x;
	if (r->h.nlmsg_len + EXPR_MAX > sizeof(r->room))
		abort();
	x.elem = attr_begin(&r->h, NFTA_LIST_ELEM);
	attr_text(&r->h, NFTA_EXPR_NAME, name);
	x.data = attr_begin(&r->h, NFTA_EXPR_DATA);
	return x;
}

static void done(struct nft_rule *r, struct expr x)
{
	attr_end(&r->h, x.data);
	attr_end(&r->h, x.elem);
}

static void value(struct nft_rule *r, int type, const void *data, uint32_t len)
{
	struct nlattr *nest = attr_begin(&r->h, type);
	attr_put(&r->h, NFTA_DATA_VALUE, data, len);
	attr_end(&r->h, nest);
}

void nft_x_meta(struct nft_rule *r, uint32_t key, int reg)
{
	struct expr x = expr(r, "meta");
	attr_be32(&r->h, NFTA_META_KEY, key);
	attr_be32(&r->h, NFTA_META_DREG, R(reg));
	done(r, x);
}

void nft_x_meta_set(struct nft_rule *r, uint32_t key, int reg)
{
	struct expr x = expr(r, "meta");
	attr_be32(&r->h, NFTA_META_KEY, key);
	attr_be32(&r->h, NFTA_META_SREG, R(reg));
	done(r, x);
}

void nft_x_payload(struct nft_rule *r, uint32_t base, uint32_t offset, uint32_t len, int reg)
{
	struct expr x = expr(r, "payload");
	attr_be32(&r->h, NFTA_PAYLOAD_BASE, base);
	attr_be32(&r->h, NFTA_PAYLOAD_OFFSET, offset);
	attr_be32(&r->h, NFTA_PAYLOAD_LEN, len);
	attr_be32(&r->h, NFTA_PAYLOAD_DREG, R(reg));
	done(r, x);
}

void nft_x_saddr(struct nft_rule *r, int family, int reg)
{
	bool four = family == NFPROTO_IPV4;
	nft_x_payload(r, NFT_PAYLOAD_NETWORK_HEADER, four ? 12 : 8, four ? 4 : 16, reg);
}

void nft_x_daddr(struct nft_rule *r, int family, int reg)
{
	bool four = family == NFPROTO_IPV4;
	nft_x_payload(r, NFT_PAYLOAD_NETWORK_HEADER, four ? 16 : 24, four ? 4 : 16, reg);
}

void nft_x_dport(struct nft_rule *r, int reg)
{
	nft_x_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, reg);
}

void nft_x_ct_original(struct nft_rule *r, uint32_t key, int reg)
{
	struct expr x = expr(r, "ct");
	attr_be32(&r->h, NFTA_CT_KEY, key);
	attr_u8(&r->h, NFTA_CT_DIRECTION, 0); /* IP_CT_DIR_ORIGINAL */
	attr_be32(&r->h, NFTA_CT_DREG, R(reg));
	done(r, x);
}

void nft_x_ct(struct nft_rule *r, uint32_t key, int reg)
{
	struct expr x = expr(r, "ct");
	attr_be32(&r->h, NFTA_CT_KEY, key);
	attr_be32(&r->h, NFTA_CT_DREG, R(reg));
	done(r, x);
}

static void fib_type(struct nft_rule *r, uint32_t flags, int reg)
{
	struct expr x = expr(r, "fib");
	attr_be32(&r->h, NFTA_FIB_DREG, R(reg));
	attr_be32(&r->h, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	attr_be32(&r->h, NFTA_FIB_FLAGS, flags);
	done(r, x);
}

void nft_x_fib_daddr_type(struct nft_rule *r, int reg)
{
	fib_type(r, NFTA_FIB_F_DADDR, reg);
}

void nft_x_fib_saddr_type(struct nft_rule *r, int reg)
{
	fib_type(r, NFTA_FIB_F_SADDR, reg);
}

void nft_x_cmp(struct nft_rule *r, uint32_t op, int reg, const void *data, uint32_t len)
{
	struct expr x = expr(r, "cmp");
	attr_be32(&r->h, NFTA_CMP_SREG, R(reg));
	attr_be32(&r->h, NFTA_CMP_OP, op);
	value(r, NFTA_CMP_DATA, data, len);
	done(r, x);
}

void nft_x_bitwise(struct nft_rule *r, int reg, const void *mask, const void *flip, uint32_t len)
{
	struct expr x = expr(r, "bitwise");
	attr_be32(&r->h, NFTA_BITWISE_SREG, R(reg));
	attr_be32(&r->h, NFTA_BITWISE_DREG, R(reg));
	attr_be32(&r->h, NFTA_BITWISE_OP, NFT_BITWISE_BOOL);
	attr_be32(&r->h, NFTA_BITWISE_LEN, len);
	value(r, NFTA_BITWISE_MASK, mask, len);
	value(r, NFTA_BITWISE_XOR, flip, len);
	done(r, x);
}

void nft_x_prefix(struct nft_rule *r, uint32_t op, int reg, const uint8_t *network, uint32_t len, int prefix)
{
	uint8_t mask[16] = {0}, first[16], none[16] = {0};
	for (int i = 0; i < prefix; i++)
		mask[i / 8] |= (uint8_t)(0x80 >> i % 8);
	for (uint32_t i = 0; i < len; i++)
		first[i] = network[i] & mask[i];
	nft_x_bitwise(r, reg, mask, none, len);
	nft_x_cmp(r, op, reg, first, len);
}

void nft_x_lookup(struct nft_rule *r, const char *set, int reg)
{
	struct expr x = expr(r, "lookup");
	attr_be32(&r->h, NFTA_LOOKUP_SREG, R(reg));
	attr_text(&r->h, NFTA_LOOKUP_SET, set);
	done(r, x);
}

void nft_x_lookup_not(struct nft_rule *r, const char *set, int reg)
{
	struct expr x = expr(r, "lookup");
	attr_be32(&r->h, NFTA_LOOKUP_SREG, R(reg));
	attr_text(&r->h, NFTA_LOOKUP_SET, set);
	attr_be32(&r->h, NFTA_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
	done(r, x);
}

void nft_x_map(struct nft_rule *r, const char *map, int reg, int to_reg)
{
	struct expr x = expr(r, "lookup");
	attr_be32(&r->h, NFTA_LOOKUP_SREG, R(reg));
	attr_be32(&r->h, NFTA_LOOKUP_DREG, to_reg < 0 ? (uint32_t)NFT_REG_VERDICT : R(to_reg));
	attr_text(&r->h, NFTA_LOOKUP_SET, map);
	done(r, x);
}

void nft_x_verdict(struct nft_rule *r, int verdict, const char *chain)
{
	struct expr x = expr(r, "immediate");
	attr_be32(&r->h, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	struct nlattr *data = attr_begin(&r->h, NFTA_IMMEDIATE_DATA), *nest = attr_begin(&r->h, NFTA_DATA_VERDICT);
	attr_be32(&r->h, NFTA_VERDICT_CODE, (uint32_t)verdict);
	if (chain)
		attr_text(&r->h, NFTA_VERDICT_CHAIN, chain);
	attr_end(&r->h, nest);
	attr_end(&r->h, data);
	done(r, x);
}

void nft_x_immediate(struct nft_rule *r, int reg, const void *data, uint32_t len)
{
	struct expr x = expr(r, "immediate");
	attr_be32(&r->h, NFTA_IMMEDIATE_DREG, R(reg));
	value(r, NFTA_IMMEDIATE_DATA, data, len);
	done(r, x);
}

void nft_x_random(struct nft_rule *r, uint32_t modulus, uint32_t from, int reg)
{
	struct expr x = expr(r, "numgen");
	attr_be32(&r->h, NFTA_NG_DREG, R(reg));
	attr_be32(&r->h, NFTA_NG_MODULUS, modulus);
	attr_be32(&r->h, NFTA_NG_TYPE, NFT_NG_RANDOM);
	if (from)
		attr_be32(&r->h, NFTA_NG_OFFSET, from);
	done(r, x);
}

void nft_x_dnat(struct nft_rule *r, int family, int addr_reg, int port_reg)
{
	struct expr x = expr(r, "nat");
	attr_be32(&r->h, NFTA_NAT_TYPE, NFT_NAT_DNAT);
	attr_be32(&r->h, NFTA_NAT_FAMILY, (uint32_t)family);
	attr_be32(&r->h, NFTA_NAT_REG_ADDR_MIN, R(addr_reg));
	attr_be32(&r->h, NFTA_NAT_REG_PROTO_MIN, R(port_reg));
	attr_be32(&r->h, NFTA_NAT_FLAGS, NF_NAT_RANGE_MAP_IPS | NF_NAT_RANGE_PROTO_SPECIFIED);
	done(r, x);
}

void nft_x_masquerade(struct nft_rule *r, bool fully_random)
{
	struct expr x = expr(r, "masq");
	if (fully_random)
		attr_be32(&r->h, NFTA_MASQ_FLAGS, NF_NAT_RANGE_PROTO_RANDOM_FULLY);
	done(r, x);
}

void nft_x_reject_port_unreachable(struct nft_rule *r, int family)
{
	struct expr x = expr(r, "reject");
	attr_be32(&r->h, NFTA_REJECT_TYPE, NFT_REJECT_ICMP_UNREACH);
	attr_u8(&r->h, NFTA_REJECT_ICMP_CODE, family == NFPROTO_IPV4 ? 3 : 4); /* ICMP and ICMPv6 number it apart */
	done(r, x);
}

void nft_x_update(struct nft_rule *r, const char *map, int key_reg, int data_reg, uint64_t timeout_ms)
{
	struct expr x = expr(r, "dynset");
	attr_be32(&r->h, NFTA_DYNSET_SREG_KEY, R(key_reg));
	attr_be32(&r->h, NFTA_DYNSET_SREG_DATA, R(data_reg));
	attr_be32(&r->h, NFTA_DYNSET_OP, NFT_DYNSET_OP_UPDATE);
	attr_be64(&r->h, NFTA_DYNSET_TIMEOUT, timeout_ms);
	attr_text(&r->h, NFTA_DYNSET_SET_NAME, map);
	attr_be32(&r->h, NFTA_DYNSET_SET_ID, 0);
	done(r, x);
}
