/* Heartbeats. Purpose: what only says "still alive" need not reach the disk. Happy path: compare without the times.
 * Nothing fails. */
#include "cp/api/heartbeat.h"

#include <string.h>

#include "base/json.h"

static json_t *without_times(const json_t *o, bool lease)
{
	json_t *copy = json_clone(o), *condition;
	size_t i;
	json_del_at(copy, "metadata.resourceVersion");
	json_del_at(copy, "metadata.managedFields");
	if (lease)
		json_del_at(copy, "spec.renewTime");
	else
		json_array_foreach(json_at(copy, "status.conditions"), i, condition)
		    json_object_del(condition, "lastHeartbeatTime");
	return copy;
}

bool heartbeat_only(const struct kind *k, const json_t *a, const json_t *b)
{
	bool lease = strcmp(k->kind, "Lease") == 0 && strcmp(k->group, "coordination.k8s.io") == 0;
	bool node = strcmp(k->kind, "Node") == 0 && !*k->group;
	if (!lease && !node)
		return false;
	AUTO_JSON *x = without_times(a, lease), *y = without_times(b, lease);
	return json_equal(x, y);
}
