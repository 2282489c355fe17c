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
#include "base/table.h"
#include "netfilter/health_port.h"
#include "netfilter/proxy_internal.h"
#include "netfilter/proxy_metrics.h"
#include "netfilter/service_targets.h"

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

struct finder {
	const struct proxy *p;
	const struct change *c;
};

static const struct svc_elem *find_current(void *arg, const struct svc_elem *like)
{
	const struct finder *f = arg;
	if (!f->p->adopted)
		return elems_find(&f->p->kernel, like);
	return f->c->n_elems ? bsearch(like, f->c->elems, f->c->n_elems, sizeof(*like), svc_elem_cmp) : NULL;
}

static void drop_family6(struct change *c)
{
	size_t n = 0;
	for (size_t i = 0; i < c->n_wanted; i++)
		if (c->wanted[i].family == AF_INET)
			c->wanted[n++] = c->wanted[i];
	c->n_wanted = n;
}

/* The plan of a service that is known, from all its slices. */
static void plan_service(struct proxy *p, struct change *c)
{
	struct finder f = {p, c};
	struct service_context ctx = {
	    .node_ips = p->node_ips,
	    .n_node_ips = p->n_node_ips,
	    .find = find_current,
	    .arg = &f,
	    .masquerade_all = p->masquerade_all,
	    .know_pods = {!ip_is_unset(&p->rules.pods[0].ip), !ip_is_unset(&p->rules.pods[1].ip)}};
	struct service *service = service_unpack(c->entry->service);
	struct service_slice **slices = NULL;
	size_t n = 0;
	for (const struct slice *s = c->entry->slices; s; s = s->next) {
		slices = xreallocarray(slices, n + 1, sizeof(struct service_slice *));
		slices[n++] = service_slice_unpack(slice_packed(s));
	}
	service_plan(service, slices, n, &ctx, &c->wanted, &c->n_wanted);
	c->health_port = service->health_port;
	c->n_local = service->health_port ? service_count_local(slices, n) : 0;
	for (size_t i = 0; i < n; i++)
		service_slice_free(slices[i]);
	free(slices);
	service_free(service);
}

static void plan_entry(struct proxy *p, size_t i)
{
	struct change c = {.entry = p->dirty[i].entry, .waited = p->dirty[i].entry->contested};
	if (p->adopted)
		svc_elems_unpack(c.entry->elems, &c.elems, &c.n_elems);
	if (c.entry->service)
		plan_service(p, &c);
	if (!p->ipv6)
		drop_family6(&c);
	proxy_release_fronts(p, &c);
	p->dirty[i] = c;
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
static void diff_entry(struct sync *s, const struct change *c)
{
	const struct svc_elem **del, **add;
	size_t n_del, n_add;
	svc_elem_diff(c->elems, c->n_elems, c->wanted, c->n_wanted, &del, &n_del, &add, &n_add);
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
	struct hairpin *h;
	map_clear(s->p->hairpins);
	for (size_t i = 0; i < s->p->n_dirty; i++) /* every entry */
		for (size_t k = 0; k < s->p->dirty[i].n_wanted; k++)
			if (s->p->dirty[i].wanted[k].kind == SVC_HAIRPIN)
				count_hairpin(s, &s->p->dirty[i].wanted[k], 1);
			else
				elems_add(all, &s->p->dirty[i].wanted[k]);
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
	if (map_has(known, service_chain_name(e, name)))
		return;
	map_set(known, name, s->p);
	service_chain_add(s->batch, &s->p->rules, e);
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
		service_rules_base(s->batch, &p->rules, families[six], p->held[six], p->room[six]);
		struct svc_elem usual;
		for (size_t i = 0; service_chain_usual(&p->rules, families[six], i, &usual); i++)
			add_chain(s, &usual);
		p->fresh[six] = false;
	}
}

/* How much the maps will hold. -ENFILE: more than they can. */
static int count_held(struct sync *s, struct err *e)
{
	struct proxy *p = s->p;
	for (int six = 0; six < 2; six++) {
		if (!p->adopted)
			memset(p->held[six], 0, sizeof(p->held[six]));
		for (int kind = 0; kind < SVC_MAPS; kind++) {
			p->held[six][kind] += s->add[kind][six].n - s->del[kind][six].n;
			if (p->room[six][kind] && p->held[six][kind] + s->del[kind][six].n > p->room[six][kind])
				return err_set(e, -ENFILE, "map %s is full", service_rules_set(kind));
		}
	}
	return 0;
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

/* Fronts with policy Local that have endpoints, but none here: dropped; those from outside serve who is inside. */
static void count_no_local(struct proxy *p, const struct svc_elem *v, size_t n, int by)
{
	for (size_t i = 0; i < n && v[i].kind == SVC_SERVICE; i++) { /* they come first */
		struct svc_choice c;
		svc_choice_read(svc_elem_number(&v[i]), &c);
		if (c.mode == SVC_LOCAL && !c.count)
			p->no_local[side(&v[i])][c.cluster > 0] += by;
	}
}

/* What others are told of a service once it stands in the kernel. */
static void announce(struct proxy *p, const struct change *c)
{
	health_ports_set(p->health_ports, c->entry->key, c->health_port, c->n_local, p->node_ips, p->n_node_ips);
	count_no_local(p, c->elems, c->n_elems, -1);
	count_no_local(p, c->wanted, c->n_wanted, 1);
}

static void announce_triggers(struct proxy *p)
{
	int64_t now = clock_wall_us();
	for (size_t i = 0; i < p->n_triggers; i++)
		proxy_metrics_programmed(p->metrics, p->triggers[i].six, now - p->triggers[i].us);
	free(TAKE(p->triggers));
	p->n_triggers = 0;
}

static void drop_plan(struct change *c)
{
	free(TAKE(c->elems));
	free(TAKE(c->wanted));
	c->n_elems = c->n_wanted = 0;
}

/* The plans are in the kernel now. */
static void settle(struct sync *s)
{
	struct proxy *p = s->p;
	size_t at = 0;
	const char *key;
	struct hairpin *h;
	for (size_t i = 0; i < p->n_dirty; i++) {
		struct change *c = &p->dirty[i];
		struct entry *e = c->entry;
		e->dirty = false;
		free(e->elems);
		e->elems = svc_elems_pack(c->wanted, c->n_wanted);
		announce(p, c);
		drop_plan(c);
		if (!e->service && !e->slices)
			proxy_entry_free(p, e);
	}
	announce_triggers(p);
	p->n_dirty = 0;
	p->pending_mono_ms = 0;
	p->updated_wall_ms = clock_wall_ms();
	for (int six = 0; six <= p->ipv6; six++)
		proxy_metrics_no_local(p->metrics, six, p->no_local[six][0], p->no_local[six][1]);
	while (map_next(s->touched, &at, &key, &h)) {
		h->changed = h->refs > 0;
		if (h->refs <= 0)
			map_remove(p->hairpins, key);
	}
	if (!p->adopted) { /* what was needed for everything is not kept for the next change */
		free(TAKE(p->dirty));
		p->cap_dirty = 0;
	}
	p->adopted = true;
	p->full = false;
	free(p->kernel.v);
	p->kernel = (struct elems){0};
}

/* Nothing was applied: the next sync starts from the kernel's state. */
static void forget(struct proxy *p)
{
	size_t at = 0;
	struct entry *e;
	p->adopted = false;
	proxy_claims_clear(p);
	memset(p->no_local, 0, sizeof(p->no_local));
	for (size_t i = 0; i < p->n_dirty; i++)
		drop_plan(&p->dirty[i]);
	while ((e = table_next(p->entries, &at)))
		free(TAKE(e->elems));
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
		plan_entry(p, i);
	for (int waited = 0; waited < 2; waited++)
		for (size_t i = 0; i < p->n_dirty; i++)
			if (p->dirty[i].waited == waited)
				proxy_claim_fronts(p, &p->dirty[i]);
	if (p->adopted) {
		for (size_t i = 0; i < p->n_dirty; i++)
			diff_entry(s, &p->dirty[i]);
		settle_hairpins(s);
	} else {
		diff_all(s, all);
	}
	if ((r = count_held(s, e)) < 0)
		return r;
	fill_batch(s);
	return nft_commit(p->nft, s->batch, e);
}

/* Behind the change, so that no new flow or memory of a gone endpoint can come in between. What fails is done again for
 * every front with the next sync. */
static int sweep(struct sync *s, bool full, struct err *e)
{
	struct proxy *p = s->p;
	p->sweep_all = true;
	int r = proxy_sweep_affinity(p, s->del, full, e);
	if (r >= 0)
		r = proxy_sweep_udp(p, s->del, s->add, full, e);
	p->sweep_all = r < 0;
	return r;
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
		if (full)
			netfilter_liberal();
		r = sweep(&s, full || p->sweep_all, e);
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
	if (p->adopted && p->sweep_all)
		proxy_mark_all(p);
	if (p->adopted && !p->n_dirty)
		return 0;
	int r = sync_once(p, ret_changed, e);
	if (r != -ENFILE || p->full)
		return r;
	p->full = true;
	return sync_once(p, ret_changed, e);
}
