/* From changes to one transaction.
 *
 * A change of policies or of this node's pods makes the shape (chains and sets) anew, out of the one before where nothing
 * changed, and compares it by names; pods that changed are planned anew and compared element by element, and of a new set
 * the pods that it may select. What always holds: what is believed to be programmed changes only with a commit that
 * succeeded; after a failure the next one makes the whole table anew. An element counts as programmed only with the serial
 * of its set, so that those of sets that went need not be looked for. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/selector.h"
#include "base/json.h"
#include "base/str.h"
#include "netfilter/policy_apply.h"
#include "netfilter/policy_sync_internal.h"

struct elems {
	struct policy_elem *v;
	size_t n, cap;
};

struct changes {
	struct elems del, add;
};

static int by_key(const void *a, const void *b)
{
	return strcmp((*(const struct policy *const *)a)->key, (*(const struct policy *const *)b)->key);
}

/* A namespace's policies in the order of their keys, so that the same policies give the same chain. */
static const struct policy **policies_of(const struct policy_sync *s, const char *ns, size_t *ret_n)
{
	const struct map *m = map_get(s->policies_in, ns);
	const struct policy **v = xcalloc((m ? map_len(m) : 0) + 1, sizeof(*v)), *p;
	size_t at = 0, n = 0;
	const char *key;
	while (m && map_next(m, &at, &key, &p))
		v[n++] = p;
	if (n)
		qsort(v, n, sizeof(const struct policy *), by_key);
	*ret_n = n;
	return v;
}

static void decide(struct policy_sync *s, struct policy_entry *x)
{
	struct policy_verdicts now = {0};
	size_t n = 0;
	AUTO_FREE const struct policy **v = policies_of(s, x->pod->ns, &n);
	if (x->pod->n_ips)
		policy_shape_add(s->next, s->shape, v, n, x->pod, &now);
	if (memcmp(&now, &x->verdicts, sizeof(now)) != 0)
		policy_entry_mark(s, x);
	x->verdicts = now;
	x->undecided = false;
}

/* Sets that stay keep their serial, others get one of their own. */
static void number_sets(struct policy_sync *s)
{
	size_t at = 0;
	const char *name;
	struct policy_set *set;
	while (map_next(s->next->sets, &at, &name, &set)) {
		const struct policy_set *old = map_get(s->shape->sets, name);
		set->serial = old ? old->serial : ++s->serial;
	}
}

static void plan_shape(struct policy_sync *s)
{
	size_t at = 0;
	const char *key;
	struct policy_entry *x;
	s->next = policy_shape_new();
	while (map_next(s->local, &at, &key, &x)) {
		if (x->undecided)
			decide(s, x);
		else
			policy_shape_keep(s->next, s->shape, &x->verdicts);
	}
	policy_shape_remember(s->next, s->shape);
	number_sets(s);
}

static void note(void *arg, bool add, const struct policy_elem *e)
{
	struct changes *c = arg;
	struct elems *l = add ? &c->add : &c->del;
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 64;
		l->v = xreallocarray(l->v, l->cap, sizeof(*l->v));
	}
	l->v[l->n++] = *e;
}

/* The pod with those of its addresses that are not another's; its ips are the caller's to free. */
static struct policy_pod view_of(const struct policy_sync *s, const struct policy_entry *x)
{
	char text[IP_TEXT_MAX];
	struct policy_pod view = *x->pod;
	view.ips = xcalloc(view.n_ips + 1, sizeof(*view.ips));
	view.n_ips = 0;
	for (size_t i = 0; i < x->pod->n_ips; i++)
		if (map_get(s->owners, ip_text(&x->pod->ips[i], text)) == x)
			view.ips[view.n_ips++] = x->pod->ips[i];
	return view;
}

static void plan_entry(const struct policy_sync *s, const struct policy_shape *shape, struct policy_entry *x)
{
	free(TAKE(x->wanted));
	x->n_wanted = 0;
	if (!x->pod)
		return;
	struct policy_pod view = view_of(s, x);
	policy_plan_pod(shape, &view, map_get(s->namespaces, view.ns), view.local ? &x->verdicts : NULL, &x->wanted, &x->n_wanted);
	free(view.ips);
}

/* Forgets elements whose sets are not those of now. */
static void drop_stale(const struct policy_shape *shape, struct policy_entry *x)
{
	size_t n = 0;
	for (size_t i = 0; i < x->n_elems; i++) {
		const struct policy_set *set = x->elems[i].serial ? map_get(shape->sets, x->elems[i].set) : NULL;
		if (!x->elems[i].serial || (set && set->serial == x->elems[i].serial))
			x->elems[n++] = x->elems[i];
	}
	x->n_elems = n;
}

/* What a set that is new gets of a pod that did not change. */
static void join(struct policy_sync *s, const struct policy_set *set, struct policy_entry *x, struct changes *c)
{
	struct policy_elem *v = NULL;
	size_t n = 0;
	if (x->dirty || !x->pod)
		return;
	struct policy_pod view = view_of(s, x);
	policy_plan_set(set, &view, map_get(s->namespaces, view.ns), &v, &n);
	free(view.ips);
	if (n) {
		drop_stale(s->next, x);
		x->elems = xreallocarray(x->elems, x->n_elems + n, sizeof(*x->elems));
		memcpy(x->elems + x->n_elems, v, n * sizeof(*v));
		x->n_elems += n;
		qsort(x->elems, x->n_elems, sizeof(*x->elems), policy_elem_cmp);
	}
	for (size_t i = 0; i < n; i++)
		note(c, true, &v[i]);
	free(v);
}

static void join_all(struct policy_sync *s, const struct policy_set *set, const struct map *pods, struct changes *c)
{
	size_t at = 0;
	const char *key;
	struct policy_entry *x;
	while (pods && map_next(pods, &at, &key, &x))
		join(s, set, x, c);
}

/* The pods that a new set may have: of one namespace, of those that it selects, or any with a port of its name. */
static void fill_set(struct policy_sync *s, const struct policy_set *set, struct changes *c)
{
	size_t at = 0;
	const char *ns;
	const struct map *pods;
	if (set->kind == POLICY_SET_PORTS)
		join_all(s, set, s->pods, c);
	if (set->kind != POLICY_SET_PODS)
		return;
	if (!set->peer->namespaces) {
		join_all(s, set, map_get(s->pods_in, set->peer->ns), c);
		return;
	}
	while (map_next(s->pods_in, &at, &ns, &pods))
		if (selector_match_labels(set->peer->namespaces, map_get(s->namespaces, ns)))
			join_all(s, set, pods, c);
}

static void fill_new_sets(struct policy_sync *s, struct changes *c)
{
	size_t at = 0;
	const char *name;
	const struct policy_set *set;
	while (map_next(s->next->sets, &at, &name, &set))
		if (!map_has(s->shape->sets, name))
			fill_set(s, set, c);
}

static void mark_all(struct policy_sync *s)
{
	size_t at = 0;
	const char *key;
	struct policy_entry *x;
	while (map_next(s->pods, &at, &key, &x))
		policy_entry_mark(s, x);
}

static void plan_elems(struct policy_sync *s, const struct policy_shape *shape, struct changes *c)
{
	if (s->whole)
		mark_all(s);
	else if (s->next)
		fill_new_sets(s, c);
	for (size_t i = 0; i < s->n_dirty; i++) {
		struct policy_entry *x = s->dirty[i];
		drop_stale(shape, x);
		plan_entry(s, shape, x);
		policy_elem_diff(s->whole ? NULL : x->elems, s->whole ? 0 : x->n_elems, x->wanted, x->n_wanted, note, c);
	}
	if (c->del.n)
		qsort(c->del.v, c->del.n, sizeof(*c->del.v), policy_elem_cmp);
	if (c->add.n)
		qsort(c->add.v, c->add.n, sizeof(*c->add.v), policy_elem_cmp);
}

static struct nft_batch *write_batch(struct policy_sync *s, const struct policy_shape *wanted, const struct changes *c)
{
	struct nft_batch *b = nft_batch_new();
	if (!map_len(wanted->chains)) {
		if (s->present)
			policy_apply_remove(b, s->table);
		return b;
	}
	if (s->whole)
		policy_apply_base(b, s->table);
	if (s->whole || s->next)
		policy_apply_new(b, s->table, s->whole ? NULL : s->shape, wanted);
	policy_apply_elems(b, s->table, false, c->del.v, c->del.n);
	policy_apply_elems(b, s->table, true, c->add.v, c->add.n);
	if (!s->whole && s->next)
		policy_apply_old(b, s->table, s->shape, wanted);
	return b;
}

static void committed(struct policy_sync *s)
{
	if (s->next) {
		policy_shape_free(s->shape);
		s->shape = TAKE(s->next);
	}
	for (size_t i = 0; i < s->n_dirty; i++) {
		struct policy_entry *x = s->dirty[i];
		free(x->elems);
		x->elems = TAKE(x->wanted);
		x->n_elems = x->n_wanted;
		x->n_wanted = 0;
		x->dirty = false;
		AUTO_FREE char *gone = x->pod ? NULL : xstrdup(x->key);
		if (gone)
			map_remove(s->pods, gone);
	}
	s->n_dirty = 0;
	s->present = map_len(s->shape->chains) > 0;
	s->whole = !s->present;
	s->shape_dirty = false;
}

/* Nothing is known of the kernel; verdicts that were planned were not committed. */
static void failed(struct policy_sync *s)
{
	size_t at = 0;
	const char *key;
	struct policy_entry *x;
	s->whole = s->present = true;
	policy_shape_free(TAKE(s->next));
	while (map_next(s->local, &at, &key, &x))
		x->undecided = true;
}

int policy_sync_commit(struct policy_sync *s, size_t *ret_changed, struct err *e)
{
	struct changes c = {0};
	if (s->shape_dirty || s->whole)
		plan_shape(s);
	const struct policy_shape *wanted = s->next ? s->next : s->shape;
	if (map_len(wanted->chains))
		plan_elems(s, wanted, &c);
	AUTO_NFT_BATCH *b = write_batch(s, wanted, &c);
	int r = nft_commit(s->nft, b, e);
	if (r < 0)
		failed(s);
	else
		committed(s);
	if (r >= 0 && ret_changed)
		*ret_changed = c.del.n + c.add.n;
	free(c.del.v);
	free(c.add.v);
	return r;
}
