/* Managers of a workload's replicas, as its scale subresource shows them.
 *
 * To the scale belong the entries that manage the replicas, with that one path and the scale's version. Back come those that
 * the write left or made: who does not manage the scale's replicas any more loses those of the workload, whoever is new gets
 * an entry without a time. What always holds: an entry of a version that is not known is not in the result. */
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/schema/managed_internal.h"
#include "cp/schema/managed_scale.h"

#define SCALE_VERSION "autoscaling/v1"

/* The set of one path ("spec.replicas"). Owned. */
static json_t *path_set(const char *path)
{
	AUTO_STRV char **names = str_split(path, '.');
	json_t *set = json_object();

	for (size_t i = strv_len(names); i-- > 0;) {
		AUTO_ELEMENT name = {0};
		json_t *above = json_object();

		json_object_set_new_nocheck(above, element_name(&name, names[i]), set);
		set = above;
	}
	return set;
}

static bool has_path(const json_t *set, const char *path)
{
	AUTO_JSON *wanted = path_set(path), *both = fieldset_intersection(set, wanted);

	return !fieldset_is_empty(both);
}

json_t *managed_scale_show(const struct managed_scale *s, const json_t *managers)
{
	AUTO_OWNERS all = {0}, shown = {0};
	struct managed_by by = {.api_version = SCALE_VERSION};

	owners_read(managers, &all);
	for (size_t i = 0; i < all.n; i++) {
		const struct owner *from = &all.v[i];
		const char *path = s->path(s->arg, from->api_version);

		if (str_empty(path) || !has_path(from->fields, path))
			continue;
		by.subresource = from->subresource;
		struct owner *to = owners_add(&shown, &by, from->manager, from->applied);
		owner_set(to, path_set(MANAGED_SCALE_REPLICAS));
		owner_touch(to, from->time);
	}
	return owners_json(&shown);
}

/* Versions are a part of who an updater is. */
static struct owner *same_owner(struct owners *in, const struct owner *o, bool versions)
{
	for (size_t i = 0; i < in->n; i++) {
		struct owner *w = &in->v[i];

		if (w->applied == o->applied && !strcmp(w->manager, o->manager) && !strcmp(w->subresource, o->subresource) &&
		    (w->applied || !versions || !strcmp(w->api_version, o->api_version)))
			return w;
	}
	return NULL;
}

static void take_path(struct owner *o, const char *path)
{
	AUTO_JSON *set = path_set(path);

	owner_set(o, fieldset_difference(o->fields, set));
}

json_t *managed_scale_store(const struct managed_scale *s, const json_t *managers, const json_t *shown)
{
	AUTO_OWNERS all = {0}, scale = {0};
	struct managed_by by = {.api_version = s->api_version};

	owners_read(managers, &all);
	owners_read(shown, &scale);
	for (size_t i = 0; i < all.n; i++) {
		struct owner *o = &all.v[i], *left = same_owner(&scale, o, true);
		const char *path = s->path(s->arg, o->api_version);

		if (!path) {
			owner_set(o, NULL); /* goes */
		} else if (*path && has_path(o->fields, path)) {
			if (left)
				owner_set(left, NULL);
			else
				take_path(o, path);
		}
	}
	for (size_t i = 0; i < scale.n; i++) {
		if (!has_path(scale.v[i].fields, MANAGED_SCALE_REPLICAS))
			continue;
		by.subresource = scale.v[i].subresource;
		owner_set(owners_add(&all, &by, scale.v[i].manager, scale.v[i].applied), path_set(s->path(s->arg, s->api_version)));
	}
	owners_prune(&all);
	return owners_json(&all);
}
