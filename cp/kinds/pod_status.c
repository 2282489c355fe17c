/* What an update of a pod's status may say. Happy path: each part of the status is judged by itself, containers that have ended
 * stay so unless the pod restarts them. Nothing fails. */
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/pod_rules.h"
#include "cp/kinds/rule.h"


static void validate_observed(const json_t *object, const char *path, struct field_errors *errors)
{
	const json_t *seen = json_object_get(object, "observedGeneration");
	char p[FIELD_PATH_MAX];

	if (json_integer_value(seen) < 0)
		field_invalid(errors, FIELD_PATH(p, "%s.observedGeneration", path), seen, "must be a non-negative integer");
}

static void validate_conditions(const json_t *status, struct field_errors *errors)
{
	static const char *const ours[] = {"PodScheduled", "Ready", "Initialized", NULL};
	char at[FIELD_PATH_MAX], p[FIELD_PATH_MAX];
	json_t *c;
	size_t i;

	json_array_foreach(json_object_get(status, "conditions"), i, c)
	{
		const char *type = json_str_or(c, "type", "");
		validate_observed(c, FIELD_PATH(at, "status.conditions[%zu]", i), errors);
		if (!rule_is_one_of(type, ours))
			validate_name(type, FIELD_PATH(p, "%s.Type", at), name_check_qualified, errors);
	}
}

/* A node is no longer wanted for a pod that has one. */
static void validate_nominated(const json_t *status, const json_t *old, struct field_errors *errors)
{
	const char *node = json_member(status, "nominatedNodeName");

	if (str_empty(node) || str_eq(json_str_at(old, "status.nominatedNodeName"), node))
		return;
	rule_name(status, "status", "nominatedNodeName", name_check_subdomain, errors);
	if (!str_empty(json_str_at(old, "spec.nodeName")))
		field_forbidden(errors, "status.nominatedNodeName", "may not be set on pods that are already bound to a node");
}

/* --- containers ------------------------------------------------------------------------------------------------------ */

static bool has_ended(const json_t *status)
{
	return json_at(status, "state.terminated") != NULL;
}

static const struct {
	const char *statuses, *containers;
} status_lists[] = {{"containerStatuses", "containers"}, {"initContainerStatuses", "initContainers"}, {"ephemeralContainerStatuses", NULL}};

/* Whether one of a container's rules is for an exit code. */
static bool has_rule_for(const json_t *container, int64_t code)
{
	json_t *rule, *v;
	size_t i, k;

	json_array_foreach(json_object_get(container, "restartPolicyRules"), i, rule)
	{
		const json_t *codes = json_object_get(rule, "exitCodes");
		bool listed = false;
		json_array_foreach(json_object_get(codes, "values"), k, v) listed |= json_integer_value(v) == code;
		if (codes && listed == str_eq(json_member(codes, "operator"), "In"))
			return true;
	}
	return false;
}

/* Whether some container's end may restart them all. */
static bool restarts_all(const json_t *spec)
{
	json_t *c, *rule;
	size_t i, k;

	for (size_t l = 0; status_lists[l].containers; l++)
		json_array_foreach(json_object_get(spec, status_lists[l].containers), i, c)
		    json_array_foreach(json_object_get(c, "restartPolicyRules"), k, rule) if (str_eq(json_member(rule, "action"), "RestartAllContainers"))
			return true;
	return false;
}

/* Whether a container that ended so may be started again: by a rule of its own, its own policy, or the pod's. */
static bool may_restart(const json_t *spec, const char *containers, const json_t *status)
{
	const json_t *c = containers ? json_find(json_object_get(spec, containers), "name", json_str_or(status, "name", "")) : NULL;
	int64_t code = json_int_at(status, "state.terminated.exitCode", 0);
	const char *policy = json_str_or(c, "restartPolicy", json_str_or(spec, "restartPolicy", ""));

	return c && (has_rule_for(c, code) || !strcmp(policy, "Always") || (!strcmp(policy, "OnFailure") && code));
}

static void validate_ended(const json_t *pod, const json_t *old, const char *list, const char *containers, struct field_errors *errors)
{
	const json_t *now = json_object_get(json_object_get(pod, "status"), list), *was = json_object_get(json_object_get(old, "status"), list);
	char p[FIELD_PATH_MAX];
	json_t *before, *after;
	size_t i, k;

	json_array_foreach(was, i, before)
	{
		if (!has_ended(before) || may_restart(json_object_get(old, "spec"), containers, before))
			continue;
		json_array_foreach(now, k, after) if (str_eq(json_member(after, "name"), json_member(before, "name")) && !has_ended(after))
		    field_forbidden(errors, FIELD_PATH(p, "status.%s[%zu].state", list, i), "may not be transitioned to non-terminated state");
	}
}

static void validate_id(const json_t *id, const char *path, struct field_errors *errors)
{
	if (json_integer_value(id) < 0 || json_integer_value(id) > INT32_MAX)
		field_invalid(errors, path, id, "must be between 0 and 2147483647, inclusive");
}

static void validate_users(const json_t *pod, const char *list, struct field_errors *errors)
{
	static const char *const ids[] = {"uid", "gid"};
	bool windows = !strcmp(json_str_or(pod, "spec.os.name", "linux"), "windows");
	char p[FIELD_PATH_MAX];
	json_t *c, *group;
	size_t i, k;

	json_array_foreach(json_object_get(json_object_get(pod, "status"), list), i, c)
	{
		const json_t *user = json_at(c, "user.linux");
		if (user && windows)
			field_forbidden(errors, FIELD_PATH(p, "status.%s[%zu].user.linux", list, i), "cannot be set for a windows pod");
		if (!user || windows)
			continue;
		for (k = 0; k < ARRAY_LEN(ids); k++)
			if (json_object_get(user, ids[k]))
				validate_id(json_object_get(user, ids[k]), FIELD_PATH(p, "status.%s[%zu].user.linux.%s", list, i, ids[k]), errors);
		json_array_foreach(json_object_get(user, "supplementalGroups"), k, group)
		    validate_id(group, FIELD_PATH(p, "status.%s[%zu].user.linux.supplementalGroups[%zu]", list, i, k), errors);
	}
}

/* --- claims and addresses -------------------------------------------------------------------------------------------- */

static void validate_claims(const json_t *pod, struct field_errors *errors)
{
	AUTO_MAP *seen = map_new(NULL);
	char p[FIELD_PATH_MAX];
	json_t *claim;
	size_t i;

	json_array_foreach(json_at(pod, "status.resourceClaimStatuses"), i, claim)
	{
		const char *name = json_str_or(claim, "name", ""), *of = json_member(claim, "resourceClaimName");
		FIELD_PATH(p, "status.resourceClaimStatuses[%zu].name", i);
		if (!json_find(json_at(pod, "spec.resourceClaims"), "name", name))
			field_invalid(errors, p, json_object_get(claim, "name"), "must match the name of an entry in `spec.resourceClaims`");
		if (map_has(seen, name))
			field_duplicate(errors, p, json_object_get(claim, "name"));
		map_set(seen, name, claim);
		if (of)
			validate_name(of, FIELD_PATH(p, "status.resourceClaimStatuses[%zu].resourceClaimName", i), name_check_subdomain, errors);
	}
}

/* One address of each family at most, and none twice. The order of the two last differs between the lists. */
static void validate_ips(const json_t *status, const json_t *before, const char *list, bool families_first, struct field_errors *errors)
{
	const json_t *ips = json_object_get(status, list);
	AUTO_JSON *shown = json_array();
	AUTO_MAP *seen = map_new(NULL);
	size_t families[7] = {0}, i;
	char p[FIELD_PATH_MAX];
	json_t *v;

	json_array_foreach(ips, i, v)
	{
		const json_t *ip = json_object_get(v, "ip");
		int family = ip_family(json_string_value(ip));
		families[family]++;
		json_array_append_new(shown, json_pack("{s:s}", "IP", json_str_or(v, "ip", "")));
		if (!json_find(json_object_get(before, list), "ip", json_string_value(ip)))
			rule_ip(ip, NULL, FIELD_PATH(p, "status.%s[%zu]", list, i), errors);
	}
	bool mixed = json_array_size(ips) > 1 && (families[4] != 1 || families[6] != 1);
	if (mixed && families_first)
		field_invalid(errors, FIELD_PATH(p, "status.%s", list), shown, "may specify no more than one IP for each IP family");
	json_array_foreach(ips, i, v)
	{
		if (map_has(seen, json_str_or(v, "ip", "")))
			field_duplicate(errors, FIELD_PATH(p, "status.%s[%zu]", list, i), json_array_get(shown, i));
		map_set(seen, json_str_or(v, "ip", ""), v);
	}
	if (mixed && !families_first)
		field_invalid(errors, FIELD_PATH(p, "status.%s", list), shown, "may specify no more than one IP for each IP family");
}

/* --- devices --------------------------------------------------------------------------------------------------------- */

/* Whether a container has what its status tells the health of: a request, or a claim by "claim:name[/request]". */
static bool has_resource(const json_t *container, const char *name)
{
	json_t *claim;
	size_t i;

	if (!str_has_prefix(name, "claim:"))
		return json_object_get(json_at(container, "resources.requests"), name) != NULL;
	json_array_foreach(json_at(container, "resources.claims"), i, claim)
	{
		const char *request = json_str_or(claim, "request", "");
		AUTO_FREE char *text = xasprintf("claim:%s%s%s", json_str_or(claim, "name", ""), *request ? "/" : "", request);
		if (!strcmp(text, name))
			return true;
	}
	return false;
}

static void validate_health(const json_t *device, const char *path, struct map *seen, struct field_errors *errors)
{
	static const char *const words[] = {"Healthy", "Unhealthy", "Unknown", NULL};
	const char *id = json_str_or(device, "resourceID", "");
	char p[FIELD_PATH_MAX];

	rule_word(device, path, "health", words, errors);
	if (map_has(seen, id))
		field_duplicate(errors, FIELD_PATH(p, "%s.resourceID", path), json_object_get(device, "resourceID"));
	map_set(seen, id, (void *)device);
}

static void validate_allocated(const json_t *allocated, const json_t *container, const char *path, struct field_errors *errors)
{
	const char *name = json_str_or(allocated, "name", "");
	AUTO_MAP *seen = map_new(NULL);
	char p[FIELD_PATH_MAX];
	json_t *device;
	size_t i;

	if (container && !has_resource(container, name))
		field_invalid(errors, FIELD_PATH(p, "%s.name", path), json_object_get(allocated, "name"), "%s",
			      str_has_prefix(name, "claim:") ? "must match one of the container's resource claims in a format "
							       "'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty"
							     : "must match one of the container's resource requests");
	json_array_foreach(json_object_get(allocated, "resources"), i, device)
	    validate_health(device, FIELD_PATH(p, "%s.resources[%zu]", path, i), seen, errors);
}

/* What the node tells of the devices that containers have; ephemeral ones have none. */
static void validate_devices(const json_t *pod, const char *list, const char *containers, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	json_t *status, *allocated;
	size_t i, k;

	json_array_foreach(json_object_get(json_object_get(pod, "status"), list), i, status)
	{
		const json_t *all = json_object_get(status, "allocatedResourcesStatus");
		const json_t *c = all && containers ? json_find(json_object_get(json_object_get(pod, "spec"), containers), "name", json_str_or(status, "name", ""))
						    : NULL;
		if (!containers && json_array_size(all))
			field_forbidden(errors, FIELD_PATH(p, "status.%s[%zu].allocatedResourcesStatus", list, i), "must not be specified in container status");
		json_array_foreach(containers ? all : NULL, k, allocated)
		    validate_allocated(allocated, c, FIELD_PATH(p, "status.%s[%zu].allocatedResourcesStatus[%zu]", list, i, k), errors);
	}
}

void pod_status_validate(const json_t *pod, const json_t *old, struct field_errors *errors)
{
	const json_t *status = json_object_get(pod, "status"), *first = json_array_get(json_object_get(status, "hostIPs"), 0);
	bool any = restarts_all(json_object_get(old, "spec"));

	validate_conditions(status, errors);
	validate_nominated(status, old, errors);
	validate_observed(status, "status", errors);
	rule_unchanged(status, json_object_get(old, "status"), "status", "qosClass", errors);
	for (size_t i = 0; i < ARRAY_LEN(status_lists); i++)
		if (!any || !status_lists[i].containers)
			validate_ended(pod, old, status_lists[i].statuses, status_lists[i].containers, errors);
	validate_claims(pod, errors);
	validate_ips(status, json_object_get(old, "status"), "podIPs", true, errors);
	if (first && strcmp(json_str_or(first, "ip", ""), json_str_or(status, "hostIP", "")))
		field_invalid(errors, "status.hostIPs[0].ip", json_object_get(first, "ip"), "must be equal to `hostIP`");
	validate_ips(status, json_object_get(old, "status"), "hostIPs", false, errors);
	for (size_t i = 0; i < ARRAY_LEN(status_lists); i++)
		validate_users(pod, status_lists[i].statuses, errors);
	for (size_t i = 0; i < ARRAY_LEN(status_lists); i++)
		validate_devices(pod, status_lists[i].statuses, status_lists[i].containers, errors);
}
