/* What a create or update makes of the managers: it owns what it changed and takes it from the others. Nothing fails. What always
 * holds: live stays as it is; metadata that the server owns has no manager. */
#include "cp/schema/managed.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/schema/managed_internal.h"

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

json_t *managed_strip(const json_t *set)
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

void managed_write(struct owners *o, json_t *object)
{
	json_t *list = owners_json(o);

	if (list)
		json_set_at(object, "metadata.managedFields", list);
	else
		json_del_at(object, "metadata.managedFields");
}

json_t *managed_without_managers(const json_t *object)
{
	json_t *copy = json_copy((json_t *)object), *meta = json_copy(json_object_get(object, "metadata"));

	json_object_del(meta, "managedFields");
	if (meta)
		json_object_set_new(copy, "metadata", meta);
	return copy;
}

void managed_take_from_others(struct owners *o, const struct owner *self, struct managed_diffs *diffs)
{
	for (size_t i = 0; i < o->n; i++) {
		if (&o->v[i] == self)
			continue;
		const struct managed_diff *d = managed_diffs_at(diffs, o->v[i].api_version);
		AUTO_JSON *kept = fieldset_difference(o->v[i].fields, d->changed);

		owner_set(&o->v[i], fieldset_difference(kept, d->d.removed));
	}
}

void managed_update_owners(const struct managed_by *by, const char *manager, const json_t *live, const json_t *object, struct owners *o)
{
	AUTO_JSON *before = managed_without_managers(live), *after = managed_without_managers(object);
	AUTO_MANAGED_DIFFS diffs;

	managed_diffs_init(&diffs, by, before, after);
	owners_reconcile(o, by, before);
	AUTO_JSON *mine = managed_strip(diffs.own.changed);
	managed_take_from_others(o, NULL, &diffs);
	if (!fieldset_is_empty(mine)) {
		struct owner *self = owners_find(o, by, manager, false);
		if (!self)
			self = owners_add(o, by, manager, false);
		owner_set(self, fieldset_union(self->fields, mine));
		owner_touch(self, by->now);
	}
	owners_prune(o);
}

void managed_update(const struct managed_by *by, const json_t *live, json_t *object)
{
	AUTO_JSON *empty = live ? NULL : apply_empty(by->type);
	AUTO_OWNERS o = {0};

	read_owners(by, live, object, &o);
	if (o.n || !live) {
		managed_update_owners(by, by->manager, live ? live : empty, object, &o);
		owners_cap(&o);
	}
	managed_write(&o, object);
}
