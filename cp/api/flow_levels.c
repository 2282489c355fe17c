/* Priority levels and schemas as they are stored. Purpose: the objects decide, from the turn of the loop after
 * their change. Happy path: a change marks the table; in the next turn it is made anew, levels keeping their queues. A
 * schema without its level is left out; without any of the mandatory objects (a cluster's first moment, or somebody has
 * deleted them) those that every cluster has stand in. A level without object goes with its last request. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "cp/api/flow_internal.h"

static const char *const plurals[] = {"prioritylevelconfigurations", "flowschemas"};
static const char *const mandatory[] = {"exempt", "catch-all"};

void flow_level_unref(struct flow_level *l)
{
	if (--l->refs)
		return;
	flow_queues_free(l->queues);
	free(l->name);
	free(l->uid);
	free(l);
}

struct flow_level *flow_level_named(const struct flow *f, const char *name)
{
	for (size_t i = 0; i < f->n_levels; i++)
		if (strcmp(f->levels[i]->name, name) == 0)
			return f->levels[i];
	return NULL;
}

static struct flow_level *level_new(struct flow *f, const char *name)
{
	struct flow_level *l = xcalloc(1, sizeof(*l));
	int64_t now = clock_mono_us();
	l->f = f;
	l->refs = 1;
	l->name = xstrdup(name);
	l->queues = flow_queues_new(&(struct flow_queues_config){0}, now);
	l->demand = (struct flow_demand){.since_us = now, .at_us = now};
	f->levels = xreallocarray(f->levels, f->n_levels + 1, sizeof(struct flow_level *));
	f->levels[f->n_levels++] = l;
	return l;
}

static void take_level(struct flow *f, const json_t *object)
{
	const char *name = json_str_or(object, "metadata.name", "");
	const json_t *response = json_at(object, "spec.limited.limitResponse");
	struct flow_level *l = flow_level_named(f, name);
	l = l ? l : level_new(f, name);
	double smoothed = l->share.smoothed;
	l->seen = true;
	free(l->uid);
	l->uid = xstrdup(json_str_or(object, "metadata.uid", ""));
	l->exempt = strcmp(json_str_or(object, "spec.type", ""), "Exempt") == 0;
	flow_share_read(object, &l->share);
	l->share.smoothed = smoothed;
	struct flow_queues_config c = {.exempt = l->exempt};
	if (!l->exempt && strcmp(json_str_or(response, "type", ""), "Queue") == 0)
		c = (struct flow_queues_config){.n = (unsigned)json_int_at(response, "queuing.queues", 64),
						.hand = (unsigned)json_int_at(response, "queuing.handSize", 8),
						.length_max = (unsigned)json_int_at(response, "queuing.queueLengthLimit", 50)};
	flow_queues_configure(l->queues, &c, clock_mono_us());
}

static void take_schema(struct flow *f, const json_t *object)
{
	struct flow_schema *s = flow_schema_new(object);
	const struct flow_level *l = flow_level_named(f, s->level);
	if (!l || !l->seen) {
		flow_schema_unref(s);
		return;
	}
	f->schemas = xreallocarray(f->schemas, f->n_schemas + 1, sizeof(struct flow_schema *));
	f->schemas[f->n_schemas++] = s;
}

static void on_level(void *arg, struct cobj *o)
{
	AUTO_JSON *object = cobj_parse(o);
	take_level(arg, object);
}

static void on_schema(void *arg, struct cobj *o)
{
	AUTO_JSON *object = cobj_parse(o);
	take_schema(arg, object);
}

static bool is_mandatory(const json_t *object)
{
	const char *name = json_str_or(object, "metadata.name", "");
	return strcmp(name, mandatory[0]) == 0 || strcmp(name, mandatory[1]) == 0;
}

static void on_wanted_level(void *arg, const json_t *object)
{
	const struct flow_level *l = flow_level_named(arg, json_str_or(object, "metadata.name", ""));
	if (is_mandatory(object) && (!l || !l->seen))
		take_level(arg, object);
}

static void on_wanted_schema(void *arg, const json_t *object)
{
	const struct flow *f = arg;
	bool there = false;
	for (size_t i = 0; i < f->n_schemas; i++)
		there = there || str_eq(f->schemas[i]->name, json_str_at(object, "metadata.name"));
	if (is_mandatory(object) && !there)
		take_schema(arg, object);
}

static void drop_schemas(struct flow *f)
{
	for (size_t i = 0; i < f->n_schemas; i++)
		flow_schema_unref(f->schemas[i]);
	free(TAKE(f->schemas));
	f->n_schemas = 0;
}

/* Levels whose object has gone stay while they have requests. */
static void drop_levels(struct flow *f)
{
	size_t n = 0;
	for (size_t i = 0; i < f->n_levels; i++) {
		struct flow_level *l = f->levels[i];
		struct flow_queues_view v = flow_queues_view(l->queues);
		l->quiescing = !l->seen;
		if (l->seen || v.running || v.waiting)
			f->levels[n++] = l;
		else
			flow_level_unref(l);
	}
	f->n_levels = n;
}

static int compare_levels(const void *a, const void *b)
{
	return strcmp((*(struct flow_level *const *)a)->name, (*(struct flow_level *const *)b)->name);
}

static void divide(struct flow *f)
{
	AUTO_FREE struct flow_share **v = xcalloc(f->n_levels + 1, sizeof(struct flow_share *));
	qsort(f->levels, f->n_levels, sizeof(struct flow_level *), compare_levels);
	for (size_t i = 0; i < f->n_levels; i++)
		v[i] = &f->levels[i]->share;
	flow_shares_divide(v, f->n_levels, f->config.max_requests + f->config.max_changing);
	for (size_t i = 0; i < f->n_levels; i++)
		flow_queues_set_seats(f->levels[i]->queues, (unsigned)v[i]->current);
}

static void sync(void *arg)
{
	struct flow *f = arg;
	for (size_t i = 0; i < f->n_levels; i++)
		f->levels[i]->seen = false;
	drop_schemas(f);
	bucket_list(api_bucket(f->api, FLOW_GROUP, plurals[0]), &(struct bucket_query){0}, on_level, f);
	flow_each_wanted("PriorityLevelConfiguration", on_wanted_level, f);
	bucket_list(api_bucket(f->api, FLOW_GROUP, plurals[1]), &(struct bucket_query){0}, on_schema, f);
	flow_each_wanted("FlowSchema", on_wanted_schema, f);
	qsort(f->schemas, f->n_schemas, sizeof(struct flow_schema *), flow_schema_compare);
	drop_levels(f);
	divide(f);
}

static void on_event(void *arg, const struct cache_event *ev)
{
	struct flow *f = arg;
	if (ev->type == CACHE_BOOKMARK)
		return;
	flow_keeper_wake(f->keeper);
	flow_levels_sync(f);
}

void flow_levels_sync(struct flow *f)
{
	if (!timer_is_active(f->sync_timer))
		timer_start(f->sync_timer, 0);
}

void flow_levels_start(struct flow *f)
{
	f->sync_timer = timer_new(f->api->loop, sync, f);
	sync(f);
	for (size_t i = 0; i < ARRAY_LEN(plurals); i++)
		bucket_watch(api_bucket(f->api, FLOW_GROUP, plurals[i]), UINT64_MAX, NULL, on_event, f, &f->watches[i], NULL);
}

void flow_levels_stop(struct flow *f)
{
	for (size_t i = 0; i < ARRAY_LEN(plurals); i++)
		cache_watch_stop(f->watches[i]);
	timer_free(f->sync_timer);
	drop_schemas(f);
	for (size_t i = 0; i < f->n_levels; i++)
		flow_level_unref(f->levels[i]);
	free(f->levels);
}
