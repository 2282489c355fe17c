/* What an earlier run left in the kernel.
 *
 * A table whose layout chain bears our name is kept: its endpoint chains and its elements are read, and the coming sync
 * changes only the difference. Any other table of this name, and one whose maps are full, is deleted and made anew in
 * that sync's transaction, so that no packet sees the time between. Fails where the kernel cannot be read. */
#include <errno.h>
#include <linux/netfilter.h>
#include <stdlib.h>
#include <string.h>

#include "netfilter/proxy_internal.h"

#define DUMP_TRIES 5

void elems_add(struct elems *l, const struct svc_elem *e)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 256;
		l->v = xreallocarray(l->v, l->cap, sizeof(*l->v));
	}
	l->v[l->n++] = *e;
}

const struct svc_elem *elems_find(const struct elems *l, const struct svc_elem *like)
{
	return l->n ? bsearch(like, l->v, l->n, sizeof(*l->v), svc_elem_cmp) : NULL;
}

struct reading {
	struct proxy *proxy;
	int kind, family;
};

static void take_elem(void *arg, const struct nft_elem *n)
{
	struct reading *r = arg;
	struct svc_elem e = {
	    .kind = (uint8_t)r->kind, .family = (uint8_t)r->family, .key_len = n->key_len, .data_len = n->data_len};
	if (n->key_len > sizeof(e.key) || n->data_len > sizeof(e.data))
		return;
	memcpy(e.key, n->key, n->key_len);
	memcpy(e.data, n->data, n->data_len);
	if (r->kind == SVC_ALLOWED && n->is_range && n->key_len > SVC_FRONT_LEN(&e)) {
		e.data_len = (uint8_t)(n->key_len - SVC_FRONT_LEN(&e));
		memcpy(e.data, n->end + SVC_FRONT_LEN(&e), e.data_len);
	}
	if (r->kind == SVC_STICKY && !service_chain_read_sticky(n->chain, &e))
		e.data_len = 0; /* differs from every wanted one */
	elems_add(&r->proxy->kernel, &e);
}

static int read_set(struct proxy *p, int family, int kind, struct err *e)
{
	struct reading r = {p, kind, family};
	size_t before = p->kernel.n;
	int rc = -EAGAIN;
	for (int i = 0; rc == -EAGAIN && i < DUMP_TRIES; i++) {
		p->kernel.n = before;
		rc = nft_dump_elems(p->nft, family, p->table, service_rules_set(kind), take_elem, &r, e);
	}
	return rc;
}

static int adopt_family(struct proxy *p, int family, struct err *e)
{
	AUTO_STRV char **chains = NULL;
	char layout[32];
	bool six = family == NFPROTO_IPV6;
	int r = nft_dump_chains(p->nft, family, p->table, &chains, e);
	if (r < 0)
		return r;
	map_clear(p->chains[six]);
	memset(p->room[six], 0, sizeof(p->room[six]));
	p->fresh[six] = p->full || !strv_has(chains, service_rules_layout(&p->rules, family, layout));
	for (size_t i = 0; !p->fresh[six] && chains[i]; i++)
		map_set(p->chains[six], chains[i], p);
	for (int kind = 0; r >= 0 && !p->fresh[six] && kind < SVC_MAPS; kind++)
		r = read_set(p, family, kind, e);
	return r;
}

int proxy_adopt(struct proxy *p, struct err *e)
{
	p->kernel.n = 0;
	int r = adopt_family(p, NFPROTO_IPV4, e);
	if (r >= 0 && p->ipv6)
		r = adopt_family(p, NFPROTO_IPV6, e);
	if (r >= 0 && p->kernel.n)
		qsort(p->kernel.v, p->kernel.n, sizeof(*p->kernel.v), svc_elem_cmp);
	return r;
}
