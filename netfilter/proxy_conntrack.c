/* UDP flows behind a change.
 *
 * Fronts from which an endpoint has gone, or which have just begun to answer, are looked up in the kernel's table of
 * connections; after a start, or a look that failed, all of them are. What always holds: a flow to an endpoint of its
 * front that still serves is left alone, although new flows may get others (SVC_LINGER). Fails where the kernel refuses
 * the dump. */
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

static bool is_udp(const struct svc_elem *e)
{
	return e->kind != SVC_HAIRPIN && svc_elem_protocol(e) == IPPROTO_UDP;
}

/* Address and port of an endpoint as SVC_ENDPOINT and SVC_LINGER have them; NULL: another kind. */
static const uint8_t *target_of(const struct svc_elem *e)
{
	return e->kind == SVC_ENDPOINT ? e->data : e->kind == SVC_LINGER ? e->key + SVC_FRONT_LEN(e) : NULL;
}

static struct conntrack_path path_of(const struct svc_elem *e, bool with_target)
{
	struct conntrack_path m = {.front.family = e->family};
	size_t n = ip_len(&m.front);
	uint16_t port;
	memcpy(m.front.b, e->key, n);
	memcpy(&port, e->key + n + 4, sizeof(port));
	m.port = ntohs(port);
	if (with_target) {
		m.target.family = e->family;
		memcpy(m.target.b, target_of(e), n);
		memcpy(&port, target_of(e) + n, sizeof(port));
		m.target_port = ntohs(port);
	}
	return m;
}

static void add_path(struct paths *l, const struct svc_elem *e, bool with_target)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 64;
		l->v = xreallocarray(l->v, l->cap, sizeof(*l->v));
	}
	l->v[l->n++] = path_of(e, with_target);
}

static void sort(struct paths *l)
{
	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), conntrack_path_cmp);
}

static bool has_path(const struct paths *l, const struct svc_elem *e, bool with_target)
{
	struct conntrack_path like = path_of(e, with_target);
	return l->n && bsearch(&like, l->v, l->n, sizeof(*l->v), conntrack_path_cmp);
}

static bool any_udp(const struct pointers *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (is_udp(l->v[i]))
			return true;
	return false;
}

/* Whether whoever comes to a front gets an endpoint there. */
static bool serves(const struct svc_elem *e)
{
	struct svc_choice c;
	svc_choice_read(svc_elem_number(e), &c);
	return c.count > 0;
}

/* Fronts of which an endpoint has gone, and those that have just begun to answer. paths: what there is now, sorted. */
static void find_fronts(const proxy_changes del, const proxy_changes add, int six, const struct paths *paths,
			struct paths *ret)
{
	static const int went[] = {SVC_ENDPOINT, SVC_LINGER};
	const struct pointers *was = &del[SVC_SERVICE][six], *now = &add[SVC_SERVICE][six];
	struct paths before = {0};
	for (size_t k = 0; k < ARRAY_LEN(went); k++)
		for (size_t i = 0; i < del[went[k]][six].n; i++) {
			const struct svc_elem *e = del[went[k]][six].v[i];
			if (is_udp(e) && !has_path(paths, e, true))
				add_path(ret, e, false);
		}
	for (size_t i = 0; i < was->n; i++)
		if (is_udp(was->v[i]) && serves(was->v[i]))
			add_path(&before, was->v[i], false);
	sort(&before);
	for (size_t i = 0; i < now->n; i++)
		if (is_udp(now->v[i]) && !has_path(&before, now->v[i], false))
			add_path(ret, now->v[i], false);
	free(before.v);
}

/* Where the fronts of services that were planned lead now; full: the fronts themselves, too. */
static void find_paths(const struct proxy *p, int family, bool full, struct paths *fronts, struct paths *ret)
{
	for (size_t i = 0; i < p->n_dirty; i++)
		for (size_t k = 0; k < p->dirty[i].n_wanted; k++) {
			const struct svc_elem *e = &p->dirty[i].wanted[k];
			if (e->family != family || !is_udp(e))
				continue;
			if (target_of(e))
				add_path(ret, e, true);
			else if (full && e->kind == SVC_SERVICE)
				add_path(fronts, e, false);
		}
	sort(ret);
}

static int sweep_family(struct proxy *p, int six, struct paths *fronts, struct paths *paths, struct err *e)
{
	int64_t began_us = clock_mono_us();
	sort(fronts);
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
		bool any = full;
		for (int kind = 0; kind < SVC_KINDS; kind++)
			any |= any_udp(&del[kind][six]) || any_udp(&add[kind][six]);
		if (any)
			find_paths(p, six ? AF_INET6 : AF_INET, full, &fronts, &paths);
		if (any)
			find_fronts(del, add, six, &paths, &fronts);
		if (fronts.n)
			r = sweep_family(p, six, &fronts, &paths, e);
		free(fronts.v);
		free(paths.v);
	}
	return r < 0 ? r : 0;
}
