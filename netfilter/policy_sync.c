/* From changes to one transaction.
 *
 * A change of policies or of this node's pods makes the shape (chains and sets) anew and compares it by names; pods that
 * changed, or all when other sets are wanted, are planned anew and compared element by element. What always holds: what
 * is believed to be programmed changes only with a commit that succeeded; after a failure the next one makes the whole
 * table anew. An address belongs to one pod, so that elements of different pods never meet. */
#include "netfilter/policy_sync.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/str.h"
#include "netfilter/policy_apply.h"

struct entry {
	struct policy_pod *pod; /* NULL: gone, its elements have to follow */
	struct policy_elem *elems, *wanted;
	size_t n_elems, n_wanted;
	struct policy_verdicts verdicts;
	bool dirty;
};

struct policy_sync {
	struct nft *nft;
	char *table;
	struct map *policies, *namespaces, *pods; /* key -> struct policy, name -> json_t, key -> struct entry */
	struct map *owners;			  /* address -> struct entry */
	struct map *last;			  /* address -> digest of the key of the pod that had it last */
	struct ip *reused;			  /* addresses that went from one pod to another */
	size_t n_reused;
	int watch_fd;
	struct policy_shape *shape, *next;	  /* programmed; wanted */
	bool shape_dirty;
	bool whole; /* the kernel is not known to agree */
	bool present; /* there is a table */
};

struct elems {
	struct policy_elem *v;
	size_t n, cap;
};

struct changes {
	struct policy_sync *s;
	struct elems del, add;
};

static void policy_value_free(void *p)
{
	policy_free(p);
}

static void json_value_free(void *p)
{
	json_decref(p);
}

static void entry_free(void *p)
{
	struct entry *x = p;
	policy_pod_free(x->pod);
	free(x->elems);
	free(x->wanted);
	free(x);
}

int policy_sync_new(const char *table, struct policy_sync **ret, struct err *e)
{
	struct nft *nft = NULL;
	int r = nft_open(&nft, e);
	if (r < 0)
		return r;
	struct policy_sync *s = xcalloc(1, sizeof(*s));
	s->nft = nft;
	s->table = xstrdup(table ? table : POLICY_TABLE);
	s->policies = map_new(policy_value_free);
	s->namespaces = map_new(json_value_free);
	s->pods = map_new(entry_free);
	s->owners = map_new(NULL);
	s->last = map_new(NULL);
	s->watch_fd = -1;
	s->shape = policy_shape_new();
	s->shape_dirty = s->whole = s->present = true;
	*ret = s;
	return 0;
}

void policy_sync_free(struct policy_sync *s)
{
	if (!s)
		return;
	nft_close(s->nft);
	map_free(s->policies);
	map_free(s->namespaces);
	map_free(s->pods);
	map_free(s->owners);
	map_free(s->last);
	free(s->reused);
	if (s->watch_fd >= 0)
		close(s->watch_fd);
	policy_shape_free(s->shape);
	free(s->table);
	free(s);
}

void policy_sync_set_policy(struct policy_sync *s, struct policy *p)
{
	map_set(s->policies, p->key, p);
	s->shape_dirty = true;
}

void policy_sync_delete_policy(struct policy_sync *s, const char *key)
{
	map_remove(s->policies, key);
	s->shape_dirty = true;
}

size_t policy_sync_policies(const struct policy_sync *s)
{
	return map_len(s->policies);
}

static void namespace_changed(struct policy_sync *s, const char *name)
{
	size_t at = 0;
	const char *key;
	struct entry *x;
	while (map_next(s->pods, &at, &key, &x))
		if (x->pod && !strcmp(x->pod->ns, name))
			x->dirty = true;
}

void policy_sync_set_namespace(struct policy_sync *s, const char *name, json_t *labels)
{
	AUTO_JSON *now = labels ? json_incref(labels) : json_object();
	const json_t *old = map_get(s->namespaces, name);
	if (old && json_equal(old, now))
		return;
	namespace_changed(s, name);
	map_set(s->namespaces, name, TAKE(now));
}

void policy_sync_delete_namespace(struct policy_sync *s, const char *name)
{
	map_remove(s->namespaces, name);
	namespace_changed(s, name);
}

static bool has_ip(const struct policy_pod *p, const struct ip *ip)
{
	for (size_t i = 0; p && i < p->n_ips; i++)
		if (ip_eq(&p->ips[i], ip))
			return true;
	return false;
}

static void let_go(struct policy_sync *s, struct entry *x, const struct policy_pod *next)
{
	char text[IP_TEXT_MAX];
	for (size_t i = 0; x->pod && i < x->pod->n_ips; i++) {
		ip_text(&x->pod->ips[i], text);
		if (!has_ip(next, &x->pod->ips[i]) && map_get(s->owners, text) == x)
			map_remove(s->owners, text);
	}
}

/* Whether the owner keeps the address. A pod that has had it before takes it from nobody, one on its way out only where
 * it is free, and what some status tells takes none from a pod of this node, whose addresses are known. */
static bool keeps(const struct entry *owner, const struct entry *x, const struct policy_pod *next, const struct ip *ip)
{
	return owner == x || has_ip(x->pod, ip) || (next->deleting && !owner->pod->deleting) ||
	       (owner->pod->local && !next->local);
}

/* Remembers whose an address is; that it was another pod's before. */
static void note_owner(struct policy_sync *s, const char *text, const struct ip *ip, const struct policy_pod *pod)
{
	uintptr_t now = 5381;
	for (const char *p = pod->key; *p; p++)
		now = now * 33 + (unsigned char)*p;
	uintptr_t before = (uintptr_t)map_get(s->last, text);
	now |= 1;
	if (now == before)
		return;
	map_set(s->last, text, (void *)now); // NOLINT(performance-no-int-to-ptr): a number in a map
	if (!before)
		return;
	s->reused = xreallocarray(s->reused, s->n_reused + 1, sizeof(*s->reused));
	s->reused[s->n_reused++] = *ip;
}

static void claim(struct policy_sync *s, struct entry *x, const struct policy_pod *next)
{
	char text[IP_TEXT_MAX];
	for (size_t i = 0; i < next->n_ips; i++) {
		struct entry *owner = map_get(s->owners, ip_text(&next->ips[i], text));
		if (owner && keeps(owner, x, next, &next->ips[i]))
			continue;
		if (owner) {
			owner->dirty = true;
			s->shape_dirty |= owner->pod->local;
		}
		map_set(s->owners, text, x);
		note_owner(s, text, &next->ips[i], next);
	}
}

static void changed(struct policy_sync *s, struct entry *x, struct policy_pod *next)
{
	s->shape_dirty |= (x->pod && x->pod->local) || (next && next->local);
	let_go(s, x, next);
	if (next)
		claim(s, x, next);
	policy_pod_free(x->pod);
	x->pod = next;
	x->dirty = true;
}

void policy_sync_set_pod(struct policy_sync *s, struct policy_pod *p)
{
	struct entry *x = map_get(s->pods, p->key);
	if (x && x->pod && policy_pod_same(x->pod, p)) {
		policy_pod_free(p);
		return;
	}
	if (!x) {
		x = xcalloc(1, sizeof(*x));
		map_set(s->pods, p->key, x);
	}
	changed(s, x, p);
}

void policy_sync_delete_pod(struct policy_sync *s, const char *key)
{
	struct entry *x = map_get(s->pods, key);
	if (x && x->pod)
		changed(s, x, NULL);
}

static int by_key(const void *a, const void *b)
{
	return strcmp((*(const struct policy *const *)a)->key, (*(const struct policy *const *)b)->key);
}

/* In the order of their keys, so that the same policies give the same chain. */
static const struct policy **sorted(const struct policy_sync *s, size_t *ret_n)
{
	const struct policy **v = xcalloc(map_len(s->policies) + 1, sizeof(*v)), *p;
	size_t at = 0, n = 0;
	const char *key;
	while (map_next(s->policies, &at, &key, &p))
		v[n++] = p;
	qsort(v, n, sizeof(const struct policy *), by_key);
	*ret_n = n;
	return v;
}

static bool same_sets(const struct policy_shape *a, const struct policy_shape *b)
{
	size_t at = 0;
	const char *name;
	void *ignored;
	if (map_len(a->sets) != map_len(b->sets))
		return false;
	while (map_next(a->sets, &at, &name, &ignored))
		if (!map_has(b->sets, name))
			return false;
	return true;
}

static void plan_shape(struct policy_sync *s)
{
	size_t n, at = 0;
	AUTO_FREE const struct policy **v = sorted(s, &n);
	const char *key;
	struct entry *x;
	s->next = policy_shape_new();
	while (map_next(s->pods, &at, &key, &x)) {
		struct policy_verdicts now = {0};
		if (x->pod && x->pod->local && x->pod->n_ips)
			policy_shape_add(s->next, v, n, x->pod, &now);
		x->dirty |= memcmp(&now, &x->verdicts, sizeof(now)) != 0;
		x->verdicts = now;
	}
	at = 0;
	if (!same_sets(s->shape, s->next))
		while (map_next(s->pods, &at, &key, &x))
			x->dirty = true;
}

static void note(void *arg, bool add, const struct policy_elem *e)
{
	struct changes *c = arg;
	struct elems *l = add ? &c->add : &c->del;
	/* with a set go its elements */
	if (!add && map_has(c->s->shape->sets, e->set) && c->s->next && !map_has(c->s->next->sets, e->set))
		return;
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 64;
		l->v = xreallocarray(l->v, l->cap, sizeof(*l->v));
	}
	l->v[l->n++] = *e;
}

/* The pod with those of its addresses that are not another's. */
static void plan_entry(struct policy_sync *s, struct entry *x)
{
	const struct policy_shape *shape = s->next ? s->next : s->shape;
	char text[IP_TEXT_MAX];
	free(TAKE(x->wanted));
	x->n_wanted = 0;
	if (!x->pod)
		return;
	struct policy_pod view = *x->pod;
	view.ips = xcalloc(view.n_ips + 1, sizeof(*view.ips));
	view.n_ips = 0;
	for (size_t i = 0; i < x->pod->n_ips; i++)
		if (map_get(s->owners, ip_text(&x->pod->ips[i], text)) == x)
			view.ips[view.n_ips++] = x->pod->ips[i];
	policy_plan_pod(shape, &view, map_get(s->namespaces, view.ns), view.local ? &x->verdicts : NULL, &x->wanted,
			&x->n_wanted);
	free(view.ips);
}

static void plan_elems(struct policy_sync *s, struct changes *c)
{
	size_t at = 0;
	const char *key;
	struct entry *x;
	while (map_next(s->pods, &at, &key, &x)) {
		if (!x->dirty && !s->whole)
			continue;
		plan_entry(s, x);
		policy_elem_diff(s->whole ? NULL : x->elems, s->whole ? 0 : x->n_elems, x->wanted, x->n_wanted, note, c);
		x->dirty = true; /* until it is committed */
	}
	if (c->del.n)
		qsort(c->del.v, c->del.n, sizeof(*c->del.v), policy_elem_cmp);
	if (c->add.n)
		qsort(c->add.v, c->add.n, sizeof(*c->add.v), policy_elem_cmp);
}

static struct nft_batch *write_batch(struct policy_sync *s, const struct changes *c)
{
	struct nft_batch *b = nft_batch_new();
	const struct policy_shape *wanted = s->next ? s->next : s->shape;
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
	size_t at = 0;
	const char *key;
	struct entry *x;
	if (s->next) {
		policy_shape_free(s->shape);
		s->shape = TAKE(s->next);
	}
	while (map_next(s->pods, &at, &key, &x)) {
		if (!x->dirty)
			continue;
		free(x->elems);
		x->elems = TAKE(x->wanted);
		x->n_elems = x->n_wanted;
		x->dirty = false;
		if (!x->pod)
			map_remove(s->pods, key);
	}
	s->present = map_len(s->shape->chains) > 0;
	s->whole = !s->present;
	s->shape_dirty = false;
}

int policy_sync_commit(struct policy_sync *s, size_t *ret_changed, struct err *e)
{
	struct changes c = {.s = s};
	if (s->shape_dirty || s->whole)
		plan_shape(s);
	plan_elems(s, &c);
	AUTO_NFT_BATCH *b = write_batch(s, &c);
	int r = nft_commit(s->nft, b, e);
	if (r < 0) {
		s->whole = s->present = true;
		policy_shape_free(TAKE(s->next));
	} else {
		committed(s);
	}
	if (r >= 0 && ret_changed)
		*ret_changed = c.del.n + c.add.n;
	free(c.del.v);
	free(c.add.v);
	return r;
}

int policy_sync_watch(struct policy_sync *s, struct err *e)
{
	if (s->watch_fd < 0)
		s->watch_fd = nft_watch_open(e);
	return s->watch_fd;
}

bool policy_sync_disturbed(struct policy_sync *s)
{
	if (s->watch_fd < 0 || !nft_watch_drain(s->watch_fd, s->nft, s->table))
		return false;
	s->whole = s->present = true;
	return true;
}

int policy_sync_forget(struct policy_sync *s, const struct ip *ip, struct err *e)
{
	return nft_forget_address(s->nft, ip->family, ip->b, e);
}

struct ip *policy_sync_reused(struct policy_sync *s, size_t *ret_n)
{
	*ret_n = s->n_reused;
	s->n_reused = 0;
	return TAKE(s->reused);
}

int policy_cleanup(const char *table, struct err *e)
{
	struct nft *n = NULL;
	int r = nft_open(&n, e);
	if (r < 0)
		return r;
	AUTO_NFT_BATCH *b = nft_batch_new();
	policy_apply_remove(b, table ? table : POLICY_TABLE);
	r = nft_commit(n, b, e);
	nft_close(n);
	return r;
}
