/* What the nft_*.c files share. */
#ifndef KNARR_IO_NFT_INTERNAL_H
#define KNARR_IO_NFT_INTERNAL_H

#include "io/nft/attr.h"
#include "io/nft/nft.h"

#define NFT_LABEL_MAX 96

struct nft_label {
	uint32_t seq;
	char text[NFT_LABEL_MAX];
};

struct nft_batch {
	char *buf;
	size_t len, cap;
	uint32_t seq;        /* of the last message */
	uint32_t generation; /* expected of the ruleset; 0: any */
	struct nft_label *labels;
	size_t n_labels;
};

#define NFT_RULE_ROOM 4096

struct nft_rule {
	int family;
	char table[NFT_CHAIN_MAX], chain[NFT_CHAIN_MAX];
	struct nlattr *list; /* of expressions, inside room */
	union {
		struct nlmsghdr h; /* its length tells how far room is filled */
		char room[NFT_RULE_ROOM];
	};
};

/* One netlink exchange: sends bytes, feeds each message of the answer to fn until it returns nonzero. */
int nft_exchange(struct nft *n, const void *bytes, size_t len, int (*fn)(void *arg, const struct nlmsghdr *h),
		 void *arg);
/* The socket's port, by which the kernel tells whose a change was. */
uint32_t nft_port(const struct nft *n);
/* Around a commit of much: this process's watches stop listening, true if there are any; then they listen again and find
 * out whether more than that commit has changed the ruleset. generation: that of before. */
bool nft_watches_leave(struct nft *n, uint32_t *ret_generation);
void nft_watches_return(uint32_t generation, bool committed);
/* A request outside of a batch in buf; type with its subsystem. */
struct nlmsghdr *nft_request(struct nft *n, char *buf, int type, int family, int flags);

#endif
