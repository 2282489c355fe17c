/* What an informer keeps and tells. Happy path: a state whose resourceVersion is not the one that is kept is kept and
 * told, an object that is gone is told once. Nothing here fails. What always holds: the map is what on_change has told. */
#include <stdlib.h>
#include <string.h>

#include "api/informer_internal.h"
#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"

static void object_free(void *object)
{
	json_decref(object);
}

struct map *informer_objects_new(bool light)
{
	return map_new(light ? free : object_free);
}

char *informer_key(const json_t *object)
{
	const char *namespace_ = json_str_at(object, "metadata.namespace"),
		   *name = json_str_at(object, "metadata.name");
	if (str_empty(name))
		return NULL;
	return str_empty(namespace_) ? xstrdup(name) : xasprintf("%s/%s", namespace_, name);
}

static const char *revision_of(const json_t *object)
{
	return json_str_at(object, "metadata.resourceVersion");
}

static void keep_light(struct informer *i, const char *key, json_t *object)
{
	const char *known = map_get(i->objects, key), *revision = revision_of(object);
	json_object_del(json_at(object, "metadata"), "managedFields");
	if (known && str_eq(known, revision)) {
		i->light->on_same(i->arg, key, object);
		return;
	}
	map_set(i->objects, key, xstrdup(revision ? revision : ""));
	i->ops->on_change(i->arg, key, NULL, object);
}

void informer_keep(struct informer *i, const char *key, json_t *object)
{
	if (i->light) {
		keep_light(i, key, object);
		return;
	}
	json_t *old = map_get(i->objects, key);
	if (old && str_eq(revision_of(old), revision_of(object)))
		return;
	json_object_del(json_at(object, "metadata"), "managedFields");
	json_incref(old);
	map_set(i->objects, key, json_incref(object));
	i->ops->on_change(i->arg, key, old, object);
	json_decref(old);
}

void informer_drop(struct informer *i, const char *key, json_t *last)
{
	if (i->light) {
		if (map_has(i->objects, key)) {
			map_remove(i->objects, key);
			i->ops->on_change(i->arg, key, last, NULL);
		}
		return;
	}
	AUTO_JSON *old = map_steal(i->objects, key);
	if (!old)
		return;
	if (last)
		json_object_del(json_at(last, "metadata"), "managedFields");
	i->ops->on_change(i->arg, key, last ? last : old, NULL);
}

void informer_drop_unseen(struct informer *i)
{
	AUTO_STRV char **gone = NULL;
	size_t at = 0;
	const char *key;
	void *value;
	while (map_next(i->objects, &at, &key, &value))
		if (!map_has(i->seen, key))
			strv_add(&gone, key);
	for (char **k = gone; k && *k; k++)
		informer_drop(i, *k, NULL);
}

json_t *informer_get(const struct informer *i, const char *key)
{
	return map_get(i->objects, key);
}

size_t informer_len(const struct informer *i)
{
	return map_len(i->objects);
}

bool informer_next(const struct informer *i, size_t *at, const char **ret_key, json_t **ret_object)
{
	return map_next(i->objects, at, ret_key, ret_object);
}
