/* From policies and pods to chains, sets and elements: pure data in, pure data out.
 *
 * Chains and sets are named by a digest of what they say. What two pods or two policies have in common is there once,
 * nothing that stands in the kernel is ever rewritten, and two plans are compared by names:
 *
 *   pi-, pe-<digest>  the policies of a pod, one direction: jump to each, then drop
 *   i-, e-<digest>    a policy's rules: by peers; allowed: accept, or jump to t-
 *   t-<digest>        a list of ports
 *   s4-, s6-<digest>  addresses of the pods that a peer selects
 *   n4-, n6-<digest>  address . protocol . number of the container ports of a name
 *   b4-, b6-<digest>  the blocks of a rule without their exceptions, as disjoint intervals */
#ifndef KNARR_NETFILTER_POLICY_PLAN_H
#define KNARR_NETFILTER_POLICY_PLAN_H

#include "base/map.h"
#include "netfilter/policy_parse.h"

#define POLICY_NAME_MAX 32

/* The maps of address -> chain, and the set of address . address of pods that are isolated at all. */
#define POLICY_INGRESS_MAP "ingress" /* and "4" or "6" */
#define POLICY_EGRESS_MAP "egress"
#define POLICY_SELF_SET "self"

struct policy_range {
	struct ip first, last; /* inclusive */
};

enum policy_set_kind { POLICY_SET_PODS, POLICY_SET_PORTS, POLICY_SET_BLOCKS };

struct policy_set {
	char name[POLICY_NAME_MAX];
	enum policy_set_kind kind;
	int family; /* AF_INET, AF_INET6 */
	const struct policy_peer *peer; /* PODS: of this policy, which is referenced */
	struct policy *policy;
	uint64_t serial;                /* tells it from others of its name that were before or come later; 0 until somebody sets it */
	char *port_name;                /* PORTS */
	int protocol;
	struct policy_range *ranges; /* BLOCKS: ascending, apart from each other */
	size_t n_ranges;
};

/* One nf_tables rule: what is set must match. */
struct policy_match {
	char set[POLICY_NAME_MAX]; /* of kind s, b: the peer's address; of kind n: destination . protocol . port */
	int set_family;
	bool set_has_port, peer_is_source;
	int protocol; /* 0: any */
	uint16_t from, to;
	int verdict;                 /* NF_ACCEPT, NF_DROP, NFT_JUMP */
	char chain[POLICY_NAME_MAX]; /* of NFT_JUMP */
};

struct policy_chain {
	char name[POLICY_NAME_MAX];
	struct policy_match *v;
	size_t n;
};

/* The chains and sets that this node's pods need. */
struct policy_shape {
	struct map *chains, *sets; /* name -> struct policy_chain, struct policy_set; a chain stands behind those it jumps to */
	struct map *compiled;      /* "direction policy-key" -> name of its chain */
};

/* The chains that a local pod's packets go through; "": not isolated in this direction. */
struct policy_verdicts {
	char chain[POLICY_DIRECTIONS][POLICY_NAME_MAX];
};

struct policy_shape *policy_shape_new(void);
void policy_shape_free(struct policy_shape *s);
/* Adds what the pod needs of the n policies (any namespace's, in an order that stays). What known (may be NULL) has compiled
 * of them is taken from there. */
void policy_shape_add(struct policy_shape *s, const struct policy_shape *known, const struct policy *const *v, size_t n,
		      const struct policy_pod *pod, struct policy_verdicts *ret);
/* Adds what verdicts need, of a shape that has it. */
void policy_shape_keep(struct policy_shape *s, const struct policy_shape *known, const struct policy_verdicts *verdicts);
/* Remembers of known what it has compiled, as far as s has it. */
void policy_shape_remember(struct policy_shape *s, const struct policy_shape *known);

/* One element of a set or map. */
struct policy_elem {
	char set[POLICY_NAME_MAX];
	uint8_t key[32]; /* as the kernel has it: each field padded to 4 bytes */
	uint8_t key_len;
	char chain[POLICY_NAME_MAX]; /* of a map: where it leads to */
	uint64_t serial;             /* of its set */
};

/* The elements that a pod brings, sorted by policy_elem_cmp(): its verdicts (NULL: not local), its membership of the
 * shape's sets. namespace_labels NULL: its namespace is not known. *ret is an owned array. */
void policy_plan_pod(const struct policy_shape *s, const struct policy_pod *pod, const json_t *namespace_labels,
		     const struct policy_verdicts *verdicts, struct policy_elem **ret, size_t *ret_n);
/* Those of one of the shape's sets only. */
void policy_plan_set(const struct policy_set *set, const struct policy_pod *pod, const json_t *namespace_labels,
		     struct policy_elem **ret, size_t *ret_n);
int policy_elem_cmp(const void *a, const void *b); /* by set and key */
/* Both sorted; calls fn for each that must go (add false) or come; one whose chain changed does both. */
void policy_elem_diff(const struct policy_elem *old, size_t n_old, const struct policy_elem *wanted, size_t n_wanted,
		      void (*fn)(void *arg, bool add, const struct policy_elem *e), void *arg);

/* The blocks of these peers of one family, without their exceptions; owned. Returns how many. */
size_t policy_ranges(const struct policy_peer *peers, size_t n, int family, struct policy_range **ret);

#endif
