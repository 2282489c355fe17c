/* The controller that keeps aggregated cluster roles (admin, edit, view ...) up to date: every change of a cluster role
 * may be one of each role that has an aggregationRule. */
#include "base/json.h"
#include "cp/controllers/clusterrole_aggregation_plan.h"
#include "cp/controllers/table.h"

#define GROUP "rbac.authorization.k8s.io"

static void add_aggregated(void *arg, struct cobj *o)
{
	struct runner *r = arg;
	AUTO_JSON *role = runner_parse(r, o);
	if (json_object_get(role, "aggregationRule"))
		runner_add(r, "", o->name);
}

static void map_role(struct runner *r, const struct cache_event *ev)
{
	(void)ev;
	runner_each(api_bucket(runner_api(r), GROUP, "clusterroles"), NULL, add_aggregated, r);
}

static void sync_role(struct sync *s)
{
	struct bucket *b = api_bucket(s->api, GROUP, "clusterroles");
	struct cobj *o = bucket_get(b, "", s->name);
	AUTO_JSON *role = o && !o->deleting ? runner_parse(s->runner, o) : NULL;
	AUTO_JSON *all = role ? runner_list(s->runner, b, NULL, NULL, NULL) : NULL;
	clusterrole_aggregation_plan(role, all, s->plan);
}

const struct controller clusterrole_aggregation_controller = {
    .name = "clusterrole-aggregation-controller",
    .component = "clusterrole-aggregation-controller",
    .workers = 1,
    .sources = {{GROUP, "clusterroles", map_role}},
    .sync = sync_role,
};
