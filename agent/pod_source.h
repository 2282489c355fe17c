/* Where pods come from: the API server (by this node's name) and a directory of manifests. */
#ifndef KNARR_AGENT_POD_SOURCE_H
#define KNARR_AGENT_POD_SOURCE_H

#include "agent/agent.h"

#define MIRROR_ANNOTATION "kubernetes.io/config.mirror"
#define HASH_ANNOTATION "kubernetes.io/config.hash"

void pod_source_start(struct agent *a);
void pod_source_stop(struct agent *a);
/* A static pod has come or changed, or (object NULL) gone, by uid. */
void pod_source_static(struct agent *a, const char *uid, json_t *object);
/* Makes or removes the mirror of each static pod so that the API server shows them. */
void pod_source_mirrors(struct agent *a);

/* static_pods.c */
struct static_pods *static_pods_start(struct agent *a);
void static_pods_stop(struct static_pods *s);
/* Pure: a manifest as a pod of this node: name, namespace, uid, annotations, nodeName. Returns owned; -EINVAL. */
int static_pod_from(const json_t *manifest, const char *node_name, json_t **ret, struct err *e);

#endif
