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

#define IP_WORDS "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"

static void validate_conditions(const json_t *status, struct field_errors *errors)
{
	static const char *const ours[] = {"PodScheduled", "Ready", "Initialized", NULL};
	char p[FIELD_PATH_MAX];
	json_t *c;
	size_t i;

	/* The reference tells them as if they were in the metadata. */
	json_array_foreach(json_object_get(status, "conditions"), i, c)
	{
		const char *type = json_str_or(c, "type", "");
		if (!rule_is_one_of(type, ours))
			validate_name(type, FIELD_PATH(p, "metadata.conditions[%zu].Type", i), name_check_qualified, errors);
	}
}

/* --- containers ------------------------------------------------------------------------------------------------------ */

static bool has_ended(const json_t *status)
{
	return json_at(status, "state.terminated") != NULL;
}

/* Whether a container that ended so may be started again. */
static bool may_restart(const json_t *spec, const char *list, const json_t *status, const char *policy)
{
	const json_t *init = json_find(json_object_get(spec, "initContainers"), "name", json_str_or(status, "name", ""));

	if (!strcmp(policy, "Always"))
		return true;
	if (!strcmp(policy, "OnFailure") && json_int_at(status, "state.terminated.exitCode", 0))
		return true;
	return !strcmp(list, "initContainerStatuses") && init && !strcmp(json_str_or(init, "restartPolicy", ""), "Always");
}

static void validate_ended(const json_t *pod, const json_t *old, const char *list, const char *policy, struct field_errors *errors)
{
	const json_t *now = json_object_get(json_object_get(pod, "status"), list), *was = json_object_get(json_object_get(old, "status"), list);
	char p[FIELD_PATH_MAX];
	json_t *before, *after;
	size_t i, k;

	json_array_foreach(was, i, before)
	{
		if (!has_ended(before) || may_restart(json_object_get(old, "spec"), list, before, policy))
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
			field_forbidden(errors, FIELD_PATH(p, "status.%s[%zu].linux", list, i), "cannot be set for a windows pod");
		if (!user || windows)
			continue;
		for (k = 0; k < ARRAY_LEN(ids); k++)
			if (json_object_get(user, ids[k]))
				validate_id(json_object_get(user, ids[k]), FIELD_PATH(p, "status.%s[%zu].linux.%s", list, i, ids[k]), errors);
		json_array_foreach(json_object_get(user, "supplementalGroups"), k, group)
		    validate_id(group, FIELD_PATH(p, "status.%s[%zu].linux.supplementalGroups[%zu]", list, i, k), errors);
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
			validate_name(of, p, name_check_subdomain, errors);
	}
}

/* One address of each family at most, and none twice. The order of the two last differs between the lists. */
static void validate_ips(const json_t *status, const char *list, bool families_first, struct field_errors *errors)
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
		if (!family)
			field_invalid(errors, FIELD_PATH(p, "status.%s[%zu]", list, i), ip, IP_WORDS);
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

void pod_status_validate(const json_t *pod, const json_t *old, struct field_errors *errors)
{
	static const char *const lists[] = {"containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"};
	const json_t *status = json_object_get(pod, "status"), *first = json_array_get(json_object_get(status, "hostIPs"), 0);
	const char *policy = json_str_or(old, "spec.restartPolicy", ""), *node = json_member(status, "nominatedNodeName");

	validate_conditions(status, errors);
	if (!str_eq(node, json_str_at(old, "status.nominatedNodeName")))
		rule_name(status, "status", "nominatedNodeName", name_check_subdomain, errors);
	rule_unchanged(status, json_object_get(old, "status"), "status", "qosClass", errors);
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		validate_ended(pod, old, lists[i], i == 2 ? "Never" : policy, errors);
	validate_claims(pod, errors);
	validate_ips(status, "podIPs", true, errors);
	if (first && strcmp(json_str_or(first, "ip", ""), json_str_or(status, "hostIP", "")))
		field_invalid(errors, "status.hostIPs[0].ip", json_object_get(first, "ip"), "must be equal to `hostIP`");
	validate_ips(status, "hostIPs", false, errors);
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		validate_users(pod, lists[i], errors);
}
