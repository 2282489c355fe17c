/* Blocks of addresses with exceptions, as disjoint intervals.
 *
 * Each block is cut where its exceptions lie, then the pieces of all blocks are sorted and those that touch become one.
 * Nothing fails. Pure. */
#include <stdlib.h>

#include "base/mem.h"
#include "netfilter/policy_plan.h"

struct ranges {
	struct policy_range *v;
	size_t n;
};

static void add(struct ranges *l, struct ip first, struct ip last)
{
	l->v = xreallocarray(l->v, l->n + 1, sizeof(*l->v));
	l->v[l->n++] = (struct policy_range){first, last};
}

/* Takes one exception out of every range of the list. */
static struct ranges cut(struct ranges l, const struct ip_net *except)
{
	struct ip first = ip_net_first(except), last = ip_net_last(except);
	struct ranges out = {0};
	for (size_t i = 0; i < l.n; i++) {
		const struct policy_range *r = &l.v[i];
		if (r->first.family != first.family || ip_cmp(&last, &r->first) < 0 || ip_cmp(&first, &r->last) > 0) {
			add(&out, r->first, r->last);
			continue;
		}
		if (ip_cmp(&r->first, &first) < 0)
			add(&out, r->first, ip_prev(&first));
		if (ip_cmp(&last, &r->last) < 0)
			add(&out, ip_next(&last), r->last);
	}
	free(l.v);
	return out;
}

static int by_first(const void *a, const void *b)
{
	return ip_cmp(&((const struct policy_range *)a)->first, &((const struct policy_range *)b)->first);
}

static size_t merge(struct policy_range *v, size_t n)
{
	size_t out = 0;
	for (size_t i = 1; i < n; i++) {
		struct ip behind = ip_next(&v[out].last);
		bool touches = ip_cmp(&v[i].first, &v[out].last) <= 0 || ip_eq(&v[i].first, &behind);
		if (!touches)
			v[++out] = v[i];
		else if (ip_cmp(&v[i].last, &v[out].last) > 0)
			v[out].last = v[i].last;
	}
	return n ? out + 1 : 0;
}

size_t policy_ranges(const struct policy_peer *peers, size_t n, int family, struct policy_range **ret)
{
	struct ranges all = {0};
	for (size_t i = 0; i < n; i++) {
		struct ranges one = {0};
		if (peers[i].scope || peers[i].block.ip.family != family)
			continue;
		add(&one, ip_net_first(&peers[i].block), ip_net_last(&peers[i].block));
		for (size_t k = 0; k < peers[i].n_except; k++)
			one = cut(one, &peers[i].except[k]);
		for (size_t k = 0; k < one.n; k++)
			add(&all, one.v[k].first, one.v[k].last);
		free(one.v);
	}
	if (all.n)
		qsort(all.v, all.n, sizeof(*all.v), by_first);
	*ret = all.v;
	return merge(all.v, all.n);
}
