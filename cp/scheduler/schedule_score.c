/* Scores of the nodes that fit: free resources and their balance, preferred node affinity, PreferNoSchedule taints, and
 * soft spreading of pods with the same labels. Each gives 0..100 and has the weight of the default profile. Pure,
 * nothing can fail. */
#include <stdlib.h>

#include "api/selector.h"
#include "base/json.h"
#include "cp/controllers/toleration.h"
#include "cp/scheduler/schedule_internal.h"

enum { SCORE_MAX = 100 };

static int64_t free_share(int64_t used, int64_t all)
{
	return all <= 0 || used > all ? 0 : (int64_t)((__int128)(all - used) * SCORE_MAX / all);
}

static int64_t least_allocated(const struct placing *p, const struct sched_node *n)
{
	int64_t cpu = n->scored_cpu_milli + p->pod->scored_cpu_milli;
	int64_t memory = n->scored_memory_bytes + p->pod->scored_memory_bytes;
	return (free_share(cpu, n->allocatable.cpu_milli) + free_share(memory, n->allocatable.memory_bytes)) / 2;
}

static double used_share(int64_t used, int64_t all)
{
	double share = all > 0 ? (double)used / (double)all : 1;
	return share > 1 ? 1 : share;
}

/* With two resources the standard deviation is half their distance. */
static int64_t balanced(const struct placing *p, const struct sched_node *n)
{
	double cpu = used_share(n->requested.cpu_milli + p->pod->requests.cpu_milli, n->allocatable.cpu_milli);
	double memory =
	    used_share(n->requested.memory_bytes + p->pod->requests.memory_bytes, n->allocatable.memory_bytes);
	double apart = cpu > memory ? cpu - memory : memory - cpu;
	return (int64_t)((1 - apart / 2) * SCORE_MAX);
}

static int64_t preferred_affinity(const struct placing *p, const struct sched_node *n)
{
	int64_t sum = 0;
	size_t i;
	json_t *term;
	json_array_foreach(json_at(p->pod->affinity, "nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution"), i,
			   term)
	{
		if (schedule_node_term(json_object_get(term, "preference"), n))
			sum += json_int_at(term, "weight", 0);
	}
	return sum;
}

static int64_t bad_taints(const struct placing *p, const struct sched_node *n)
{
	int64_t count = 0;
	size_t i;
	json_t *taint;
	json_array_foreach(n->taints, i, taint) count += str_eq(json_member(taint, "effect"), "PreferNoSchedule") &&
							 !tolerations_tolerate(p->pod->tolerations, taint);
	return count;
}

/* How many pods on the node carry all the labels of this one: replicas of the same set, seen without asking for it. */
static int64_t alike(const struct placing *p, const struct sched_node *n)
{
	int64_t count = 0;
	for (size_t i = 0; json_object_size(p->pod->labels) && i < n->n_pods; i++) {
		const struct sched_pod *there = n->pods[i];
		count += !there->deleting && str_eq(there->ns, p->pod->ns) && there->labels &&
			 json_equal(there->labels, p->pod->labels);
	}
	return count;
}

static const struct score {
	int64_t (*fn)(const struct placing *p, const struct sched_node *n);
	int weight;
	bool relative, reverse; /* relative: scaled so that the highest is 100; reverse: few is good */
} scores[] = {
    {least_allocated, 1, false, false}, {balanced, 1, false, false}, {preferred_affinity, 2, true, false},
    {bad_taints, 3, true, true},        {alike, 2, true, true},
};

static void add_score(const struct score *s, const struct placing *p, const struct sched_node *const *nodes, size_t n,
		      int64_t *ret_scores)
{
	AUTO_FREE int64_t *raw = xcalloc(n, sizeof(*raw));
	int64_t max = 0;
	for (size_t i = 0; i < n; i++) {
		raw[i] = s->fn(p, nodes[i]);
		max = MAX(max, raw[i]);
	}
	for (size_t i = 0; i < n; i++) {
		int64_t v = !s->relative ? raw[i] : max ? raw[i] * SCORE_MAX / max : 0;
		ret_scores[i] += s->weight * (s->reverse ? SCORE_MAX - v : v);
	}
}

void schedule_score(const struct placing *p, const struct sched_node *const *nodes, size_t n, int64_t *ret_scores)
{
	for (size_t i = 0; i < ARRAY_LEN(scores); i++)
		add_score(&scores[i], p, nodes, n, ret_scores);
}
