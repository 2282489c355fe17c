/* Rules of dynamic resource allocation: claims and their templates, classes, slices of devices. Expressions are kept, not
 * compiled. */
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/pod_rules.h"
#include "cp/kinds/resource_name.h"
#include "cp/kinds/rule.h"
#include "cp/kinds/storage.h"

#define RESOURCE "resource.k8s.io"
enum { REQUESTS_MAX = 32, CONFIG_MAX = 32, SELECTORS_MAX = 32, FIRST_MAX = 8, DEVICES_MAX = 128, POOL_NAME_MAX = 253, EXPRESSION_MAX = 10 * 1024,
       RESERVED_MAX = 256, TOLERATIONS_MAX = 16 };

static void validate_size(const json_t *list, size_t max, const char *path, struct field_errors *errors)
{
	if (json_array_size(list) > max)
		field_too_many(errors, path, json_array_size(list), max);
}

/* --- requests -------------------------------------------------------------------------------------------------------- */

static void validate_selectors(const json_t *obj, const char *path, struct field_errors *errors)
{
	const json_t *list = json_object_get(obj, "selectors");
	char p[FIELD_PATH_MAX];
	json_t *s;
	size_t i;

	validate_size(list, SELECTORS_MAX, FIELD_PATH(p, "%s.selectors", path), errors);
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
	validate_size(json_object_get(request, "tolerations"), TOLERATIONS_MAX, FIELD_PATH(p, "%s.tolerations", path), errors);
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
	validate_size(first, FIRST_MAX, FIELD_PATH(p, "%s.firstAvailable", path), errors);
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
	size_t n = strcspn(text, "/"), i, k;
	json_t *r, *sub;

	json_array_foreach(json_object_get(devices, "requests"), i, r)
	{
		const char *name = json_str_or(r, "name", "");
		if (strlen(name) != n || strncmp(name, text, n))
			continue;
		if (!text[n])
			return true;
		json_array_foreach(json_object_get(r, "firstAvailable"), k, sub) if (str_eq(json_member(sub, "name"), text + n + 1)) return true;
	}
	return false;
}

static void validate_names(const json_t *devices, const json_t *obj, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;

	validate_size(json_object_get(obj, "requests"), REQUESTS_MAX, FIELD_PATH(p, "%s.requests", path), errors);
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

	validate_size(json_object_get(devices, "requests"), REQUESTS_MAX, FIELD_PATH(p, "%s.requests", path), errors);
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
	validate_size(json_object_get(devices, "config"), CONFIG_MAX, FIELD_PATH(p, "%s.config", path), errors);
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

static void claim_validate_status(const json_t *claim, const json_t *old, struct field_errors *errors)
{
	const json_t *reserved = json_at(claim, "status.reservedFor"), *now = json_at(claim, "status.allocation"), *was = json_at(old, "status.allocation");
	AUTO_MAP *seen = map_new(NULL);
	char p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;

	validate_size(reserved, RESERVED_MAX, "status.reservedFor", errors);
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
	if (now && json_object_get(now, "nodeSelector"))
		node_selector_validate(json_object_get(now, "nodeSelector"), "status.allocation.nodeSelector", errors);
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
	validate_size(json_object_get(spec, "config"), CONFIG_MAX, "spec.config", errors);
	json_array_foreach(json_object_get(spec, "config"), i, v) validate_config(v, FIELD_PATH(p, "spec.config[%zu]", i), errors);
	if (name && !resource_name_is_extended(json_string_value(name)))
		field_invalid(errors, "spec.extendedResourceName", name, "must be a valid extended resource name");
}

const struct kind_ops deviceclass_ops = {.group = RESOURCE, .kind = "DeviceClass", .validate = class_validate};

/* --- slices ---------------------------------------------------------------------------------------------------------- */

static void validate_pool(const json_t *pool, struct field_errors *errors)
{
	const char *name = json_str_or(pool, "name", "");
	const json_t *count = json_object_get(pool, "resourceSliceCount"), *generation = json_object_get(pool, "generation");

	if (strlen(name) > POOL_NAME_MAX)
		field_too_long(errors, "spec.pool.name", POOL_NAME_MAX);
	AUTO_STRV char **parts = str_split(name, '/');
	for (size_t i = 0; parts && parts[i]; i++)
		validate_name(parts[i], "spec.pool.name", name_check_subdomain, errors);
	if (json_int_at(pool, "resourceSliceCount", 0) <= 0)
		field_invalid(errors, "spec.pool.resourceSliceCount", count, "must be greater than zero");
	if (json_integer_value(generation) < 0)
		field_invalid(errors, "spec.pool.generation", generation, "must be greater than or equal to zero");
}

/* Where the devices are: said in one way. */
static void validate_where(const json_t *spec, struct field_errors *errors)
{
	static const char *const ways[] = {"nodeName", "nodeSelector", "allNodes", "perDeviceNodeSelection"};
	static const char which[] = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required";
	AUTO_STR given = STR_INIT;
	char p[FIELD_PATH_MAX];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		const json_t *v = json_object_get(spec, ways[i]);
		if (!v)
			continue;
		if (json_is_false(v)) {
			field_invalid(errors, FIELD_PATH(p, "spec.%s", ways[i]), v, "must be either unset or set to true");
			continue;
		}
		str_addf(&given, "%s`%s`", n++ ? ", " : "", ways[i]);
	}
	rule_name(spec, "spec", "nodeName", name_check_subdomain, errors);
	if (json_object_get(spec, "nodeSelector"))
		node_selector_validate(json_object_get(spec, "nodeSelector"), "spec.nodeSelector", errors);
	AUTO_FREE char *all = xasprintf("{%s}", str_text(&given));
	AUTO_JSON *shown = json_string(all);
	if (!n)
		field_required(errors, "spec", which);
	else if (n > 1)
		field_invalid(errors, "spec", shown, "%s, but multiple fields are set", which);
}

static void slice_validate(const json_t *slice, const json_t *old, struct field_errors *errors)
{
	const json_t *spec = json_object_get(slice, "spec"), *devices = json_object_get(spec, "devices");
	AUTO_MAP *names = map_new(NULL);
	char p[FIELD_PATH_MAX];
	json_t *d;
	size_t i;

	csi_driver_name_validate(spec, "spec", "driver", errors);
	validate_pool(json_object_get(spec, "pool"), errors);
	if (old) {
		const json_t *was = json_object_get(old, "spec");
		rule_unchanged(json_object_get(spec, "pool"), json_object_get(was, "pool"), "spec.pool", "name", errors);
		rule_unchanged(spec, was, "spec", "driver", errors);
		rule_unchanged(spec, was, "spec", "nodeName", errors);
	}
	validate_where(spec, errors);
	validate_size(devices, DEVICES_MAX, "spec.devices", errors);
	json_array_foreach(devices, i, d)
	{
		const char *name = json_str_or(d, "name", "");
		FIELD_PATH(p, "spec.devices[%zu]", i);
		rule_name(d, p, "name", name_check_label, errors);
		if (map_has(names, name))
			field_duplicate(errors, p, json_object_get(d, "name"));
		map_set(names, name, d);
	}
}

const struct kind_ops resourceslice_ops = {.group = RESOURCE, .kind = "ResourceSlice", .validate = slice_validate};
