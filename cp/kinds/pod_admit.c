/* What the admission of a pod adds, and its quality-of-service class. */
#include <string.h>

#include "api/quantity.h"
#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"

static bool tolerates(const json_t *tolerations, const char *key)
{
	size_t i;
	json_t *t;
	json_array_foreach(tolerations, i, t) {
		const char *k = json_str_or(t, "key", ""), *effect = json_str_or(t, "effect", "");
		if ((!*k || !strcmp(k, key)) && (!*effect || !strcmp(effect, "NoExecute")))
			return true;
	}
	return false;
}

/* A pod outlives its node's failure by five minutes unless it says otherwise. */
static void add_tolerations(json_t *spec)
{
	static const char *const keys[] = { "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable" };
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		json_t *list = json_object_get(spec, "tolerations");
		if (tolerates(list, keys[i]))
			continue;
		if (!list)
			json_object_set_new(spec, "tolerations", list = json_array());
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:i}", "key", keys[i], "operator", "Exists", "effect", "NoExecute",
						      "tolerationSeconds", 300));
	}
}

void pod_admit(json_t *pod)
{
	json_t *spec = json_object_get(pod, "spec");
	if (!spec)
		return;
	add_tolerations(spec);
	/* A static pod's image in the API has no account: nothing here could give it one. */
	if (!json_object_get(json_at(pod, "metadata.annotations"), "kubernetes.io/config.mirror")) {
		set_default(spec, "serviceAccountName", json_string("default"));
		json_object_set(spec, "serviceAccount", json_object_get(spec, "serviceAccountName"));
	}
	set_default(spec, "priority", json_integer(0));
	set_default(spec, "preemptionPolicy", json_string("PreemptLowerPriority"));
}

static bool positive(const json_t *list, const char *name)
{
	int64_t v = 0;
	const char *text = json_member(list, name);
	return text && quantity_parse_milli(text, &v) == 0 && v > 0;
}

const char *pod_qos_class(const json_t *pod_spec)
{
	static const char *const lists[] = { "containers", "initContainers" }, *const names[] = { "cpu", "memory" };
	bool any = false, guaranteed = true;
	for (size_t l = 0; l < ARRAY_LEN(lists); l++) {
		size_t i;
		json_t *c;
		json_array_foreach(json_object_get(pod_spec, lists[l]), i, c) {
			const json_t *requests = json_at(c, "resources.requests"), *limits = json_at(c, "resources.limits");
			for (size_t n = 0; n < ARRAY_LEN(names); n++) {
				bool has_limit = positive(limits, names[n]), has_request = positive(requests, names[n]);
				any |= has_limit || has_request;
				if (!has_limit || (has_request && quantity_compare(json_member(requests, names[n]), json_member(limits, names[n]))))
					guaranteed = false;
			}
		}
	}
	return !any ? "BestEffort" : guaranteed ? "Guaranteed" : "Burstable";
}
