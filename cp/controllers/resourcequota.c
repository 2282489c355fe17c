/* The controller that counts what quotas limit: status.hard and status.used.
 *
 * Admission (cp/admission/quota.c) adds what new objects use; this counts again when objects go or a quota changes, soon
 * after the last change of a namespace. While requests are charged there, their objects may be missing: then it waits. */
#include "base/json.h"
#include "cp/controllers/resourcequota_plan.h"
#include "cp/controllers/table.h"
#include "cp/kinds/quota_usage.h"

enum { SETTLE_MS = 500, BUSY_MS = 200 };

static void add_quota(void *arg, struct cobj *o)
{
	runner_add_after(arg, o->ns, o->name, SETTLE_MS);
}

static void add_quotas_of(struct runner *r, const char *ns)
{
	struct bucket *quotas = api_bucket(runner_api(r), "", "resourcequotas");
	if (*ns && bucket_len(quotas))
		runner_each(quotas, ns, add_quota, r);
}

/* Of most kinds only their number counts. */
static void map_any(struct runner *r, const struct cache_event *ev)
{
	if (ev->type == CACHE_ADDED || ev->type == CACHE_DELETED)
		add_quotas_of(r, ev->obj->ns);
}

static void map_sized(struct runner *r, const struct cache_event *ev)
{
	if (ev->type == CACHE_MODIFIED)
		add_quotas_of(r, ev->obj->ns);
}

static void map_quota(struct runner *r, const struct cache_event *ev)
{
	if (ev->type != CACHE_DELETED)
		runner_add(r, ev->obj->ns, ev->obj->name);
}

struct count {
	struct runner *runner;
	const json_t *quota;
	const struct kind *kind;
	json_t *used;
};

static void count_one(void *arg, struct cobj *o)
{
	struct count *c = arg;
	AUTO_JSON *object = runner_parse(c->runner, o);
	resourcequota_count(c->quota, c->kind, object, c->used);
}

/* A resource in several versions is counted once. */
static bool is_first(const struct schema *schema, const struct kind *k)
{
	const struct kind *other;
	for (size_t i = 0; (other = schema_kind_nth(schema, i)) != k; i++)
		if (str_eq(other->plural, k->plural) && str_eq(other->group, k->group))
			return false;
	return true;
}

static void sync_quota(struct sync *s)
{
	AUTO_JSON *quota = runner_parse(s->runner, bucket_get(api_bucket(s->api, "", "resourcequotas"), s->ns, s->name));
	AUTO_JSON *used = json_object();
	const struct kind *k;
	if (!quota)
		return;
	if (api_quota_is_busy(s->api, s->ns)) {
		plan_again(s->plan, BUSY_MS);
		return;
	}
	for (size_t i = 0; (k = schema_kind_nth(api_schema(s->api), i)); i++) {
		AUTO_STRV char **names = k->namespaced ? quota_resources(k, json_at(quota, "spec.hard")) : NULL;
		struct bucket *b = names ? api_bucket(s->api, k->group, k->plural) : NULL;
		struct count c = {s->runner, quota, k, used};
		if (b && is_first(api_schema(s->api), k))
			runner_each(b, s->ns, count_one, &c);
	}
	resourcequota_plan(quota, used, s->plan);
}

const struct controller resourcequota_controller = {
    .name = "resourcequota-controller",
    .component = "resourcequota-controller",
    .workers = 2,
    .sources = {{"", "resourcequotas", map_quota},
		{NULL, "*", map_any},
		{"", "pods", map_sized},
		{"", "services", map_sized},
		{"", "persistentvolumeclaims", map_sized}},
    .sync = sync_quota,
};
