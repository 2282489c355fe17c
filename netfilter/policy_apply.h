/* A plan of policies as messages to nf_tables: one table of the inet family. */
#ifndef KNARR_NETFILTER_POLICY_APPLY_H
#define KNARR_NETFILTER_POLICY_APPLY_H

#include "io/nft/nft.h"
#include "netfilter/policy_plan.h"

/* Deletes the table, if it is there. */
void policy_apply_remove(struct nft_batch *b, const char *table);
/* The table anew with its base chains and maps, in the same transaction: no packet sees the time between. */
void policy_apply_base(struct nft_batch *b, const char *table);
/* What new has and old (NULL: nothing) has not. */
void policy_apply_new(struct nft_batch *b, const char *table, const struct policy_shape *old, const struct policy_shape *new);
/* What old has and new has not; elements that lead there must have gone before. */
void policy_apply_old(struct nft_batch *b, const char *table, const struct policy_shape *old, const struct policy_shape *new);
/* Sorted by policy_elem_cmp(), so that elements of one set are one message. */
void policy_apply_elems(struct nft_batch *b, const char *table, bool add, const struct policy_elem *v, size_t n);

#endif
