/* The endpointslice controller: Services, the pods they select and their slices from the cache to endpointslice_plan().
 */
#include "base/json.h"
#include "cp/controllers/endpointslice_plan.h"
#include "cp/controllers/object.h"
#include "cp/controllers/service_pods.h"
#include "cp/controllers/table.h"

static void map_slice(struct runner *r, const struct cache_event *ev)
{
	const char *service = cobj_label(ev->obj, ENDPOINTSLICE_SERVICE);
	if (service && str_eq(cobj_label(ev->obj, ENDPOINTSLICE_MANAGED_BY), ENDPOINTSLICE_MANAGER))
		runner_add(r, ev->obj->ns, service);
	if (ev->prev && cobj_label(ev->prev, ENDPOINTSLICE_SERVICE))
		runner_add(r, ev->obj->ns, cobj_label(ev->prev, ENDPOINTSLICE_SERVICE));
}

static bool is_ours(void *arg, const struct cobj *slice)
{
	return str_eq(cobj_label(slice, ENDPOINTSLICE_SERVICE), arg) &&
	       str_eq(cobj_label(slice, ENDPOINTSLICE_MANAGED_BY), ENDPOINTSLICE_MANAGER);
}

static json_t *zones_of(struct sync *s, const json_t *pods)
{
	json_t *zones = json_object(), *pod;
	size_t i;
	json_array_foreach(pods, i, pod)
	{
		const char *node = json_str_at(pod, "spec.nodeName");
		struct cobj *o = node ? bucket_get(api_bucket(s->api, "", "nodes"), "", node) : NULL;
		const char *zone = o ? cobj_label(o, "topology.kubernetes.io/zone") : NULL;
		if (zone)
			json_object_set_new(zones, node, json_string(zone));
	}
	return zones;
}

static void sync_endpointslices(struct sync *s)
{
	AUTO_JSON *service = runner_parse(s->runner, bucket_get(api_bucket(s->api, "", "services"), s->ns, s->name));
	if (!service)
		return; /* its slices go with it: they are its dependents */
	AUTO_JSON *pods = service_list_pods(s, service);
	AUTO_JSON *zones = zones_of(s, pods);
	AUTO_JSON *slices = runner_list(s->runner, api_bucket(s->api, "discovery.k8s.io", "endpointslices"), s->ns,
					is_ours, (void *)s->name);
	struct endpointslice_observed o = {.service = service, .pods = pods, .zones = zones, .slices = slices};
	endpointslice_plan(&o, s->plan);
}

const struct controller endpointslice_controller = {
    .name = "endpointslice-controller",
    .component = "endpoint-slice-controller",
    .workers = 5,
    .sources = {{"", "services", runner_map_self},
		{"discovery.k8s.io", "endpointslices", map_slice},
		{"", "pods", service_map_pod}},
    .sync = sync_endpointslices,
};
