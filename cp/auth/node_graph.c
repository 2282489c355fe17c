/* The graph of nodes and what they read. Happy path: a pod bound to a node adds one to "resource namespace/name node" for
 * each object that its spec names, and takes it away when it goes; a volume is found by the claim it is bound to, a secret
 * of a volume by the volumes that name it. Nothing fails: what is not of its schema leads nowhere. A mirror pod leads to
 * nothing, since its node has made it. What always holds: the counts are those of the objects that were given last. */
#include "cp/auth/node_graph.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"

#define MIRROR "kubernetes.io/config.mirror"

struct node_graph {
	struct map *uses;    /* "resource ns/name node" -> how many pods, attachments, slices */
	struct map *volumes; /* name -> char *: "ns/name" of the claim it is bound to */
	struct map *secrets; /* "ns/name" -> struct map: names of the volumes that name this secret, with counts */
};

static void free_map(void *m)
{
	map_free(m);
}

struct node_graph *node_graph_new(void)
{
	struct node_graph *g = xcalloc(1, sizeof(*g));
	g->uses = map_new(NULL);
	g->volumes = map_new(free);
	g->secrets = map_new(free_map);
	return g;
}

void node_graph_free(struct node_graph *g)
{
	if (!g)
		return;
	map_free(g->uses);
	map_free(g->volumes);
	map_free(g->secrets);
	free(g);
}

static void count(struct map *m, const char *key, int by)
{
	intptr_t n = (intptr_t)map_get(m, key) + by;
	if (n > 0)
		map_set(m, key, (void *)n);
	else
		map_remove(m, key);
}

static char *use_key(const char *resource, const char *ns, const char *name, const char *node)
{
	return xasprintf("%s %s/%s %s", resource, ns, name, node);
}

/* --- pods ------------------------------------------------------------------------------------------------------------- */

struct pod_walk {
	struct node_graph *g;
	const char *node, *ns;
	int by;
};

static void use(const struct pod_walk *w, const char *resource, const char *name)
{
	if (str_empty(name))
		return;
	AUTO_FREE char *key = use_key(resource, w->ns, name, w->node);
	count(w->g->uses, key, w->by);
}

static void walk_container(const struct pod_walk *w, const json_t *c)
{
	size_t i;
	json_t *v;
	json_array_foreach(json_object_get(c, "env"), i, v) {
		use(w, "secrets", json_str_at(v, "valueFrom.secretKeyRef.name"));
		use(w, "configmaps", json_str_at(v, "valueFrom.configMapKeyRef.name"));
	}
	json_array_foreach(json_object_get(c, "envFrom"), i, v) {
		use(w, "secrets", json_str_at(v, "secretRef.name"));
		use(w, "configmaps", json_str_at(v, "configMapRef.name"));
	}
}

/* What a volume names, by the place of the name. */
static const struct volume_ref {
	const char *path, *resource;
} volume_refs[] = {
	{ "secret.secretName", "secrets" },
	{ "configMap.name", "configmaps" },
	{ "persistentVolumeClaim.claimName", "persistentvolumeclaims" },
	{ "azureFile.secretName", "secrets" },
	{ "cephfs.secretRef.name", "secrets" },
	{ "cinder.secretRef.name", "secrets" },
	{ "flexVolume.secretRef.name", "secrets" },
	{ "rbd.secretRef.name", "secrets" },
	{ "scaleIO.secretRef.name", "secrets" },
	{ "iscsi.secretRef.name", "secrets" },
	{ "storageos.secretRef.name", "secrets" },
	{ "csi.nodePublishSecretRef.name", "secrets" },
};

static void walk_volume(const struct pod_walk *w, const char *pod, const json_t *volume)
{
	size_t i;
	json_t *source;
	for (i = 0; i < ARRAY_LEN(volume_refs); i++)
		use(w, volume_refs[i].resource, json_str_at(volume, volume_refs[i].path));
	json_array_foreach(json_at(volume, "projected.sources"), i, source) {
		use(w, "secrets", json_str_at(source, "secret.name"));
		use(w, "configmaps", json_str_at(source, "configMap.name"));
	}
	if (json_object_get(volume, "ephemeral")) {
		AUTO_FREE char *claim = xasprintf("%s-%s", pod, json_str_or(volume, "name", ""));
		use(w, "persistentvolumeclaims", claim);
	}
}

static void walk_claims(const struct pod_walk *w, const json_t *pod)
{
	size_t i;
	json_t *v;
	json_array_foreach(json_at(pod, "spec.resourceClaims"), i, v)
		use(w, "resourceclaims", json_str_at(v, "resourceClaimName"));
	json_array_foreach(json_at(pod, "status.resourceClaimStatuses"), i, v)
		use(w, "resourceclaims", json_str_at(v, "resourceClaimName"));
	use(w, "resourceclaims", json_str_at(pod, "status.extendedResourceClaimStatus.resourceClaimName"));
}

static void walk_pod(struct node_graph *g, const json_t *pod, int by)
{
	static const char *const lists[] = { "spec.initContainers", "spec.containers", "spec.ephemeralContainers" };
	struct pod_walk w = { g, json_str_or(pod, "spec.nodeName", ""), json_str_or(pod, "metadata.namespace", ""), by };
	size_t i;
	json_t *v;
	if (!*w.node || json_member(json_at(pod, "metadata.annotations"), MIRROR))
		return;
	use(&w, "serviceaccounts", json_str_at(pod, "spec.serviceAccountName"));
	json_array_foreach(json_at(pod, "spec.imagePullSecrets"), i, v)
		use(&w, "secrets", json_str_at(v, "name"));
	for (size_t k = 0; k < ARRAY_LEN(lists); k++)
		json_array_foreach(json_at(pod, lists[k]), i, v)
			walk_container(&w, v);
	json_array_foreach(json_at(pod, "spec.volumes"), i, v)
		walk_volume(&w, json_str_or(pod, "metadata.name", ""), v);
	walk_claims(&w, pod);
}

/* --- volumes ---------------------------------------------------------------------------------------------------------- */

/* Where a volume names a secret that its node reads, and where that secret's namespace stands (NULL: beside the name; the
 * claim's where it says none). */
static const struct {
	const char *name, *ns;
} secret_refs[] = {
	{ "spec.azureFile.secretName", "spec.azureFile.secretNamespace" },
	{ "spec.cephfs.secretRef.name", "spec.cephfs.secretRef.namespace" },
	{ "spec.cinder.secretRef.name", "spec.cinder.secretRef.namespace" },
	{ "spec.flexVolume.secretRef.name", "spec.flexVolume.secretRef.namespace" },
	{ "spec.rbd.secretRef.name", "spec.rbd.secretRef.namespace" },
	{ "spec.scaleIO.secretRef.name", "spec.scaleIO.secretRef.namespace" },
	{ "spec.iscsi.secretRef.name", "spec.iscsi.secretRef.namespace" },
	{ "spec.storageos.secretRef.name", "spec.storageos.secretRef.namespace" },
	{ "spec.csi.nodePublishSecretRef.name", "spec.csi.nodePublishSecretRef.namespace" },
	{ "spec.csi.nodeStageSecretRef.name", "spec.csi.nodeStageSecretRef.namespace" },
	{ "spec.csi.nodeExpandSecretRef.name", "spec.csi.nodeExpandSecretRef.namespace" },
};

static void walk_volume_object(struct node_graph *g, const json_t *volume, int by)
{
	const char *name = json_str_or(volume, "metadata.name", ""), *ns = json_str_or(volume, "spec.claimRef.namespace", "");
	if (by > 0 && json_str_at(volume, "spec.claimRef.name"))
		map_set(g->volumes, name, xasprintf("%s/%s", ns, json_str_at(volume, "spec.claimRef.name")));
	if (by < 0)
		map_remove(g->volumes, name);
	for (size_t i = 0; i < ARRAY_LEN(secret_refs); i++) {
		const char *secret = json_str_at(volume, secret_refs[i].name);
		if (str_empty(secret))
			continue;
		AUTO_FREE char *key = xasprintf("%s/%s", json_str_or(volume, secret_refs[i].ns, ns), secret);
		struct map *of = map_get(g->secrets, key);
		if (!of) {
			of = map_new(NULL);
			map_set(g->secrets, key, of);
		}
		count(of, name, by);
		if (!map_len(of))
			map_remove(g->secrets, key);
	}
}

/* --- objects of one node ------------------------------------------------------------------------------------------------ */

static void walk_owned(struct node_graph *g, const char *resource, const json_t *o, int by)
{
	const char *node = json_str_or(o, "spec.nodeName", "");
	if (!*node)
		return;
	AUTO_FREE char *key = use_key(resource, "", json_str_or(o, "metadata.name", ""), node);
	count(g->uses, key, by);
}

static void walk(struct node_graph *g, enum node_graph_source source, const json_t *o, int by)
{
	switch (source) {
	case NODE_GRAPH_POD:
		walk_pod(g, o, by);
		break;
	case NODE_GRAPH_VOLUME:
		walk_volume_object(g, o, by);
		break;
	case NODE_GRAPH_ATTACHMENT:
		walk_owned(g, "volumeattachments", o, by);
		break;
	case NODE_GRAPH_SLICE:
	case NODE_GRAPH_SOURCES:
		walk_owned(g, "resourceslices", o, by);
		break;
	}
}

void node_graph_change(struct node_graph *g, enum node_graph_source source, const json_t *before, const json_t *now)
{
	if (before)
		walk(g, source, before, -1);
	if (now)
		walk(g, source, now, 1);
}

/* --- asking ----------------------------------------------------------------------------------------------------------- */

static bool uses(const struct node_graph *g, const char *resource, const char *full_name, const char *node)
{
	AUTO_FREE char *key = xasprintf("%s %s %s", resource, full_name, node);
	return map_has(g->uses, key);
}

static bool reaches_volume(const struct node_graph *g, const char *node, const char *volume)
{
	const char *claim = map_get(g->volumes, volume);
	return claim && uses(g, "persistentvolumeclaims", claim, node);
}

bool node_graph_reaches(const struct node_graph *g, const char *node, const char *resource, const char *ns, const char *name)
{
	AUTO_FREE char *full = xasprintf("%s/%s", ns, name);
	const char *volume;
	void *ignored;
	size_t at = 0;
	if (strcmp(resource, "persistentvolumes") == 0)
		return reaches_volume(g, node, name);
	if (uses(g, resource, full, node))
		return true;
	const struct map *of = strcmp(resource, "secrets") == 0 ? map_get(g->secrets, full) : NULL;
	while (of && map_next(of, &at, &volume, &ignored))
		if (reaches_volume(g, node, volume))
			return true;
	return false;
}
