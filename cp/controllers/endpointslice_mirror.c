/* The endpointslicemirroring controller: Endpoints, their services and the slices that mirror them to their plan. */
#include "base/json.h"
#include "cp/controllers/endpointslice_mirror_plan.h"
#include "cp/controllers/endpointslice_plan.h"
#include "cp/controllers/table.h"

static void map_slice(struct runner *r, const struct cache_event *ev)
{
	const char *name = cobj_label(ev->obj, ENDPOINTSLICE_SERVICE);
	if (name && str_eq(cobj_label(ev->obj, ENDPOINTSLICE_MANAGED_BY), ENDPOINTSLICE_MIRROR_MANAGER))
		runner_add(r, ev->obj->ns, name);
}

static bool is_ours(void *arg, const struct cobj *slice)
{
	return str_eq(cobj_label(slice, ENDPOINTSLICE_SERVICE), arg) &&
	       str_eq(cobj_label(slice, ENDPOINTSLICE_MANAGED_BY), ENDPOINTSLICE_MIRROR_MANAGER);
}

static void sync_mirror(struct sync *s)
{
	AUTO_JSON *endpoints = runner_parse(s->runner, bucket_get(api_bucket(s->api, "", "endpoints"), s->ns, s->name));
	AUTO_JSON *service = runner_parse(s->runner, bucket_get(api_bucket(s->api, "", "services"), s->ns, s->name));
	AUTO_JSON *slices =
	    runner_list(s->runner, api_bucket(s->api, "discovery.k8s.io", "endpointslices"), s->ns, is_ours, (void *)s->name);
	endpointslice_mirror_plan(&(struct mirror_observed){.endpoints = endpoints, .service = service, .slices = slices}, s->plan);
}

const struct controller endpointslice_mirror_controller = {
    .name = "endpointslice-mirroring-controller",
    .component = "endpoint-slice-mirroring-controller",
    .workers = 5,
    .sources = {{"", "endpoints", runner_map_self},
		{"", "services", runner_map_self},
		{"discovery.k8s.io", "endpointslices", map_slice}},
    .sync = sync_mirror,
};
