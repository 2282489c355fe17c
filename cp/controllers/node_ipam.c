/* The controller that gives each node its part of the cluster's pod addresses (--cluster-cidr). One node at a time: what
 * the one before has got is in the cache by then. A node that goes makes room for those that wait. */
#include <stdlib.h>

#include "base/json.h"
#include "cp/controllers/controllers.h"
#include "cp/controllers/node_ipam_plan.h"
#include "cp/controllers/table.h"

static void add_waiting(void *arg, struct cobj *o)
{
	struct runner *r = arg;
	AUTO_JSON *node = runner_parse(r, o);
	if (str_empty(json_str_at(node, "spec.podCIDR")))
		runner_add(r, "", o->name);
}

static void map_node(struct runner *r, const struct cache_event *ev)
{
	if (ev->type == CACHE_ADDED)
		runner_add(r, "", ev->obj->name);
	else if (ev->type == CACHE_DELETED)
		runner_each(api_bucket(runner_api(r), "", "nodes"), NULL, add_waiting, r);
}

struct used {
	struct runner *runner;
	json_t *texts;
};

static void add_used(void *arg, struct cobj *o)
{
	struct used *u = arg;
	AUTO_JSON *node = runner_parse(u->runner, o);
	json_array_extend(u->texts, json_at(node, "spec.podCIDRs"));
}

static void sync_node(struct sync *s)
{
	const struct controllers_config *c = runner_config(s->runner);
	struct bucket *nodes = api_bucket(s->api, "", "nodes");
	AUTO_JSON *node = runner_parse(s->runner, bucket_get(nodes, "", s->name)), *texts = json_array();
	struct used used = { s->runner, texts };
	struct node_ranges ranges = { 0 };
	if (!node || !str_empty(json_str_at(node, "spec.podCIDR")) || str_empty(c->cluster_cidrs) ||
	    node_ranges_parse(c->cluster_cidrs, c->node_bits4, c->node_bits6, &ranges, NULL) < 0)
		return;
	runner_each(nodes, NULL, add_used, &used);
	node_ipam_plan(&ranges, node, texts, s->plan);
}

const struct controller node_ipam_controller = {
	.name = "node-ipam-controller",
	.component = "cidrAllocator",
	.workers = 1,
	.sources = { { "", "nodes", map_node } },
	.sync = sync_node,
};
