/* The plan of the service proxy.
 *
 * Every address and port that a service answers on (a front) becomes one SVC_SERVICE element, and one SVC_ENDPOINT element
 * per endpoint that serves there (service_targets.h). With policy Local a front from outside has two lists: the node's own
 * endpoints, and for pods and the node itself everybody's. An endpoint that stays keeps its index, so that the change of
 * one endpoint changes one or two elements. Pure; nothing fails. What always holds: indexes of a front run from 0 to
 * count - 1, and keys are unique. */
#include "netfilter/service_plan.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "netfilter/service_targets.h"

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

static struct svc_elem endpoint_elem(const struct front *f, uint32_t index)
{
	struct svc_elem e = {.kind = SVC_ENDPOINT, .family = (uint8_t)f->ip.family};
	put_front(&e, f);
	put(e.key, &e.key_len, &index, sizeof(index));
	return e;
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
		const struct target *t_now = now ? service_targets_at(t, now->family, now->data) : NULL;
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

/* Flows of UDP go on to every endpoint that serves, whoever gets the new ones. */
static void add_lingering(struct plan *p, const struct front *f, const struct service_targets *c)
{
	bool both = f->mode == SVC_LOCAL;
	for (size_t i = 0; f->protocol == IPPROTO_UDP && i < c->serving.n; i++) {
		const struct target *t = &c->serving.v[i];
		if (service_targets_has(f->local_only ? &c->local : &c->cluster, t) || (both && service_targets_has(&c->cluster, t)))
			continue;
		struct svc_elem *e = add(p, SVC_LINGER, f->ip.family);
		uint16_t port = htons(t->port);
		put_front(e, f);
		put(e->key, &e->key_len, t->ip.b, ip_len(&t->ip));
		put(e->key, &e->key_len, &port, sizeof(port));
	}
}

static bool any_local(const struct targets *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].ep->local)
			return true;
	return false;
}

static struct svc_choice choice_of(const struct plan *p, const struct front *f, const struct service_targets *c)
{
	size_t n = f->local_only ? c->local.n : c->cluster.n, cluster = f->mode == SVC_LOCAL ? c->cluster.n : 0;
	if (!c->cluster.n && !c->local.n)
		return (struct svc_choice){.mode = SVC_REFUSE};
	if (!n && !cluster)
		return (struct svc_choice){.mode = SVC_LOCAL};
	return (struct svc_choice){.count = (uint16_t)n,
				   .cluster = (uint16_t)cluster,
				   .mode = f->mode,
				   .restricted = f->restricted,
				   .hairpin = f->mode != SVC_MARK_ALL && any_local(f->local_only && !cluster ? &c->local : &c->cluster),
				   .sticky = p->service->affinity_s != 0};
}

static void add_front(struct plan *p, const struct front *f, const struct service_targets *c)
{
	struct svc_choice choice = choice_of(p, f, c);
	add_lingering(p, f, c);
	add_number(p, SVC_SERVICE, f, svc_choice_number(&choice));
	if (choice.sticky)
		add_number(p, SVC_STICKY, f, p->service->affinity_s);
	if (choice.count)
		add_endpoints(p, f, f->local_only ? &c->local : &c->cluster, 0);
	if (choice.cluster) /* who is inside is served all the same, by both */
		add_endpoints(p, f, &c->cluster, SVC_CLUSTER_INDEX);
}

static void add_fronts(struct plan *p, const struct ip *ips, size_t n, const struct service_port *port, uint16_t number,
		       bool external, const struct service_targets *choices)
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

static void add_balancer_fronts(struct plan *p, const struct service_port *port, const struct service_targets *choices)
{
	const struct service *s = p->service;
	for (size_t i = 0; i < s->n_balancer_ips; i++) {
		struct front f = {.ip = s->balancer_ips[i],
				  .protocol = port->protocol,
				  .port = port->port,
				  .local_only = s->external_local,
				  .mode = s->external_local ? SVC_LOCAL : SVC_MARK_ALL};
		const struct service_targets *c = &choices[f.ip.family == AF_INET6];
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
		struct service_targets c[2] = {service_targets_find(port, slices, n_slices, AF_INET),
					       service_targets_find(port, slices, n_slices, AF_INET6)};
		add_fronts(&p, s->cluster_ips, s->n_cluster_ips, port, port->port, false, c);
		add_fronts(&p, s->external_ips, s->n_external_ips, port, port->port, true, c);
		add_balancer_fronts(&p, port, c);
		add_fronts(&p, ctx->node_ips, ctx->n_node_ips, port, port->node_port, true, c);
		for (size_t k = 0; k < ARRAY_LEN(c); k++)
			service_targets_done(&c[k]);
	}
	sort_unique(&p);
	*ret = p.n ? xreallocarray(p.v, p.n, sizeof(*p.v)) : NULL;
	*ret_n = p.n;
	if (!p.n)
		free(p.v);
}
