/* The plan of the service proxy.
 *
 * Every address and port that a service answers on (a front) becomes one SVC_SERVICE element and one SVC_ENDPOINT
 * element per endpoint, or one SVC_REJECTED or SVC_DROPPED element where it has none. Ready endpoints count, of them those that
 * topology hints choose; where there are none, those that still serve while they terminate. With policy Local a front
 * from outside has two lists: the node's own endpoints, and for pods and the node itself everybody's. An endpoint that
 * stays keeps its index, so that the change of one endpoint changes one or two elements. Pure; nothing fails. What always holds: indexes of a front run from 0 to
 * count - 1, and keys are unique. */
#include "netfilter/service_plan.h"

#include <arpa/inet.h>
#include <netinet/in.h>
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
	free(s->balancer_ips);
	free(s->sources);
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
	const struct service_endpoint *ep;
};

struct targets {
	struct target *v;
	size_t n;
};

/* The endpoints of a port, of one family: those for everybody, those of this node, and all that serve. Sorted. */
struct choice {
	struct targets cluster, local, serving;
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
	enum svc_mode mode;
	bool local_only; /* with SVC_LOCAL not for who is inside */
	bool restricted;
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

static int target_place_cmp(const void *pa, const void *pb)
{
	const struct target *a = pa, *b = pb;
	int d = ip_cmp(&a->ip, &b->ip);
	return d ? d : a->port - b->port;
}

static int target_cmp(const void *pa, const void *pb)
{
	const struct target *a = pa, *b = pb;
	int d = target_place_cmp(a, b);
	return d ? d : b->ep->ready * 2 + b->ep->serving - a->ep->ready * 2 - a->ep->serving;
}

/* Of several with the same address and port the one that is ready, or serves. */
static void drop_doubles(struct targets *t)
{
	size_t n = 0;
	if (t->n)
		qsort(t->v, t->n, sizeof(*t->v), target_cmp);
	for (size_t i = 0; i < t->n; i++)
		if (!n || t->v[n - 1].port != t->v[i].port || !ip_eq(&t->v[n - 1].ip, &t->v[i].ip))
			t->v[n++] = t->v[i];
	t->n = n;
}

static void add_targets(struct targets *t, const struct service_slice *slice, uint16_t port, int family)
{
	t->v = xreallocarray(t->v, t->n + slice->n_endpoints + 1, sizeof(*t->v));
	for (size_t i = 0; i < slice->n_endpoints; i++)
		if (slice->endpoints[i].ip.family == family)
			t->v[t->n++] = (struct target){slice->endpoints[i].ip, port, &slice->endpoints[i]};
}

/* Every endpoint of a port, of one family, in whatever condition. */
static struct targets find_targets(const struct service_port *port, struct service_slice *const *slices, size_t n,
				   int family)
{
	struct targets t = {0};
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < slices[i]->n_ports; k++) {
			const struct slice_port *sp = &slices[i]->ports[k];
			if (sp->protocol == port->protocol && !strcmp(sp->name, port->name) && sp->port)
				add_targets(&t, slices[i], sp->port, family);
		}
	drop_doubles(&t);
	return t;
}

typedef bool (*wanted_fn)(const struct service_endpoint *ep);

static bool is_ready(const struct service_endpoint *ep)
{
	return ep->ready;
}

static bool is_last(const struct service_endpoint *ep)
{
	return ep->serving && ep->terminating;
}

static bool is_serving(const struct service_endpoint *ep)
{
	return ep->ready || ep->serving;
}

static bool is_of_node(const struct service_endpoint *ep)
{
	return ep->ready && ep->my_node;
}

static bool is_of_zone(const struct service_endpoint *ep)
{
	return ep->ready && ep->my_zone;
}

static bool is_local_ready(const struct service_endpoint *ep)
{
	return ep->ready && ep->local;
}

static bool is_local_last(const struct service_endpoint *ep)
{
	return ep->local && is_last(ep);
}

static struct targets filter(const struct targets *all, wanted_fn wanted)
{
	struct targets t = {.v = xcalloc(all->n + 1, sizeof(*t.v))};
	for (size_t i = 0; i < all->n && t.n < SVC_ENDPOINTS_MAX; i++)
		if (wanted(all->v[i].ep))
			t.v[t.n++] = all->v[i];
	return t;
}

/* Hints count when every ready endpoint has some and one is for this node, or else its zone. */
static wanted_fn by_hints(const struct targets *all)
{
	bool nodes = true, zones = true, my_node = false, my_zone = false;
	for (size_t i = 0; i < all->n; i++) {
		const struct service_endpoint *ep = all->v[i].ep;
		if (!ep->ready)
			continue;
		nodes &= ep->node_hints;
		zones &= ep->zone_hints;
		my_node |= ep->my_node;
		my_zone |= ep->my_zone;
	}
	return nodes && my_node ? is_of_node : zones && my_zone ? is_of_zone : is_ready;
}

/* The first choice, or where nobody is of it, those that still serve while they end. */
static struct targets choose(const struct targets *all, wanted_fn first, wanted_fn last)
{
	struct targets t = filter(all, first);
	if (t.n)
		return t;
	free(t.v);
	return filter(all, last);
}

static struct choice find_choice(const struct service_port *port, struct service_slice *const *slices, size_t n,
				 int family)
{
	struct targets all = find_targets(port, slices, n, family);
	struct choice c = {.cluster = choose(&all, by_hints(&all), is_last),
			   .local = choose(&all, is_local_ready, is_local_last)};
	if (port->protocol == IPPROTO_UDP)
		c.serving = filter(&all, is_serving);
	free(all.v);
	return c;
}

size_t service_count_local(struct service_slice *const *slices, size_t n_slices)
{
	struct targets t = {0};
	for (size_t i = 0; i < n_slices; i++) {
		add_targets(&t, slices[i], 0, AF_INET);
		add_targets(&t, slices[i], 0, AF_INET6);
	}
	drop_doubles(&t);
	struct targets local = filter(&t, is_local_ready);
	free(t.v);
	free(local.v);
	return local.n;
}

static struct svc_elem endpoint_elem(const struct front *f, uint32_t index)
{
	struct svc_elem e = {.kind = SVC_ENDPOINT, .family = (uint8_t)f->ip.family};
	put_front(&e, f);
	put(e.key, &e.key_len, &index, sizeof(index));
	return e;
}

/* The target that an element of the kernel leads to, among sorted ones. */
static const struct target *find_target(const struct targets *t, const struct svc_elem *now)
{
	struct service_endpoint any = {0};
	struct target like = {.ip.family = now->family, .ep = &any};
	size_t lo = 0, hi = t->n, n = ip_len(&like.ip);
	memcpy(like.ip.b, now->data, n);
	memcpy(&like.port, now->data + n, sizeof(like.port));
	like.port = ntohs(like.port);
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int d = ip_cmp(&t->v[mid].ip, &like.ip);
		d = d ? d : t->v[mid].port - like.port;
		if (!d)
			return &t->v[mid];
		if (d < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

/* slots[i] becomes the target of index from + i: first those that stand there already, then the rest in order. */
static void assign(const struct plan *p, const struct front *f, const struct targets *t, uint32_t from,
		   const struct target **slots)
{
	bool *used = xcalloc(t->n, sizeof(*used));
	size_t next = 0;
	for (uint32_t i = 0; p->ctx->find && i < t->n; i++) {
		struct svc_elem like = endpoint_elem(f, from + i);
		const struct svc_elem *now = p->ctx->find(p->ctx->arg, &like);
		const struct target *t_now = now ? find_target(t, now) : NULL;
		if (t_now && !used[t_now - t->v]) {
			slots[i] = t_now;
			used[t_now - t->v] = true;
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

/* An element whose data is a number. */
static void add_number(struct plan *p, int kind, const struct front *f, uint32_t number)
{
	struct svc_elem *e = add(p, kind, f->ip.family);
	put_front(e, f);
	put(e->data, &e->data_len, &number, sizeof(number));
}

/* One SVC_ENDPOINT element for each target, from an index on. */
static void add_endpoints(struct plan *p, const struct front *f, const struct targets *t, uint32_t from)
{
	const struct target **slots = xcalloc(t->n + 1, sizeof(*slots));
	assign(p, f, t, from, slots);
	for (uint32_t i = 0; i < t->n; i++) {
		struct svc_elem ep = endpoint_elem(f, from + i);
		put_target(&ep, slots[i]);
		*add(p, 0, 0) = ep;
		if (slots[i]->ep->local) /* only a pod of this node can meet itself here */
			add_hairpin(p, slots[i]);
	}
	free(slots);
}

static void add_refusal(struct plan *p, const struct front *f, int kind)
{
	struct svc_elem *e = add(p, kind, f->ip.family);
	put_front(e, f);
}

static bool is_among(const struct targets *t, const struct target *one)
{
	return t->n && bsearch(one, t->v, t->n, sizeof(*t->v), target_place_cmp);
}

/* Flows of UDP go on to every endpoint that serves, whoever gets the new ones. */
static void add_lingering(struct plan *p, const struct front *f, const struct choice *c)
{
	bool both = f->mode == SVC_LOCAL;
	for (size_t i = 0; f->protocol == IPPROTO_UDP && i < c->serving.n; i++) {
		const struct target *t = &c->serving.v[i];
		if (is_among(f->local_only ? &c->local : &c->cluster, t) || (both && is_among(&c->cluster, t)))
			continue;
		struct svc_elem *e = add(p, SVC_LINGER, f->ip.family);
		uint16_t port = htons(t->port);
		put_front(e, f);
		put(e->key, &e->key_len, t->ip.b, ip_len(&t->ip));
		put(e->key, &e->key_len, &port, sizeof(port));
	}
}

static void add_front(struct plan *p, const struct front *f, const struct choice *c)
{
	bool both = f->mode == SVC_LOCAL;
	const struct targets *t = f->local_only ? &c->local : &c->cluster;
	bool any = c->cluster.n || c->local.n;
	add_lingering(p, f, c);
	if (!t->n) /* who is inside is served all the same, by both */
		add_refusal(p, f, any ? SVC_DROPPED : SVC_REJECTED);
	if (!t->n && !(both && c->cluster.n))
		return;
	struct svc_choice choice = {.count = (uint16_t)t->n,
				    .cluster = (uint16_t)(both ? c->cluster.n : 0),
				    .mode = f->mode,
				    .restricted = f->restricted,
				    .sticky = p->service->affinity_s != 0};
	add_number(p, SVC_SERVICE, f, svc_choice_number(&choice));
	if (p->service->affinity_s)
		add_number(p, SVC_STICKY, f, p->service->affinity_s);
	add_endpoints(p, f, t, 0);
	if (both)
		add_endpoints(p, f, &c->cluster, SVC_CLUSTER_INDEX);
}

static void add_fronts(struct plan *p, const struct ip *ips, size_t n, const struct service_port *port, uint16_t number,
		       bool external, const struct choice *choices)
{
	const struct service *s = p->service;
	for (size_t i = 0; number && i < n; i++) {
		int six = ips[i].family == AF_INET6;
		bool local = external ? s->external_local : s->internal_local;
		struct front f = {.ip = ips[i], .protocol = port->protocol, .port = number, .local_only = local};
		if (external)
			f.mode = local ? SVC_LOCAL : SVC_MARK_ALL;
		else
			f.mode = p->ctx->masquerade_all   ? SVC_MARK_ALL
				 : p->ctx->know_pods[six] ? SVC_MARK_OTHERS
							  : SVC_KEEP;
		add_front(p, &f, &choices[six]);
	}
}

static void add_allowed(struct plan *p, const struct front *f, const struct ip_net *net)
{
	struct ip last = ip_net_last(net);
	struct svc_elem *e = add(p, SVC_ALLOWED, f->ip.family);
	put_front(e, f);
	put(e->key, &e->key_len, net->ip.b, ip_len(&net->ip));
	put(e->data, &e->data_len, last.b, ip_len(&last));
}

/* The sources of a load-balancer address. A node that is one of them may come with the address itself. */
static void add_sources(struct plan *p, struct front *f)
{
	const struct service *s = p->service;
	bool self = false, covered = false;
	for (size_t i = 0; i < s->n_sources; i++) {
		const struct ip_net *net = &s->sources[i];
		if (net->ip.family != f->ip.family)
			continue;
		f->restricted = true;
		add_allowed(p, f, net);
		covered |= ip_net_contains(net, &f->ip);
		for (size_t k = 0; k < p->ctx->n_node_ips; k++)
			self |= ip_net_contains(net, &p->ctx->node_ips[k]);
	}
	struct ip_net own = {f->ip, ip_bits(&f->ip)};
	if (self && !covered)
		add_allowed(p, f, &own);
}

static void add_balancer_fronts(struct plan *p, const struct service_port *port, const struct choice *choices)
{
	const struct service *s = p->service;
	for (size_t i = 0; i < s->n_balancer_ips; i++) {
		struct front f = {.ip = s->balancer_ips[i],
				  .protocol = port->protocol,
				  .port = port->port,
				  .local_only = s->external_local,
				  .mode = s->external_local ? SVC_LOCAL : SVC_MARK_ALL};
		const struct choice *c = &choices[f.ip.family == AF_INET6];
		if (c->cluster.n || c->local.n)
			add_sources(p, &f);
		add_front(p, &f, c);
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
		struct choice c[2] = {find_choice(port, slices, n_slices, AF_INET),
				      find_choice(port, slices, n_slices, AF_INET6)};
		add_fronts(&p, s->cluster_ips, s->n_cluster_ips, port, port->port, false, c);
		add_fronts(&p, s->external_ips, s->n_external_ips, port, port->port, true, c);
		add_balancer_fronts(&p, port, c);
		add_fronts(&p, ctx->node_ips, ctx->n_node_ips, port, port->node_port, true, c);
		for (size_t k = 0; k < ARRAY_LEN(c); k++) {
			free(c[k].cluster.v);
			free(c[k].local.v);
			free(c[k].serving.v);
		}
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

/* Whether what the key points to is the same too. */
static bool svc_elem_same(const struct svc_elem *a, const struct svc_elem *b)
{
	return !svc_elem_cmp(a, b) && !memcmp(a->data, b->data, sizeof(a->data));
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

uint32_t svc_elem_number(const struct svc_elem *e)
{
	uint32_t n;
	memcpy(&n, e->data, sizeof(n));
	return n;
}

uint8_t svc_elem_protocol(const struct svc_elem *e)
{
	return e->key[e->family == AF_INET ? 4 : 16];
}

uint32_t svc_choice_number(const struct svc_choice *c)
{
	return (uint32_t)c->mode << 28 | (uint32_t)c->restricted << 25 | (uint32_t)c->sticky << 24 |
	       (uint32_t)c->cluster << 12 | c->count;
}

void svc_choice_read(uint32_t number, struct svc_choice *ret)
{
	*ret = (struct svc_choice){.mode = number >> 28 & SVC_LOCAL,
				   .restricted = number >> 25 & 1,
				   .sticky = number >> 24 & 1,
				   .cluster = number >> 12 & SVC_ENDPOINTS_MAX,
				   .count = number & SVC_ENDPOINTS_MAX};
}

char *svc_choice_name(uint32_t number, char *ret)
{
	struct svc_choice c;
	char cluster[16] = "";
	svc_choice_read(number, &c);
	if (c.mode == SVC_LOCAL)
		snprintf(cluster, sizeof(cluster), "c%u", c.cluster);
	snprintf(ret, 32, "%c%u%s%s%s", "nmal"[c.mode], c.count, cluster, c.sticky ? "s" : "", c.restricted ? "r" : "");
	return ret;
}
