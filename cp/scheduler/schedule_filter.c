/* Filters that look at one node alone: name, taints, node affinity, host ports, resources. A table of checks in the
 * order of the default profile; the first that refuses says why. Pure, nothing can fail. */
#include <stdlib.h>

#include "api/selector.h"
#include "base/json.h"
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

static bool compare_numbers(const json_t *values, const char *value, bool greater)
{
	int64_t have, bound;
	const char *text = json_string_value(json_array_get(values, 0));
	if (!value || !text || str_to_i64(value, &have) < 0 || str_to_i64(text, &bound) < 0)
		return false;
	return greater ? have > bound : have < bound;
}

static bool node_requirement(const json_t *expression, const char *value)
{
	const char *op = json_member(expression, "operator");
	const json_t *values = json_object_get(expression, "values");
	if (str_eq(op, "In"))
		return json_has_text(values, value);
	if (str_eq(op, "NotIn"))
		return !json_has_text(values, value);
	if (str_eq(op, "Exists"))
		return value != NULL;
	if (str_eq(op, "DoesNotExist"))
		return value == NULL;
	return (str_eq(op, "Gt") || str_eq(op, "Lt")) && compare_numbers(values, value, str_eq(op, "Gt"));
}

bool schedule_node_term(const json_t *term, const struct sched_node *n)
{
	const json_t *expressions = json_object_get(term, "matchExpressions"),
		     *fields = json_object_get(term, "matchFields");
	size_t i;
	json_t *e;
	if (!json_array_size(expressions) && !json_array_size(fields))
		return false;
	json_array_foreach(expressions, i, e)
	{
		if (!node_requirement(e, json_member(n->labels, json_str_or(e, "key", ""))))
			return false;
	}
	json_array_foreach(fields, i, e)
	{
		if (!str_eq(json_member(e, "key"), "metadata.name") || !node_requirement(e, n->name))
			return false;
	}
	return true;
}

bool schedule_matches_node(const struct sched_pod *pod, const struct sched_node *n)
{
	const char *key;
	json_t *value, *term;
	json_object_foreach(pod->node_selector, key, value)
	{
		if (!str_eq(json_member(n->labels, key), json_string_value(value)))
			return false;
	}
	const json_t *required = json_at(pod->affinity, "nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution");
	if (!required)
		return true;
	size_t i;
	json_array_foreach(json_object_get(required, "nodeSelectorTerms"), i, term)
	{
		if (schedule_node_term(term, n))
			return true;
	}
	return false;
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

static bool check_resources(const struct placing *p, const struct sched_node *n, json_t *reasons)
{
	const struct resources *want = &p->pod->requests, *all = &n->allocatable, *used = &n->requested;
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
