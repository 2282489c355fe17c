/* Rules of what a resource claim got: who may use it, which devices, what their drivers say of them. Purpose: an allocation is of what
 * was asked, and stays. Pure; nothing fails. */
#include <string.h>

#include "api/ip_form.h"
#include "api/names.h"
#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "cp/kinds/claim_rules.h"
#include "cp/kinds/device_rules.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/pod_rules.h"
#include "cp/kinds/rule.h"
#include "cp/kinds/storage.h"

enum { RESERVED_MAX = 256, RESULTS_MAX = 32, CONFIG_MAX = 64, INTERFACE_MAX = 256, HARDWARE_MAX = 128, IPS_MAX = 16, CONDITIONS_MAX = 8,
       DATA_MAX = 10 * 1024 };
#define RESULTS "status.allocation.devices.results"
#define CONFIG "status.allocation.devices.config"

/* Driver, pool and device of what was allocated. */
static void validate_device_name(const json_t *v, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];

	csi_driver_name_validate(v, path, "driver", errors);
	if (rule_required(v, path, "pool", NULL, errors))
		device_pool_validate(json_str_or(v, "pool", ""), FIELD_PATH(p, "%s.pool", path), errors);
	validate_name(json_member(v, "device"), FIELD_PATH(p, "%s.device", path), name_check_label, errors);
}

static void validate_result(const json_t *devices, const json_t *v, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];

	claim_request_validate(devices, json_object_get(v, "request"), FIELD_PATH(p, "%s.request", path), errors);
	validate_device_name(v, path, errors);
	device_bindings_validate(v, path, errors);
	device_uid_validate(json_object_get(v, "shareID"), FIELD_PATH(p, "%s.shareID", path), errors);
}

static void validate_allocated_config(const json_t *devices, const json_t *v, const char *path, struct field_errors *errors)
{
	static const char *const sources[] = {"FromClaim", "FromClass", NULL};

	if (rule_required(v, path, "source", NULL, errors))
		rule_word(v, path, "source", sources, errors);
	claim_requests_validate(devices, v, path, errors);
	claim_config_validate(v, path, errors);
}

static void validate_allocation(const json_t *devices, const json_t *allocation, struct field_errors *errors)
{
	const json_t *results = json_at(allocation, "devices.results"), *config = json_at(allocation, "devices.config");
	const json_t *selector = json_object_get(allocation, "nodeSelector");
	char p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;

	if (device_size_validate(results, RESULTS_MAX, RESULTS, errors))
		json_array_foreach(results, i, v) validate_result(devices, v, FIELD_PATH(p, RESULTS "[%zu]", i), errors);
	if (device_size_validate(config, CONFIG_MAX, CONFIG, errors))
		json_array_foreach(config, i, v) validate_allocated_config(devices, v, FIELD_PATH(p, CONFIG "[%zu]", i), errors);
	if (selector)
		node_selector_validate(selector, "status.allocation.nodeSelector", errors);
}

/* --- what drivers say of devices ------------------------------------------------------------------------------------- */

/* driver/pool/device[/share], by which devices are told apart. Returns owned. */
static char *device_id(const json_t *v)
{
	const char *share = json_member(v, "shareID");

	return xasprintf("%s/%s/%s%s%s", json_str_or(v, "driver", ""), json_str_or(v, "pool", ""), json_str_or(v, "device", ""), share ? "/" : "",
			 share ? share : "");
}

static bool is_allocated(const json_t *claim, const char *id)
{
	bool found = false;
	json_t *v;
	size_t i;

	json_array_foreach(json_at(claim, RESULTS), i, v)
	{
		AUTO_FREE char *other = device_id(v);
		found |= !strcmp(id, other);
	}
	return found;
}

static void validate_network_data(const json_t *data, const char *path, struct field_errors *errors)
{
	const json_t *ips = json_object_get(data, "ips");
	char p[FIELD_PATH_MAX];
	json_t *ip;
	size_t i;

	if (strlen(json_str_or(data, "interfaceName", "")) > INTERFACE_MAX)
		field_too_long(errors, FIELD_PATH(p, "%s.interfaceName", path), INTERFACE_MAX);
	if (strlen(json_str_or(data, "hardwareAddress", "")) > HARDWARE_MAX)
		field_too_long(errors, FIELD_PATH(p, "%s.hardwareAddress", path), HARDWARE_MAX);
	if (!device_size_validate(ips, IPS_MAX, FIELD_PATH(p, "%s.ips", path), errors))
		return;
	json_array_foreach(ips, i, ip)
	{
		AUTO_FREE char *why = ip_form_interface_problem(json_string_value(ip));
		if (why)
			field_invalid(errors, FIELD_PATH(p, "%s.ips[%zu]", path, i), ip, "%s", why);
	}
	device_set_validate(ips, NULL, FIELD_PATH(p, "%s.ips", path), errors);
}

static void validate_device(const json_t *claim, const json_t *v, const char *path, struct field_errors *errors)
{
	const json_t *conditions = json_object_get(v, "conditions"), *data = json_object_get(v, "data");
	AUTO_FREE char *id = device_id(v);
	AUTO_JSON *shown = json_string(id);
	char p[FIELD_PATH_MAX];

	validate_device_name(v, path, errors);
	device_uid_validate(json_object_get(v, "shareID"), FIELD_PATH(p, "%s.shareID", path), errors);
	if (!is_allocated(claim, id))
		field_invalid(errors, path, shown, "must be an allocated device in the claim");
	device_size_validate(conditions, CONDITIONS_MAX, FIELD_PATH(p, "%s.conditions", path), errors);
	rule_conditions(conditions, p, errors);
	if (data)
		claim_object_validate(data, DATA_MAX, FIELD_PATH(p, "%s.data", path), errors);
	validate_network_data(json_object_get(v, "networkData"), FIELD_PATH(p, "%s.networkData", path), errors);
}

static void validate_devices(const json_t *claim, struct field_errors *errors)
{
	const json_t *devices = json_at(claim, "status.devices");
	AUTO_MAP *seen = map_new(NULL);
	char p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;

	json_array_foreach(devices, i, v) validate_device(claim, v, FIELD_PATH(p, "status.devices[%zu]", i), errors);
	json_array_foreach(devices, i, v)
	{
		AUTO_FREE char *id = device_id(v);
		AUTO_JSON *shown = json_string(id);
		if (map_has(seen, id))
			field_duplicate(errors, FIELD_PATH(p, "status.devices[%zu]", i), shown);
		map_set(seen, id, v);
	}
}

/* --- who uses it ----------------------------------------------------------------------------------------------------- */

static void validate_reserved(const json_t *reserved, struct field_errors *errors)
{
	static const char *const keys[] = {"resource", "name", "uid"};
	char p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;

	if (!device_size_validate(reserved, RESERVED_MAX, "status.reservedFor", errors))
		return;
	json_array_foreach(reserved, i, v)
	{
		FIELD_PATH(p, "status.reservedFor[%zu]", i);
		for (size_t k = 0; k < ARRAY_LEN(keys); k++)
			rule_required(v, p, keys[k], NULL, errors);
	}
	device_set_validate(reserved, "uid", "status.reservedFor", errors);
}

static bool has_all(const json_t *list, const json_t *wanted)
{
	json_t *v, *have;
	size_t i, k;

	json_array_foreach(wanted, i, v)
	{
		bool found = false;
		json_array_foreach(list, k, have) found |= json_equal(have, v);
		if (!found)
			return false;
	}
	return true;
}

void claim_status_validate(const json_t *claim, const json_t *old, struct field_errors *errors)
{
	const json_t *reserved = json_at(claim, "status.reservedFor"), *now = json_at(claim, "status.allocation");

	validate_reserved(reserved, errors);
	validate_devices(claim, errors);
	if (json_array_size(reserved) && !now)
		field_forbidden(errors, "status.reservedFor", "may not be specified when `allocated` is not set");
	else if (json_at(claim, "metadata.deletionTimestamp") && !has_all(json_at(old, "status.reservedFor"), reserved))
		field_forbidden(errors, "status.reservedFor",
				"new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set");
	if (now && json_at(old, "status.allocation"))
		validate_immutable_as(claim, old, "status.allocation", "resource.v1.AllocationResult", errors);
	else if (now)
		validate_allocation(json_at(claim, "spec.devices"), now, errors);
}
