/* What a write makes of the managers.
 *
 * An update owns what it changed and takes it from the others; an apply owns what it says, others keep what it agrees
 * with, and what the same applier said before and does not say any more goes, unless somebody else manages it too. What
 * can fail: an apply that would change what others manage, or one that is no valid configuration. What always holds:
 * live and config stay as they are; metadata that the server owns has no manager. */
#include "cp/schema/managed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/schema/managed_internal.h"

#define LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"
#define CLIENT_SIDE "kubectl"
#define BEFORE_FIRST "before-first-apply"

/* What nobody manages. */
static const json_t *servers_own(void)
{
	static const char *const metadata[] = {"name",	"namespace",  "creationTimestamp", "selfLink",	      "uid",
					       "clusterName", "generation", "managedFields",	   "resourceVersion"};
	static json_t *set;

	if (set)
		return set;
	set = json_pack("{s:{}, s:{}, s:{s:{}}}", "f:apiVersion", "f:kind", "f:metadata", ".");
	for (size_t i = 0; i < ARRAY_LEN(metadata); i++) {
		AUTO_ELEMENT name = {0};

		json_object_set_new(json_object_get(set, "f:metadata"), element_name(&name, metadata[i]), json_object());
	}
	return set;
}

static json_t *strip(const json_t *set)
{
	return fieldset_difference(set, servers_own());
}

static bool is_reset(const json_t *list)
{
	return json_array_size(list) == 1 && json_object_size(json_array_get(list, 0)) == 0;
}

/* The managers before the write: those that the request carries, else those of live. */
static void read_owners(const struct managed_by *by, const json_t *live, const json_t *object, struct owners *ret)
{
	const json_t *now = json_at(object, "metadata.managedFields"), *before = json_at(live, "metadata.managedFields");

	*ret = (struct owners){0};
	if (!*by->subresource && is_reset(now))
		return;
	if (*by->subresource || owners_read_foreign(now, ret) < 0 || !ret->n)
		owners_read(before, ret);
}

static void write_owners(struct owners *o, json_t *object)
{
	json_t *list = owners_json(o);

	if (list)
		json_set_at(object, "metadata.managedFields", list);
	else
		json_del_at(object, "metadata.managedFields");
}

static json_t *without_managers(const json_t *object)
{
	json_t *copy = json_copy((json_t *)object), *meta = json_copy(json_object_get(object, "metadata"));

	json_object_del(meta, "managedFields");
	if (meta)
		json_object_set_new(copy, "metadata", meta);
	return copy;
}

static void diff(const struct managed_by *by, const json_t *live, const json_t *object, struct apply_diff *ret)
{
	AUTO_JSON *before = without_managers(live), *after = without_managers(object);
	json_t **sets[] = {&ret->added, &ret->modified, &ret->removed};

	apply_compare(by->type, before, after, ret);
	for (size_t i = 0; by->ignored && i < ARRAY_LEN(sets); i++) {
		json_t *kept = fieldset_without(*sets[i], by->ignored);

		json_decref(*sets[i]);
		*sets[i] = kept;
	}
}

static json_t *changed_fields(const struct apply_diff *d)
{
	return fieldset_union(d->modified, d->added);
}

/* Takes from everybody but self what was changed or removed. */
static void take_from_others(struct owners *o, const struct owner *self, const json_t *changed, const json_t *removed)
{
	for (size_t i = 0; i < o->n; i++) {
		if (&o->v[i] == self)
			continue;
		AUTO_JSON *kept = fieldset_difference(o->v[i].fields, changed);

		owner_set(&o->v[i], fieldset_difference(kept, removed));
	}
}

static void update_owners(const struct managed_by *by, const char *manager, const json_t *live, const json_t *object,
			  const char *now, struct owners *o)
{
	AUTO_APPLY_DIFF d = {0};
	AUTO_JSON *changed = NULL, *mine = NULL;
	struct owner *self;

	diff(by, live, object, &d);
	changed = changed_fields(&d);
	mine = strip(changed);
	take_from_others(o, NULL, changed, d.removed);
	if (!fieldset_is_empty(mine)) {
		self = owners_find(o, by, manager, false);
		if (!self)
			self = owners_add(o, by, manager, false);
		owner_set(self, fieldset_union(self->fields, mine));
		owner_touch(self, now);
	}
	owners_prune(o);
}

void managed_update(const struct managed_by *by, const json_t *live, json_t *object)
{
	AUTO_JSON *empty = live ? NULL : apply_empty(by->type);
	AUTO_OWNERS o = {0};

	read_owners(by, live, object, &o);
	if (o.n || !live) {
		update_owners(by, by->manager, live ? live : empty, object, by->now, &o);
		owners_cap(&o);
	}
	write_owners(&o, object);
}

/* --- times ------------------------------------------------------------------------------------------------------------ */

/* Whether two lists of managers differ, and in times only. */
static bool only_times_differ(const json_t *a, const json_t *b)
{
	bool times = false;
	json_t *entry;
	size_t i;

	if (json_array_size(a) != json_array_size(b))
		return false;
	json_array_foreach(a, i, entry)
	{
		AUTO_JSON *x = json_copy(entry), *y = json_copy(json_array_get(b, i));

		times = times || !str_eq(json_member(x, "time"), json_member(y, "time"));
		json_object_del(x, "time");
		json_object_del(y, "time");
		if (!json_equal(x, y))
			return false;
	}
	return times;
}

static json_t *plain_metadata(const json_t *object)
{
	json_t *meta = json_copy(json_object_get(object, "metadata"));

	json_object_del(meta, "managedFields");
	json_object_del(meta, "resourceVersion");
	return meta;
}

static bool same_member(const json_t *a, const json_t *b, const char *key)
{
	const json_t *x = json_object_get(a, key), *y = json_object_get(b, key);

	return x == y || (x && y && json_equal(x, y));
}

/* What most writes change is looked at first. */
static bool same_but_metadata(const json_t *a, const json_t *b)
{
	const char *key;
	json_t *value;

	if (json_object_size(a) != json_object_size(b) || !same_member(a, b, "status") || !same_member(a, b, "spec"))
		return false;
	json_object_foreach((json_t *)a, key, value) if (strcmp(key, "status") && strcmp(key, "spec") && strcmp(key, "metadata") &&
							 !same_member(a, b, key)) return false;
	return true;
}

bool managed_keep_times(const json_t *live, json_t *object)
{
	json_t *before = json_at(live, "metadata.managedFields"), *now = json_at(object, "metadata.managedFields");

	if (!same_but_metadata(live, object) || !only_times_differ(before, now))
		return false;
	AUTO_JSON *old_meta = plain_metadata(live), *meta = plain_metadata(object);
	if (!json_equal(old_meta, meta))
		return false;
	json_object_set(json_object_get(object, "metadata"), "managedFields", before);
	return true;
}

/* --- apply ------------------------------------------------------------------------------------------------------------ */

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
static void find_conflicts(const struct owners *o, const struct owner *self, const json_t *changed, const json_t *allowed,
			   struct managed_conflicts *ret)
{
	for (size_t i = 0; i < o->n; i++) {
		struct conflict_sink sink = {ret, &o->v[i]};

		if (&o->v[i] == self)
			continue;
		AUTO_JSON *both = fieldset_intersection(o->v[i].fields, changed);
		AUTO_JSON *conflict = fieldset_difference(both, allowed);

		fieldset_each(conflict, add_conflict, &sink);
	}
}

/* What kubectl applied by itself, and nobody changed since, it may take over. Owned. */
static json_t *last_applied_fields(const struct managed_by *by, const json_t *live)
{
	const char *text = json_member(json_at(live, "metadata.annotations"), LAST_APPLIED);
	AUTO_JSON *applied = NULL, *fields = NULL, *changed = NULL;
	AUTO_APPLY_DIFF d = {0};

	if (strcmp(by->manager, CLIENT_SIDE) || !text || json_parse(text, strlen(text), &applied, NULL) < 0 ||
	    !str_eq(json_str_at(applied, "apiVersion"), by->api_version) || apply_check(by->type, applied, NULL) < 0)
		return NULL;
	fields = apply_fields(by->type, applied);
	apply_compare(by->type, applied, live, &d);
	changed = changed_fields(&d);
	AUTO_JSON *same = fieldset_difference(fields, changed);
	return fieldset_difference(same, d.removed);
}

/* All that anybody manages, for with_parents. */
static json_t *managed_fields(const struct owners *o, const struct type *t)
{
	AUTO_JSON *all = NULL;

	for (size_t i = 0; i < o->n; i++) {
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

/* merged without what this applier said last time, does not say any more, and nobody else manages. */
static json_t *drop_unsaid(const struct managed_by *by, const json_t *merged, const struct owners *o, const json_t *last)
{
	const struct type *t = by->type;

	if (fieldset_is_empty(last))
		return json_incref((json_t *)merged);
	AUTO_JSON *said = fieldset_with_parents(last, t), *stripped = apply_remove(t, merged, said);
	AUTO_JSON *all = fields_with_parents(t, merged), *rest = fields_with_parents(t, stripped);
	AUTO_JSON *owned = managed_fields(o, t), *keep = fieldset_union(rest, owned);
	AUTO_JSON *gone = fieldset_difference(all, keep), *pruned = apply_remove(t, merged, gone);
	AUTO_JSON *left = fields_with_parents(t, pruned), *missing = fieldset_difference(all, left);
	AUTO_JSON *final = fieldset_intersection(missing, said);
	return apply_remove(t, merged, final);
}

static struct owner *claim(const struct managed_by *by, const json_t *config, struct owners *o, json_t **ret_last)
{
	AUTO_JSON *fields = apply_fields(by->type, config), *mine = fieldset_without(fields, by->ignored);
	struct owner *self = owners_find(o, by, by->manager, true);

	if (!self)
		self = owners_add(o, by, by->manager, true);
	free(self->api_version);
	self->api_version = xstrdup(by->api_version);
	*ret_last = json_incref(self->fields);
	owner_set(self, strip(mine));
	return self;
}

/* Keys and values of annotations may be so many bytes together. */
static bool are_annotations_too_long(const json_t *annotations)
{
	size_t total = 0;
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)annotations, key, value) total += strlen(key) + json_string_length(value);
	return total > 256 * 1024;
}

/* A configuration as a line of text, in which nothing is mark-up. Owned. */
static char *told_line(const json_t *config)
{
	AUTO_FREE char *text = json_text(config);
	struct str out = STR_INIT;

	for (const char *p = text; *p; p++) {
		if (strchr("<>&", *p))
			str_addf(&out, "\\u%04x", *p);
		else
			str_addc(&out, *p);
	}
	str_addc(&out, '\n');
	return str_take(&out);
}

/* The annotation that kubectl's own apply left goes on telling what was applied, as long as there is room for it. */
static void keep_last_applied(const struct managed_by *by, const json_t *config, json_t *object)
{
	json_t *annotations = json_at(object, "metadata.annotations");
	const char *last = json_member(annotations, LAST_APPLIED);

	if (strcmp(by->manager, CLIENT_SIDE) || str_empty(last))
		return;
	AUTO_JSON *told = json_clone(config);
	json_object_del(json_at(told, "metadata.annotations"), LAST_APPLIED);
	AUTO_FREE char *line = told_line(told);
	json_object_set_new(annotations, LAST_APPLIED, json_string(line));
	if (are_annotations_too_long(annotations))
		json_object_del(annotations, LAST_APPLIED);
}

static int settle(const struct managed_by *by, const json_t *live, const json_t *merged, bool force, struct owner *self,
		  struct owners *o, struct managed_conflicts *ret, struct err *e)
{
	AUTO_APPLY_DIFF d = {0};
	AUTO_JSON *changed = NULL, *allowed = NULL;

	diff(by, live, merged, &d);
	changed = changed_fields(&d);
	allowed = last_applied_fields(by, live);
	if (!force)
		find_conflicts(o, self, changed, allowed, ret);
	if (ret->n)
		return err_set(e, -EEXIST, "%zu conflicts", ret->n);
	take_from_others(o, self, changed, d.removed);
	if (d.added || d.modified || d.removed)
		owner_touch(self, by->now);
	owners_prune(o);
	return 0;
}

int managed_apply(const struct managed_by *by, const json_t *live, const json_t *config, bool force, json_t **ret,
		  struct managed_conflicts *ret_conflicts, struct err *e)
{
	AUTO_JSON *empty = apply_empty(by->type), *last = NULL, *before = NULL;
	AUTO_OWNERS o = {0};
	int r = apply_check(by->type, config, e);

	*ret_conflicts = (struct managed_conflicts){0};
	if (r < 0)
		return r;
	before = live ? without_managers(live) : json_incref(empty);
	owners_read(json_at(live, "metadata.managedFields"), &o);
	if (!o.n && live)
		update_owners(by, BEFORE_FIRST, empty, before, by->now, &o);
	claim(by, config, &o, &last);
	AUTO_JSON *merged = apply_merge(by->type, before, config);
	AUTO_JSON *object = drop_unsaid(by, merged, &o, last);
	r = settle(by, before, object, force, owners_find(&o, by, by->manager, true), &o, ret_conflicts, e);
	if (r < 0)
		return r;
	json_t *out = json_clone(object);
	keep_last_applied(by, config, out);
	write_owners(&o, out);
	*ret = out;
	return 0;
}
