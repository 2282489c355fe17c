/* The placing plan: filter every node, score those that fit, choose among the best; or gather the reasons.
 *
 * Happy path: one node has the highest score. Where several do, seed decides, so that equal nodes fill evenly. Always
 * holds: the same cluster, pod and seed give the same node. Nothing can fail. */
#include "cp/scheduler/schedule_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/scheduler/schedule_internal.h"

void schedule_result_done(struct schedule_result *r)
{
	str_done(&r->message);
	json_decref(r->reasons);
	*r = (struct schedule_result){0};
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "0/2 nodes are available: 1 x, 1 y." */
static void write_message(size_t n_nodes, const json_t *reasons, struct str *out)
{
	if (!n_nodes) {
		str_add(out, "no nodes available to schedule pods");
		return;
	}
	AUTO_STRV char **texts = NULL;
	const char *reason;
	json_t *count;
	json_object_foreach((json_t *)reasons, reason, count)
	{
		AUTO_FREE char *text = xasprintf("%lld %s", (long long)json_integer_value(count), reason);
		strv_add(&texts, text);
	}
	if (texts)
		qsort(texts, strv_len(texts), sizeof(char *), by_text);
	AUTO_FREE char *all = str_join(texts, ", ");
	str_addf(out, "0/%zu nodes are available: %s.", n_nodes, all);
}

static const struct sched_node *choose(const struct placing *p, const struct sched_node *const *nodes, size_t n,
				       uint32_t seed)
{
	AUTO_FREE int64_t *scores = xcalloc(n, sizeof(*scores));
	schedule_score(p, nodes, n, scores);
	int64_t best = scores[0];
	size_t equal = 0;
	for (size_t i = 0; i < n; i++)
		best = MAX(best, scores[i]);
	for (size_t i = 0; i < n; i++)
		equal += scores[i] == best;
	size_t pick = seed % equal;
	for (size_t i = 0; i < n; i++) {
		if (scores[i] == best && pick-- == 0)
			return nodes[i];
	}
	return NULL;
}

void schedule_plan(const struct cluster *s, const struct sched_pod *pod, uint32_t seed, struct schedule_result *ret)
{
	struct placing p = {.cluster = s, .pod = pod};
	AUTO_FREE const struct sched_node **fitting = xcalloc(s->n_nodes + 1, sizeof(struct sched_node *));
	size_t n_fitting = 0, n_known = 0;
	*ret = (struct schedule_result){.reasons = json_object()};
	affinity_prepare(&p);
	spread_prepare(&p);
	for (size_t i = 0; i < s->n_nodes; i++) {
		n_known += s->nodes[i]->known;
		if (s->nodes[i]->known && schedule_fits(&p, s->nodes[i], ret->reasons))
			fitting[n_fitting++] = s->nodes[i];
	}
	if (n_fitting)
		ret->node = choose(&p, fitting, n_fitting, seed);
	else
		write_message(n_known, ret->reasons, &ret->message);
	json_decref(p.forbidden);
	json_decref(p.anti);
	json_decref(p.near);
	json_decref(p.spread);
}
