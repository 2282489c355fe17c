/* The plan of the service proxy.
 *
 * Every address and port that a service answers on (a front) becomes one SVC_SERVICE element and one SVC_ENDPOINT
 * element per endpoint, or one SVC_UNAVAILABLE element where it has none. Ready endpoints count; where there are none,
 * those that still serve while they terminate. An endpoint that stays keeps its index, so that the change of one
 * endpoint changes one or two elements. Pure; nothing fails. What always holds: indexes of a front run from 0 to
 * count - 1, and keys are unique. */
#include "netfilter/service_plan.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void service_free(struct service *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_ports; i++)
		free(s->ports[i].name);
	free(s->ports);
	free(s->cluster_ips);
	free(s->external_ips);
	free(s->key);
	free(s);
}

void service_slice_free(struct service_slice *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_ports; i++)
		free(s->ports[i].name);
	free(s->ports);
	free(s->endpoints);
	free(s->service);
	free(s->key);
	free(s);
}

struct target {
	struct ip ip;
	uint16_t port;
	bool local;
};

struct targets {
	struct target *v;
	size_t n;
};

struct plan {
	const struct service *service;
	const struct service_context *ctx;
	struct svc_elem *v;
	size_t n, cap;
};

/* One address and port that is answered on. */
struct front {
	struct ip ip;
	int protocol;
	uint16_t port;
	bool masquerade, local_only;
};

static struct svc_elem *add(struct plan *p, int kind, int family)
{
	if (p->n == p->cap) {
		p->cap = p->cap ? p->cap * 2 : 8;
		p->v = xreallocarray(p->v, p->cap, sizeof(*p->v));
	}
	struct svc_elem *e = &p->v[p->n++];
	*e = (struct svc_elem){.kind = (uint8_t)kind, .family = (uint8_t)family};
	return e;
}

static void put(uint8_t *to, uint8_t *len, const void *bytes, size_t n)
{
	memcpy(to + *len, bytes, n);
	*len = (uint8_t)(*len + ((n + 3) & ~(size_t)3));
}

static void put_front(struct svc_elem *e, const struct front *f)
{
	uint8_t protocol = (uint8_t)f->protocol;
	uint16_t port = htons(f->port);
	put(e->key, &e->key_len, f->ip.b, ip_len(&f->ip));
	put(e->key, &e->key_len, &protocol, 1);
	put(e->key, &e->key_len, &port, 2);
}

static void put_target(struct svc_elem *e, const struct target *t)
{
	uint16_t port = htons(t->port);
	put(e->data, &e->data_len, t->ip.b, ip_len(&t->ip));
	put(e->data, &e->data_len, &port, 2);
}

static bool has_target(const struct targets *t, const struct target *one)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].port == one->port && ip_eq(&t->v[i].ip, &one->ip))
			return true;
	return false;
}

static void add_targets(struct targets *t, const struct service_slice *slice, uint16_t port, int family,
			bool terminating)
{
	for (size_t i = 0; i < slice->n_endpoints && t->n < SVC_ENDPOINTS_MAX; i++) {
		const struct service_endpoint *ep = &slice->endpoints[i];
		struct target one = {ep->ip, port, ep->local};
		bool usable = terminating ? ep->serving && ep->terminating : ep->ready;
		if (!usable || ep->ip.family != family || has_target(t, &one))
			continue;
		t->v = xreallocarray(t->v, t->n + 1, sizeof(*t->v));
		t->v[t->n++] = one;
	}
}

/* The endpoints of a port, of one family; only_local leaves out those of other nodes. */
static struct targets find_targets(const struct service_port *port, struct service_slice *const *slices, size_t n,
				   int family)
{
	struct targets t = {0};
	for (int terminating = 0; terminating < 2 && !t.n; terminating++)
		for (size_t i = 0; i < n; i++)
			for (size_t k = 0; k < slices[i]->n_ports; k++) {
				const struct slice_port *sp = &slices[i]->ports[k];
				if (sp->protocol == port->protocol && !strcmp(sp->name, port->name) && sp->port)
					add_targets(&t, slices[i], sp->port, family, terminating);
			}
	return t;
}

static struct targets local_of(const struct targets *all)
{
	struct targets t = {.v = xcalloc(all->n + 1, sizeof(*t.v))};
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].local)
			t.v[t.n++] = all->v[i];
	return t;
}

static struct svc_elem endpoint_elem(const struct front *f, uint32_t index)
{
	struct svc_elem e = {.kind = SVC_ENDPOINT, .family = (uint8_t)f->ip.family};
	put_front(&e, f);
	put(e.key, &e.key_len, &index, sizeof(index));
	return e;
}

/* slots[i] becomes the target of index i: first those that stand there already, then the rest in order. */
static void assign(const struct plan *p, const struct front *f, const struct targets *t, const struct target **slots)
{
	bool *used = xcalloc(t->n, sizeof(*used));
	size_t next = 0;
	for (uint32_t i = 0; p->ctx->find && i < t->n; i++) {
		struct svc_elem like = endpoint_elem(f, i), mine;
		const struct svc_elem *now = p->ctx->find(p->ctx->arg, &like);
		for (size_t k = 0; now && k < t->n && !slots[i]; k++) {
			mine = like;
			put_target(&mine, &t->v[k]);
			if (!used[k] && svc_elem_same(&mine, now)) {
				slots[i] = &t->v[k];
				used[k] = true;
			}
		}
	}
	for (size_t i = 0; i < t->n; i++) {
		if (slots[i])
			continue;
		while (used[next])
			next++;
		slots[i] = &t->v[next];
		used[next] = true;
	}
	free(used);
}

static void add_hairpin(struct plan *p, const struct target *t)
{
	struct svc_elem *e = add(p, SVC_HAIRPIN, t->ip.family);
	put(e->key, &e->key_len, t->ip.b, ip_len(&t->ip));
	put(e->key, &e->key_len, t->ip.b, ip_len(&t->ip));
}

static void add_sticky(struct plan *p, const struct front *f)
{
	struct svc_elem *e = add(p, SVC_STICKY, f->ip.family);
	put_front(e, f);
	e->affinity_s = p->service->affinity_s;
}

static void add_front(struct plan *p, const struct front *f, const struct targets *all)
{
	struct targets local = local_of(all);
	const struct targets *t = f->local_only ? &local : all;
	struct svc_elem *e = add(p, t->n ? SVC_SERVICE : SVC_UNAVAILABLE, f->ip.family);
	put_front(e, f);
	e->drop = !t->n && all->n;
	if (t->n) {
		const struct target **slots = xcalloc(t->n, sizeof(*slots));
		e->count = (uint16_t)t->n;
		e->masquerade = f->masquerade;
		e->affinity_s = p->service->affinity_s != 0;
		if (p->service->affinity_s)
			add_sticky(p, f);
		assign(p, f, t, slots);
		for (uint32_t i = 0; i < t->n; i++) {
			struct svc_elem ep = endpoint_elem(f, i);
			put_target(&ep, slots[i]);
			*add(p, 0, 0) = ep;
			if (slots[i]->local) /* only a pod of this node can meet itself here */
				add_hairpin(p, slots[i]);
		}
		free(slots);
	}
	free(local.v);
}

static void add_fronts(struct plan *p, const struct ip *ips, size_t n, const struct service_port *port, uint16_t number,
		       bool external, struct targets *targets)
{
	const struct service *s = p->service;
	for (size_t i = 0; number && i < n; i++) {
		int six = ips[i].family == AF_INET6;
		bool local = external ? s->external_local : s->internal_local;
		struct front f = {.ip = ips[i],
				  .protocol = port->protocol,
				  .port = number,
				  .local_only = local,
				  .masquerade = external ? !local : p->ctx->know_pods[six]};
		add_front(p, &f, &targets[six]);
	}
}

/* Sorts and keeps one of each key: several fronts share hairpin elements, a port may be named twice. */
static void sort_unique(struct plan *p)
{
	size_t n = 0;
	if (p->n)
		qsort(p->v, p->n, sizeof(*p->v), svc_elem_cmp);
	for (size_t i = 0; i < p->n; i++)
		if (!n || svc_elem_cmp(&p->v[n - 1], &p->v[i]))
			p->v[n++] = p->v[i];
	p->n = n;
}

void service_plan(const struct service *s, struct service_slice *const *slices, size_t n_slices,
		  const struct service_context *ctx, struct svc_elem **ret, size_t *ret_n)
{
	struct plan p = {.service = s, .ctx = ctx};
	for (size_t i = 0; i < s->n_ports; i++) {
		const struct service_port *port = &s->ports[i];
		struct targets t[2] = {find_targets(port, slices, n_slices, AF_INET),
				       find_targets(port, slices, n_slices, AF_INET6)};
		add_fronts(&p, s->cluster_ips, s->n_cluster_ips, port, port->port, false, t);
		add_fronts(&p, s->external_ips, s->n_external_ips, port, port->port, true, t);
		add_fronts(&p, ctx->node_ips, ctx->n_node_ips, port, port->node_port, true, t);
		free(t[0].v);
		free(t[1].v);
	}
	sort_unique(&p);
	*ret = p.n ? xreallocarray(p.v, p.n, sizeof(*p.v)) : NULL;
	*ret_n = p.n;
	if (!p.n)
		free(p.v);
}

int svc_elem_cmp(const void *pa, const void *pb)
{
	const struct svc_elem *a = pa, *b = pb;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->key, b->key, sizeof(a->key));
}

bool svc_elem_same(const struct svc_elem *a, const struct svc_elem *b)
{
	return !svc_elem_cmp(a, b) && !memcmp(a->data, b->data, sizeof(a->data)) && a->count == b->count &&
	       a->masquerade == b->masquerade && a->drop == b->drop && a->affinity_s == b->affinity_s;
}

void svc_elem_diff(const struct svc_elem *old, size_t n_old, const struct svc_elem *wanted, size_t n_wanted,
		   const struct svc_elem ***ret_del, size_t *ret_n_del, const struct svc_elem ***ret_add,
		   size_t *ret_n_add)
{
	const struct svc_elem **del = xcalloc(n_old + 1, sizeof(*del)), **new = xcalloc(n_wanted + 1, sizeof(*new));
	size_t i = 0, k = 0, n_del = 0, n_new = 0;
	while (i < n_old || k < n_wanted) {
		int order = i == n_old ? 1 : k == n_wanted ? -1 : svc_elem_cmp(&old[i], &wanted[k]);
		if (order < 0) {
			del[n_del++] = &old[i++];
		} else if (order > 0) {
			new[n_new++] = &wanted[k++];
		} else {
			if (!svc_elem_same(&old[i], &wanted[k])) {
				del[n_del++] = &old[i];
				new[n_new++] = &wanted[k];
			}
			i++, k++;
		}
	}
	*ret_del = del;
	*ret_n_del = n_del;
	*ret_add = new;
	*ret_n_add = n_new;
}

char *svc_chain_name(const struct svc_elem *elem, char *ret)
{
	if (elem->kind == SVC_STICKY)
		snprintf(ret, 32, "sticky-%u", elem->affinity_s);
	else
		snprintf(ret, 32, "%c%u%s", elem->masquerade ? 'm' : 'n', elem->count, elem->affinity_s ? "s" : "");
	return ret;
}

bool svc_chain_parse(const char *name, struct svc_elem *ret)
{
	struct svc_elem e = {.kind = SVC_STICKY};
	unsigned count = 0;
	char mode = 0, again[32];
	if (sscanf(name, "sticky-%u", &e.affinity_s) != 1) {
		if (sscanf(name, "%c%u", &mode, &count) != 2 || (mode != 'n' && mode != 'm') || count > UINT16_MAX)
			return false;
		e.kind = SVC_SERVICE;
		e.affinity_s = name[strlen(name) - 1] == 's';
	}
	e.masquerade = mode == 'm';
	e.count = (uint16_t)count;
	if (strcmp(svc_chain_name(&e, again), name))
		return false;
	ret->kind = e.kind;
	ret->masquerade = e.masquerade;
	ret->count = e.count;
	ret->affinity_s = e.affinity_s;
	return true;
}
