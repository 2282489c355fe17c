/* Rules of resource slices: devices with their attributes, capacities, counters and taints. Purpose: what a driver offers can
 * be allocated. Happy path: each part by itself, names once. Nothing fails. */
#include <string.h>

#include "api/names.h"
#include "api/quantity.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "cp/kinds/device_rules.h"
#include "cp/kinds/gated_fields.h"
#include "cp/kinds/go_value.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/pod_rules.h"
#include "cp/kinds/rule.h"
#include "cp/kinds/storage.h"

enum { DEVICES_MAX = 128, HEAVY_DEVICES_MAX = 64, VALUE_MAX = 64, PROPERTIES_MAX = 32, TAINTS_MAX = 16, COUNTERS_MAX = 32, CONSUMED_MAX = 2, SETS_MAX = 8,
       OPTIONS_MAX = 10 };
#define DIGITS "0123456789"
#define ALNUM "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" DIGITS

static void validate_pool(const json_t *pool, struct field_errors *errors)
{
	const char *name = json_str_or(pool, "name", "");
	const json_t *count = json_object_get(pool, "resourceSliceCount"), *generation = json_object_get(pool, "generation");

	device_pool_validate(name, "spec.pool.name", errors);
	if (json_int_at(pool, "resourceSliceCount", 0) <= 0)
		field_invalid(errors, "spec.pool.resourceSliceCount", count, "must be greater than zero");
	if (json_integer_value(generation) < 0)
		field_invalid(errors, "spec.pool.generation", generation, "must be greater than or equal to zero");
}

static void validate_node_terms(const json_t *spec, struct field_errors *errors)
{
	const json_t *terms = json_at(spec, "nodeSelector.nodeSelectorTerms");
	const struct type *t = errors->schema ? type_at(schema_type(errors->schema, "core.v1.NodeSelector"), "nodeSelectorTerms") : NULL;

	if (!json_object_get(spec, "nodeSelector"))
		return;
	node_selector_validate(json_object_get(spec, "nodeSelector"), "spec.nodeSelector", errors);
	AUTO_JSON *shown = t && terms ? go_value(t, terms) : json_incref((json_t *)terms);
	if (json_array_size(terms) != 1)
		field_invalid(errors, "spec.nodeSelector.nodeSelectorTerms", shown, "must have exactly one node selector term");
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
	validate_node_terms(spec, errors);
	AUTO_FREE char *all = xasprintf("{%s}", str_text(&given));
	AUTO_JSON *shown = json_string(all);
	if (!n)
		field_required(errors, "spec", which);
	else if (n > 1)
		field_invalid(errors, "spec", shown, "%s, but multiple fields are set", which);
}

/* --- devices --------------------------------------------------------------------------------------------------------- */

/* A number without leading zeros, or, in a pre-release, letters and dashes; ended by one of stops. */
static const char *version_part(const char *s, bool letters, bool zeros)
{
	size_t n = strspn(s, letters ? ALNUM "-" : DIGITS), digits = strspn(s, DIGITS);

	if (!n || (n == digits && n > 1 && *s == '0' && !zeros))
		return NULL;
	return s + n;
}

static const char *version_parts(const char *s, bool zeros)
{
	while ((s = version_part(s, true, zeros)) && *s == '.')
		s++;
	return s;
}

/* semver.org 2.0.0. */
static bool is_version(const char *s)
{
	for (int i = 0; i < 3; i++) {
		s = version_part(s, false, false);
		if (!s || (i < 2 && *s++ != '.'))
			return false;
	}
	if (*s == '-')
		s = version_parts(s + 1, false);
	if (s && *s == '+')
		s = version_parts(s + 1, true);
	return s && !*s;
}

static void validate_attribute(const json_t *attribute, const char *path, struct field_errors *errors)
{
	static const char *const values[] = {"bool", "int", "string", "version"};
	const struct type *t = errors->schema ? schema_type(errors->schema, "resource.v1.DeviceAttribute") : NULL;
	const char *version = json_member(attribute, "version");
	AUTO_JSON *none = json_string(""), *all = t ? go_value(t, attribute) : json_incref((json_t *)attribute);
	char p[FIELD_PATH_MAX];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		const json_t *v = json_object_get(attribute, values[i]);
		n += v != NULL;
		if (json_string_length(v) > VALUE_MAX)
			field_too_long(errors, FIELD_PATH(p, "%s.%s", path, values[i]), VALUE_MAX);
	}
	if (version && !is_version(version))
		field_invalid(errors, FIELD_PATH(p, "%s.version", path), json_object_get(attribute, "version"),
			      "must be a string compatible with semver.org spec 2.0.0");
	if (n != 1)
		field_invalid(errors, path, n ? all : none, "exactly one value must be specified");
}

/* --- policies of capacities ------------------------------------------------------------------------------------------ */

static void validate_options(const json_t *values, const char *initial, const char *capacity, const char *path, struct field_errors *errors)
{
	AUTO_JSON *shown = json_string(initial);
	char p[FIELD_PATH_MAX];
	bool found = false;
	json_t *v;
	size_t i;

	if (!device_size_validate(values, OPTIONS_MAX, path, errors))
		return;
	json_array_foreach(values, i, v)
	{
		const char *text = json_string_value(v), *before = i ? json_string_value(json_array_get(values, i - 1)) : NULL;
		FIELD_PATH(p, "%s[%zu]", path, i);
		if (before && quantity_compare(before, text) > 0)
			field_invalid(errors, p, v, "values must be sorted in ascending order");
		else if (before && quantity_compare(before, text) == 0)
			field_duplicate(errors, p, v);
		if (quantity_compare(text, capacity) > 0)
			field_invalid(errors, p, v, "option is larger than capacity value: %s", capacity);
		found |= quantity_compare(text, initial) == 0;
	}
	if (!found)
		field_invalid(errors, path, shown, "default value is not valid according to the requestPolicy");
}

static void validate_step(const json_t *value, const char *min, const char *step, const char *path, struct field_errors *errors)
{
	int64_t from = 0, by = 0, at = 0;
	char p[FIELD_PATH_MAX];

	if (quantity_parse(min, &from) == 0 && quantity_parse(step, &by) == 0 && quantity_parse(json_string_value(value), &at) == 0 && by > 0 &&
	    (at - from) % by)
		field_invalid(errors, FIELD_PATH(p, "%s.step", path), value, "value is not a multiple of a given step (%s) from (%s)", step, min);
}

static void validate_range(const json_t *range, const json_t *initial, const char *capacity, const char *path, struct field_errors *errors)
{
	const json_t *low = json_object_get(range, "min"), *high = json_object_get(range, "max");
	const char *min = json_string_value(low), *max = json_string_value(high), *step = json_member(range, "step");
	const char *given = json_string_value(initial);
	char p[FIELD_PATH_MAX];

	FIELD_PATH(p, "%s.min", path);
	if (!min) {
		field_required(errors, p, "required when validRange is defined");
		return;
	}
	if (quantity_compare(min, capacity) > 0)
		field_invalid(errors, p, low, "min is larger than capacity value: %s", capacity);
	if (quantity_compare(given, min) < 0)
		field_invalid(errors, p, initial, "default is less than min: %s", min);
	FIELD_PATH(p, "%s.max", path);
	if (max && quantity_compare(min, max) > 0)
		field_invalid(errors, p, low, "min is larger than max: %s", max);
	if (max && quantity_compare(max, capacity) > 0)
		field_invalid(errors, p, high, "max is larger than capacity value: %s", capacity);
	if (max && quantity_compare(given, max) > 0)
		field_invalid(errors, p, initial, "default is more than max: %s", max);
	if (step)
		validate_step(initial, min, step, path, errors);
	if (step && max)
		validate_step(high, min, step, path, errors);
}

/* What a request may take of a capacity that several share. */
static void validate_policy(const json_t *capacity, bool shared, const char *path, struct field_errors *errors)
{
	const json_t *policy = json_object_get(capacity, "requestPolicy"), *values = json_object_get(policy, "validValues");
	const json_t *range = json_object_get(policy, "validRange"), *initial = json_object_get(policy, "default");
	char p[FIELD_PATH_MAX];

	FIELD_PATH(p, "%s.requestPolicy", path);
	if (policy && !shared)
		field_forbidden(errors, p, "allowMultipleAllocations must be true");
	else if (json_array_size(values) && range)
		field_forbidden(errors, p, "exactly one policy can be specified, cannot specify \"validValues\" and \"validRange\" at the same time");
	else if (json_array_size(values) && !initial)
		field_required(errors, FIELD_PATH(p, "%s.requestPolicy.default", path), "required when validValues is defined");
	else if (json_array_size(values))
		validate_options(values, json_string_value(initial), json_str_or(capacity, "value", "0"),
				 FIELD_PATH(p, "%s.requestPolicy.validValues", path), errors);
	else if (range && !initial)
		field_required(errors, FIELD_PATH(p, "%s.requestPolicy.default", path), "required when validRange is defined");
	else if (range)
		validate_range(range, initial, json_str_or(capacity, "value", "0"), FIELD_PATH(p, "%s.requestPolicy.validRange", path), errors);
}

static void validate_properties(const json_t *device, const char *path, struct field_errors *errors)
{
	const json_t *attributes = json_object_get(device, "attributes"), *capacity = json_object_get(device, "capacity");
	bool shared = json_bool_at(device, "allowMultipleAllocations", false);
	AUTO_JSON *total = json_integer((json_int_t)(json_object_size(attributes) + json_object_size(capacity)));
	char p[FIELD_PATH_MAX];
	const char *name;
	json_t *v;

	if (json_integer_value(total) > PROPERTIES_MAX)
		field_invalid(errors, path, total, "the total number of attributes and capacities must not exceed %d", PROPERTIES_MAX);
	json_object_foreach((json_t *)attributes, name, v)
	{
		device_attribute_name_validate(name, FIELD_PATH(p, "%s.attributes[%s]", path, name), errors);
		validate_attribute(v, p, errors);
	}
	json_object_foreach((json_t *)capacity, name, v)
	{
		device_attribute_name_validate(name, FIELD_PATH(p, "%s.capacity[%s]", path, name), errors);
		validate_policy(v, shared, p, errors);
	}
}

/* Counters of a set, or of what a device takes of one. */
static void validate_counters(const json_t *set, const char *key, const char *path, struct field_errors *errors)
{
	const json_t *counters = json_object_get(set, "counters");
	char p[FIELD_PATH_MAX];
	const char *name;
	json_t *v;

	rule_name(set, path, key, name_check_label, errors);
	FIELD_PATH(p, "%s.counters", path);
	if (!json_object_size(counters))
		field_required(errors, p, NULL);
	if (json_object_size(counters) > COUNTERS_MAX) {
		field_too_many(errors, p, json_object_size(counters), COUNTERS_MAX);
		return;
	}
	json_object_foreach((json_t *)counters, name, v)
		validate_name(name, FIELD_PATH(p, "%s.counters[%s]", path, name), name_check_label, errors);
}

/* A list of sets of counters, each named once. */
static void validate_sets(const json_t *list, const char *key, size_t max, const char *path, struct field_errors *errors)
{
	AUTO_MAP *names = map_new(NULL);
	char p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;

	if (!device_size_validate(list, max, path, errors))
		return;
	json_array_foreach(list, i, v)
	{
		const char *name = json_str_or(v, key, "");
		FIELD_PATH(p, "%s[%zu]", path, i);
		validate_counters(v, key, p, errors);
		if (map_has(names, name))
			field_duplicate(errors, p, json_object_get(v, key));
		map_set(names, name, v);
	}
}

/* Where a device is, in slices that say so of each. */
static void validate_place(const json_t *device, bool per_device, const char *path, struct field_errors *errors)
{
	static const char *const ways[] = {"nodeName", "nodeSelector", "allNodes"};
	static const char which[] = "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the "
				    "ResourceSlice spec";
	AUTO_STR given = STR_INIT;
	AUTO_JSON *none = json_null();
	char p[FIELD_PATH_MAX];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		const json_t *v = json_object_get(device, ways[i]);
		if (json_is_false(v))
			field_invalid(errors, FIELD_PATH(p, "%s.%s", path, ways[i]), v, "must be either unset or set to true");
		else if (v)
			str_addf(&given, "%s`%s`", n++ ? ", " : "", ways[i]);
	}
	if (!per_device) {
		if (n)
			field_invalid(errors, path, none, "`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the "
							  "ResourceSlice spec");
		return;
	}
	rule_name(device, path, "nodeName", name_check_subdomain, errors);
	if (json_object_get(device, "nodeSelector"))
		node_selector_validate(json_object_get(device, "nodeSelector"), FIELD_PATH(p, "%s.nodeSelector", path), errors);
	AUTO_FREE char *all = xasprintf("{%s}", str_text(&given));
	AUTO_JSON *shown = json_string(all);
	if (!n)
		field_required(errors, path, which);
	else if (n > 1)
		field_invalid(errors, path, shown, "%s", which);
}

static void validate_device(const json_t *device, bool per_device, const char *path, struct field_errors *errors)
{
	const json_t *taints = json_object_get(device, "taints");
	char p[FIELD_PATH_MAX];
	json_t *t;
	size_t i;

	rule_name(device, path, "name", name_check_label, errors);
	validate_properties(device, path, errors);
	if (device_size_validate(taints, TAINTS_MAX, FIELD_PATH(p, "%s.taints", path), errors))
		json_array_foreach(taints, i, t) device_taint_validate(t, FIELD_PATH(p, "%s.taints[%zu]", path, i), errors);
	validate_sets(json_object_get(device, "consumesCounters"), "counterSet", CONSUMED_MAX, FIELD_PATH(p, "%s.consumesCounters", path), errors);
	validate_place(device, per_device, path, errors);
	device_bindings_validate(device, path, errors);
}

/* --- slices ---------------------------------------------------------------------------------------------------------- */

static bool is_heavy(const json_t *devices)
{
	json_t *d;
	size_t i;

	json_array_foreach(devices, i, d) if (json_array_size(json_object_get(d, "taints")) || json_array_size(json_object_get(d, "consumesCounters")))
	    return true;
	return false;
}

static void validate_devices(const json_t *spec, struct field_errors *errors)
{
	const json_t *devices = json_object_get(spec, "devices");
	bool per_device = json_bool_at(spec, "perDeviceNodeSelection", false);
	AUTO_MAP *names = map_new(NULL);
	char p[FIELD_PATH_MAX];
	json_t *d;
	size_t i;

	if (!device_size_validate(devices, is_heavy(devices) ? HEAVY_DEVICES_MAX : DEVICES_MAX, "spec.devices", errors))
		return;
	json_array_foreach(devices, i, d)
	{
		const char *name = json_str_or(d, "name", "");
		validate_device(d, per_device, FIELD_PATH(p, "spec.devices[%zu]", i), errors);
		if (map_has(names, name))
			field_duplicate(errors, p, json_object_get(d, "name"));
		map_set(names, name, d);
	}
}

static void slice_validate(const json_t *slice, const json_t *old, struct field_errors *errors)
{
	const json_t *spec = json_object_get(slice, "spec");
	AUTO_JSON *none = json_string("");

	csi_driver_name_validate(spec, "spec", "driver", errors);
	validate_pool(json_object_get(spec, "pool"), errors);
	if (old) {
		const json_t *was = json_object_get(old, "spec");
		rule_unchanged(json_object_get(spec, "pool"), json_object_get(was, "pool"), "spec.pool", "name", errors);
		rule_unchanged(spec, was, "spec", "driver", errors);
		rule_unchanged(spec, was, "spec", "nodeName", errors);
	}
	validate_where(spec, errors);
	if (json_object_get(spec, "sharedCounters") && json_object_get(spec, "devices"))
		field_invalid(errors, "spec", none, "only one of `sharedCounters` or `devices` is allowed");
	validate_devices(spec, errors);
	validate_sets(json_object_get(spec, "sharedCounters"), "name", SETS_MAX, "spec.sharedCounters", errors);
}

static void slice_set_defaults(json_t *slice, const json_t *old)
{
	char now[RFC3339_MAX];
	json_t *d, *t;
	size_t i, n;

	rfc3339(clock_wall_ms(), now);
	json_array_foreach(json_at(slice, "spec.devices"), i, d)
		json_array_foreach(json_object_get(d, "taints"), n, t) if (!json_object_get(t, "timeAdded"))
			json_set_str(t, "timeAdded", now);
	gated_slice_drop(json_object_get(slice, "spec"), json_object_get(old, "spec"));
}

const struct kind_ops resourceslice_ops = {.group = "resource.k8s.io",
					   .kind = "ResourceSlice",
					   .set_defaults = slice_set_defaults,
					   .validate = slice_validate};
