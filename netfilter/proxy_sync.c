/* From dirty services to one transaction.
 *
 * Each dirty service is planned anew; fronts that another service owns already are left out; the difference to what is
 * programmed goes into the batch: chains, deletions, additions. The first sync, and one after a failure, compares the
 * plans of all services with a dump of the kernel instead. After the commit the plans become what is programmed, and
 * UDP flows to endpoints that are gone are cut. What always holds: what is believed to be programmed changes only with
 * a commit that succeeded. */
#include <errno.h>
#include <netinet/in.h>
#include <linux/netfilter.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "netfilter/health_port.h"
#include "netfilter/proxy_internal.h"
#include "netfilter/proxy_metrics.h"

#define CHUNK 256

struct hairpin {
	struct svc_elem elem;
	int refs;
	bool changed; /* among the changes of this sync */
};

struct sync {
	struct proxy *p;
	struct nft_batch *batch;
	proxy_changes del, add;
	struct map *touched;   /* hairpin key -> struct hairpin, references changed */
	size_t changed;
};

static void push(struct pointers *l, const struct svc_elem *e)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 64;
		l->v = xreallocarray(l->v, l->cap, sizeof(*l->v));
	}
	l->v[l->n++] = e;
}

static void hex(const void *bytes, size_t n, char *ret)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < n; i++) {
		*ret++ = digits[((const uint8_t *)bytes)[i] >> 4];
		*ret++ = digits[((const uint8_t *)bytes)[i] & 15];
	}
	*ret = '\0';
}

static bool has_front(const struct svc_elem *e)
{
	return e->kind != SVC_HAIRPIN;
}

/* Keeps of the entry's plan what no other service has; takes ownership of its fronts. */
static void claim_fronts(struct proxy *p, struct entry *e)
{
	char key[2 * SVC_KEY_MAX + 1];
	size_t n = 0;
	bool contested = false;
	for (size_t i = 0; i < e->n_wanted; i++) {
		struct svc_elem *w = &e->wanted[i];
		if (has_front(w)) {
			hex(w->key, SVC_FRONT_LEN(w), key);
			struct entry *owner = map_get(p->owners, key);
			contested |= owner && owner != e;
			if (owner && owner != e)
				continue;
			if (!owner)
				map_set(p->owners, key, e);
		}
		e->wanted[n++] = *w;
	}
	e->n_wanted = n;
	p->n_contested += (size_t)contested - (size_t)e->contested;
	e->contested = contested;
}

static bool has_elem(const struct svc_elem *v, size_t n, const struct svc_elem *like)
{
	return n && bsearch(like, v, n, sizeof(*v), svc_elem_cmp);
}

/* Every front has one of these kinds, or two. */
static bool names_front(int kind)
{
	return kind == SVC_SERVICE || kind == SVC_REJECTED || kind == SVC_DROPPED;
}

static bool wants_front(const struct entry *e, struct svc_elem like)
{
	like.data_len = 0;
	for (int kind = 0; kind < SVC_MAPS; kind++) {
		like.kind = (uint8_t)kind;
		if (names_front(kind) && has_elem(e->wanted, e->n_wanted, &like))
			return true;
	}
	return false;
}

/* Gives up fronts that are not wanted any more; services that waited for one are planned anew. */
static void release_fronts(struct proxy *p, struct entry *e)
{
	char key[2 * SVC_KEY_MAX + 1];
	bool released = false;
	for (size_t i = 0; i < e->n_elems; i++) {
		struct svc_elem like = e->elems[i];
		if (!names_front(like.kind) || wants_front(e, like))
			continue;
		hex(like.key, SVC_FRONT_LEN(&like), key);
		if (map_get(p->owners, key) == e)
			map_remove(p->owners, key);
		released = true;
	}
	size_t at = 0;
	const char *name;
	struct entry *waiting;
	while (released && p->n_contested && map_next(p->entries, &at, &name, &waiting))
		if (waiting->contested && waiting != e)
			proxy_mark_dirty(p, waiting);
}

struct finder {
	struct proxy *p;
	struct entry *e;
};

static const struct svc_elem *find_current(void *arg, const struct svc_elem *like)
{
	const struct finder *f = arg;
	if (!f->p->adopted)
		return elems_find(&f->p->kernel, like);
	return f->e->n_elems ? bsearch(like, f->e->elems, f->e->n_elems, sizeof(*like), svc_elem_cmp) : NULL;
}

static void drop_family6(struct entry *e)
{
	size_t n = 0;
	for (size_t i = 0; i < e->n_wanted; i++)
		if (e->wanted[i].family == AF_INET)
			e->wanted[n++] = e->wanted[i];
	e->n_wanted = n;
}

static void plan_entry(struct proxy *p, struct entry *e)
{
	struct finder f = {p, e};
	struct service_context ctx = {
	    .node_ips = p->node_ips,
	    .n_node_ips = p->n_node_ips,
	    .find = find_current,
	    .arg = &f,
	    .masquerade_all = p->masquerade_all,
	    .know_pods = {!ip_is_unset(&p->rules.pods[0].ip), !ip_is_unset(&p->rules.pods[1].ip)}};
	free(e->wanted);
	e->wanted = NULL;
	e->n_wanted = 0;
	if (e->service)
		service_plan(e->service, e->slices, e->n_slices, &ctx, &e->wanted, &e->n_wanted);
	if (!p->ipv6)
		drop_family6(e);
	release_fronts(p, e);
}

static int side(const struct svc_elem *e)
{
	return e->family == AF_INET6;
}

static void count_hairpin(struct sync *s, const struct svc_elem *e, int by)
{
	char key[2 * SVC_KEY_MAX + 1];
	hex(e->key, e->key_len, key);
	struct hairpin *h = map_get(s->p->hairpins, key);
	if (!h) {
		h = xcalloc(1, sizeof(*h));
		h->elem = *e;
		map_set(s->p->hairpins, key, h);
	}
	h->refs += by;
	map_set(s->touched, key, h);
}

static void note_del(struct sync *s, const struct svc_elem *e)
{
	push(&s->del[e->kind][side(e)], e);
}

/* Differences of one entry, adopted state. */
static void diff_entry(struct sync *s, struct entry *e)
{
	const struct svc_elem **del, **add;
	size_t n_del, n_add;
	svc_elem_diff(e->elems, e->n_elems, e->wanted, e->n_wanted, &del, &n_del, &add, &n_add);
	for (size_t i = 0; i < n_del; i++)
		if (del[i]->kind != SVC_HAIRPIN)
			note_del(s, del[i]);
		else
			count_hairpin(s, del[i], -1);
	for (size_t i = 0; i < n_add; i++)
		if (add[i]->kind != SVC_HAIRPIN)
			push(&s->add[add[i]->kind][side(add[i])], add[i]);
		else
			count_hairpin(s, add[i], 1);
	free(del);
	free(add);
}

/* Hairpin elements appear with their first reference and go with their last. */
static void settle_hairpins(struct sync *s)
{
	size_t at = 0;
	const char *key;
	struct hairpin *h;
	while (map_next(s->touched, &at, &key, &h)) {
		bool there = h->changed;
		if (h->refs > 0 && !there)
			push(&s->add[SVC_HAIRPIN][side(&h->elem)], &h->elem);
		else if (h->refs <= 0 && there)
			push(&s->del[SVC_HAIRPIN][side(&h->elem)], &h->elem);
	}
}

/* All entries against the kernel's dump. */
static void diff_all(struct sync *s, struct elems *all)
{
	const struct svc_elem **del, **add;
	size_t at = 0, n_del, n_add;
	const char *key;
	struct entry *e;
	struct hairpin *h;
	map_clear(s->p->hairpins);
	while (map_next(s->p->entries, &at, &key, &e))
		for (size_t i = 0; i < e->n_wanted; i++)
			if (e->wanted[i].kind == SVC_HAIRPIN)
				count_hairpin(s, &e->wanted[i], 1);
			else
				elems_add(all, &e->wanted[i]);
	for (at = 0; map_next(s->p->hairpins, &at, &key, &h);)
		elems_add(all, &h->elem);
	if (all->n)
		qsort(all->v, all->n, sizeof(*all->v), svc_elem_cmp);
	svc_elem_diff(s->p->kernel.v, s->p->kernel.n, all->v, all->n, &del, &n_del, &add, &n_add);
	for (size_t i = 0; i < n_del; i++)
		note_del(s, del[i]);
	for (size_t i = 0; i < n_add; i++)
		push(&s->add[add[i]->kind][side(add[i])], add[i]);
	free(del);
	free(add);
}

static void add_chain(struct sync *s, const struct svc_elem *e)
{
	struct map *known = s->p->chains[side(e)];
	char name[32];
	if (map_has(known, service_rules_chain_name(e, name)))
		return;
	map_set(known, name, s->p);
	service_rules_chain(s->batch, &s->p->rules, e);
}

static void add_chains(struct sync *s, int kind)
{
	for (int six = 0; six < 2; six++)
		for (size_t i = 0; i < s->add[kind][six].n; i++)
			add_chain(s, s->add[kind][six].v[i]);
}

static void put_elems(struct sync *s, int kind, const struct pointers *l, bool add)
{
	struct nft_elem chunk[CHUNK];
	const char *set = service_rules_set(kind);
	for (size_t i = 0; i < l->n;) {
		size_t n = 0;
		int family = l->v[i]->family;
		for (; n < CHUNK && i < l->n; n++, i++)
			service_rules_elem(l->v[i], &chunk[n]);
		(add ? nft_elems_add : nft_elems_del)(s->batch, family, s->p->table, set, chunk, n);
	}
	s->changed += l->n;
}

/* Tables that are made anew, in place of whatever bears their name. */
static void add_tables(struct sync *s)
{
	static const int families[] = {NFPROTO_IPV4, NFPROTO_IPV6};
	struct proxy *p = s->p;
	for (int six = 0; six < 2; six++) {
		if (!p->fresh[six])
			continue;
		nft_table_add(s->batch, families[six], p->table); /* so that deleting it cannot fail */
		nft_table_del(s->batch, families[six], p->table);
		service_rules_base(s->batch, &p->rules, families[six],
				   s->add[SVC_SERVICE][six].n + s->add[SVC_REJECTED][six].n,
				   s->add[SVC_ENDPOINT][six].n);
		struct svc_elem usual;
		for (size_t i = 0; service_rules_usual(&p->rules, families[six], i, &usual); i++)
			add_chain(s, &usual);
		p->fresh[six] = false;
	}
}

static void fill_batch(struct sync *s)
{
	add_tables(s);
	add_chains(s, SVC_SERVICE);
	add_chains(s, SVC_STICKY);
	for (int kind = 0; kind < SVC_MAPS; kind++)
		for (int six = 0; six < 2; six++) {
			put_elems(s, kind, &s->del[kind][six], false);
			put_elems(s, kind, &s->add[kind][six], true);
		}
}

static void free_entry_of(struct proxy *p, struct entry *e)
{
	AUTO_FREE char *key = xstrdup(e->key); /* the entry's own goes with it */
	map_remove(p->entries, key);
}

/* Fronts with policy Local that have endpoints, but none here: dropped; those from outside serve who is inside. */
static void count_no_local(struct proxy *p, struct entry *e)
{
	uint16_t now[2][2] = {{0}};
	for (size_t i = 0; i < e->n_elems; i++) {
		struct svc_elem like = e->elems[i];
		if (like.kind != SVC_DROPPED)
			continue;
		like.kind = SVC_SERVICE;
		now[side(&like)][has_elem(e->elems, e->n_elems, &like)]++;
	}
	for (int six = 0; six < 2; six++)
		for (int external = 0; external < 2; external++)
			p->no_local[six][external] += now[six][external] - e->no_local[six][external];
	memcpy(e->no_local, now, sizeof(now));
}

/* What others are told of a service once it stands in the kernel. */
static void announce(struct proxy *p, struct entry *e)
{
	const struct service *svc = e->service;
	size_t local = svc && svc->health_port ? service_count_local(e->slices, e->n_slices) : 0;
	health_ports_set(p->health_ports, e->key, svc ? svc->health_port : 0, local, p->node_ips, p->n_node_ips);
	count_no_local(p, e);
	for (size_t i = 0; i < e->n_slices; i++)
		if (e->slices[i]->trigger_us) {
			int64_t age_us = clock_wall_us() - e->slices[i]->trigger_us;
			if (p->updated_wall_ms) /* not what had changed before this process was there */
				proxy_metrics_programmed(p->metrics, e->slices[i]->six, age_us);
			e->slices[i]->trigger_us = 0;
		}
}

/* The plans are in the kernel now. */
static void settle(struct sync *s)
{
	struct proxy *p = s->p;
	size_t at = 0;
	const char *key;
	struct hairpin *h;
	for (size_t i = 0; i < p->n_dirty; i++) {
		struct entry *e = p->dirty[i];
		e->dirty = false;
		free(e->elems);
		e->elems = TAKE(e->wanted);
		e->n_elems = e->n_wanted;
		e->n_wanted = 0;
		announce(p, e);
		if (!e->service && !e->n_slices)
			free_entry_of(p, e);
	}
	p->n_dirty = 0;
	p->pending_mono_ms = 0;
	p->updated_wall_ms = clock_wall_ms();
	for (int six = 0; six <= p->ipv6; six++)
		proxy_metrics_no_local(p->metrics, six, p->no_local[six][0], p->no_local[six][1]);
	p->adopted = true;
	p->full = false;
	free(p->kernel.v);
	p->kernel = (struct elems){0};
	while (map_next(s->touched, &at, &key, &h)) {
		h->changed = h->refs > 0;
		if (h->refs <= 0)
			map_remove(p->hairpins, key);
	}
}

/* Nothing was applied: the next sync starts from the kernel's state. */
static void forget(struct proxy *p)
{
	size_t at = 0;
	const char *key;
	struct entry *e;
	p->adopted = false;
	map_clear(p->owners);
	while (map_next(p->entries, &at, &key, &e)) {
		free(e->elems);
		e->elems = NULL;
		e->n_elems = 0;
	}
}

struct stale {
	const struct sync *s;
	struct nft_elem *v;
	size_t n;
	int family;
};

/* An affinity entry whose endpoint was taken from its front. */
static void note_stale(void *arg, const struct nft_elem *elem)
{
	struct stale *st = arg;
	size_t front = st->family == AF_INET6 ? 24 : 12;
	const struct pointers *del = &st->s->del[SVC_ENDPOINT][st->family == AF_INET6];
	for (size_t i = 0; i < del->n; i++)
		if (!memcmp(elem->key, del->v[i]->key, front) &&
		    !memcmp(elem->data, del->v[i]->data, del->v[i]->data_len) && !proxy_has_moved(st->s->add, del->v[i])) {
			st->v = xreallocarray(st->v, st->n + 1, sizeof(*st->v));
			st->v[st->n++] = *elem;
			return;
		}
}

static bool any_affinity(const struct proxy *p)
{
	size_t at = 0;
	const char *key;
	void *value;
	for (int six = 0; six < 2; six++)
		for (at = 0; map_next(p->chains[six], &at, &key, &value);)
			if (str_has_prefix(key, "sticky-"))
				return true;
	return false;
}

/* In a transaction of its own behind the change, so that no new entry for a gone endpoint can come in between. */
static int drop_affinity(struct sync *s, struct err *e)
{
	int r = 0;
	for (int six = 0; r >= 0 && six < 2 && any_affinity(s->p); six++) {
		AUTO_NFT_BATCH *b = nft_batch_new();
		struct stale st = {.s = s, .family = six ? AF_INET6 : AF_INET};
		if (!s->del[SVC_ENDPOINT][six].n)
			continue;
		r = nft_dump_elems(s->p->nft, st.family, s->p->table, AFFINITY_MAP, note_stale, &st, e);
		if (r >= 0) {
			nft_elems_del(b, st.family, s->p->table, AFFINITY_MAP, st.v, st.n);
			r = nft_commit(s->p->nft, b, e);
		}
		free(st.v);
		if (r == -ENOENT || r == -EAGAIN) /* timed out meanwhile: what is left times out too */
			r = 0;
	}
	return r;
}

static void sync_done(struct sync *s)
{
	for (int kind = 0; kind < SVC_KINDS; kind++)
		for (int six = 0; six < 2; six++) {
			free(s->del[kind][six].v);
			free(s->add[kind][six].v);
		}
	map_free(s->touched);
	nft_batch_free(s->batch);
}

static int apply(struct sync *s, struct elems *all, struct err *e)
{
	struct proxy *p = s->p;
	int r = 0;
	if (!p->adopted) {
		if ((r = proxy_adopt(p, e)) < 0)
			return r;
		proxy_mark_all(p);
	}
	for (size_t i = 0; i < p->n_dirty; i++) /* planning may make more of them dirty */
		plan_entry(p, p->dirty[i]);
	for (size_t i = 0; i < p->n_dirty; i++)
		claim_fronts(p, p->dirty[i]);
	if (p->adopted) {
		for (size_t i = 0; i < p->n_dirty; i++)
			diff_entry(s, p->dirty[i]);
		settle_hairpins(s);
	} else {
		diff_all(s, all);
	}
	fill_batch(s);
	return nft_commit(p->nft, s->batch, e);
}

static int sync_once(struct proxy *p, size_t *ret_changed, struct err *e)
{
	struct sync s = {.p = p};
	struct elems all = {0};
	int64_t began_us = clock_mono_us();
	bool full = !p->adopted;
	s.batch = nft_batch_new();
	s.touched = map_new(NULL);
	int r = apply(&s, &all, e);
	if (r < 0) {
		forget(p);
		proxy_metrics_failed(p->metrics, p->ipv6);
	} else {
		proxy_metrics_synced(p->metrics, p->ipv6, full, clock_mono_us() - began_us);
		if ((r = drop_affinity(&s, e)) >= 0)
			r = proxy_sweep_udp(p, s.del, s.add, full, e);
		if (ret_changed)
			*ret_changed = s.changed;
		settle(&s);
	}
	sync_done(&s);
	free(all.v);
	return r;
}

int proxy_sync(struct proxy *p, size_t *ret_changed, struct err *e)
{
	if (ret_changed)
		*ret_changed = 0;
	if (p->adopted && !p->n_dirty)
		return 0;
	int r = sync_once(p, ret_changed, e);
	if (r != -ENFILE || p->full)
		return r;
	p->full = true;
	return sync_once(p, ret_changed, e);
}
