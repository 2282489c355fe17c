/* Rules from expressions. Registers are the 4-byte ones, by number 0 to 15. */
#ifndef KNARR_IO_NFT_RULE_H
#define KNARR_IO_NFT_RULE_H

#include "io/nft/nft.h"

struct nft_rule *nft_rule_new(int family, const char *table, const char *chain); /* for nft_rule_add() */

void nft_rule_free(struct nft_rule *r); /* one that was not added after all; NULL is fine */

/* Each appends one expression. */
void nft_x_meta(struct nft_rule *r, uint32_t key, int reg);     /* register = meta key */
void nft_x_meta_set(struct nft_rule *r, uint32_t key, int reg); /* meta key = register */
void nft_x_payload(struct nft_rule *r, uint32_t base, uint32_t offset, uint32_t len, int reg);
void nft_x_saddr(struct nft_rule *r, int family, int reg); /* 1 or 4 registers */
void nft_x_daddr(struct nft_rule *r, int family, int reg);
void nft_x_dport(struct nft_rule *r, int reg);
void nft_x_ct(struct nft_rule *r, uint32_t key, int reg); /* NFT_CT_STATE, NFT_CT_STATUS: host order */
void nft_x_fib_daddr_type(struct nft_rule *r, int reg);   /* RTN_LOCAL ..., host order */
void nft_x_fib_saddr_type(struct nft_rule *r, int reg);
/* A key of the connection in its original direction: NFT_CT_SRC_IP, NFT_CT_DST_IP6, NFT_CT_PROTO_DST ... */
void nft_x_ct_original(struct nft_rule *r, uint32_t key, int reg);
void nft_x_cmp(struct nft_rule *r, uint32_t op, int reg, const void *data, uint32_t len);
/* register = register & mask ^ flip, len bytes */
void nft_x_bitwise(struct nft_rule *r, int reg, const void *mask, const void *flip, uint32_t len);
/* Goes on where the address of len bytes in the register is inside (NFT_CMP_EQ) or outside (NFT_CMP_NEQ) of the network, whose
 * host bits may be set. */
void nft_x_prefix(struct nft_rule *r, uint32_t op, int reg, const uint8_t *network, uint32_t len, int prefix);
void nft_x_lookup(struct nft_rule *r, const char *set, int reg); /* goes on where the key is there */
void nft_x_lookup_not(struct nft_rule *r, const char *set, int reg);
void nft_x_map(struct nft_rule *r, const char *map, int reg, int to_reg); /* to_reg -1: a verdict map */
void nft_x_verdict(struct nft_rule *r, int verdict, const char *chain);
void nft_x_immediate(struct nft_rule *r, int reg, const void *data, uint32_t len);
/* register = from + a number below modulus, in host order */
void nft_x_random(struct nft_rule *r, uint32_t modulus, uint32_t from, int reg);
void nft_x_dnat(struct nft_rule *r, int family, int addr_reg, int port_reg);
void nft_x_masquerade(struct nft_rule *r, bool fully_random);
void nft_x_reject_port_unreachable(struct nft_rule *r, int family);
/* Adds or refreshes an element of a dynamic map. timeout in ms. */
void nft_x_update(struct nft_rule *r, const char *map, int key_reg, int data_reg, uint64_t timeout_ms);

#endif
