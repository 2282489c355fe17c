/* The registry of custom resources. Purpose: a definition is served in the turn of the loop in which it was stored.
 * Happy path: the bucket of definitions is watched; each change is planned (names, conditions), its kinds replace the
 * old ones, and the status is written where it differs. What a definition replaces lives on in the requests that run by
 * it; its watches end, and their clients begin anew. A status that cannot be written is planned again with the next
 * change. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "cp/api/custom.h"
#include "cp/kinds/crd_names.h"

#define GROUP "apiextensions.k8s.io"
#define PLURAL "customresourcedefinitions"
#define USER "system:apiserver"

struct customs {
	struct api *api;
	struct map *served;   /* name of the definition -> struct custom * */
	struct map *cleanups; /* -> struct custom_cleanup * */
	struct bucket *definitions;
	struct cache_watch *watch;
};

static void sync_one(struct customs *s, const struct cobj *o);

/* --- serving ------------------------------------------------------------------------------------------------------ */

/* Documents of discovery and OpenAPI that speak of a group. */
static void forget_documents(struct api *a, const char *group)
{
	AUTO_FREE char *own = xasprintf("openapi apis/%s/", group), *page = xasprintf("openapi apis/%s ", group);
	const char *const prefixes[] = {"apis ", "openapi v2", own, page};
	size_t at = 0;
	const char *key;
	void *value;
	while (map_next(a->documents, &at, &key, &value))
		for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
			if (str_has_prefix(key, prefixes[i])) {
				map_remove(a->documents, key);
				break;
			}
}

static void withdraw(struct customs *s, const char *name)
{
	struct custom *c = map_steal(s->served, name);
	if (!c)
		return;
	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].served)
			schema_remove_kind(s->api->schema, &c->v[i].kind);
	forget_documents(s->api, c->group);
	watches_end(s->api, c);
	custom_unref(c);
}

static void serve(struct customs *s, const char *name, struct custom *c)
{
	withdraw(s, name);
	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].served)
			schema_add_kind(s->api->schema, &c->v[i].kind);
	map_set(s->served, name, c);
	forget_documents(s->api, c->group);
	for (size_t i = 0; i < s->api->n_listeners; i++)
		s->api->listeners[i].fn(s->api->listeners[i].arg, c->stored->resource.bucket);
}

/* Whether what is served says the same as the definition. */
static bool is_same(const struct custom *c, const json_t *crd)
{
	return json_equal(json_object_get(c->crd, "spec"), json_object_get(crd, "spec")) &&
	       json_equal(json_at(c->crd, "status.acceptedNames"), json_at(crd, "status.acceptedNames")) &&
	       c->terminating == (json_at(crd, "metadata.deletionTimestamp") != NULL) &&
	       str_eq(json_str_at(c->crd, "metadata.uid"), json_str_at(crd, "metadata.uid"));
}

static void serve_definition(struct customs *s, const char *name, const json_t *crd, uint64_t rev)
{
	struct custom *have = map_get(s->served, name);
	if (have && is_same(have, crd))
		return;
	/* A change of anything but the versions leaves what was stored as it is. */
	bool keeps = have && json_equal(json_at(have->crd, "spec.versions"), json_at(crd, "spec.versions"));
	struct custom *c = custom_new(s->api, crd, keeps ? have->since : rev);
	if (c->stored)
		serve(s, name, c);
	else
		custom_unref(c);
}

/* --- status ------------------------------------------------------------------------------------------------------- */

struct others {
	json_t *list;
	const char *group;
};

static void add_other(void *arg, struct cobj *o)
{
	struct others *all = arg;
	json_t *crd = cobj_parse(o);
	if (str_eq(json_str_at(crd, "spec.group"), all->group))
		json_array_append_new(all->list, crd);
	else
		json_decref(crd);
}

/* The definitions of a group. Owned. */
static json_t *same_group(const struct customs *s, const char *group)
{
	struct others all = {json_array(), group};
	bucket_list(s->definitions, &(struct bucket_query){0}, add_other, &all);
	return all.list;
}

static void on_status_written(void *arg, int status, json_t *answer, const struct err *e)
{
	AUTO_FREE char *name = arg;
	(void)answer;
	if (e && status != 409 && status != 404)
		log_warn("cannot write the status of a definition name=%s error=\"%s\"", name, err_text(e));
}

static void write_status(struct customs *s, const char *name, const json_t *crd)
{
	AUTO_FREE char *path =
	    xasprintf("/apis/" GROUP "/v1/" PLURAL "/%s/status?fieldManager=kube-apiserver", name);
	api_local(s->api, USER, "PUT", path, NULL, crd, on_status_written, xstrdup(name));
}

/* Definitions of the group that had to wait for a name. */
static void sync_waiting(struct customs *s, const char *group, const char *except)
{
	AUTO_JSON *all = same_group(s, group);
	size_t i;
	json_t *crd;
	json_array_foreach(all, i, crd)
	{
		const char *name = json_str_or(crd, "metadata.name", "");
		struct cobj *o = bucket_get(s->definitions, "", name);
		if (o && strcmp(name, except) != 0 && crd_condition_is(crd, "NamesAccepted", "False"))
			sync_one(s, o);
	}
}

static void sync_going(struct customs *s, const char *name, const json_t *crd)
{
	if (map_has(s->cleanups, name) || !json_array_size(json_at(crd, "metadata.finalizers")))
		return;
	map_set(s->cleanups, name, custom_cleanup_start(s->api, crd, map_get(s->served, name)));
}

static void sync_one(struct customs *s, const struct cobj *o)
{
	AUTO_JSON *crd = cobj_parse(o);
	bool going = json_at(crd, "metadata.deletionTimestamp") != NULL;
	AUTO_JSON *others = same_group(s, json_str_or(crd, "spec.group", ""));
	json_t *status = going ? NULL : crd_plan_status(crd, others, clock_wall_ms());
	bool changed = status && !json_equal(status, json_object_get(crd, "status"));
	if (status)
		json_object_set_new(crd, "status", status);
	if (crd_is_established(crd))
		serve_definition(s, o->name, crd, o->rev);
	if (changed)
		write_status(s, o->name, crd);
	if (going)
		sync_going(s, o->name, crd);
}

static void on_event(void *arg, const struct cache_event *ev)
{
	struct customs *s = arg;
	if (s->api->stopping)
		return;
	if (ev->type != CACHE_DELETED) {
		sync_one(s, ev->obj);
		return;
	}
	AUTO_JSON *crd = cobj_parse(ev->obj);
	custom_cleanup_stop(map_steal(s->cleanups, ev->obj->name));
	withdraw(s, ev->obj->name);
	sync_waiting(s, json_str_or(crd, "spec.group", ""), ev->obj->name);
}

/* --- life --------------------------------------------------------------------------------------------------------- */

static void sync_each(void *arg, struct cobj *o)
{
	sync_one(arg, o);
}

void customs_start(struct api *a)
{
	struct customs *s = xcalloc(1, sizeof(*s));
	s->api = a;
	s->served = map_new(NULL);
	s->cleanups = map_new(NULL);
	a->customs = s;
	s->definitions = api_bucket(a, GROUP, PLURAL);
	if (!s->definitions)
		return;
	bucket_list(s->definitions, &(struct bucket_query){0}, sync_each, s);
	bucket_watch(s->definitions, UINT64_MAX, NULL, on_event, s, &s->watch, NULL);
}

void customs_free(struct customs *s)
{
	size_t at = 0;
	const char *key;
	struct custom *c;
	struct custom_cleanup *d;
	if (!s)
		return;
	cache_watch_stop(s->watch);
	while (map_next(s->cleanups, &at, &key, &d))
		custom_cleanup_stop(d);
	at = 0;
	while (map_next(s->served, &at, &key, &c)) {
		for (size_t i = 0; i < c->n; i++)
			if (c->v[i].served)
				schema_remove_kind(s->api->schema, &c->v[i].kind);
		custom_unref(c);
	}
	map_free(s->served);
	map_free(s->cleanups);
	free(s);
}

const struct resource *customs_each(const struct customs *s, bool (*fn)(const struct resource *res, void *arg), void *arg)
{
	size_t at = 0;
	const char *key;
	struct custom *c;
	while (s && map_next(s->served, &at, &key, &c))
		for (size_t i = 0; i < c->n; i++)
			if (c->v[i].served && fn(&c->v[i].resource, arg))
				return &c->v[i].resource;
	return NULL;
}

const struct resource *customs_resource(const struct customs *s, const char *group, const char *version, const char *plural)
{
	AUTO_FREE char *name = xasprintf("%s.%s", plural, group);
	const struct custom *c = s ? map_get(s->served, name) : NULL;
	if (c && !version)
		return &c->stored->resource;
	for (size_t i = 0; c && i < c->n; i++) {
		bool reached = c->v[i].served || (c->terminating && c->v[i].storage); /* by whoever deletes the objects */
		if (reached && strcmp(c->v[i].kind.version, version) == 0)
			return &c->v[i].resource;
	}
	return NULL;
}
