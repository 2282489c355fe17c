/* What an apply makes of an object and its managers.
 *
 * It owns what it says; others keep what it agrees with; what the same applier said before and does not say any more goes, unless
 * somebody else manages it too. What can fail: it would change what others manage, or is no valid configuration. What always
 * holds: live and config stay as they are. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"
#include "cp/schema/managed_internal.h"

#define BEFORE_FIRST "before-first-apply"

void managed_conflicts_done(struct managed_conflicts *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->v[i].manager);
		free(c->v[i].path);
	}
	free(c->v);
	*c = (struct managed_conflicts){0};
}

struct conflict_sink {
	struct managed_conflicts *c;
	const struct owner *owner;
};

static char *owner_text(const struct owner *o)
{
	AUTO_STR text = STR_INIT;

	str_add_json(&text, o->manager);
	if (*o->subresource) {
		str_add(&text, " with subresource ");
		str_add_json(&text, o->subresource);
	}
	if (!o->applied)
		str_addf(&text, " using %s", o->api_version);
	return str_take(&text);
}

static void add_conflict(void *arg, const char *path)
{
	struct conflict_sink *s = arg;
	struct managed_conflicts *c = s->c;

	c->v = xrealloc(c->v, (c->n + 1) * sizeof(*c->v));
	c->v[c->n++] = (struct managed_conflict){owner_text(s->owner), xstrdup(path)};
}

/* What others manage of the changes, but for the paths that are allowed to change. */
static void find_conflicts(const struct owners *o, const struct owner *self, struct managed_diffs *diffs, const json_t *allowed,
			   struct managed_conflicts *ret)
{
	for (size_t i = 0; i < o->n; i++) {
		struct conflict_sink sink = {ret, &o->v[i]};

		if (&o->v[i] == self)
			continue;
		AUTO_JSON *both = fieldset_intersection(o->v[i].fields, managed_diffs_at(diffs, o->v[i].api_version)->changed);
		AUTO_JSON *conflict = fieldset_difference(both, allowed);

		fieldset_each(conflict, add_conflict, &sink);
	}
}

/* All that anybody manages of a version, for with_parents. */
static json_t *managed_fields(const struct owners *o, const struct type *t, const char *api_version)
{
	AUTO_JSON *all = NULL;

	for (size_t i = 0; i < o->n; i++) {
		if (api_version && strcmp(o->v[i].api_version, api_version) != 0)
			continue;
		json_t *more = fieldset_union(all, o->v[i].fields);

		json_decref(all);
		all = more;
	}
	return fieldset_with_parents(all, t);
}

static json_t *fields_with_parents(const struct type *t, const json_t *value)
{
	AUTO_JSON *fields = apply_fields(t, value);

	return fieldset_with_parents(fields, t);
}

/* An object in a version, and what was taken out of it. */
struct pruning {
	const struct managed_by *by;
	const struct owners *o;
	const char *api_version;
	json_t *merged, *pruned; /* owned */
};

static void pruning_done(struct pruning *p)
{
	json_decref(p->merged);
	json_decref(p->pruned);
}

/* Both in another version; false when there is none. */
static bool pruning_convert(struct pruning *p, const char *to, const struct type **ret_type)
{
	AUTO_JSON *merged = managed_convert(p->by, p->merged, p->api_version, to, ret_type),
		  *pruned = managed_convert(p->by, p->pruned, p->api_version, to, ret_type);

	if (!merged || !pruned)
		return false;
	pruning_done(p);
	p->merged = TAKE(merged);
	p->pruned = TAKE(pruned);
	p->api_version = to;
	return true;
}

/* Puts back what somebody manages in that version. */
static void put_back(struct pruning *p, const char *api_version)
{
	const struct type *t;

	if (!pruning_convert(p, api_version, &t))
		return;
	AUTO_JSON *all = fields_with_parents(t, p->merged), *rest = fields_with_parents(t, p->pruned);
	AUTO_JSON *owned = managed_fields(p->o, t, p->by->convert ? api_version : NULL), *keep = fieldset_union(rest, owned);
	AUTO_JSON *gone = fieldset_difference(all, keep);

	json_decref(p->pruned);
	p->pruned = apply_remove(t, p->merged, gone);
}

/* Versions but the first, each once. */
static void put_back_others(struct pruning *p, const char *first)
{
	AUTO_MAP *seen = map_new(NULL);

	map_set(seen, first, NULL);
	for (size_t i = 0; p->by->convert && i < p->o->n; i++) {
		const char *version = p->o->v[i].api_version;

		if (!map_has(seen, version))
			put_back(p, version);
		map_set(seen, version, NULL);
	}
}

/* merged without what this applier said last time, in the version of then, does not say any more, and nobody else manages. */
static json_t *drop_unsaid(const struct managed_by *by, const json_t *merged, const struct owners *o, const json_t *last,
			   const char *version)
{
	const struct type *t, *own;
	AUTO_JSON *then = fieldset_is_empty(last) ? NULL : managed_convert(by, merged, by->api_version, version, &t);

	if (!then)
		return json_incref((json_t *)merged);
	AUTO_JSON *said = fieldset_with_parents(last, t);
	AUTO(pruning_done) struct pruning p = {by, o, version, json_incref(then), apply_remove(t, then, said)};
	put_back(&p, version);
	put_back_others(&p, version);
	pruning_convert(&p, version, &t);
	AUTO_JSON *all = fields_with_parents(t, then), *left = fields_with_parents(t, p.pruned);
	AUTO_JSON *missing = fieldset_difference(all, left), *final = fieldset_intersection(missing, said);
	AUTO_JSON *out = apply_remove(t, then, final);
	json_t *back = managed_convert(by, out, version, by->api_version, &own);
	return back ? back : json_incref((json_t *)merged);
}

/* What the applier said last, and in which version. */
struct said {
	json_t *fields;
	char *api_version;
};

static void said_done(struct said *s)
{
	json_decref(s->fields);
	free(s->api_version);
}

static void claim(const struct managed_by *by, const json_t *config, struct owners *o, struct said *ret)
{
	AUTO_JSON *fields = apply_fields(by->type, config), *mine = fieldset_without(fields, by->ignored);
	struct owner *self = owners_find(o, by, by->manager, true);

	if (!self)
		self = owners_add(o, by, by->manager, true);
	*ret = (struct said){json_incref(self->fields), self->api_version};
	self->api_version = xstrdup(by->api_version);
	owner_set(self, managed_strip(mine));
}

static int settle(const struct managed_by *by, const json_t *live, const json_t *merged, bool force, struct owners *o,
		  struct managed_conflicts *ret, struct err *e)
{
	struct owner *self = owners_find(o, by, by->manager, true);
	AUTO_JSON *allowed = managed_last_applied(by, live);
	AUTO_MANAGED_DIFFS diffs;

	managed_diffs_init(&diffs, by, live, merged);
	if (!force)
		find_conflicts(o, self, &diffs, allowed, ret);
	if (ret->n)
		return err_set(e, -EEXIST, "%zu conflicts", ret->n);
	managed_take_from_others(o, self, &diffs);
	if (diffs.own.changed || diffs.own.d.removed)
		owner_touch(self, by->now);
	owners_prune(o);
	return 0;
}

int managed_apply(const struct managed_by *by, const json_t *live, const json_t *config, bool force, json_t **ret,
		  struct managed_conflicts *ret_conflicts, struct err *e)
{
	AUTO_JSON *empty = apply_empty(by->type), *before = NULL;
	AUTO(said_done) struct said last = {0};
	AUTO_OWNERS o = {0};
	int r = apply_check(by->type, config, e);

	*ret_conflicts = (struct managed_conflicts){0};
	if (r < 0)
		return r;
	before = live ? managed_without_managers(live) : json_incref(empty);
	owners_read(json_at(live, "metadata.managedFields"), &o);
	if (!o.n && live)
		managed_update_owners(by, BEFORE_FIRST, empty, before, &o);
	owners_reconcile(&o, by, before);
	claim(by, config, &o, &last);
	AUTO_JSON *merged = apply_merge(by->type, before, config);
	AUTO_JSON *object = drop_unsaid(by, merged, &o, last.fields, last.api_version);
	r = settle(by, before, object, force, &o, ret_conflicts, e);
	if (r < 0)
		return r;
	json_t *out = json_clone(object);
	managed_tell_applied(by, config, out);
	managed_write(&o, out);
	*ret = out;
	return 0;
}
