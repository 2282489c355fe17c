/* Hard topology spread constraints (Kubernetes concepts, Pod Topology Spread Constraints).
 *
 * Before the nodes are asked, matching pods are counted for each constraint and domain, over the nodes that the pod
 * could be on. A node is refused where one more pod would make its domain exceed the emptiest by more than maxSkew.
 * Pure, nothing can fail. */
#include <stdlib.h>

#include "api/selector.h"
#include "base/json.h"
#include "cp/controllers/toleration.h"
#include "cp/scheduler/schedule_internal.h"

static bool is_hard(const json_t *constraint)
{
	return !str_eq(json_member(constraint, "whenUnsatisfiable"), "ScheduleAnyway");
}

static bool has_all_keys(const struct placing *p, const struct sched_node *n)
{
	size_t i;
	json_t *c;
	json_array_foreach(p->pod->spread, i, c)
	{
		if (is_hard(c) && !json_member(n->labels, json_str_or(c, "topologyKey", "")))
			return false;
	}
	return true;
}

static bool tolerates(const struct placing *p, const struct sched_node *n)
{
	size_t i;
	json_t *taint;
	json_array_foreach(n->taints, i, taint)
	{
		if (!str_eq(json_member(taint, "effect"), "PreferNoSchedule") &&
		    !tolerations_tolerate(p->pod->tolerations, taint))
			return false;
	}
	return true;
}

/* Whether the node counts for the constraint. */
static bool counts(const struct placing *p, const json_t *constraint, const struct sched_node *n)
{
	if (!n->known || !has_all_keys(p, n))
		return false;
	if (!str_eq(json_member(constraint, "nodeAffinityPolicy"), "Ignore") && !schedule_matches_node(p->pod, n))
		return false;
	return !str_eq(json_member(constraint, "nodeTaintsPolicy"), "Honor") || tolerates(p, n);
}

/* The constraint's selector, with the pod's own values of matchLabelKeys. */
static struct selector *selector_of(const struct placing *p, const json_t *constraint)
{
	struct selector *selector = NULL;
	json_t *given = json_object_get(constraint, "labelSelector"), *key;
	AUTO_JSON *full = given ? json_deep_copy(given) : json_object();
	size_t i;
	json_array_foreach(json_object_get(constraint, "matchLabelKeys"), i, key)
	{
		json_t *value = json_object_get(p->pod->labels, json_string_value(key));
		if (value)
			json_object_set(json_object_at(full, "matchLabels"), json_string_value(key), value);
	}
	return given && selector_from_json(full, &selector, NULL) == 0 ? selector : NULL;
}

static int64_t matching_pods(const struct placing *p, const struct selector *selector, const struct sched_node *n)
{
	int64_t count = 0;
	for (size_t i = 0; i < n->n_pods; i++) {
		const struct sched_pod *there = n->pods[i];
		count +=
		    !there->deleting && str_eq(there->ns, p->pod->ns) && selector_match_labels(selector, there->labels);
	}
	return count;
}

static json_t *prepare_one(const struct placing *p, const json_t *constraint)
{
	AUTO_SELECTOR *selector = selector_of(p, constraint);
	const char *key = json_str_or(constraint, "topologyKey", ""), *value;
	json_t *domains = json_object(), *n_there;
	int64_t min = INT64_MAX;
	for (size_t i = 0; i < p->cluster->n_nodes; i++) {
		const struct sched_node *n = p->cluster->nodes[i];
		if (!counts(p, constraint, n))
			continue;
		value = json_member(n->labels, key);
		int64_t here = json_integer_value(json_object_get(domains, value)) +
			       (selector ? matching_pods(p, selector, n) : 0);
		json_object_set_new(domains, value, json_integer(here));
	}
	json_object_foreach(domains, value, n_there) min = MIN(min, json_integer_value(n_there));
	if ((int64_t)json_object_size(domains) < json_int_at(constraint, "minDomains", 1))
		min = 0;
	bool self = selector && selector_match_labels(selector, p->pod->labels);
	return json_pack("{s:o, s:I, s:i}", "counts", domains, "min", (json_int_t)min, "self", (int)self);
}

void spread_prepare(struct placing *p)
{
	size_t i;
	json_t *c;
	p->spread = json_array();
	json_array_foreach(p->pod->spread, i, c)
	    json_array_append_new(p->spread, is_hard(c) ? prepare_one(p, c) : json_null());
}

const char *spread_check(const struct placing *p, const struct sched_node *n)
{
	size_t i;
	json_t *c;
	json_array_foreach(p->pod->spread, i, c)
	{
		const json_t *state = json_array_get(p->spread, i);
		if (!is_hard(c))
			continue;
		const char *value = json_member(n->labels, json_str_or(c, "topologyKey", ""));
		if (!value)
			return "node(s) didn't match pod topology spread constraints (missing required label)";
		int64_t here = json_integer_value(json_object_get(json_object_get(state, "counts"), value));
		int64_t skew = here + json_int_at(state, "self", 0) - json_int_at(state, "min", 0);
		if (skew > json_int_at(c, "maxSkew", 1))
			return "node(s) didn't match pod topology spread constraints";
	}
	return NULL;
}
