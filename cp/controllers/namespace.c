/* The namespace controller: what is left in namespaces that are being deleted, from the cache to namespace_plan(). */
#include "base/json.h"
#include "base/map.h"
#include "cp/controllers/namespace_plan.h"
#include "cp/controllers/table.h"

static struct cobj *terminating(struct api *a, const char *name)
{
	struct cobj *ns = bucket_get(api_bucket(a, "", "namespaces"), "", name);
	return ns && ns->deleting ? ns : NULL;
}

static void map_namespace(struct runner *r, const struct cache_event *ev)
{
	if (ev->obj->deleting && ev->type != CACHE_DELETED)
		runner_add(r, "", ev->obj->name);
}

/* What ends, or still appears, in a namespace that is being deleted. */
static void map_content(struct runner *r, const struct cache_event *ev)
{
	if (*ev->obj->ns && ev->type != CACHE_MODIFIED && terminating(runner_api(r), ev->obj->ns))
		runner_add(r, "", ev->obj->ns);
}

struct counting {
	struct runner *runner;
	int64_t count, undeleted;
	json_t *finalizers;
};

static void count_one(void *arg, struct cobj *o)
{
	struct counting *c = arg;
	c->count++;
	if (!o->deleting) {
		c->undeleted++;
		return;
	}
	AUTO_JSON *parsed = runner_parse(c->runner, o);
	size_t i;
	json_t *f;
	json_array_foreach(json_at(parsed, "metadata.finalizers"), i, f)
	{
		json_t *n = json_object_get(c->finalizers, json_string_value(f));
		json_object_set_new(c->finalizers, json_string_value(f), json_integer(json_integer_value(n) + 1));
	}
}

static json_t *content_of(struct sync *s)
{
	json_t *content = json_array();
	const struct kind *k;
	AUTO_MAP *seen = map_new(NULL);
	for (size_t i = 0; (k = schema_kind_nth(api_schema(s->api), i)); i++) {
		struct bucket *b = api_bucket(s->api, k->group, k->plural);
		AUTO_FREE char *id = xasprintf("%p", (void *)b);
		if (!k->namespaced || !b || map_has(seen, id))
			continue;
		map_set(seen, id, b);
		struct counting c = {.runner = s->runner, .finalizers = json_object()};
		runner_each(b, s->name, count_one, &c);
		if (c.count)
			json_array_append_new(content, json_pack("{s:s, s:s, s:s, s:I, s:I, s:O}", "group", k->group,
								 "version", k->version, "plural", k->plural, "count",
								 (json_int_t)c.count, "undeleted",
								 (json_int_t)c.undeleted, "finalizers", c.finalizers));
		json_decref(c.finalizers);
	}
	return content;
}

static void sync_namespace(struct sync *s)
{
	struct cobj *o = terminating(s->api, s->name);
	if (!o)
		return;
	AUTO_JSON *ns = runner_parse(s->runner, o);
	AUTO_JSON *content = content_of(s);
	namespace_plan(&(struct namespace_observed){.ns = ns, .content = content}, s->now_ms, s->plan);
}

const struct controller namespace_controller = {
    .name = "namespace-controller",
    .component = "namespace-controller",
    .workers = 5,
    .sources = {{"", "namespaces", map_namespace}, {NULL, "*", map_content}},
    .sync = sync_namespace,
};
