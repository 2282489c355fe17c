/* Fields of features that Kubernetes 1.36 has off by default. Purpose: a client that asks for what nobody carries out sees
 * that it was not stored. Happy path: the fields go, unless the object had them before. Nothing fails. The features:
 * ContainerStopSignals, GenericWorkload, CrossNamespaceVolumeDataSource, DRAListTypeAttributes,
 * DRANodeAllocatableResources, VolumeLimitScaling, ClusterTrustBundleProjection, PodCertificateRequest. */
#include "cp/kinds/gated_fields.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"

static void drop(json_t *object, const json_t *old, const char *key)
{
	if (!json_object_get(old, key))
		json_object_del(object, key);
}

static bool has_stop_signal(const json_t *container)
{
	return json_at(container, "lifecycle.stopSignal") != NULL;
}

static void drop_stop_signal(json_t *container)
{
	json_t *lifecycle = json_object_get(container, "lifecycle");
	if (!has_stop_signal(container))
		return;
	json_object_del(lifecycle, "stopSignal");
	if (!json_object_size(lifecycle))
		json_object_del(container, "lifecycle");
}

static const char *const gated_projections[] = { "clusterTrustBundle", "podCertificate" };

/* Takes a kind of projection out of all volumes; with drop false only looks. Returns whether there is one. */
static bool find_projection(const json_t *spec, const char *projection, bool drop)
{
	json_t *volume, *source;
	bool found = false;
	size_t i, k;
	json_array_foreach(json_object_get(spec, "volumes"), i, volume)
		json_array_foreach(json_object_get(json_object_get(volume, "projected"), "sources"), k, source) {
			found |= json_object_get(source, projection) != NULL;
			if (drop)
				json_object_del(source, projection);
		}
	return found;
}

void gated_pod_drop(json_t *spec, const json_t *old)
{
	static const char *const lists[] = { "initContainers", "containers", "ephemeralContainers" };
	bool used = false;
	json_t *c;
	size_t i;
	for (size_t l = 0; l < ARRAY_LEN(lists); l++)
		json_array_foreach(json_object_get(old, lists[l]), i, c)
			used |= has_stop_signal(c);
	for (size_t l = 0; !used && l < ARRAY_LEN(lists); l++)
		json_array_foreach(json_object_get(spec, lists[l]), i, c)
			drop_stop_signal(c);
	for (size_t p = 0; p < ARRAY_LEN(gated_projections); p++)
		if (find_projection(spec, gated_projections[p], false) && !find_projection(old, gated_projections[p], false))
			find_projection(spec, gated_projections[p], true);
	drop(spec, old, "schedulingGroup");
}

/* What the older of a claim's two sources may be; anything else was never looked at there. */
static bool is_known_source(const json_t *source)
{
	const char *group = json_str_or(source, "apiGroup", ""), *kind = json_str_or(source, "kind", "");
	return !strcmp(kind, "PersistentVolumeClaim") ? !*group
						       : !strcmp(kind, "VolumeSnapshot") && !strcmp(group, "snapshot.storage.k8s.io");
}

void gated_claim_drop(json_t *spec, const json_t *old)
{
	const json_t *was = json_object_get(old, "dataSourceRef");
	if (!was && *json_str_or(json_object_get(spec, "dataSourceRef"), "namespace", ""))
		json_object_del(spec, "dataSourceRef");
	if (!was && !json_object_get(old, "dataSource") && !json_object_get(spec, "dataSourceRef") &&
	    !is_known_source(json_object_get(spec, "dataSource")))
		json_object_del(spec, "dataSource");
}

static const char *const value_lists[] = { "bools", "ints", "strings", "versions" };

static bool has_value_lists(const json_t *spec)
{
	json_t *device, *attribute;
	const char *name;
	size_t i;
	json_array_foreach(json_object_get(spec, "devices"), i, device)
		json_object_foreach(json_object_get(device, "attributes"), name, attribute)
			for (size_t l = 0; l < ARRAY_LEN(value_lists); l++)
				if (json_object_get(attribute, value_lists[l]))
					return true;
	return false;
}

static bool has_mappings(const json_t *spec)
{
	json_t *device;
	size_t i;
	json_array_foreach(json_object_get(spec, "devices"), i, device)
		if (json_object_get(device, "nodeAllocatableResourceMappings"))
			return true;
	return false;
}

void gated_slice_drop(json_t *spec, const json_t *old)
{
	bool lists = has_value_lists(old), mappings = has_mappings(old);
	json_t *device, *attribute;
	const char *name;
	size_t i;
	json_array_foreach(json_object_get(spec, "devices"), i, device) {
		if (!mappings)
			json_object_del(device, "nodeAllocatableResourceMappings");
		json_object_foreach(json_object_get(device, "attributes"), name, attribute)
			for (size_t l = 0; !lists && l < ARRAY_LEN(value_lists); l++)
				json_object_del(attribute, value_lists[l]);
	}
}

void gated_driver_drop(json_t *spec, const json_t *old)
{
	drop(spec, old, "preventPodSchedulingIfMissing");
}
