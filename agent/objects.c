/* Watches of single ConfigMaps and Secrets.
 *
 * Happy path: the first pod that names an object starts an informer with a field selector, the last one stops it. What
 * can fail: the API server is away: objects stay "not looked up" or as they were last seen. What always holds: an
 * object is watched only while a pod names it, which is also all that a node may read. */
#include "agent/objects.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

struct entry {
	struct objects *owner;
	char *key, *ns, *name; /* key: "resource/ns/name" */
	struct informer *informer;
	bool looked_up;
	char **users; /* pod uids */
};

struct objects {
	struct api_client *api;
	struct map *entries;
	void (*on_change)(void *arg, const char *ns);
	void *arg;
};

static void entry_free(void *p)
{
	struct entry *en = p;
	informer_stop(en->informer);
	free(en->key);
	free(en->ns);
	free(en->name);
	free_strv(&en->users);
	free(en);
}

struct objects *objects_new(struct api_client *api, void (*on_change)(void *arg, const char *ns), void *arg)
{
	struct objects *o = xcalloc(1, sizeof(*o));
	*o = (struct objects){api, map_new(entry_free), on_change, arg};
	return o;
}

void objects_free(struct objects *o)
{
	if (!o)
		return;
	map_free(o->entries);
	free(o);
}

static void on_object(void *arg, const char *key, json_t *old_object, json_t *new_object)
{
	(void)key;
	(void)old_object;
	(void)new_object;
	struct entry *en = arg;
	if (en->looked_up)
		en->owner->on_change(en->owner->arg, en->ns);
}

static void on_synced(void *arg)
{
	struct entry *en = arg;
	en->looked_up = true;
	en->owner->on_change(en->owner->arg, en->ns);
}

static void want(struct objects *o, const char *resource, const char *ns, const char *name, const char *uid)
{
	static const struct informer_ops ops = {.on_change = on_object, .on_synced = on_synced};
	AUTO_FREE char *key = xasprintf("%s/%s/%s", resource, ns, name);
	struct entry *en = map_get(o->entries, key);
	if (str_empty(name) || !o->api)
		return;
	if (!en) {
		AUTO_FREE char *path = xasprintf("/api/v1/namespaces/%s/%s", ns, resource);
		AUTO_FREE char *field = xasprintf("metadata.name=%s", name);
		en = xcalloc(1, sizeof(*en));
		*en = (struct entry){.owner = o, .key = xstrdup(key), .ns = xstrdup(ns), .name = xstrdup(name)};
		map_set(o->entries, key, en);
		en->informer = informer_start(o->api, path, NULL, field, &ops, en);
	}
	if (!strv_has(en->users, uid))
		strv_add(&en->users, uid);
}

struct want_args {
	struct objects *o;
	const char *ns, *uid;
};

/* Every reference to an object by any of these members, wherever it stands in the spec. */
static void walk(const struct want_args *a, const json_t *j)
{
	static const struct {
		const char *member, *resource, *name;
	} refs[] = {{"configMapKeyRef", "configmaps", "name"},
		    {"secretKeyRef", "secrets", "name"},
		    {"configMapRef", "configmaps", "name"},
		    {"secretRef", "secrets", "name"},
		    {"configMap", "configmaps", "name"},
		    {"secret", "secrets", "secretName"},
		    {"secret", "secrets", "name"}};
	const char *key;
	json_t *v;
	size_t i;
	if (json_is_array(j)) {
		json_array_foreach(j, i, v) walk(a, v);
		return;
	}
	json_object_foreach((json_t *)j, key, v)
	{
		for (i = 0; i < ARRAY_LEN(refs); i++) {
			const char *name = !strcmp(key, refs[i].member) ? json_str_at(v, refs[i].name) : NULL;
			if (name)
				want(a->o, refs[i].resource, a->ns, name, a->uid);
		}
		walk(a, v);
	}
}

void objects_want(struct objects *o, const json_t *pod)
{
	struct want_args a = {o, json_str_or(pod, "metadata.namespace", "default"),
			      json_str_or(pod, "metadata.uid", "")};
	static const char *const parts[] = {"spec.initContainers", "spec.containers", "spec.ephemeralContainers", "spec.volumes"};
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		walk(&a, json_at(pod, parts[i]));
}

static void drop_user(struct entry *en, const char *uid)
{
	char **kept = NULL;
	for (char **u = en->users; u && *u; u++)
		if (strcmp(*u, uid))
			strv_add(&kept, *u);
	free_strv(&en->users);
	en->users = kept;
}

void objects_drop(struct objects *o, const char *uid)
{
	size_t at = 0;
	const char *key;
	struct entry *en;
	while (map_next(o->entries, &at, &key, &en)) {
		drop_user(en, uid);
		if (!strv_len(en->users))
			map_remove(o->entries, key);
	}
}

bool objects_ready(const struct objects *o, const char *uid)
{
	size_t at = 0;
	const char *key;
	struct entry *en;
	while (map_next(o->entries, &at, &key, &en))
		if (strv_has(en->users, uid) && !en->looked_up)
			return false;
	return true;
}

const json_t *objects_get(const struct objects *o, const char *resource, const char *ns, const char *name)
{
	AUTO_FREE char *key = xasprintf("%s/%s/%s", resource, ns, name), *inner = xasprintf("%s/%s", ns, name);
	const struct entry *en = map_get(o->entries, key);
	return en && en->informer ? informer_get(en->informer, inner) : NULL;
}
