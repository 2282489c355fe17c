/* What a container's mappings are in nf_tables: pure. */
#ifndef KNARR_CNI_PORTMAP_PLAN_H
#define KNARR_CNI_PORTMAP_PLAN_H

#include "cni/owned.h"
#include "cni/portmap_conf.h"

/* Of one family of one container. */
struct portmap_plan {
	const struct portmap_conf *conf;
	int family; /* NFPROTO_IPV4 or _IPV6 */
	struct ip_net addr;
	struct owned_elem *elems;
	size_t n;
	char conditional[OWNED_NAME_MAX]; /* the container's own chain, where it has conditions; else "" */
};

/* owner: a text of which the chain's name is made. */
void portmap_plan(const struct portmap_conf *conf, int family, const char *owner, struct portmap_plan *ret);
void portmap_plan_done(struct portmap_plan *p);
/* An owned_setup: the fixed chains, and the chains that the plan's elements lead to. arg is the plan. */
void portmap_setup(struct nft_batch *b, int family, void *arg);
/* DEL and GC of one family. */
int portmap_clear(const struct cni_call *c, struct nft *n, int family, struct err *e);

#endif
