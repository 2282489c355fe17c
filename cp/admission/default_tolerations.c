/* DefaultTolerationSeconds. Purpose: a pod outlives its node's failure by five minutes unless it says otherwise. Happy
 * path: two tolerations are added where nothing tolerates those taints. Nothing fails. */
#include <string.h>

#include "base/mem.h"
#include "cp/admission/plugin.h"

#define SECONDS 300

static bool tolerates(const json_t *tolerations, const char *key)
{
	size_t i;
	json_t *t;
	json_array_foreach(tolerations, i, t)
	{
		const char *k = json_str_or(t, "key", ""), *effect = json_str_or(t, "effect", "");
		if ((!*k || !strcmp(k, key)) && (!*effect || !strcmp(effect, "NoExecute")))
			return true;
	}
	return false;
}

static json_t *toleration(const char *key)
{
	json_t *t = json_object();
	json_object_set_new(t, "key", json_string(key));
	json_object_set_new(t, "operator", json_string("Exists"));
	json_object_set_new(t, "effect", json_string("NoExecute"));
	json_object_set_new(t, "tolerationSeconds", json_integer(SECONDS));
	return t;
}

static json_t *mutate(struct admit *a)
{
	static const char *const keys[] = { "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable" };
	bool tolerated[ARRAY_LEN(keys)];
	json_t *spec = json_object_at(a->object, "spec");
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		tolerated[i] = tolerates(json_object_get(spec, "tolerations"), keys[i]);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (!tolerated[i])
			json_array_append_new(json_array_at(spec, "tolerations"), toleration(keys[i]));
	return NULL;
}

static const char *const kinds[] = { "Pod", NULL };
const struct admit_plugin default_tolerations_plugin = {
	.name = "DefaultTolerationSeconds",
	.ops = ADMIT_CREATE | ADMIT_UPDATE,
	.kinds = kinds,
	.mutate = mutate,
};
