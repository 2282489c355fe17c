/* What the scheduler knows of nodes and the pods on them, kept up incrementally. No I/O. */
#ifndef KNARR_CP_SCHEDULER_CLUSTER_H
#define KNARR_CP_SCHEDULER_CLUSTER_H

#include <jansson.h>
#include <stdbool.h>

#include "base/map.h"
#include "cp/scheduler/resources.h"

/* What placing needs of a pod; parts of its JSON are kept by reference. */
struct sched_pod {
	char *uid, *ns, *name;
	json_t *labels, *affinity, *node_selector, *tolerations, *spread; /* NULL: none */
	json_t *ports; /* array of {port, protocol, ip} that it wants on the host */
	char *node_name;
	char *nominated;     /* the node that it was promised; NULL: none */
	bool never_preempts; /* preemptionPolicy Never */
	struct resources requests;
	int64_t scored_cpu_milli, scored_memory_bytes;
	int64_t priority, created_ms;
	bool deleting;
};
struct sched_pod *sched_pod_new(const json_t *pod); /* returns owned */
void sched_pod_free(struct sched_pod *p);           /* NULL is fine */
void sched_pod_free_ptr(struct sched_pod **p);
#define AUTO_SCHED_POD AUTO(sched_pod_free_ptr) struct sched_pod

struct sched_node {
	char *name;
	bool known; /* false: only pods name it */
	json_t *labels, *taints;
	bool unschedulable;
	struct resources allocatable, requested;
	int64_t scored_cpu_milli, scored_memory_bytes;
	struct sched_pod **pods; /* borrowed from the cluster */
	size_t n_pods;
};

struct cluster {
	struct sched_node **nodes; /* in the order in which they came */
	size_t n_nodes;
	struct map *by_name; /* name -> node */
	struct map *pods;    /* uid -> pod, owned */
	json_t *ns_labels;   /* namespace -> its labels */
	size_t n_with_anti;  /* pods with required anti-affinity */
	struct map *promised; /* uid -> pod that waits for room on its nominated node, owned */
};

void cluster_init(struct cluster *s);
void cluster_done(struct cluster *s);
/* True when something that matters for placing changed (not for a heartbeat). */
bool cluster_set_node(struct cluster *s, const json_t *node);
void cluster_remove_node(struct cluster *s, const char *name);
/* Puts the pod on the node, or moves or renews it there. */
void cluster_set_pod(struct cluster *s, struct sched_pod *take_pod, const char *node);
void cluster_remove_pod(struct cluster *s, const char *uid); /* absent is fine */
bool cluster_has_pod(const struct cluster *s, const char *uid);
/* The pod waits for room on the node: pods that are not more important see its requests there. */
void cluster_nominate(struct cluster *s, struct sched_pod *take_pod, const char *node);
void cluster_unnominate(struct cluster *s, const char *uid); /* absent is fine */
void cluster_set_namespace(struct cluster *s, const char *name,
			   json_t *labels); /* NULL labels: it is gone or has none */

#endif
