/* Filters that look at one node alone: name, taints, node affinity, host ports, resources. A table of checks in the
 * order of the default profile; the first that refuses says why. Pure, nothing can fail. */
#include <stdlib.h>

#include "base/json.h"
#include "cp/controllers/node_affinity.h"
#include "cp/controllers/toleration.h"
#include "cp/scheduler/schedule_internal.h"

static void add_reason(json_t *reasons, const char *reason)
{
	json_object_set_new(reasons, reason, json_integer(json_integer_value(json_object_get(reasons, reason)) + 1));
}

static bool refuse(json_t *reasons, const char *reason)
{
	add_reason(reasons, reason);
	return false;
}

static bool check_unschedulable(const struct placing *p, const struct sched_node *n, json_t *reasons)
{
	if (!n->unschedulable)
		return true;
	AUTO_JSON *taint = json_pack("{s:s, s:s}", "key", "node.kubernetes.io/unschedulable", "effect", "NoSchedule");
	return tolerations_tolerate(p->pod->tolerations, taint) || refuse(reasons, "node(s) were unschedulable");
}

static bool check_name(const struct placing *p, const struct sched_node *n, json_t *reasons)
{
	return str_empty(p->pod->node_name) || str_eq(p->pod->node_name, n->name) ||
	       refuse(reasons, "node(s) didn't match the requested node name");
}

static bool check_taints(const struct placing *p, const struct sched_node *n, json_t *reasons)
{
	size_t i;
	json_t *taint;
	json_array_foreach(n->taints, i, taint)
	{
		const char *effect = json_member(taint, "effect");
		if (!(str_eq(effect, "NoSchedule") || str_eq(effect, "NoExecute")) ||
		    tolerations_tolerate(p->pod->tolerations, taint))
			continue;
		AUTO_FREE char *text = xasprintf("node(s) had untolerated taint {%s: %s}",
						 json_str_or(taint, "key", ""), json_str_or(taint, "value", ""));
		return refuse(reasons, text);
	}
	return true;
}

bool schedule_node_term(const json_t *term, const struct sched_node *n)
{
	return node_affinity_term(term, n->labels, n->name);
}

bool schedule_matches_node(const struct sched_pod *pod, const struct sched_node *n)
{
	return node_affinity_matches(pod->node_selector, pod->affinity, n->labels, n->name);
}

static bool check_affinity(const struct placing *p, const struct sched_node *n, json_t *reasons)
{
	return schedule_matches_node(p->pod, n) || refuse(reasons, "node(s) didn't match Pod's node affinity/selector");
}

static bool any_address(const char *ip)
{
	return str_empty(ip) || str_eq(ip, "0.0.0.0") || str_eq(ip, "::");
}

static bool ports_clash(const json_t *a, const json_t *b)
{
	size_t i, k;
	json_t *x, *y;
	json_array_foreach(a, i, x)
	{
		json_array_foreach(b, k, y)
		{
			const char *ip_x = json_member(x, "ip"), *ip_y = json_member(y, "ip");
			if (json_equal(json_object_get(x, "port"), json_object_get(y, "port")) &&
			    str_eq(json_member(x, "protocol"), json_member(y, "protocol")) &&
			    (any_address(ip_x) || any_address(ip_y) || str_eq(ip_x, ip_y)))
				return true;
		}
	}
	return false;
}

static bool check_ports(const struct placing *p, const struct sched_node *n, json_t *reasons)
{
	for (size_t i = 0; json_array_size(p->pod->ports) && i < n->n_pods; i++) {
		if (ports_clash(p->pod->ports, n->pods[i]->ports))
			return refuse(reasons, "node(s) didn't have free ports for the requested pod ports");
	}
	return true;
}

/* What the node's pods use, and what those that wait for room there will, unless this one is more important. */
static void add_used(const struct placing *p, const struct sched_node *n, struct resources *ret)
{
	resources_add(ret, &n->requested);
	size_t at = 0;
	const char *uid;
	struct sched_pod *other;
	while (map_next(p->cluster->promised, &at, &uid, &other)) {
		if (str_eq(other->nominated, n->name) && other->priority >= p->pod->priority && !str_eq(uid, p->pod->uid))
			resources_add(ret, &other->requests);
	}
}

static void resources_done_ptr(struct resources *r)
{
	resources_done(r);
}

static bool check_resources(const struct placing *p, const struct sched_node *n, json_t *reasons)
{
	AUTO(resources_done_ptr) struct resources sum = {0};
	const struct resources *want = &p->pod->requests, *all = &n->allocatable, *used = &n->requested;
	if (map_len(p->cluster->promised)) {
		add_used(p, n, &sum);
		used = &sum;
	}
	const struct {
		const char *reason;
		int64_t want, free;
	} amounts[] = {
	    {"Too many pods", 1, all->pods - used->pods},
	    {"Insufficient cpu", want->cpu_milli, all->cpu_milli - used->cpu_milli},
	    {"Insufficient memory", want->memory_bytes, all->memory_bytes - used->memory_bytes},
	    {"Insufficient ephemeral-storage", want->ephemeral_bytes, all->ephemeral_bytes - used->ephemeral_bytes},
	};
	bool fits = true;
	for (size_t i = 0; i < ARRAY_LEN(amounts); i++) {
		if (amounts[i].want > 0 && amounts[i].want > amounts[i].free)
			fits = refuse(reasons, amounts[i].reason);
	}
	for (size_t i = 0; i < want->n_extended; i++) {
		const struct extended *e = &want->extended[i];
		if (e->n <= resources_extended(all, e->name) - resources_extended(used, e->name) || e->n <= 0)
			continue;
		AUTO_FREE char *text = xasprintf("Insufficient %s", e->name);
		fits = refuse(reasons, text);
	}
	return fits;
}

static bool check_spread(const struct placing *p, const struct sched_node *n, json_t *reasons)
{
	const char *reason = spread_check(p, n);
	return !reason || refuse(reasons, reason);
}

static bool check_pods(const struct placing *p, const struct sched_node *n, json_t *reasons)
{
	const char *reason = affinity_check(p, n);
	return !reason || refuse(reasons, reason);
}

static bool (*const checks[])(const struct placing *p, const struct sched_node *n, json_t *reasons) = {
    check_unschedulable, check_name,      check_taints, check_affinity,
    check_ports,         check_resources, check_spread, check_pods,
};

bool schedule_fits(const struct placing *p, const struct sched_node *n, json_t *reasons)
{
	for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
		if (!checks[i](p, n, reasons))
			return false;
	}
	return true;
}
