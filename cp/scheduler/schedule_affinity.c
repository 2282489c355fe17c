/* Required affinity and anti-affinity between pods.
 *
 * Before the nodes are asked, the pods that are there are walked once, and what they mean for the new pod is noted as
 * sets of topology domains ("key\nvalue" of node labels): forbidden by them, to be avoided, wanted. A node is then
 * checked by its labels alone. Pure, nothing can fail. */
#include <stdlib.h>

#include "api/selector.h"
#include "base/json.h"
#include "cp/scheduler/schedule_internal.h"

#define REQUIRED "requiredDuringSchedulingIgnoredDuringExecution"

static bool has_namespace(const struct placing *p, const json_t *term, const char *owner_ns, const char *ns)
{
	const json_t *names = json_object_get(term, "namespaces"),
		     *selector_json = json_object_get(term, "namespaceSelector");
	if (json_has_text(names, ns))
		return true;
	if (!json_array_size(names) && !selector_json)
		return str_eq(owner_ns, ns);
	AUTO_SELECTOR *selector = NULL;
	return selector_json && selector_from_json(selector_json, &selector, NULL) == 0 &&
	       selector_match_labels(selector, json_object_get(p->cluster->ns_labels, ns));
}

/* Whether the term of a pod in owner_ns means pod. */
static bool term_matches(const struct placing *p, const json_t *term, const char *owner_ns, const struct sched_pod *pod)
{
	AUTO_SELECTOR *selector = NULL;
	return has_namespace(p, term, owner_ns, pod->ns) &&
	       selector_from_json(json_object_get(term, "labelSelector"), &selector, NULL) == 0 &&
	       selector_match_labels(selector, pod->labels);
}

static char *domain(const json_t *term, const struct sched_node *n)
{
	const char *key = json_str_or(term, "topologyKey", ""), *value = json_member(n->labels, key);
	return value ? xasprintf("%s\n%s", key, value) : NULL;
}

static void note(json_t *set, const json_t *term, const struct sched_node *n)
{
	AUTO_FREE char *d = domain(term, n);
	if (d)
		json_object_set_new(set, d, json_true());
}

static const json_t *near_terms(const struct sched_pod *pod)
{
	return json_at(pod->affinity, "podAffinity." REQUIRED);
}

static const json_t *anti_terms(const struct sched_pod *pod)
{
	return json_at(pod->affinity, "podAntiAffinity." REQUIRED);
}

static bool matches_all(const struct placing *p, const json_t *terms, const char *owner_ns, const struct sched_pod *pod)
{
	size_t i;
	json_t *term;
	json_array_foreach(terms, i, term)
	{
		if (!term_matches(p, term, owner_ns, pod))
			return false;
	}
	return json_array_size(terms) > 0;
}

static void consider(struct placing *p, const struct sched_pod *there, const struct sched_node *n)
{
	size_t i;
	json_t *term;
	json_array_foreach(anti_terms(there), i, term)
	{
		if (term_matches(p, term, there->ns, p->pod))
			note(p->forbidden, term, n);
	}
	json_array_foreach(anti_terms(p->pod), i, term)
	{
		if (term_matches(p, term, p->pod->ns, there))
			note(p->anti, term, n);
	}
	if (!matches_all(p, near_terms(p->pod), p->pod->ns, there))
		return;
	json_array_foreach(near_terms(p->pod), i, term) note(p->near, term, n);
}

void affinity_prepare(struct placing *p)
{
	p->forbidden = json_object();
	p->anti = json_object();
	p->near = json_object();
	if (!p->cluster->n_with_anti && !near_terms(p->pod) && !anti_terms(p->pod))
		return;
	for (size_t i = 0; i < p->cluster->n_nodes; i++) {
		const struct sched_node *n = p->cluster->nodes[i];
		for (size_t k = 0; n->known && k < n->n_pods; k++)
			consider(p, n->pods[k], n);
	}
}

static bool is_near(const struct placing *p, const struct sched_node *n)
{
	const json_t *terms = near_terms(p->pod);
	bool all = true;
	size_t i;
	json_t *term;
	json_array_foreach(terms, i, term)
	{
		AUTO_FREE char *d = domain(term, n);
		if (!d)
			return false;
		all &= json_object_get(p->near, d) != NULL;
	}
	/* The first of a group that wants to be together has nobody to join. */
	return all || (!json_object_size(p->near) && matches_all(p, terms, p->pod->ns, p->pod));
}

static bool is_in(const json_t *set, const struct sched_node *n, const json_t *terms)
{
	size_t i;
	json_t *term;
	json_array_foreach(terms, i, term)
	{
		AUTO_FREE char *d = domain(term, n);
		if (d && json_object_get(set, d))
			return true;
	}
	return false;
}

static bool is_forbidden(const struct placing *p, const struct sched_node *n)
{
	const char *key;
	json_t *value;
	if (!json_object_size(p->forbidden))
		return false;
	json_object_foreach(n->labels, key, value)
	{
		AUTO_FREE char *d = xasprintf("%s\n%s", key, json_string_value(value));
		if (json_object_get(p->forbidden, d))
			return true;
	}
	return false;
}

const char *affinity_check(const struct placing *p, const struct sched_node *n)
{
	if (!is_near(p, n))
		return "node(s) didn't match pod affinity rules";
	if (is_in(p->anti, n, anti_terms(p->pod)))
		return "node(s) didn't match pod anti-affinity rules";
	return is_forbidden(p, n) ? "node(s) didn't satisfy existing pods anti-affinity rules" : NULL;
}
