/* The endpoints controller: Services and the pods they select from the cache to endpoints_plan(). */
#include "base/json.h"
#include "cp/controllers/endpoints_plan.h"
#include "cp/controllers/service_pods.h"
#include "cp/controllers/table.h"

static void sync_endpoints(struct sync *s)
{
	AUTO_JSON *service = runner_parse(s->runner, bucket_get(api_bucket(s->api, "", "services"), s->ns, s->name));
	AUTO_JSON *have = runner_parse(s->runner, bucket_get(api_bucket(s->api, "", "endpoints"), s->ns, s->name));
	AUTO_JSON *pods = service ? service_list_pods(s, service) : NULL;
	struct endpoints_observed o = {
	    .ns = s->ns, .name = s->name, .service = service, .pods = pods, .endpoints = have};
	endpoints_plan(&o, s->plan);
}

const struct controller endpoints_controller = {
    .name = "endpoints-controller",
    .component = "endpoint-controller",
    .workers = 5,
    .sources = {{"", "services", runner_map_self}, {"", "endpoints", runner_map_self}, {"", "pods", service_map_pod}},
    .sync = sync_endpoints,
};
