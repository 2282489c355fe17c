/* The elements that one pod brings into maps and sets, and the difference between two states of them.
 *
 * A pod's addresses go into each set whose peer selects it; its named ports into the sets of their names; with an
 * isolating policy its own addresses into the verdict maps. Nothing fails. Pure. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "api/selector.h"
#include "base/str.h"
#include "netfilter/policy_plan.h"

struct elems {
	struct policy_elem *v;
	size_t n;
};

static struct policy_elem *add(struct elems *l, const char *set, const struct ip *ip)
{
	l->v = xreallocarray(l->v, l->n + 1, sizeof(*l->v));
	struct policy_elem *e = &l->v[l->n++];
	*e = (struct policy_elem){.key_len = (uint8_t)ip_len(ip)};
	snprintf(e->set, sizeof(e->set), "%s", set);
	memcpy(e->key, ip->b, e->key_len);
	return e;
}

static struct policy_elem *add_to_map(struct elems *l, const char *map, const struct ip *ip)
{
	char name[POLICY_NAME_MAX];
	snprintf(name, sizeof(name), "%s%c", map, ip->family == AF_INET ? '4' : '6');
	return add(l, name, ip);
}

/* A pod's packets to itself (through a service) are let through whatever its policies say. */
static void add_verdicts(struct elems *l, const struct ip *ip, const struct policy_verdicts *v)
{
	static const char *const maps[POLICY_DIRECTIONS] = {POLICY_INGRESS_MAP, POLICY_EGRESS_MAP};
	bool isolated = false;
	for (int d = 0; d < POLICY_DIRECTIONS; d++) {
		if (!v->chain[d][0])
			continue;
		memcpy(add_to_map(l, maps[d], ip)->chain, v->chain[d], POLICY_NAME_MAX);
		isolated = true;
	}
	if (!isolated)
		return;
	struct policy_elem *self = add_to_map(l, POLICY_SELF_SET, ip);
	memcpy(self->key + self->key_len, ip->b, self->key_len);
	self->key_len *= 2;
}

/* A namespace that is not known yet is in no selection: what labels it has not got cannot be said. */
static bool selects_namespace(const struct policy_peer *peer, const struct policy_pod *pod, const json_t *labels)
{
	if (!peer->namespaces)
		return !strcmp(peer->ns, pod->ns);
	return labels ? selector_match_labels(peer->namespaces, labels) : selector_is_everything(peer->namespaces);
}

static bool selects(const struct policy_peer *peer, const struct policy_pod *pod, const json_t *namespace_labels)
{
	if (!selects_namespace(peer, pod, namespace_labels))
		return false;
	return !peer->pods || selector_match_labels(peer->pods, pod->labels);
}

static void add_port(struct elems *l, const struct policy_set *set, const struct ip *ip, const struct policy_port *p)
{
	struct policy_elem *e = add(l, set->name, ip);
	e->serial = set->serial;
	e->key[e->key_len] = (uint8_t)p->protocol;
	e->key[e->key_len + 4] = (uint8_t)(p->from >> 8);
	e->key[e->key_len + 5] = (uint8_t)p->from;
	e->key_len += 8;
}

static void add_memberships(struct elems *l, const struct policy_set *set, const struct policy_pod *pod,
			    const json_t *namespace_labels)
{
	if (set->kind == POLICY_SET_BLOCKS ||
	    (set->kind == POLICY_SET_PODS && !selects(set->peer, pod, namespace_labels)))
		return;
	for (size_t i = 0; i < pod->n_ips; i++) {
		if (pod->ips[i].family != set->family)
			continue;
		if (set->kind == POLICY_SET_PODS)
			add(l, set->name, &pod->ips[i])->serial = set->serial;
		for (size_t k = 0; set->kind == POLICY_SET_PORTS && k < pod->n_ports; k++)
			if (pod->ports[k].protocol == set->protocol && !strcmp(pod->ports[k].name, set->port_name))
				add_port(l, set, &pod->ips[i], &pod->ports[k]);
	}
}

int policy_elem_cmp(const void *a, const void *b)
{
	const struct policy_elem *x = a, *y = b;
	int r = strcmp(x->set, y->set);
	return r ? r : memcmp(x->key, y->key, sizeof(x->key));
}

static size_t unique(struct policy_elem *v, size_t n)
{
	size_t out = 0;
	for (size_t i = 0; i < n; i++)
		if (!out || policy_elem_cmp(&v[out - 1], &v[i]))
			v[out++] = v[i];
	return out;
}

static void finish(struct elems *l, struct policy_elem **ret, size_t *ret_n)
{
	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), policy_elem_cmp);
	*ret = l->v;
	*ret_n = unique(l->v, l->n);
}

void policy_plan_pod(const struct policy_shape *s, const struct policy_pod *pod, const json_t *namespace_labels,
		     const struct policy_verdicts *verdicts, struct policy_elem **ret, size_t *ret_n)
{
	struct elems l = {0};
	size_t at = 0;
	const char *name;
	const struct policy_set *set;
	for (size_t i = 0; verdicts && i < pod->n_ips; i++)
		add_verdicts(&l, &pod->ips[i], verdicts);
	while (pod->n_ips && map_next(s->sets, &at, &name, &set))
		add_memberships(&l, set, pod, namespace_labels);
	finish(&l, ret, ret_n);
}

void policy_plan_set(const struct policy_set *set, const struct policy_pod *pod, const json_t *namespace_labels,
		     struct policy_elem **ret, size_t *ret_n)
{
	struct elems l = {0};
	add_memberships(&l, set, pod, namespace_labels);
	finish(&l, ret, ret_n);
}

void policy_elem_diff(const struct policy_elem *old, size_t n_old, const struct policy_elem *wanted, size_t n_wanted,
		      void (*fn)(void *arg, bool add, const struct policy_elem *e), void *arg)
{
	size_t i = 0, k = 0;
	while (i < n_old || k < n_wanted) {
		int order = i == n_old ? 1 : k == n_wanted ? -1 : policy_elem_cmp(&old[i], &wanted[k]);
		bool same = order == 0 && !strcmp(old[i].chain, wanted[k].chain);
		if (order <= 0 && !same)
			fn(arg, false, &old[i]);
		if (order >= 0 && !same)
			fn(arg, true, &wanted[k]);
		i += order <= 0;
		k += order >= 0;
	}
}
