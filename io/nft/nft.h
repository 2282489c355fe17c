/* nf_tables over netlink: atomic batches with errors that name the object, and dumps of sets. */
#ifndef KNARR_IO_NFT_NFT_H
#define KNARR_IO_NFT_NFT_H

#include <linux/netfilter/nf_tables.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

struct nft;       /* a socket, bound for life to the network namespace it was opened in */
struct nft_batch; /* messages that are applied together or not at all */
struct nft_rule;  /* one rule on its way into a batch (nft_rule.h) */

int nft_open(struct nft **ret, struct err *e);
void nft_close(struct nft *n); /* NULL is fine */

struct nft_batch *nft_batch_new(void);
void nft_batch_free(struct nft_batch *b);
void nft_batch_free_ptr(struct nft_batch **b);
#define AUTO_NFT_BATCH AUTO(nft_batch_free_ptr) struct nft_batch
bool nft_batch_is_empty(const struct nft_batch *b);
/* Sends the batch as one transaction and waits for the kernel's word. On failure nothing was applied; the error names
 * the first object that was refused: -ENOENT, -EEXIST, -EBUSY ... Blocks for the kernel's work only (milliseconds). */
int nft_commit(struct nft *n, struct nft_batch *b, struct err *e);

/* The generation of the namespace's ruleset, which every change of anybody moves; and a batch that is refused with
 * -ERESTART where the ruleset is not of this generation any more: what was read before still holds. */
int nft_generation(struct nft *n, uint32_t *ret, struct err *e);
void nft_batch_expect(struct nft_batch *b, uint32_t generation);

/* family: NFPROTO_IPV4, NFPROTO_IPV6, NFPROTO_INET. Adding what is there already is fine; deleting what is not fails
 * the batch with -ENOENT. */
void nft_table_add(struct nft_batch *b, int family, const char *table);
void nft_table_del(struct nft_batch *b, int family, const char *table);

struct nft_hook {
	const char *type; /* "nat", "filter" */
	int hook;         /* NF_INET_PRE_ROUTING ... */
	int priority;
};
/* hook NULL: a chain to be jumped to. */
void nft_chain_add(struct nft_batch *b, int family, const char *table, const char *chain, const struct nft_hook *hook);
void nft_chain_flush(struct nft_batch *b, int family, const char *table, const char *chain); /* its rules */
void nft_chain_del(struct nft_batch *b, int family, const char *table, const char *chain);

struct nft_set_spec {
	int family;
	const char *table, *name;
	uint32_t key_type; /* nft's type numbers, 6 bits each, first field highest; for listing only */
	uint32_t key_len;
	uint32_t flags;     /* NFT_SET_MAP, NFT_SET_EVAL, NFT_SET_TIMEOUT ... */
	uint32_t data_type; /* NFT_DATA_VERDICT or nft's type numbers; 0: a set */
	uint32_t data_len;
	/* Key, data: one field that is no number in network order; for listing only. */
	bool host_order, host_order_data;
	uint32_t size;   /* most elements it can hold; 0: no bound */
	const uint8_t *fields; /* lengths of the key's fields, each padded to four bytes, ended by 0: for NFT_SET_CONCAT */
};
void nft_set_add(struct nft_batch *b, const struct nft_set_spec *s);
void nft_set_del(struct nft_batch *b, int family, const char *table, const char *set);

#define NFT_KEY_MAX 64
#define NFT_DATA_MAX 32
#define NFT_CHAIN_MAX 32
#define NFT_COMMENT_MAX 250
/* An element: fields of key and data are each padded to four bytes. */
struct nft_elem {
	uint8_t key[NFT_KEY_MAX], data[NFT_DATA_MAX];
	uint8_t key_len, data_len;
	int verdict;               /* of a verdict map, where data_len is 0: NF_DROP, NFT_GOTO ... */
	char chain[NFT_CHAIN_MAX]; /* of NFT_GOTO, NFT_JUMP */
	bool is_verdict;
	bool is_range;            /* of NFT_SET_INTERVAL with NFT_SET_CONCAT: from key to end */
	uint8_t end[NFT_KEY_MAX]; /* as long as key */
	bool interval_end;   /* of an NFT_SET_INTERVAL: the first key that is outside again */
	const char *comment; /* borrowed; NULL: none; at most NFT_COMMENT_MAX bytes are kept */
};
/* Any number of elements, split into as many messages as needed. Deletion looks at keys only. */
void nft_elems_add(struct nft_batch *b, int family, const char *table, const char *set, const struct nft_elem *v,
		   size_t n);
/* One element that must not be there yet: the batch fails with -EEXIST where it is. */
void nft_elem_new(struct nft_batch *b, int family, const char *table, const char *set, const struct nft_elem *v);
void nft_elems_del(struct nft_batch *b, int family, const char *table, const char *set, const struct nft_elem *v,
		   size_t n);

/* Takes the rule (see nft_rule.h) and appends it to its chain. */
void nft_rule_add(struct nft_batch *b, struct nft_rule *rule);

/* Forgets UDP connections that were sent to one of these ports, so that the next packet meets the rules of now. */
int nft_forget_udp(struct nft *n, int family, const uint16_t *ports, size_t n_ports, struct err *e);
/* Forgets every connection from or to an address (in network order), translated ones too: who has it next gets none of them. */
int nft_forget_address(struct nft *n, int family, const uint8_t *address, struct err *e);

/* Hears what is changed in the ruleset, but for the time of large commits of this process (nft_watch.c tells why). */
struct nft_watch;
int nft_watch_open(struct nft_watch **ret, struct err *e);
void nft_watch_close(struct nft_watch *w); /* NULL is fine */
int nft_watch_fd(const struct nft_watch *w); /* readable when there is something; valid until it is closed */
/* Reads all of it: whether somebody else than own has changed the table (or may have: something was not heard). */
bool nft_watch_drain(struct nft_watch *w, const struct nft *own, const char *table);

/* Dumps. -ENOENT where table or set is missing. */
int nft_dump_elems(struct nft *n, int family, const char *table, const char *set,
		   void (*fn)(void *arg, const struct nft_elem *elem), void *arg, struct err *e);
/* The names of a table's chains, owned and NULL-terminated; empty where there is no table. */
int nft_dump_chains(struct nft *n, int family, const char *table, char ***ret, struct err *e);
bool nft_table_exists(struct nft *n, int family, const char *table);

#endif
