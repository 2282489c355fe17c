/* What the policy_sync*.c and policy_commit.c files share. */
#ifndef KNARR_NETFILTER_POLICY_SYNC_INTERNAL_H
#define KNARR_NETFILTER_POLICY_SYNC_INTERNAL_H

#include "base/map.h"
#include "io/nft/nft.h"
#include "netfilter/policy_plan.h"
#include "netfilter/policy_sync.h"

/* A pod. */
struct policy_entry {
	char *key;
	struct policy_pod *pod; /* NULL: gone, its elements have to follow */
	struct policy_elem *elems, *wanted;
	size_t n_elems, n_wanted;
	struct policy_verdicts verdicts;
	bool dirty;     /* stands in the list of those that are planned next */
	bool undecided; /* its verdicts are to be found anew */
};

struct policy_sync {
	struct nft *nft;
	char *table;
	struct map *policies, *namespaces, *pods; /* key -> struct policy, name -> json_t, key -> struct policy_entry */
	struct map *policies_in, *pods_in; /* namespace -> struct map of its policies, its pods: key -> the same */
	struct map *local;                 /* key -> struct policy_entry, those of pods of this node */
	struct map *owners;                /* address -> struct policy_entry */
	struct map *last;                  /* address -> digest of the key of the pod that had it last */
	struct ip *reused;                 /* addresses that went from one pod to another */
	size_t n_reused;
	struct policy_entry **dirty;
	size_t n_dirty, dirty_cap;
	struct policy_shape *shape, *next; /* programmed; wanted */
	uint64_t serial;                   /* the last that a set was given */
	struct nft_watch *watch;           /* NULL: others' changes are not noticed */
	bool shape_dirty;
	bool whole;   /* the kernel is not known to agree */
	bool present; /* there is a table */
};

/* To be planned by the next commit. */
void policy_entry_mark(struct policy_sync *s, struct policy_entry *x);

#endif
