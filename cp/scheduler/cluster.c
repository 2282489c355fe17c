/* The scheduler's picture of the cluster.
 *
 * Nodes and pods are added, replaced and removed as the cache reports them; each change adjusts the sums of the node it
 * concerns, so nothing is ever summed up from the start. A pod may name a node that is not known: its node is then kept
 * with known = false until the last such pod has gone. Always holds: a node's sums are those of its pods. */
#include "cp/scheduler/cluster.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/controllers/object.h"

static json_t *keep(const json_t *object, const char *path)
{
	return json_incref(json_at(object, path));
}

static void add_ports(json_t *ports, const json_t *containers)
{
	size_t i, k;
	json_t *c, *port;
	json_array_foreach(containers, i, c)
	{
		json_array_foreach(json_object_get(c, "ports"), k, port)
		{
			if (json_int_at(port, "hostPort", 0) <= 0)
				continue;
			json_array_append_new(ports,
					      json_pack("{s:O, s:s, s:s}", "port", json_object_get(port, "hostPort"),
							"protocol", json_str_or(port, "protocol", "TCP"), "ip",
							json_str_or(port, "hostIP", "0.0.0.0")));
		}
	}
}

/* Containers that run while the pod does: also init containers that restart always. */
static json_t *ports_of(const json_t *spec)
{
	json_t *ports = json_array(), *c;
	size_t i;
	add_ports(ports, json_object_get(spec, "containers"));
	json_array_foreach(json_object_get(spec, "initContainers"), i, c)
	{
		AUTO_JSON *one = json_pack("[O]", c);
		if (str_eq(json_member(c, "restartPolicy"), "Always"))
			add_ports(ports, one);
	}
	return ports;
}

struct sched_pod *sched_pod_new(const json_t *pod)
{
	struct sched_pod *p = xcalloc(1, sizeof(*p));
	const json_t *spec = json_object_get(pod, "spec");
	p->uid = xstrdup(object_uid(pod));
	p->ns = xstrdup(object_ns(pod));
	p->name = xstrdup(object_name(pod));
	p->labels = keep(pod, "metadata.labels");
	p->affinity = keep(spec, "affinity");
	p->node_selector = keep(spec, "nodeSelector");
	p->tolerations = keep(spec, "tolerations");
	p->spread = keep(spec, "topologySpreadConstraints");
	p->ports = ports_of(spec);
	p->node_name = xstrdup(json_str_at(spec, "nodeName"));
	p->nominated = xstrdup(json_str_at(pod, "status.nominatedNodeName"));
	p->never_preempts = str_eq(json_str_at(spec, "preemptionPolicy"), "Never");
	p->priority = json_int_at(spec, "priority", 0);
	p->created_ms = object_time_ms(pod, "metadata.creationTimestamp");
	p->deleting = object_deleting(pod);
	resources_of_pod(spec, &p->requests, &p->scored_cpu_milli, &p->scored_memory_bytes);
	return p;
}

void sched_pod_free(struct sched_pod *p)
{
	if (!p)
		return;
	json_t *parts[] = {p->labels, p->affinity, p->node_selector, p->tolerations, p->spread, p->ports};
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		json_decref(parts[i]);
	resources_done(&p->requests);
	free(p->uid);
	free(p->ns);
	free(p->name);
	free(p->node_name);
	free(p->nominated);
	free(p);
}

void sched_pod_free_ptr(struct sched_pod **p)
{
	sched_pod_free(*p);
}

static void pod_free(void *p)
{
	sched_pod_free(p);
}

static void node_free(struct sched_node *n)
{
	json_decref(n->labels);
	json_decref(n->taints);
	resources_done(&n->allocatable);
	resources_done(&n->requested);
	free(n->pods);
	free(n->name);
	free(n);
}

void cluster_init(struct cluster *s)
{
	*s = (struct cluster){.by_name = map_new(NULL), .pods = map_new(pod_free), .promised = map_new(pod_free), .ns_labels = json_object()};
}

void cluster_done(struct cluster *s)
{
	for (size_t i = 0; i < s->n_nodes; i++)
		node_free(s->nodes[i]);
	free(s->nodes);
	map_free(s->by_name);
	map_free(s->pods);
	map_free(s->promised);
	json_decref(s->ns_labels);
	*s = (struct cluster){0};
}

static struct sched_node *node_get(struct cluster *s, const char *name)
{
	struct sched_node *n = map_get(s->by_name, name);
	if (n)
		return n;
	n = xcalloc(1, sizeof(*n));
	n->name = xstrdup(name);
	s->nodes = xreallocarray(s->nodes, s->n_nodes + 1, sizeof(struct sched_node *));
	s->nodes[s->n_nodes++] = n;
	map_set(s->by_name, name, n);
	return n;
}

static void node_drop_unused(struct cluster *s, struct sched_node *n)
{
	if (n->known || n->n_pods)
		return;
	for (size_t i = 0; i < s->n_nodes; i++) {
		if (s->nodes[i] == n) {
			memmove(&s->nodes[i], &s->nodes[i + 1], (s->n_nodes - i - 1) * sizeof(struct sched_node *));
			s->n_nodes--;
			break;
		}
	}
	map_remove(s->by_name, n->name);
	node_free(n);
}

static bool same_json(const json_t *a, const json_t *b)
{
	return a == b || (a && b && json_equal(a, b));
}

static bool same_amounts(const struct resources *a, const struct resources *b)
{
	for (size_t i = 0; i < a->n_extended; i++) {
		if (resources_extended(b, a->extended[i].name) != a->extended[i].n)
			return false;
	}
	return a->cpu_milli == b->cpu_milli && a->memory_bytes == b->memory_bytes && a->pods == b->pods &&
	       a->ephemeral_bytes == b->ephemeral_bytes && a->n_extended == b->n_extended;
}

bool cluster_set_node(struct cluster *s, const json_t *node)
{
	struct sched_node *n = node_get(s, object_name(node));
	json_t *labels = keep(node, "metadata.labels"), *taints = keep(node, "spec.taints");
	bool unschedulable = json_bool_at(node, "spec.unschedulable", false);
	struct resources allocatable = {0};
	json_t *offered = json_at(node, "status.allocatable");
	resources_add_map(&allocatable, offered ? offered : json_at(node, "status.capacity"));
	bool changed = !n->known || n->unschedulable != unschedulable || !same_json(labels, n->labels) ||
		       !same_json(taints, n->taints) || !same_amounts(&allocatable, &n->allocatable);
	json_decref(n->labels);
	json_decref(n->taints);
	resources_done(&n->allocatable);
	n->labels = labels;
	n->taints = taints;
	n->allocatable = allocatable;
	n->unschedulable = unschedulable;
	n->known = true;
	return changed;
}

void cluster_remove_node(struct cluster *s, const char *name)
{
	struct sched_node *n = map_get(s->by_name, name);
	if (!n)
		return;
	n->known = false;
	node_drop_unused(s, n);
}

static bool has_anti(const struct sched_pod *p)
{
	return json_array_size(json_at(p->affinity, "podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution")) >
	       0;
}

void cluster_set_pod(struct cluster *s, struct sched_pod *take_pod, const char *node)
{
	cluster_remove_pod(s, take_pod->uid);
	struct sched_node *n = node_get(s, node);
	free(take_pod->node_name);
	take_pod->node_name = xstrdup(node);
	map_set(s->pods, take_pod->uid, take_pod);
	n->pods = xreallocarray(n->pods, n->n_pods + 1, sizeof(struct sched_pod *));
	n->pods[n->n_pods++] = take_pod;
	resources_add(&n->requested, &take_pod->requests);
	n->scored_cpu_milli += take_pod->scored_cpu_milli;
	n->scored_memory_bytes += take_pod->scored_memory_bytes;
	s->n_with_anti += has_anti(take_pod);
}

static void forget_pod(struct sched_node *n, const struct sched_pod *p)
{
	for (size_t i = 0; i < n->n_pods; i++) {
		if (n->pods[i] == p) {
			n->pods[i] = n->pods[--n->n_pods];
			break;
		}
	}
	resources_sub(&n->requested, &p->requests);
	n->scored_cpu_milli -= p->scored_cpu_milli;
	n->scored_memory_bytes -= p->scored_memory_bytes;
}

void cluster_remove_pod(struct cluster *s, const char *uid)
{
	struct sched_pod *p = map_steal(s->pods, uid);
	if (!p)
		return;
	struct sched_node *n = map_get(s->by_name, p->node_name);
	if (n)
		forget_pod(n, p);
	s->n_with_anti -= has_anti(p);
	sched_pod_free(p);
	if (n)
		node_drop_unused(s, n);
}

bool cluster_has_pod(const struct cluster *s, const char *uid)
{
	return map_has(s->pods, uid);
}

void cluster_nominate(struct cluster *s, struct sched_pod *take_pod, const char *node)
{
	free(take_pod->nominated);
	take_pod->nominated = xstrdup(node);
	map_set(s->promised, take_pod->uid, take_pod);
}

void cluster_unnominate(struct cluster *s, const char *uid)
{
	map_remove(s->promised, uid);
}

void cluster_set_namespace(struct cluster *s, const char *name, json_t *labels)
{
	if (labels)
		json_object_set(s->ns_labels, name, labels);
	else
		json_object_del(s->ns_labels, name);
}
