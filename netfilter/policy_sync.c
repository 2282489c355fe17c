/* What is wanted of the table: policies, namespaces and pods, in indexes by namespace and address, so that a change finds
 * what it concerns. Nothing fails. What always holds: an address belongs to one pod, so that elements of different pods
 * never meet; what changed stands in the list of what is planned next. */
#include "netfilter/policy_sync.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "netfilter/policy_apply.h"
#include "netfilter/policy_sync_internal.h"

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
	struct policy_entry *x = p;
	policy_pod_free(x->pod);
	free(x->key);
	free(x->elems);
	free(x->wanted);
	free(x);
}

static void map_value_free(void *p)
{
	map_free(p);
}

/* In the map of a namespace's policies or pods. */
static void index_set(struct map *of_namespace, const char *ns, const char *key, void *value)
{
	struct map *m = map_get(of_namespace, ns);
	if (!m) {
		m = map_new(NULL);
		map_set(of_namespace, ns, m);
	}
	map_set(m, key, value);
}

static void index_remove(struct map *of_namespace, const char *ns, const char *key)
{
	struct map *m = map_get(of_namespace, ns);
	if (m)
		map_remove(m, key);
	if (m && !map_len(m))
		map_remove(of_namespace, ns);
}

void policy_entry_mark(struct policy_sync *s, struct policy_entry *x)
{
	if (x->dirty)
		return;
	if (s->n_dirty == s->dirty_cap) {
		s->dirty_cap = s->dirty_cap ? s->dirty_cap * 2 : 64;
		s->dirty = xreallocarray(s->dirty, s->dirty_cap, sizeof(struct policy_entry *));
	}
	s->dirty[s->n_dirty++] = x;
	x->dirty = true;
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
	s->policies_in = map_new(map_value_free);
	s->pods_in = map_new(map_value_free);
	s->local = map_new(NULL);
	s->owners = map_new(NULL);
	s->last = map_new(NULL);
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
	map_free(s->policies_in);
	map_free(s->pods_in);
	map_free(s->local);
	map_free(s->owners);
	free(s->dirty);
	map_free(s->last);
	free(s->reused);
	nft_watch_close(s->watch);
	policy_shape_free(s->shape);
	free(s->table);
	free(s);
}

/* What stands on the policies of a namespace is found anew. */
static void policy_changed(struct policy_sync *s, const char *ns, const char *policy)
{
	size_t at = 0;
	const char *key;
	struct policy_entry *x;
	while (map_next(s->local, &at, &key, &x))
		if (!strcmp(x->pod->ns, ns))
			x->undecided = true;
	for (int d = 0; d < POLICY_DIRECTIONS; d++) {
		AUTO_FREE char *compiled = xasprintf("%d %s", d, policy);
		map_remove(s->shape->compiled, compiled);
	}
	s->shape_dirty = true;
}

void policy_sync_set_policy(struct policy_sync *s, struct policy *p)
{
	policy_changed(s, p->ns, p->key);
	index_set(s->policies_in, p->ns, p->key, p);
	map_set(s->policies, p->key, p);
}

void policy_sync_delete_policy(struct policy_sync *s, const char *key)
{
	const struct policy *p = map_get(s->policies, key);
	if (!p)
		return;
	policy_changed(s, p->ns, key);
	index_remove(s->policies_in, p->ns, key);
	map_remove(s->policies, key);
}

size_t policy_sync_policies(const struct policy_sync *s)
{
	return map_len(s->policies);
}

static void namespace_changed(struct policy_sync *s, const char *name)
{
	const struct map *pods = map_get(s->pods_in, name);
	size_t at = 0;
	const char *key;
	struct policy_entry *x;
	while (pods && map_next(pods, &at, &key, &x))
		policy_entry_mark(s, x);
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

static void let_go(struct policy_sync *s, struct policy_entry *x, const struct policy_pod *next)
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
static bool keeps(const struct policy_entry *owner, const struct policy_entry *x, const struct policy_pod *next, const struct ip *ip)
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

static void claim(struct policy_sync *s, struct policy_entry *x, const struct policy_pod *next)
{
	char text[IP_TEXT_MAX];
	for (size_t i = 0; i < next->n_ips; i++) {
		struct policy_entry *owner = map_get(s->owners, ip_text(&next->ips[i], text));
		if (owner && keeps(owner, x, next, &next->ips[i]))
			continue;
		if (owner) {
			policy_entry_mark(s, owner);
			s->shape_dirty |= owner->pod->local;
		}
		map_set(s->owners, text, x);
		note_owner(s, text, &next->ips[i], next);
	}
}

/* Out of the indexes with the old state, in with the new one. */
static void reindex(struct policy_sync *s, struct policy_entry *x, const struct policy_pod *next)
{
	if (x->pod) {
		index_remove(s->pods_in, x->pod->ns, x->pod->key);
		map_remove(s->local, x->pod->key);
	}
	if (next)
		index_set(s->pods_in, next->ns, next->key, x);
	if (next && next->local)
		map_set(s->local, next->key, x);
}

static void changed(struct policy_sync *s, struct policy_entry *x, struct policy_pod *next)
{
	s->shape_dirty |= (x->pod && x->pod->local) || (next && next->local);
	let_go(s, x, next);
	if (next)
		claim(s, x, next);
	reindex(s, x, next);
	policy_pod_free(x->pod);
	x->pod = next;
	x->undecided = true;
	policy_entry_mark(s, x);
}

void policy_sync_set_pod(struct policy_sync *s, struct policy_pod *p)
{
	struct policy_entry *x = map_get(s->pods, p->key);
	if (x && x->pod && policy_pod_same(x->pod, p)) {
		policy_pod_free(p);
		return;
	}
	if (!x) {
		x = xcalloc(1, sizeof(*x));
		x->key = xstrdup(p->key);
		map_set(s->pods, p->key, x);
	}
	changed(s, x, p);
}

void policy_sync_delete_pod(struct policy_sync *s, const char *key)
{
	struct policy_entry *x = map_get(s->pods, key);
	if (x && x->pod)
		changed(s, x, NULL);
}

int policy_sync_watch(struct policy_sync *s, struct err *e)
{
	int r = s->watch ? 0 : nft_watch_open(&s->watch, e);
	return r < 0 ? r : nft_watch_fd(s->watch);
}

bool policy_sync_disturbed(struct policy_sync *s)
{
	if (!s->watch || !nft_watch_drain(s->watch, s->nft, s->table))
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
