/* A Node's status from the facts of the machine. Nothing here can fail. */
#include <string.h>

#include "agent/node.h"
#include "agent/node_info.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

static const json_t *find_condition(const json_t *status, const char *type)
{
	return json_find(json_object_get(status, "conditions"), "type", type);
}

static void add_condition(json_t *list, const struct node_status_in *in, const char *type, bool value,
			  const char *reason, const char *message)
{
	char now[RFC3339_MAX];
	const json_t *old = find_condition(in->previous, type);
	const char *text = value ? "True" : "False", *since = json_str_at(old, "lastTransitionTime");
	rfc3339(in->now_ms, now);
	if (!since || !str_eq(json_str_at(old, "status"), text))
		since = now;
	json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "lastHeartbeatTime", now,
					      "lastTransitionTime", since, "message", message, "reason", reason,
					      "status", text, "type", type));
}

static void add_pressure(json_t *list, const struct node_status_in *in, const char *type, bool low, const char *what,
			 const char *good, const char *bad)
{
	AUTO_FREE char *fine = xasprintf("kubelet has %s", good), *poor = xasprintf("kubelet has %s", bad);
	AUTO_FREE char *yes = xasprintf("KubeletHas%s", what),
		       *no = xasprintf("KubeletHas%s%s", type[0] == 'D' ? "No" : "Sufficient",
				       type[0] == 'D'   ? "DiskPressure"
				       : type[0] == 'M' ? "Memory"
							: "PID");
	add_condition(list, in, type, low, low ? yes : no, low ? poor : fine);
}

json_t *node_status(const struct node_status_in *in)
{
	const struct agent_config *c = in->agent->config;
	json_t *list = json_array(), *o = json_object(), *addresses = json_array();
	add_pressure(list, in, "MemoryPressure", node_memory_low(), "InsufficientMemory", "sufficient memory available",
		     "insufficient memory available");
	add_pressure(list, in, "DiskPressure", node_disk_low(c->root_dir), "DiskPressure", "no disk pressure",
		     "disk pressure");
	add_pressure(list, in, "PIDPressure", node_pids_low(), "InsufficientPID", "sufficient PID available",
		     "insufficient PID available");
	if (in->network_error) {
		AUTO_FREE char *text =
		    xasprintf("container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady "
			      "message:Network plugin returns error: %s",
			      in->network_error);
		add_condition(list, in, "Ready", false, "KubeletNotReady", text);
	} else {
		add_condition(list, in, "Ready", true, "KubeletReady", "kubelet is posting ready status");
	}
	AUTO_STRV char **ips = str_split(c->node_ip, ',');
	for (char **ip = ips; ip && *ip; ip++)
		json_array_append_new(addresses, json_pack("{s:s, s:s}", "address", *ip, "type", "InternalIP"));
	json_array_append_new(addresses, json_pack("{s:s, s:s}", "address", c->node_name, "type", "Hostname"));
	json_object_set_new(o, "addresses", addresses);
	json_object_set_new(o, "allocatable", node_allocatable(in->capacity));
	json_object_set_new(o, "capacity", json_deep_copy(in->capacity));
	json_object_set_new(o, "conditions", list);
	json_object_set_new(o, "daemonEndpoints", json_pack("{s:{s:i}}", "kubeletEndpoint", "Port", c->port));
	json_object_set_new(o, "images", node_images(in->agent->images));
	json_object_set_new(o, "nodeInfo", json_deep_copy(in->info));
	return o;
}

static json_t *without_heartbeat(const json_t *status)
{
	json_t *copy = json_deep_copy(status), *c;
	size_t i;
	json_array_foreach(json_object_get(copy, "conditions"), i, c) json_object_del(c, "lastHeartbeatTime");
	return copy;
}

bool node_status_differs(const json_t *a, const json_t *b)
{
	AUTO_JSON *x = without_heartbeat(a), *y = without_heartbeat(b);
	return !json_equal(x, y);
}
