/* A pod's quality-of-service class, by what its containers ask for. */
#include <string.h>

#include "api/quantity.h"
#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"

static bool positive(const json_t *list, const char *name)
{
	int64_t v = 0;
	const char *text = json_member(list, name);
	return text && quantity_parse_milli(text, &v) == 0 && v > 0;
}

/* What the pod as a whole asks for stands for its containers. */
static const char *class_of_whole(const json_t *requests, const json_t *limits)
{
	static const char *const names[] = { "cpu", "memory" };
	bool any = false, guaranteed = true;
	for (size_t n = 0; n < ARRAY_LEN(names); n++) {
		bool both = positive(requests, names[n]) && positive(limits, names[n]);
		any |= positive(requests, names[n]) || positive(limits, names[n]);
		guaranteed &= both && !quantity_compare(json_member(requests, names[n]), json_member(limits, names[n]));
	}
	return !any ? "BestEffort" : guaranteed ? "Guaranteed" : "Burstable";
}

const char *pod_qos_class(const json_t *pod_spec)
{
	const json_t *whole = json_object_get(pod_spec, "resources");
	if (whole)
		return class_of_whole(json_object_get(whole, "requests"), json_object_get(whole, "limits"));
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
