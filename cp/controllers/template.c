/* Pods of templates; pure, nothing can fail. */
#include "cp/controllers/template.h"

#include "base/json.h"
#include "cp/controllers/object.h"

json_t *template_pod(const json_t *template, const json_t *owner, const struct adopt_kind *kind)
{
	json_t *pod = json_pack("{s:s, s:s, s:{}}", "apiVersion", "v1", "kind", "Pod", "metadata");
	json_t *meta = json_object_get(pod, "metadata");
	static const char *const copied[] = {"labels", "annotations", "finalizers"};
	for (size_t i = 0; i < ARRAY_LEN(copied); i++) {
		json_t *v = json_object_get(json_object_get(template, "metadata"), copied[i]);
		if (v)
			json_object_set_new(meta, copied[i], json_deep_copy(v));
	}
	AUTO_FREE char *prefix = xasprintf("%s-", object_name(owner));
	json_object_set_new(meta, "generateName", json_string(prefix));
	json_object_set_new(meta, "ownerReferences",
			    json_pack("[o]", object_owner_ref(owner, kind->owner_api_version, kind->owner_kind)));
	json_object_set(pod, "spec", json_object_get(template, "spec"));
	return pod;
}

char *template_hash(const json_t *template, const json_t *collisions, char *ret)
{
	uint32_t hash = object_hash(OBJECT_HASH_INIT, template);
	if (json_is_integer(collisions))
		hash = object_hash(hash, collisions);
	return object_safe_encode(hash, ret);
}
