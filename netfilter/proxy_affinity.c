/* What the kernel remembers of clients, behind a change.
 *
 * The rules put client and endpoint into the affinity map; an endpoint that its front has no more has to be taken out of
 * it, or its clients would be sent there until their time is over. The map is read only when a service with affinity has
 * lost an endpoint, and after a start. Fails where the kernel cannot be read; an entry that timed out meanwhile is fine. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "netfilter/proxy_internal.h"

#define TRIES 5

/* A front and one of its endpoints, as the kernel has them. */
struct place {
	const uint8_t *front, *target;
};

struct places {
	struct place *v;
	size_t n, cap;
};

struct sweep {
	struct places now, lost; /* of lost only what is not in now; both sorted */
	bool full;               /* everything that is not in now is lost */
	bool six;
	struct nft_elem *stale;
	size_t n_stale;
};

static int place_cmp(bool six, const struct place *a, const struct place *b)
{
	int d = memcmp(a->front, b->front, six ? 24 : 12);
	return d ? d : memcmp(a->target, b->target, six ? 20 : 8);
}

static int place_cmp4(const void *a, const void *b)
{
	return place_cmp(false, a, b);
}

static int place_cmp6(const void *a, const void *b)
{
	return place_cmp(true, a, b);
}

static void add(struct places *l, const struct svc_elem *e)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 64;
		l->v = xreallocarray(l->v, l->cap, sizeof(*l->v));
	}
	l->v[l->n++] = (struct place){e->key, e->data};
}

static void sort(struct places *l, bool six)
{
	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), six ? place_cmp6 : place_cmp4);
}

static bool has(const struct places *l, const struct place *like, bool six)
{
	return l->n && bsearch(like, l->v, l->n, sizeof(*l->v), six ? place_cmp6 : place_cmp4);
}

static bool is_sticky(const struct svc_elem *v, size_t n, int family)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].kind == SVC_STICKY && v[i].family == family)
			return true;
	return false;
}

/* The endpoints of services with affinity; whether there is one. */
static bool find_now(const struct proxy *p, int family, struct places *ret)
{
	bool any = false;
	for (size_t i = 0; i < p->n_dirty; i++) {
		const struct change *c = &p->dirty[i];
		if (!is_sticky(c->elems, c->n_elems, family) && !is_sticky(c->wanted, c->n_wanted, family))
			continue;
		any = true;
		for (size_t k = 0; k < c->n_wanted; k++)
			if (c->wanted[k].kind == SVC_ENDPOINT && c->wanted[k].family == family)
				add(ret, &c->wanted[k]);
	}
	sort(ret, family == AF_INET6);
	return any;
}

static void find_lost(struct sweep *s, const struct pointers *del)
{
	for (size_t i = 0; i < del->n; i++) {
		const struct place gone = {del->v[i]->key, del->v[i]->data};
		if (!has(&s->now, &gone, s->six))
			add(&s->lost, del->v[i]);
	}
	sort(&s->lost, s->six);
}

static void note_stale(void *arg, const struct nft_elem *elem)
{
	struct sweep *s = arg;
	const struct place here = {elem->key, elem->data};
	if (s->full ? has(&s->now, &here, s->six) : !has(&s->lost, &here, s->six))
		return;
	s->stale = xreallocarray(s->stale, s->n_stale + 1, sizeof(*s->stale));
	s->stale[s->n_stale++] = *elem;
}

static int sweep_map(struct proxy *p, struct sweep *s, struct err *e)
{
	AUTO_NFT_BATCH *b = nft_batch_new();
	int family = s->six ? AF_INET6 : AF_INET;
	int r = nft_dump_elems(p->nft, family, p->table, AFFINITY_MAP, note_stale, s, e);
	if (r < 0 || !s->n_stale)
		return r;
	nft_elems_del(b, family, p->table, AFFINITY_MAP, s->stale, s->n_stale);
	return nft_commit(p->nft, b, e);
}

int proxy_sweep_affinity(struct proxy *p, const proxy_changes del, bool full, struct err *e)
{
	int r = 0;
	for (int six = 0; r >= 0 && six <= p->ipv6; six++) {
		struct sweep s = {.full = full, .six = six};
		bool any = find_now(p, six ? AF_INET6 : AF_INET, &s.now);
		if (any && !full)
			find_lost(&s, &del[SVC_ENDPOINT][six]);
		if (any && (full || s.lost.n))
			r = sweep_map(p, &s, e);
		for (int i = 1; i < TRIES && (r == -ENOENT || r == -EAGAIN); i++) { /* one has timed out, or come, meanwhile */
			s.n_stale = 0;
			r = sweep_map(p, &s, e);
		}
		free(s.now.v);
		free(s.lost.v);
		free(s.stale);
	}
	return r;
}
