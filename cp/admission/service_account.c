/* ServiceAccount. Purpose: a pod has an account. Happy path: the default one, where the pod names none; a static pod's
 * image in the API has none, as nothing here could give it one. Nothing fails. */
#include "base/mem.h"
#include "cp/admission/plugin.h"

static json_t *mutate(struct admit *a)
{
	json_t *spec = json_object_get(a->object, "spec");
	if (!spec || json_object_get(json_at(a->object, "metadata.annotations"), "kubernetes.io/config.mirror"))
		return NULL;
	if (str_empty(json_str_at(spec, "serviceAccountName")))
		json_set_str(spec, "serviceAccountName", "default");
	json_object_set(spec, "serviceAccount", json_object_get(spec, "serviceAccountName"));
	return NULL;
}

static const char *const kinds[] = { "Pod", NULL };
const struct admit_plugin service_account_plugin = {
	.name = "ServiceAccount",
	.ops = ADMIT_CREATE,
	.kinds = kinds,
	.mutate = mutate,
};
