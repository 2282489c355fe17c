/* The pods of a daemon set and the nodes they are for; pure, nothing can fail.
 *
 * A pod is made for one node: its required node affinity names it, and the scheduler binds it. It tolerates what daemons have to
 * live with: a node that is not ready, under pressure or closed to others. */
#include "base/json.h"
#include "cp/controllers/daemonset_internal.h"
#include "cp/controllers/history.h"
#include "cp/controllers/node_affinity.h"
#include "cp/controllers/object.h"
#include "cp/controllers/template.h"
#include "cp/controllers/toleration.h"

static const struct {
	const char *key, *effect;
	bool host_network; /* only for pods on the node's own network */
} tolerated[] = {
    {"node.kubernetes.io/not-ready", "NoExecute", false},	{"node.kubernetes.io/unreachable", "NoExecute", false},
    {"node.kubernetes.io/disk-pressure", "NoSchedule", false}, {"node.kubernetes.io/memory-pressure", "NoSchedule", false},
    {"node.kubernetes.io/pid-pressure", "NoSchedule", false},  {"node.kubernetes.io/unschedulable", "NoSchedule", false},
    {"node.kubernetes.io/network-unavailable", "NoSchedule", true},
};

static bool has_toleration(const json_t *all, const json_t *wanted)
{
	size_t i;
	json_t *t;
	json_array_foreach(all, i, t)
	{
		if (json_equal(t, wanted))
			return true;
	}
	return false;
}

/* The template's tolerations with those that every daemon has. Returns owned. */
static json_t *tolerations_of(const json_t *spec)
{
	json_t *own = json_object_get(spec, "tolerations"), *all = own ? json_copy(own) : json_array();
	for (size_t i = 0; i < ARRAY_LEN(tolerated); i++) {
		if (tolerated[i].host_network && !json_bool_at(spec, "hostNetwork", false))
			continue;
		AUTO_JSON *t =
		    json_pack("{s:s, s:s, s:s}", "key", tolerated[i].key, "operator", "Exists", "effect", tolerated[i].effect);
		if (!has_toleration(all, t))
			json_array_append(all, t);
	}
	return all;
}

enum daemon_fit daemonset_fits(const json_t *set, const json_t *node)
{
	const json_t *spec = json_at(set, "spec.template.spec");
	const char *name = json_str_or(spec, "nodeName", "");
	if ((*name && !str_eq(name, object_name(node))) ||
	    !node_affinity_matches(json_object_get(spec, "nodeSelector"), json_object_get(spec, "affinity"), object_labels(node),
				   object_name(node)))
		return DAEMON_NOT;
	AUTO_JSON *tolerations = tolerations_of(spec);
	enum daemon_fit fit = DAEMON_RUN;
	size_t i;
	json_t *taint;
	json_array_foreach(json_at(node, "spec.taints"), i, taint)
	{
		const char *effect = json_member(taint, "effect");
		if (tolerations_tolerate(tolerations, taint))
			continue;
		if (str_eq(effect, "NoExecute"))
			return DAEMON_NOT;
		if (str_eq(effect, "NoSchedule"))
			fit = DAEMON_STAY;
	}
	return fit;
}

json_t *daemonset_pod(const struct daemons *d, const char *node)
{
	AUTO_JSON *template = json_deep_copy(json_at(d->set, "spec.template"));
	json_t *spec = json_object_get(template, "spec");
	json_object_set_new(spec, "tolerations", tolerations_of(spec));
	json_set_at(spec, "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution",
		    json_pack("{s:[{s:[{s:s, s:s, s:[s]}]}]}", "nodeSelectorTerms", "matchFields", "key", "metadata.name", "operator",
			      "In", "values", node));
	json_t *pod = template_pod(template, d->set, &daemonset_pods);
	json_t *labels = json_object_at(pod, "metadata.labels");
	json_object_set_new(labels, HISTORY_HASH, json_string(d->hash));
	const char *generation = object_annotation(d->set, "deprecated.daemonset.template.generation");
	if (generation)
		json_object_set_new(labels, "pod-template-generation", json_string(generation));
	return pod;
}
