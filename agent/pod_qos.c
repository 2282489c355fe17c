/* Quality of service: Guaranteed where every container limits what it requests, BestEffort where none asks for
 * anything. Pure. Kubernetes concepts, Pod QoS classes. */
#include <string.h>

#include "agent/pod_status.h"
#include "api/quantity.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

struct seen {
	bool any, all_limited;
};

static int64_t amount(const json_t *container, const char *what, const char *resource)
{
	int64_t v = 0;
	const char *text = json_str_at(json_at(container, what), resource);
	return text && quantity_parse_milli(text, &v) == 0 ? v : 0;
}

static void look(const json_t *container, struct seen *seen)
{
	static const char *const resources[] = {"cpu", "memory"};
	for (size_t i = 0; i < ARRAY_LEN(resources); i++) {
		int64_t limit = amount(container, "resources.limits", resources[i]);
		int64_t request = amount(container, "resources.requests", resources[i]);
		seen->any |= limit || request;
		seen->all_limited &= limit && (!request || request == limit);
	}
}

const char *pod_qos(const json_t *pod)
{
	static const char *const lists[] = {"spec.initContainers", "spec.containers"};
	struct seen seen = {false, true};
	const json_t *own = json_at(pod, "spec.resources");
	if (json_object_size(json_object_get(own, "limits")) || json_object_size(json_object_get(own, "requests"))) {
		look(json_object_get(pod, "spec"), &seen);
	} else {
		for (size_t l = 0; l < ARRAY_LEN(lists); l++) {
			size_t i;
			json_t *c;
			json_array_foreach(json_at(pod, lists[l]), i, c) look(c, &seen);
		}
	}
	return !seen.any ? "BestEffort" : seen.all_limited ? "Guaranteed" : "Burstable";
}
