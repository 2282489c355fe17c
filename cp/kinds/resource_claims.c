/* Rules of dynamic resource allocation: claims and their templates, classes. Expressions are kept, not compiled. */
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "cp/kinds/device_rules.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/pod_rules.h"
#include "cp/kinds/resource_name.h"
#include "cp/kinds/rule.h"
#include "cp/kinds/storage.h"

#define RESOURCE "resource.k8s.io"
enum { REQUESTS_MAX = 32, CONFIG_MAX = 32, SELECTORS_MAX = 32, FIRST_MAX = 8, EXPRESSION_MAX = 10 * 1024, RESERVED_MAX = 256, RESULTS_MAX = 32,
       ALLOCATED_CONFIG_MAX = 64, INTERFACE_MAX = 256, HARDWARE_MAX = 128, IPS_MAX = 16 };

/* --- requests -------------------------------------------------------------------------------------------------------- */

static void validate_selectors(const json_t *obj, const char *path, struct field_errors *errors)
{
	const json_t *list = json_object_get(obj, "selectors");
	char p[FIELD_PATH_MAX];
	json_t *s;
	size_t i;

	device_size_validate(list, SELECTORS_MAX, FIELD_PATH(p, "%s.selectors", path), errors);
	json_array_foreach(list, i, s)
	{
		FIELD_PATH(p, "%s.selectors[%zu]", path, i);
		if (!json_object_get(s, "cel"))
			field_required(errors, FIELD_PATH(p, "%s.selectors[%zu].cel", path, i), NULL);
		else if (strlen(json_str_or(s, "cel.expression", "")) > EXPRESSION_MAX)
			field_too_long(errors, FIELD_PATH(p, "%s.selectors[%zu].cel.expression", path, i), EXPRESSION_MAX);
	}
}

static void validate_wanted(const json_t *request, const char *path, struct field_errors *errors)
{
	static const char *const modes[] = {"All", "ExactCount", NULL};
	const char *mode = json_str_or(request, "allocationMode", "");
	AUTO_JSON *count = json_integer(json_int_at(request, "count", 0));
	char p[FIELD_PATH_MAX];

	rule_name(request, path, "deviceClassName", name_check_subdomain, errors);
	validate_selectors(request, path, errors);
	FIELD_PATH(p, "%s.count", path);
	if (!strcmp(mode, "All") && json_integer_value(count))
		field_invalid(errors, p, count, "must not be specified when allocationMode is 'All'");
	else if (!strcmp(mode, "ExactCount") && json_integer_value(count) <= 0)
		field_invalid(errors, p, count, "must be greater than zero");
	else
		rule_word(request, path, "allocationMode", modes, errors);
	device_tolerations_validate(request, path, errors);
}

static void validate_request(const json_t *request, const char *path, struct field_errors *errors)
{
	const json_t *exactly = json_object_get(request, "exactly"), *first = json_object_get(request, "firstAvailable");
	AUTO_MAP *names = map_new(NULL);
	char p[FIELD_PATH_MAX];
	json_t *sub;
	size_t i;

	rule_name(request, path, "name", name_check_label, errors);
	if (!exactly && !json_array_size(first))
		field_required(errors, path, "exactly one of `exactly` or `firstAvailable` is required");
	else if (exactly && json_array_size(first))
		field_invalid(errors, path, json_null(), "exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set");
	else if (exactly)
		validate_wanted(exactly, FIELD_PATH(p, "%s.exactly", path), errors);
	device_size_validate(first, FIRST_MAX, FIELD_PATH(p, "%s.firstAvailable", path), errors);
	json_array_foreach(first, i, sub)
	{
		const char *name = json_str_or(sub, "name", "");
		FIELD_PATH(p, "%s.firstAvailable[%zu]", path, i);
		rule_name(sub, p, "name", name_check_label, errors);
		validate_wanted(sub, p, errors);
		if (map_has(names, name))
			field_duplicate(errors, p, json_object_get(sub, "name"));
		map_set(names, name, sub);
	}
}

/* "request" or "request/subrequest" of the claim. */
static bool names_request(const json_t *devices, const char *text)
{
	size_t n = strcspn(text, "/"), i;
	json_t *r;

	json_array_foreach(json_object_get(devices, "requests"), i, r)
	{
		const char *name = json_str_or(r, "name", "");
		if (strlen(name) != n || strncmp(name, text, n))
			continue;
		if (!text[n])
			return true;
		if (json_find(json_object_get(r, "firstAvailable"), "name", text + n + 1))
			return true;
	}
	return false;
}

static void validate_names(const json_t *devices, const json_t *obj, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;

	device_size_validate(json_object_get(obj, "requests"), REQUESTS_MAX, FIELD_PATH(p, "%s.requests", path), errors);
	json_array_foreach(json_object_get(obj, "requests"), i, v) if (!names_request(devices, json_string_value(v)))
	    field_invalid(errors, FIELD_PATH(p, "%s.requests[%zu]", path, i), v,
			  "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'");
}

static void validate_config(const json_t *config, const char *path, struct field_errors *errors)
{
	const json_t *opaque = json_object_get(config, "opaque");
	char p[FIELD_PATH_MAX];

	FIELD_PATH(p, "%s.opaque", path);
	if (!opaque) {
		field_required(errors, p, NULL);
		return;
	}
	csi_driver_name_validate(opaque, p, "driver", errors);
	if (!json_object_get(opaque, "parameters"))
		field_required(errors, FIELD_PATH(p, "%s.opaque.parameters", path), NULL);
}

static void validate_devices(const json_t *devices, const char *path, struct field_errors *errors)
{
	AUTO_MAP *names = map_new(NULL);
	char p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;

	device_size_validate(json_object_get(devices, "requests"), REQUESTS_MAX, FIELD_PATH(p, "%s.requests", path), errors);
	json_array_foreach(json_object_get(devices, "requests"), i, v)
	{
		const char *name = json_str_or(v, "name", "");
		FIELD_PATH(p, "%s.requests[%zu]", path, i);
		validate_request(v, p, errors);
		if (map_has(names, name))
			field_duplicate(errors, p, json_object_get(v, "name"));
		map_set(names, name, v);
	}
	json_array_foreach(json_object_get(devices, "constraints"), i, v)
	{
		FIELD_PATH(p, "%s.constraints[%zu]", path, i);
		validate_names(devices, v, p, errors);
		if (!json_object_get(v, "matchAttribute") && !json_object_get(v, "distinctAttribute"))
			field_required(errors, p, "exactly one of \"matchAttribute\" or \"distinctAttribute\" is required, but multiple fields are set");
	}
	device_size_validate(json_object_get(devices, "config"), CONFIG_MAX, FIELD_PATH(p, "%s.config", path), errors);
	json_array_foreach(json_object_get(devices, "config"), i, v)
	{
		FIELD_PATH(p, "%s.config[%zu]", path, i);
		validate_names(devices, v, p, errors);
		validate_config(v, p, errors);
	}
}

/* How many of what, where nothing is said. */
static void request_set_defaults(json_t *request)
{
	if (!request)
		return;
	set_default(request, "allocationMode", json_string("ExactCount"));
	if (str_eq(json_member(request, "allocationMode"), "ExactCount"))
		set_default(request, "count", json_integer(1));
}

static void devices_set_defaults(json_t *devices)
{
	json_t *r, *sub;
	size_t i, k;

	json_array_foreach(json_object_get(devices, "requests"), i, r)
	{
		request_set_defaults(json_object_get(r, "exactly"));
		json_array_foreach(json_object_get(r, "firstAvailable"), k, sub) request_set_defaults(sub);
	}
}

/* --- claims and templates -------------------------------------------------------------------------------------------- */

static void claim_set_defaults(json_t *claim, const json_t *old)
{
	(void)old;
	devices_set_defaults(json_at(claim, "spec.devices"));
}

static void claim_validate(const json_t *claim, const json_t *old, struct field_errors *errors)
{
	if (old)
		validate_immutable_as(claim, old, "spec", "resource.v1.ResourceClaimSpec", errors);
	else
		validate_devices(json_at(claim, "spec.devices"), "spec.devices", errors);
}

/* --- what was allocated ----------------------------------------------------------------------------------------------- */

/* Driver, pool and device of what was allocated. */
static void validate_device_name(const json_t *v, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];

	csi_driver_name_validate(v, path, "driver", errors);
	device_pool_validate(json_str_or(v, "pool", ""), FIELD_PATH(p, "%s.pool", path), errors);
	rule_name(v, path, "device", name_check_label, errors);
}

static void validate_request_name(const json_t *devices, const json_t *name, const char *path, struct field_errors *errors)
{
	if (name && !names_request(devices, json_string_value(name)))
		field_invalid(errors, path, name,
			      "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'");
}

static void validate_allocation(const json_t *devices, const json_t *allocation, struct field_errors *errors)
{
	static const char *const sources[] = {"FromClaim", "FromClass", NULL};
	const json_t *results = json_at(allocation, "devices.results"), *config = json_at(allocation, "devices.config");
	char p[FIELD_PATH_MAX], name[FIELD_PATH_MAX];
	json_t *v;
	size_t i;

	if (device_size_validate(results, RESULTS_MAX, "status.allocation.devices.results", errors))
		json_array_foreach(results, i, v)
		{
			FIELD_PATH(p, "status.allocation.devices.results[%zu]", i);
			validate_request_name(devices, json_object_get(v, "request"), FIELD_PATH(name, "status.allocation.devices.results[%zu].request", i),
					      errors);
			validate_device_name(v, p, errors);
			device_bindings_validate(v, p, errors);
		}
	if (device_size_validate(config, ALLOCATED_CONFIG_MAX, "status.allocation.devices.config", errors))
		json_array_foreach(config, i, v)
		{
			FIELD_PATH(p, "status.allocation.devices.config[%zu]", i);
			if (!str_empty(json_member(v, "source")))
				rule_word(v, p, "source", sources, errors);
			validate_names(devices, v, p, errors);
			validate_config(v, p, errors);
		}
	if (json_object_get(allocation, "nodeSelector"))
		node_selector_validate(json_object_get(allocation, "nodeSelector"), "status.allocation.nodeSelector", errors);
}

static bool is_allocated(const json_t *allocation, const json_t *device)
{
	static const char *const keys[] = {"driver", "pool", "device", "shareID"};
	json_t *v;
	size_t i;

	json_array_foreach(json_at(allocation, "devices.results"), i, v)
	{
		size_t same = 0;
		while (same < ARRAY_LEN(keys) && !strcmp(json_str_or(v, keys[same], ""), json_str_or(device, keys[same], "")))
			same++;
		if (same == ARRAY_LEN(keys))
			return true;
	}
	return false;
}

static void validate_network_data(const json_t *data, const char *path, struct field_errors *errors)
{
	const json_t *ips = json_object_get(data, "ips");
	char p[FIELD_PATH_MAX];
	json_t *ip;
	size_t i;

	if (strlen(json_str_or(data, "interfaceName", "")) > INTERFACE_MAX)
		field_too_long(errors, FIELD_PATH(p, "%s.networkData.interfaceName", path), INTERFACE_MAX);
	if (strlen(json_str_or(data, "hardwareAddress", "")) > HARDWARE_MAX)
		field_too_long(errors, FIELD_PATH(p, "%s.networkData.hardwareAddress", path), HARDWARE_MAX);
	if (!device_size_validate(ips, IPS_MAX, FIELD_PATH(p, "%s.networkData.ips", path), errors))
		return;
	json_array_foreach(ips, i, ip) if (!is_cidr(json_string_value(ip)))
	    field_invalid(errors, FIELD_PATH(p, "%s.networkData.ips[%zu]", path, i), ip,
			  "must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)");
}

static void validate_devices_status(const json_t *claim, struct field_errors *errors)
{
	const json_t *allocation = json_at(claim, "status.allocation");
	char p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;

	json_array_foreach(json_at(claim, "status.devices"), i, v)
	{
		FIELD_PATH(p, "status.devices[%zu]", i);
		validate_device_name(v, p, errors);
		AUTO_FREE char *id = xasprintf("%s/%s/%s", json_str_or(v, "driver", ""), json_str_or(v, "pool", ""), json_str_or(v, "device", ""));
		AUTO_JSON *shown = json_string(id);
		if (!is_allocated(allocation, v))
			field_invalid(errors, p, shown, "must be an allocated device in the claim");
		if (json_object_get(v, "data") && !json_is_object(json_object_get(v, "data"))) {
			AUTO_JSON *hidden = json_string("<value omitted>");
			field_invalid(errors, FIELD_PATH(p, "status.devices[%zu].data", i), hidden, "must be a valid JSON object");
			FIELD_PATH(p, "status.devices[%zu]", i);
		}
		validate_network_data(json_object_get(v, "networkData"), p, errors);
	}
}

static void claim_validate_status(const json_t *claim, const json_t *old, struct field_errors *errors)
{
	const json_t *reserved = json_at(claim, "status.reservedFor"), *now = json_at(claim, "status.allocation"), *was = json_at(old, "status.allocation");
	AUTO_MAP *seen = map_new(NULL);
	char p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;

	device_size_validate(reserved, RESERVED_MAX, "status.reservedFor", errors);
	json_array_foreach(reserved, i, v)
	{
		const char *uid = json_str_or(v, "uid", "");
		FIELD_PATH(p, "status.reservedFor[%zu]", i);
		rule_required(v, p, "resource", NULL, errors);
		rule_required(v, p, "name", NULL, errors);
		rule_required(v, p, "uid", NULL, errors);
		if (map_has(seen, uid))
			field_duplicate(errors, p, v);
		map_set(seen, uid, v);
	}
	if (json_array_size(reserved) && !now)
		field_forbidden(errors, "status.reservedFor", "may not be specified when `allocated` is not set");
	if (now && was)
		validate_immutable(claim, old, "status.allocation", errors);
	else if (now)
		validate_allocation(json_at(claim, "spec.devices"), now, errors);
	validate_devices_status(claim, errors);
}

static void template_set_defaults(json_t *template, const json_t *old)
{
	(void)old;
	devices_set_defaults(json_at(template, "spec.spec.devices"));
}

static void template_validate(const json_t *template, const json_t *old, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	const char *key;
	json_t *v;

	if (old) {
		validate_immutable_as(template, old, "spec", "resource.v1.ResourceClaimTemplateSpec", errors);
		return;
	}
	json_object_foreach(json_at(template, "spec.metadata"), key, v) if (strcmp(key, "labels") && strcmp(key, "annotations") && !json_is_null(v))
	    field_forbidden(errors, FIELD_PATH(p, "spec.metadata.%s", key), "cannot be set");
	validate_devices(json_at(template, "spec.spec.devices"), "spec.spec.devices", errors);
}

const struct kind_ops resourceclaim_ops = {.group = RESOURCE,
					   .kind = "ResourceClaim",
					   .set_defaults = claim_set_defaults,
					   .prepare_create = kind_empty_status,
					   .prepare_update = kind_keep_status,
					   .prepare_status = kind_keep_spec,
					   .validate = claim_validate,
					   .validate_status = claim_validate_status,
					   .has_status = true};
const struct kind_ops resourceclaimtemplate_ops = {.group = RESOURCE,
						   .kind = "ResourceClaimTemplate",
						   .set_defaults = template_set_defaults,
						   .validate = template_validate};

/* --- classes --------------------------------------------------------------------------------------------------------- */

static void class_validate(const json_t *class, const json_t *old, struct field_errors *errors)
{
	const json_t *spec = json_object_get(class, "spec"), *name = json_object_get(spec, "extendedResourceName");
	char p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;

	(void)old;
	validate_selectors(spec, "spec", errors);
	device_size_validate(json_object_get(spec, "config"), CONFIG_MAX, "spec.config", errors);
	json_array_foreach(json_object_get(spec, "config"), i, v) validate_config(v, FIELD_PATH(p, "spec.config[%zu]", i), errors);
	if (name && !resource_name_is_extended(json_string_value(name)))
		field_invalid(errors, "spec.extendedResourceName", name, "must be a valid extended resource name");
}

const struct kind_ops deviceclass_ops = {.group = RESOURCE, .kind = "DeviceClass", .validate = class_validate};
