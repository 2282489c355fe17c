/* From slices to those who serve.
 *
 * Ready endpoints count, of them those that topology hints choose; where there are none, those that still serve while
 * they terminate. Of several with the same address and port the best one stays. Pure; nothing fails. What always holds:
 * lists are sorted by address and port, and each place is there once. */
#include "netfilter/service_targets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

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

struct service_targets service_targets_find(const struct service_port *port, struct service_slice *const *slices, size_t n,
					    int family)
{
	struct targets all = find_targets(port, slices, n, family);
	struct service_targets c = {.cluster = choose(&all, by_hints(&all), is_last),
				    .local = choose(&all, is_local_ready, is_local_last)};
	if (port->protocol == IPPROTO_UDP)
		c.serving = filter(&all, is_serving);
	free(all.v);
	return c;
}

const struct target *service_targets_at(const struct targets *t, int family, const uint8_t *data)
{
	struct service_endpoint any = {0};
	struct target like = {.ip.family = family, .ep = &any};
	size_t n = ip_len(&like.ip);
	memcpy(like.ip.b, data, n);
	memcpy(&like.port, data + n, sizeof(like.port));
	like.port = ntohs(like.port);
	return t->n ? bsearch(&like, t->v, t->n, sizeof(*t->v), target_place_cmp) : NULL;
}

bool service_targets_has(const struct targets *t, const struct target *one)
{
	return t->n && bsearch(one, t->v, t->n, sizeof(*t->v), target_place_cmp);
}

void service_targets_done(struct service_targets *t)
{
	free(t->cluster.v);
	free(t->local.v);
	free(t->serving.v);
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
