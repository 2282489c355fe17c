/* Metadata that the server owns. Purpose: uid, creationTimestamp, generation and deletion marks are never a client's to
 * set. Happy path: on create they are made, on update taken from the old state, and generation counts changes of what
 * is wanted. Nothing fails. */
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/rand.h"
#include "cp/api/write.h"

static const char *const owned[] = {
    "uid",        "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
    "generation", "selfLink"};

/* Those of them that an update may repeat; that they did not change is for validation to say. */
static const char *const judged[] = {"uid", "deletionTimestamp", "deletionGracePeriodSeconds", NULL};

void meta_prepare_create(const struct kind *k, const char *ns, json_t *object)
{
	json_t *meta = json_object_at(object, "metadata");
	char uid[37], now[RFC3339_MAX];
	for (size_t i = 0; i < ARRAY_LEN(owned); i++)
		json_object_del(meta, owned[i]);
	json_object_del(meta, "resourceVersion");
	if (k->namespaced)
		json_object_set_new(meta, "namespace", json_string(ns));
	else
		json_object_del(meta, "namespace");
	json_object_set_new(meta, "uid", json_string(rand_uuid(uid)));
	json_object_set_new(meta, "creationTimestamp", json_string(rfc3339(clock_wall_ms(), now)));
}

static bool same(const json_t *a, const json_t *b)
{
	return a == b || json_equal(a, b);
}

/* Everything but metadata and status, which is what generation counts; a status that is not written apart is a part of
 * the rest. */
static bool wanted_differs(const json_t *a, const json_t *b, bool apart)
{
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)a, key, value) if (strcmp(key, "metadata") != 0 && !(apart && strcmp(key, "status") == 0) &&
							 !same(value, json_object_get(b, key))) return true;
	json_object_foreach((json_t *)b, key, value) if (strcmp(key, "metadata") != 0 && !(apart && strcmp(key, "status") == 0) &&
							 !json_object_get(a, key)) return true;
	return false;
}

/* Members that are as they were become the old ones themselves: what follows sees it without comparing again, and they are not
 * kept twice. From here on both are only read. */
static void share_members(json_t *object, const json_t *old)
{
	const char *key;
	json_t *value;
	json_object_foreach(object, key, value) {
		json_t *was = strcmp(key, "metadata") ? json_object_get(old, key) : NULL;
		if (was && was != value && json_equal(value, was))
			json_object_set_nocheck(object, key, was); /* of a key that is there: the order stays */
	}
}

void meta_keep(json_t *object, const json_t *old)
{
	static const char *const told[] = {"labels", "annotations", "finalizers", "ownerReferences"};
	json_t *meta = json_object_at(object, "metadata"), *old_meta = json_object_get(old, "metadata");

	for (size_t i = 0; i < ARRAY_LEN(told); i++)
		json_take_member(meta, old_meta, told[i]);
}

void meta_prepare_update(const struct resource *res, json_t *object, const json_t *old)
{
	json_t *meta = json_object_at(object, "metadata"), *old_meta = json_object_get(old, "metadata");
	for (size_t i = 0; i < ARRAY_LEN(owned); i++) {
		if (strv_has((char *const *)judged, owned[i]) && json_object_get(meta, owned[i]))
			continue;
		json_take_member(meta, old_meta, owned[i]);
	}
	if (res->kind->namespaced)
		json_object_set(meta, "namespace", json_object_get(old_meta, "namespace"));
	if (!res->ops->reserve) /* which writes what it takes into the new one */
		share_members(object, old);
	bool told = (res->kind->counts_labels && !same(json_object_get(meta, "labels"), json_object_get(old_meta, "labels"))) ||
		    (res->kind->counts_annotations && !same(json_object_get(meta, "annotations"), json_object_get(old_meta, "annotations")));
	if (res->kind->counts_generation && !res->kind->generation_fixed &&
	    (told || wanted_differs(object, old, !res->kind->custom || res->kind->custom->has_status)))
		json_object_set_new(meta, "generation", json_integer(json_int_at(old, "metadata.generation", 0) + 1));
}
