/* The controllers of services' addresses: one repairs what IPAddress objects say, one looks after the ranges. */
#include <string.h>

#include "base/json.h"
#include "cp/controllers/object.h"
#include "cp/controllers/service_address_plan.h"
#include "cp/controllers/table.h"

#define GROUP "networking.k8s.io"

static struct bucket *addresses_of(struct runner *r)
{
	return api_bucket(runner_api(r), GROUP, "ipaddresses");
}

/* Keys: "ns/name" of a service, or an address. */
static void map_service(struct runner *r, const struct cache_event *ev)
{
	json_t *v;
	size_t i;
	AUTO_JSON *before = ev->prev ? runner_parse(r, ev->prev) : NULL;
	AUTO_JSON *now = runner_parse(r, ev->obj);
	if (ev->type == CACHE_MODIFIED && json_at(before, "spec.clusterIPs") && json_equal(json_at(before, "spec.clusterIPs"), json_at(now, "spec.clusterIPs")))
		return;
	if (ev->type != CACHE_DELETED)
		runner_add(r, ev->obj->ns, ev->obj->name);
	json_array_foreach(json_at(ev->type == CACHE_DELETED ? now : before, "spec.clusterIPs"), i, v)
		runner_add(r, "", json_string_value(v));
}

/* A lost object is made again by way of the service that it names. */
static void map_address(struct runner *r, const struct cache_event *ev)
{
	AUTO_JSON *o = runner_parse(r, ev->obj);
	if (ev->type == CACHE_ADDED)
		runner_add(r, "", ev->obj->name);
	if (ev->type == CACHE_DELETED && str_eq(json_str_at(o, "spec.parentRef.resource"), "services"))
		runner_add(r, json_str_or(o, "spec.parentRef.namespace", ""), json_str_or(o, "spec.parentRef.name", ""));
}

static bool has_address(void *arg, const char *address)
{
	return bucket_get(addresses_of(arg), "", address) != NULL;
}

static json_t *service(struct sync *s, const char *ns, const char *name)
{
	return runner_parse(s->runner, bucket_get(api_bucket(s->api, "", "services"), ns, name));
}

static void sync_address(struct sync *s)
{
	if (*s->ns) {
		AUTO_JSON *svc = service(s, s->ns, s->name);
		service_address_plan(svc, has_address, s->runner, s->plan);
		return;
	}
	AUTO_JSON *address = runner_parse(s->runner, bucket_get(addresses_of(s->runner), "", s->name));
	if (!address)
		return;
	AUTO_JSON *svc = service(s, json_str_or(address, "spec.parentRef.namespace", ""), json_str_or(address, "spec.parentRef.name", ""));
	address_owner_plan(address, svc, s->plan);
}

const struct controller service_address_controller = {
	.name = "service-address-repair-controller",
	.component = "ipallocator-repair-controller",
	.workers = 1,
	.sources = { { "", "services", map_service }, { GROUP, "ipaddresses", map_address } },
	.sync = sync_address,
};

/* --- ranges --------------------------------------------------------------------------------------------------------------- */

static void add_range(void *arg, struct cobj *o)
{
	runner_add(arg, "", o->name);
}

static void map_range(struct runner *r, const struct cache_event *ev)
{
	if (ev->type == CACHE_DELETED || ev->obj->deleting)
		runner_each(api_bucket(runner_api(r), GROUP, "servicecidrs"), NULL, add_range, r);
	else
		runner_add(r, "", ev->obj->name);
}

static void add_deleting(void *arg, struct cobj *o)
{
	if (o->deleting)
		runner_add(arg, "", o->name);
}

static void map_freed(struct runner *r, const struct cache_event *ev)
{
	if (ev->type == CACHE_DELETED)
		runner_each(api_bucket(runner_api(r), GROUP, "servicecidrs"), NULL, add_deleting, r);
}

struct collected {
	struct sync *sync;
	json_t *list;
};

static void add_name(void *arg, struct cobj *o)
{
	struct collected *c = arg;
	json_array_append_new(c->list, json_string(o->name));
}

static void add_other(void *arg, struct cobj *o)
{
	struct collected *c = arg;
	if (strcmp(o->name, c->sync->name) != 0)
		json_array_append_new(c->list, runner_parse(c->sync->runner, o));
}

static void sync_range(struct sync *s)
{
	struct bucket *ranges = api_bucket(s->api, GROUP, "servicecidrs");
	AUTO_JSON *range = runner_parse(s->runner, bucket_get(ranges, "", s->name)), *others = json_array(), *addresses = json_array();
	if (!range)
		return;
	runner_each(ranges, NULL, add_other, &(struct collected){ s, others });
	if (object_deleting(range))
		runner_each(addresses_of(s->runner), NULL, add_name, &(struct collected){ s, addresses });
	service_range_plan(range, others, addresses, s->now_ms, s->plan);
}

const struct controller service_range_controller = {
	.name = "service-cidr-controller",
	.component = "service-cidr-controller",
	.workers = 1,
	.sources = { { GROUP, "servicecidrs", map_range }, { GROUP, "ipaddresses", map_freed } },
	.sync = sync_range,
};
