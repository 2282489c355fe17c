/* Elements of the plugins' own nf_tables tables, each of which bears the name of the attachment that it belongs to.
 *
 * There is one table "knarr_cni" a family. It holds a few fixed chains and, for each attachment, elements of sets and
 * maps: the way of a packet and the work of ADD and DEL do not grow with their number. Whoever comes second for a key
 * (an address, a port) gets it: the first lost its DEL, or the runtime gave it away. */
#ifndef KNARR_CNI_OWNED_H
#define KNARR_CNI_OWNED_H

#include "cni/plugin.h"
#include "io/net/ip.h"
#include "io/nft/nft.h"

#define OWNED_TABLE "knarr_cni"

/* The numbers that nft gives to types, for its listings. */
enum { OWNED_IPADDR = 7, OWNED_IP6ADDR = 8, OWNED_ETHER = 9, OWNED_PROTO = 12, OWNED_SERVICE = 13, OWNED_IFNAME = 41 };
#define OWNED_CONCAT(a, b) (((a) << 6) | (b))
#define OWNED_VERDICT 0xffffff00u
#define OWNED_NAME_MAX 24

struct owned_elem {
	const char *set;
	struct nft_elem elem; /* its comment is set by owned_put() */
};

/* Puts the fixed part of the tables, and what the elements refer to, into the batch: flush before adding rules. */
typedef void (*owned_setup)(struct nft_batch *b, int family, void *arg);

/* Makes the elements this attachment's, in one transaction; setup is called when something of it is missing. */
int owned_put(const struct cni_call *c, struct nft *n, int family, struct owned_elem *v, size_t count,
	      owned_setup setup, void *arg, struct err *e);
/* For DEL removes this attachment's elements of the sets, for GC those of this network that belong to no valid
 * attachment. A table that is not there is fine. */
int owned_remove(const struct cni_call *c, struct nft *n, int family, const char *const *sets, struct err *e);
/* Removes the table's chains whose names begin with prefix and that no element of the verdict map leads to. */
int owned_remove_chains(struct nft *n, int family, const char *map, const char *prefix, struct err *e);
/* This attachment has each of the elements, with the same value: -ENOENT. */
int owned_check(const struct cni_call *c, struct nft *n, int family, const struct owned_elem *v, size_t count,
		struct err *e);

/* For GC: the owner is of this network and no valid attachment. */
bool owned_is_stale(const struct cni_call *c, const char *owner);

/* prefix and a hash of text: the name of a chain. ret has room for OWNED_NAME_MAX; returned. */
char *owned_name(char *ret, const char *prefix, const char *text);
/* The same of the network that an address is in, whose host bits may be set. */
char *owned_subnet_name(char *ret, const char *prefix, const struct ip_net *net);
/* "network/container/interface", or as much of it as fits and a hash. ret has room for NFT_COMMENT_MAX + 1; returned.
 */
char *owned_by(char *ret, const char *network, const char *container_id, const char *ifname);

#endif
