/* UDP flows behind a change.
 *
 * Fronts from which an endpoint has gone, or which have just begun to answer, are looked up in the kernel's table of
 * connections; after a start all of them are, for what changed while nobody looked. What always holds: a flow to an
 * endpoint that its front still has is left alone. Fails where the kernel refuses the dump. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "netfilter/conntrack.h"
#include "netfilter/proxy_internal.h"
#include "netfilter/proxy_metrics.h"

struct paths {
	struct conntrack_path *v;
	size_t n, cap;
};

bool proxy_has_moved(const proxy_changes add, const struct svc_elem *e)
{
	const struct pointers *l = &add[SVC_ENDPOINT][e->family == AF_INET6];
	for (size_t i = 0; i < l->n; i++)
		if (!memcmp(l->v[i]->data, e->data, e->data_len) && !memcmp(l->v[i]->key, e->key, SVC_FRONT_LEN(e)))
			return true;
	return false;
}

static bool is_udp(const struct svc_elem *e)
{
	return e->kind != SVC_HAIRPIN && e->key[e->family == AF_INET6 ? 16 : 4] == IPPROTO_UDP;
}

static void add_path(struct paths *l, const struct svc_elem *e, bool with_target)
{
	struct conntrack_path m = {.front.family = e->family};
	size_t n = ip_len(&m.front);
	uint16_t port;
	memcpy(m.front.b, e->key, n);
	memcpy(&port, e->key + n + 4, sizeof(port));
	m.port = ntohs(port);
	if (with_target) {
		m.target.family = e->family;
		memcpy(m.target.b, e->data, n);
		memcpy(&port, e->data + n, sizeof(port));
		m.target_port = ntohs(port);
	}
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 64;
		l->v = xreallocarray(l->v, l->cap, sizeof(*l->v));
	}
	l->v[l->n++] = m;
}

static bool has_key(const struct pointers *l, const struct svc_elem *e)
{
	for (size_t i = 0; i < l->n; i++)
		if (!memcmp(l->v[i]->key, e->key, e->key_len))
			return true;
	return false;
}

static void find_fronts(const proxy_changes del, const proxy_changes add, int six, struct paths *ret)
{
	const struct pointers *gone = &del[SVC_ENDPOINT][six], *back = &del[SVC_UNAVAILABLE][six],
			      *new = &add[SVC_SERVICE][six];
	for (size_t i = 0; i < gone->n; i++)
		if (is_udp(gone->v[i]) && !proxy_has_moved(add, gone->v[i]))
			add_path(ret, gone->v[i], false);
	for (size_t i = 0; i < back->n; i++)
		if (is_udp(back->v[i]))
			add_path(ret, back->v[i], false);
	for (size_t i = 0; i < new->n; i++)
		if (is_udp(new->v[i]) && !has_key(&del[SVC_SERVICE][six], new->v[i]))
			add_path(ret, new->v[i], false);
}

/* Where the fronts of services that were planned lead now; full: the fronts themselves, too. */
static void find_paths(const struct proxy *p, int family, bool full, struct paths *fronts, struct paths *ret)
{
	for (size_t i = 0; i < p->n_dirty; i++)
		for (size_t k = 0; k < p->dirty[i]->n_wanted; k++) {
			const struct svc_elem *e = &p->dirty[i]->wanted[k];
			if (e->family != family || !is_udp(e))
				continue;
			if (e->kind == SVC_ENDPOINT)
				add_path(ret, e, true);
			else if (full && (e->kind == SVC_SERVICE || e->kind == SVC_UNAVAILABLE))
				add_path(fronts, e, false);
		}
}

static void sort(struct paths *l)
{
	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), conntrack_path_cmp);
}

static int sweep_family(struct proxy *p, int six, struct paths *fronts, struct paths *paths, struct err *e)
{
	int64_t began_us = clock_mono_us();
	sort(fronts);
	sort(paths);
	int r = conntrack_sweep_udp(six ? AF_INET6 : AF_INET, fronts->v, fronts->n, paths->v, paths->n, e);
	if (r >= 0)
		proxy_metrics_conntrack(p->metrics, six, clock_mono_us() - began_us, r);
	return r;
}

int proxy_sweep_udp(struct proxy *p, const proxy_changes del, const proxy_changes add, bool full, struct err *e)
{
	int r = 0;
	for (int six = 0; r >= 0 && six <= p->ipv6; six++) {
		struct paths fronts = {0}, paths = {0};
		if (!full)
			find_fronts(del, add, six, &fronts);
		if (full || fronts.n)
			find_paths(p, six ? AF_INET6 : AF_INET, full, &fronts, &paths);
		if (fronts.n)
			r = sweep_family(p, six, &fronts, &paths, e);
		free(fronts.v);
		free(paths.v);
	}
	return r < 0 ? r : 0;
}
