/* What an informer keeps and tells. Happy path: a state whose resourceVersion is not the one that is kept is kept and
 * told, an object that is gone is told once. Nothing here fails. What always holds: what is kept is what
 * on_change has told. */
#include <stdlib.h>
#include <string.h>

#include "api/informer_internal.h"
#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/table.h"

static void object_free(void *object)
{
	json_decref(object);
}

/* All that a light informer keeps of an object: thousands of them are to be small. */
struct light_object {
	uint8_t list; /* the list, by number, that has told it last */
	char key[];   /* and behind its NUL the text of the revision */
};

static const void *light_key(const void *item, size_t *ret_len)
{
	const struct light_object *o = item;
	*ret_len = strlen(o->key);
	return o->key;
}

void informer_objects_init(struct informer *i)
{
	if (i->light)
		i->known = table_new(light_key);
	else
		i->objects = map_new(object_free);
}

void informer_objects_done(struct informer *i)
{
	size_t at = 0;
	struct light_object *o;
	while (i->known && (o = table_next(i->known, &at)))
		free(o);
	table_free(i->known);
	map_free(i->objects);
	map_free(i->seen);
}

void informer_begin_telling(struct informer *i)
{
	i->n_lists++;
	if (!i->light)
		i->seen = map_new(NULL);
}

void informer_end_telling(struct informer *i)
{
	map_free(TAKE(i->seen));
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

static struct light_object *light_find(const struct informer *i, const char *key)
{
	return table_get(i->known, key, strlen(key));
}

static void light_forget(struct informer *i, struct light_object *o)
{
	table_remove(i->known, o);
	free(o);
}

static void light_remember(struct informer *i, const char *key, const char *revision)
{
	size_t n = strlen(key) + 1, m = strlen(revision) + 1;
	struct light_object *o = xmalloc(sizeof(*o) + n + m);
	o->list = i->n_lists;
	memcpy(o->key, key, n);
	memcpy(o->key + n, revision, m);
	table_add(i->known, o);
}

static void keep_light(struct informer *i, const char *key, json_t *object)
{
	struct light_object *known = light_find(i, key);
	const char *revision = revision_of(object);
	json_object_del(json_at(object, "metadata"), "managedFields");
	if (known && str_eq(known->key + strlen(key) + 1, revision)) {
		known->list = i->n_lists;
		i->light->on_same(i->arg, key, object);
		return;
	}
	if (known)
		light_forget(i, known);
	light_remember(i, key, revision ? revision : "");
	i->ops->on_change(i->arg, key, NULL, object);
}

void informer_keep(struct informer *i, const char *key, json_t *object)
{
	if (i->light) {
		keep_light(i, key, object);
		return;
	}
	json_t *old = map_get(i->objects, key);
	if (i->seen)
		map_set(i->seen, key, i);
	if (old && str_eq(revision_of(old), revision_of(object)))
		return;
	json_object_del(json_at(object, "metadata"), "managedFields");
	json_incref(old);
	map_set(i->objects, key, json_incref(object));
	i->ops->on_change(i->arg, key, old, object);
	json_decref(old);
}

static void drop_light(struct informer *i, const char *key, json_t *last)
{
	struct light_object *known = light_find(i, key);
	if (!known)
		return;
	light_forget(i, known);
	i->ops->on_change(i->arg, key, last, NULL);
}

void informer_drop(struct informer *i, const char *key, json_t *last)
{
	if (i->light) {
		drop_light(i, key, last);
		return;
	}
	AUTO_JSON *old = map_steal(i->objects, key);
	if (!old)
		return;
	if (last)
		json_object_del(json_at(last, "metadata"), "managedFields");
	i->ops->on_change(i->arg, key, last ? last : old, NULL);
}

static char **find_unseen(const struct informer *i)
{
	char **gone = NULL;
	size_t at = 0;
	const char *key;
	void *value;
	const struct light_object *o;
	while (map_next(i->objects, &at, &key, &value))
		if (!map_has(i->seen, key))
			strv_add(&gone, key);
	for (at = 0; i->known && (o = table_next(i->known, &at));)
		if (o->list != i->n_lists)
			strv_add(&gone, o->key);
	return gone;
}

void informer_drop_unseen(struct informer *i)
{
	AUTO_STRV char **gone = find_unseen(i);
	for (char **k = gone; k && *k; k++)
		informer_drop(i, *k, NULL);
}

json_t *informer_get(const struct informer *i, const char *key)
{
	return map_get(i->objects, key);
}

size_t informer_len(const struct informer *i)
{
	return i->light ? table_len(i->known) : map_len(i->objects);
}

bool informer_next(const struct informer *i, size_t *at, const char **ret_key, json_t **ret_object)
{
	return map_next(i->objects, at, ret_key, ret_object);
}
