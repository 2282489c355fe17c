/* Rules from expressions. Registers are the 4-byte ones, by number 0 to 15. */
#ifndef KNARR_IO_NFT_RULE_H
#define KNARR_IO_NFT_RULE_H

#include "io/nft/nft.h"

struct nftnl_rule *nft_rule_new(int family, const char *table, const char *chain); /* for nft_rule_add() */

/* Each appends one expression. */
void nft_x_meta(struct nftnl_rule *r, uint32_t key, int reg);     /* register = meta key */
void nft_x_meta_set(struct nftnl_rule *r, uint32_t key, int reg); /* meta key = register */
void nft_x_payload(struct nftnl_rule *r, uint32_t base, uint32_t offset, uint32_t len, int reg);
void nft_x_saddr(struct nftnl_rule *r, int family, int reg); /* 1 or 4 registers */
void nft_x_daddr(struct nftnl_rule *r, int family, int reg);
void nft_x_dport(struct nftnl_rule *r, int reg);
/* A key of the connection in its original direction: NFT_CT_SRC_IP, NFT_CT_DST_IP6, NFT_CT_PROTO_DST ... */
void nft_x_ct_original(struct nftnl_rule *r, uint32_t key, int reg);
void nft_x_cmp(struct nftnl_rule *r, uint32_t op, int reg, const void *data, uint32_t len);
/* register = register & mask ^ flip, len bytes */
void nft_x_bitwise(struct nftnl_rule *r, int reg, const void *mask, const void *flip, uint32_t len);
void nft_x_lookup(struct nftnl_rule *r, const char *set, int reg);          /* goes on where the key is there */
void nft_x_map(struct nftnl_rule *r, const char *map, int reg, int to_reg); /* to_reg -1: a verdict map */
void nft_x_verdict(struct nftnl_rule *r, int verdict, const char *chain);
void nft_x_immediate(struct nftnl_rule *r, int reg, const void *data, uint32_t len);
void nft_x_random(struct nftnl_rule *r, uint32_t modulus, int reg);
void nft_x_dnat(struct nftnl_rule *r, int family, int addr_reg, int port_reg);
void nft_x_masquerade(struct nftnl_rule *r, bool fully_random);
void nft_x_reject_port_unreachable(struct nftnl_rule *r, int family);
/* Adds or refreshes an element of a dynamic map. timeout in ms. */
void nft_x_update(struct nftnl_rule *r, const char *map, int key_reg, int data_reg, uint64_t timeout_ms);

#endif
