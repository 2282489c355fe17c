/* The preemption plan.
 *
 * For each node: take away every pod of less priority; where the pod fits then, put them back one by one, the most important
 * first, as long as it still fits; who cannot come back is a victim. Nothing can fail. Always holds: a node's pods and sums are
 * what they were when the call returns. */
#include "cp/scheduler/preempt_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/scheduler/schedule_internal.h"

struct victim {
	struct sched_pod *pod;
	bool guarded, stays;
};

struct node_loss {
	struct victim *v;
	size_t n, n_victims, n_guarded;
	int64_t highest, sum;
};

void preempt_result_done(struct preempt_result *r)
{
	free(r->victims);
	*r = (struct preempt_result){0};
}

bool preempt_waits(const struct cluster *s, const struct sched_pod *pod)
{
	const struct sched_node *n = pod->nominated ? map_get(s->by_name, pod->nominated) : NULL;
	for (size_t i = 0; n && i < n->n_pods; i++) {
		if (n->pods[i]->deleting && n->pods[i]->priority < pod->priority)
			return true;
	}
	return false;
}

static bool fits(const struct cluster *s, const struct sched_pod *pod, const struct sched_node *n)
{
	struct placing p = {.cluster = s, .pod = pod};
	AUTO_JSON *reasons = json_object();
	affinity_prepare(&p);
	spread_prepare(&p);
	bool ok = schedule_fits(&p, n, reasons);
	json_decref(p.forbidden);
	json_decref(p.anti);
	json_decref(p.near);
	json_decref(p.spread);
	return ok;
}

static void take(struct sched_node *n, const struct sched_pod *pod)
{
	for (size_t i = 0; i < n->n_pods; i++) {
		if (n->pods[i] == pod) {
			n->pods[i] = n->pods[--n->n_pods];
			break;
		}
	}
	resources_sub(&n->requested, &pod->requests);
}

/* There is room: it was taken from here. */
static void put_back(struct sched_node *n, struct sched_pod *pod)
{
	n->pods[n->n_pods++] = pod;
	resources_add(&n->requested, &pod->requests);
}

/* Guarded ones first, then the more important, then the older. */
static int by_worth(const void *a, const void *b)
{
	const struct victim *x = a, *y = b;
	if (x->guarded != y->guarded)
		return x->guarded ? -1 : 1;
	if (x->pod->priority != y->pod->priority)
		return x->pod->priority > y->pod->priority ? -1 : 1;
	if (x->pod->created_ms != y->pod->created_ms)
		return x->pod->created_ms < y->pod->created_ms ? -1 : 1;
	return strcmp(x->pod->uid, y->pod->uid);
}

static void add_loss(struct node_loss *l, const struct victim *v)
{
	l->highest = l->n_victims ? MAX(l->highest, v->pod->priority) : v->pod->priority;
	l->n_victims++;
	l->n_guarded += v->guarded;
	l->sum += v->pod->priority + INT32_MAX;
}

/* What the node would lose; false where the pod does not fit even without all of it, or without losing anything. */
static bool find_loss(struct cluster *s, struct sched_node *n, const struct sched_pod *pod, preempt_guarded guarded, void *arg,
		      struct node_loss *l)
{
	l->v = xcalloc(n->n_pods + 1, sizeof(*l->v));
	for (size_t i = 0; i < n->n_pods; i++) {
		if (n->pods[i]->priority < pod->priority)
			l->v[l->n++] = (struct victim){.pod = n->pods[i], .guarded = guarded && guarded(arg, n->pods[i])};
	}
	for (size_t i = 0; i < l->n; i++)
		take(n, l->v[i].pod);
	bool helps = l->n && fits(s, pod, n);
	qsort(l->v, l->n, sizeof(*l->v), by_worth);
	for (size_t i = 0; i < l->n; i++) {
		put_back(n, l->v[i].pod);
		l->v[i].stays = helps && fits(s, pod, n);
		if (helps && !l->v[i].stays) {
			take(n, l->v[i].pod);
			add_loss(l, &l->v[i]);
		}
	}
	for (size_t i = 0; helps && i < l->n; i++) {
		if (!l->v[i].stays)
			put_back(n, l->v[i].pod);
	}
	return helps && l->n_victims;
}

static bool is_less(const struct node_loss *a, const struct node_loss *b)
{
	if (a->n_guarded != b->n_guarded)
		return a->n_guarded < b->n_guarded;
	if (a->highest != b->highest)
		return a->highest < b->highest;
	return a->sum != b->sum ? a->sum < b->sum : a->n_victims < b->n_victims;
}

void preempt_plan(struct cluster *s, const struct sched_pod *pod, preempt_guarded guarded, void *arg, struct preempt_result *ret)
{
	struct node_loss best = {0};
	const struct sched_node *chosen = NULL;
	*ret = (struct preempt_result){0};
	for (size_t i = 0; i < s->n_nodes; i++) {
		struct node_loss l = {0};
		if (s->nodes[i]->known && find_loss(s, s->nodes[i], pod, guarded, arg, &l) && (!chosen || is_less(&l, &best))) {
			free(best.v);
			best = l;
			chosen = s->nodes[i];
		} else {
			free(l.v);
		}
	}
	if (chosen) {
		ret->node = chosen->name;
		ret->victims = xcalloc(best.n + 1, sizeof(*ret->victims));
		for (size_t i = 0; i < best.n; i++) {
			if (!best.v[i].stays)
				ret->victims[ret->n_victims++] = best.v[i].pod;
		}
	}
	free(best.v);
}
