/* The garbage collector: owner references from the cache to gc_plan(), over every stored resource.
 *
 * The key is "bucket prefix|ns/name". The cache knows every object by uid and every object's dependents, so there is no
 * graph to keep: the end of an object brings up its dependents, an object with owners is looked at when it appears or
 * its owners change, and one that waits for dependents when they end. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/map.h"
#include "cp/controllers/gc_plan.h"
#include "cp/controllers/object.h"
#include "cp/controllers/table.h"

/* Everything about a stored resource that a key has to say again: found by "group/plural". */
static void add(struct runner *r, const struct kind *k, const struct cobj *o)
{
	AUTO_FREE char *key = xasprintf("%s/%s/%s/%s", k->group, k->plural, o->ns, o->name);
	runner_add_key(r, key);
}

static const struct kind *kind_of_bucket(struct runner *r, struct bucket *b)
{
	return api_kind_of_bucket(runner_api(r), b);
}

static const struct kind *kind_of_object(struct runner *r, const json_t *o)
{
	const char *version = json_str_or(o, "apiVersion", ""), *slash = strchr(version, '/');
	AUTO_FREE char *group = xstrndup(version, slash ? (size_t)(slash - version) : 0);
	return api_kind_named(runner_api(r), group, json_str_or(o, "kind", ""));
}

static void add_dependent(void *arg, struct bucket *b, struct cobj *o)
{
	const struct kind *k = kind_of_bucket(arg, b);
	if (k)
		add(arg, k, o);
}

/* The living owners that are being deleted: they may wait for this object. */
static void add_waiting_owners(struct runner *r, const struct cobj *o)
{
	struct cobj_owner owner;
	for (size_t i = 0; cobj_owner(o, i, &owner); i++) {
		struct cobj *found = cache_by_uid(api_cache(runner_api(r)), owner.uid);
		if (!found || !found->deleting)
			continue;
		AUTO_JSON *parsed = runner_parse(r, found);
		const struct kind *k = kind_of_object(r, parsed);
		if (k)
			add(r, k, found);
	}
}

static bool same_owners(const struct cobj *a, const struct cobj *b)
{
	struct cobj_owner x, y;
	for (size_t i = 0;; i++) {
		bool more = cobj_owner(a, i, &x);
		if (more != cobj_owner(b, i, &y))
			return false;
		if (!more)
			return true;
		if (!str_eq(x.uid, y.uid) || x.block != y.block)
			return false;
	}
}

static void map_object(struct runner *r, const struct cache_event *ev)
{
	struct cobj_owner owner;
	bool has_owner = cobj_owner(ev->obj, 0, &owner);
	if (ev->type == CACHE_DELETED || (ev->obj->deleting && !(ev->prev && ev->prev->deleting)))
		cache_dependents(api_cache(runner_api(r)), ev->obj->uid, add_dependent, r);
	if (has_owner)
		add_waiting_owners(r, ev->obj);
	if (ev->prev && cobj_owner(ev->prev, 0, &owner))
		add_waiting_owners(r, ev->prev);
	bool owners_changed = has_owner && !(ev->prev && same_owners(ev->obj, ev->prev));
	if (ev->type == CACHE_DELETED || !(owners_changed || ev->obj->deleting))
		return;
	AUTO_JSON *parsed = runner_parse(r, ev->obj);
	const struct kind *k = kind_of_object(r, parsed);
	if (k)
		add(r, k, ev->obj);
}

static enum gc_owner_state owner_state(struct sync *s, const char *ns, const json_t *ref)
{
	const struct kind *k = kind_of_object(s->runner, ref);
	if (!k)
		return GC_OWNER_UNKNOWN;
	struct bucket *b = api_bucket(s->api, k->group, k->plural);
	struct cobj *o =
	    k->namespaced && !*ns ? NULL : bucket_get(b, k->namespaced ? ns : "", json_str_or(ref, "name", ""));
	if (!o || !str_eq(o->uid, json_member(ref, "uid")))
		return GC_OWNER_ABSENT;
	AUTO_JSON *parsed = o->deleting ? runner_parse(s->runner, o) : NULL;
	return parsed && object_has_finalizer(parsed, "foregroundDeletion") ? GC_OWNER_WAITING : GC_OWNER_SOLID;
}

struct collecting {
	struct sync *sync;
	const char *uid;
	struct gc_dependent *v;
	size_t n;
};

static void collect(void *arg, struct bucket *b, struct cobj *o)
{
	struct collecting *c = arg;
	const struct kind *k = kind_of_bucket(c->sync->runner, b);
	struct cobj_owner owner;
	if (!k)
		return;
	AUTO_JSON *parsed = runner_parse(c->sync->runner, o);
	c->v = xreallocarray(c->v, c->n + 1, sizeof(*c->v));
	struct gc_dependent *d = &c->v[c->n++];
	*d = (struct gc_dependent){.path = object_path(k->group, k->version, o->ns, k->plural, o->name),
				   .uid = xstrdup(o->uid),
				   .owners = json_incref(json_at(parsed, "metadata.ownerReferences"))};
	d->waiting = o->deleting && object_has_finalizer(parsed, "foregroundDeletion");
	for (size_t i = 0; cobj_owner(o, i, &owner); i++)
		d->blocks |= owner.block && str_eq(owner.uid, c->uid);
}

static void collecting_done(struct collecting *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->v[i].path);
		free(c->v[i].uid);
		json_decref(c->v[i].owners);
	}
	free(c->v);
}

static void sync_object(struct sync *s)
{
	AUTO_STRV char **part = str_split(s->key, '/');
	struct bucket *b = strv_len(part) == 4 ? api_bucket(s->api, part[0], part[1]) : NULL;
	struct cobj *o = b ? bucket_get(b, part[2], part[3]) : NULL;
	if (!o)
		return;
	AUTO_JSON *object = runner_parse(s->runner, o);
	const struct kind *k = kind_of_object(s->runner, object);
	json_t *refs = json_at(object, "metadata.ownerReferences");
	size_t n = json_array_size(refs);
	AUTO_FREE enum gc_owner_state *owners = xcalloc(n + 1, sizeof(*owners));
	for (size_t i = 0; i < n; i++)
		owners[i] = owner_state(s, o->ns, json_array_get(refs, i));
	struct collecting c = {.sync = s, .uid = o->uid};
	cache_dependents(api_cache(s->api), o->uid, collect, &c);
	AUTO_FREE char *path = object_path(k ? k->group : part[0], k ? k->version : "v1", part[2], part[1], part[3]);
	struct gc_observed observed = {
	    .object = object, .path = path, .owners = owners, .dependents = c.v, .n_dependents = c.n};
	gc_plan(&observed, s->plan);
	collecting_done(&c);
}

const struct controller garbage_collector = {
    .name = "garbage-collector-controller",
    .component = "garbage-collector-controller",
    .workers = 20,
    .sources = {{NULL, "*", map_object}},
    .sync = sync_object,
};
