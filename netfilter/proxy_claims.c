/* Who has which front.
 *
 * Two services may want the same address, protocol and port: whoever comes first has it, the other one is planned
 * without it and planned again when it is free. Nothing fails. What always holds: a front in the kernel belongs to one
 * entry, and a claim bears its key. */
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "netfilter/proxy_internal.h"

struct claim {
	struct entry *entry;
	uint8_t len, front[]; /* address, protocol, port */
};

#define FRONT_MAX 19

static const void *claim_key(const void *item, size_t *ret_len)
{
	const struct claim *c = item;
	*ret_len = c->len;
	return c->front;
}

/* The front of an element without the bytes that pad it. */
static size_t front_of(const struct svc_elem *e, uint8_t ret[FRONT_MAX])
{
	size_t n = SVC_FRONT_LEN(e) - 8u;
	memcpy(ret, e->key, n);
	ret[n] = e->key[n];
	memcpy(ret + n + 1, e->key + n + 4, 2);
	return n + 3;
}

static struct claim *find(const struct proxy *p, const struct svc_elem *e)
{
	uint8_t front[FRONT_MAX];
	size_t len = front_of(e, front);
	return p->claims ? table_get(p->claims, front, len) : NULL;
}

static void make(struct proxy *p, const struct svc_elem *elem, struct entry *e)
{
	uint8_t front[FRONT_MAX];
	size_t len = front_of(elem, front);
	struct claim *c = xmalloc(offsetof(struct claim, front) + len);
	c->entry = e;
	c->len = (uint8_t)len;
	memcpy(c->front, front, len);
	if (!p->claims)
		p->claims = table_new(claim_key);
	table_add(p->claims, c);
}

void proxy_claims_clear(struct proxy *p)
{
	size_t at = 0;
	struct claim *c;
	while (p->claims && (c = table_next(p->claims, &at)))
		free(c);
	table_free(TAKE(p->claims));
}

void proxy_claim_fronts(struct proxy *p, struct change *change)
{
	struct entry *e = change->entry;
	size_t n = 0;
	bool contested = false;
	for (size_t i = 0; i < change->n_wanted; i++) {
		const struct svc_elem *w = &change->wanted[i];
		if (w->kind != SVC_HAIRPIN) {
			const struct claim *c = find(p, w);
			contested |= c && c->entry != e;
			if (c && c->entry != e)
				continue;
			if (!c)
				make(p, w, e);
		}
		change->wanted[n++] = *w;
	}
	change->n_wanted = n;
	p->n_contested += (size_t)contested - (size_t)e->contested;
	e->contested = contested;
}

bool proxy_has_elem(const struct svc_elem *v, size_t n, const struct svc_elem *like)
{
	return n && bsearch(like, v, n, sizeof(*v), svc_elem_cmp);
}

static void wake_contested(struct proxy *p, const struct entry *but)
{
	size_t at = 0;
	struct entry *e;
	while (p->n_contested && (e = table_next(p->entries, &at)))
		if (e->contested && e != but)
			proxy_mark_dirty(p, e);
}

void proxy_release_fronts(struct proxy *p, const struct change *change)
{
	const struct entry *e = change->entry;
	bool released = false;
	for (size_t i = 0; i < change->n_elems; i++) {
		const struct svc_elem *elem = &change->elems[i];
		if (elem->kind != SVC_SERVICE || proxy_has_elem(change->wanted, change->n_wanted, elem))
			continue; /* every front has one of these */
		struct claim *c = find(p, elem);
		if (c && c->entry == e) {
			table_remove(p->claims, c);
			free(c);
		}
		released = true;
	}
	if (released)
		wake_contested(p, e);
}
