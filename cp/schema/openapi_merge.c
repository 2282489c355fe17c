/* The OpenAPI of an extension server, taken into the server's own document of version 2.
 *
 * Happy path: each path of its group and version is copied, its references are followed, and each definition or shared
 * parameter that they reach is copied, too, under a name at which nothing else stands. What can fail: nothing; what is no
 * path item, or refers to nothing, is left out. What always holds: what the document had before is not changed, and
 * every reference leads somewhere. */
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/schema/openapi.h"

struct merge {
	json_t *into;
	const json_t *from;
	json_t *names; /* reference there -> reference here; null: it leads nowhere */
};

static json_t *take(struct merge *m, const json_t *value);

/* The two that documents share things in; "#/definitions/" and "#/parameters/". Splits a reference; false: another. */
static bool split_reference(const char *ref, char **ret_place, const char **ret_name)
{
	static const char *const places[] = {"definitions", "parameters"};

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		AUTO_FREE char *prefix = xasprintf("#/%s/", places[i]);

		if (!str_has_prefix(ref, prefix))
			continue;
		*ret_place = xstrdup(places[i]);
		*ret_name = ref + strlen(prefix);
		return true;
	}
	return false;
}

/* What stands behind a reference: the same here and there, or nothing here yet? Names in it are compared as they are. */
static char *free_name(const json_t *place, const char *name, const json_t *value, bool *ret_same)
{
	for (unsigned n = 1;; n++) {
		char *candidate = n == 1 ? xstrdup(name) : xasprintf("%s_v%u", name, n);
		const json_t *have = json_object_get(place, candidate);

		*ret_same = have && json_equal(have, value);
		if (!have || *ret_same)
			return candidate;
		free(candidate);
	}
}

/* The reference here that stands for one there; NULL: it leads nowhere. Valid as long as m. */
static const char *reference(struct merge *m, const char *ref)
{
	AUTO_FREE char *place = NULL;
	const char *name = NULL;
	json_t *known = json_object_get(m->names, ref);
	bool same;

	if (known)
		return json_string_value(known);
	const json_t *value = split_reference(ref, &place, &name) ? json_object_get(json_object_get(m->from, place), name) : NULL;
	if (!json_is_object(value)) {
		json_object_set_new(m->names, ref, json_null());
		return NULL;
	}
	json_t *all = json_object_at(m->into, place);
	AUTO_FREE char *chosen = free_name(all, name, value, &same), *path = xasprintf("#/%s/%s", place, chosen);
	/* Taken before the walk goes on: definitions refer to themselves. */
	json_object_set_new(m->names, ref, json_string(path));
	if (!same) {
		json_object_set_new(all, chosen, json_object());
		json_object_set_new(all, chosen, take(m, value));
	}
	return json_string_value(json_object_get(m->names, ref));
}

static json_t *take_object(struct merge *m, const json_t *value)
{
	json_t *o = json_object(), *member;
	const char *key;

	json_object_foreach((json_t *)value, key, member)
	{
		/* A schema may have a property of that name. */
		const char *ref = strcmp(key, "$ref") == 0 ? json_string_value(member) : NULL;

		if (!ref)
			json_object_set_new(o, key, take(m, member));
		else if ((ref = reference(m, ref)))
			json_object_set_new(o, key, json_string(ref));
	}
	return o;
}

static json_t *take(struct merge *m, const json_t *value)
{
	json_t *list, *member;
	size_t i;

	if (json_is_object(value))
		return take_object(m, value);
	if (!json_is_array(value))
		return json_clone(value);
	list = json_array();
	json_array_foreach(value, i, member) json_array_append_new(list, take(m, member));
	return list;
}

void openapi_v2_merge(json_t *document, const json_t *other, const char *group, const char *version)
{
	AUTO_FREE char *below = xasprintf("/apis/%s/%s/", group, version);
	AUTO_JSON *names = json_object();
	struct merge m = {document, other, names};
	json_t *paths = json_object_at(document, "paths"), *item;
	const char *path;

	json_object_foreach(json_object_get(other, "paths"), path, item)
	{
		if (str_has_prefix(path, below) && json_is_object(item) && !json_object_get(paths, path))
			json_object_set_new(paths, path, take(&m, item));
	}
}
