/* Rules of EndpointSlices: addresses of their type, ports told apart by name, hints. What only the first version of the API had
 * (deprecatedTopology) is dropped. Pure; nothing fails. */
#include <string.h>

#include "api/ip_form.h"
#include "api/names.h"
#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "cp/kinds/error_order.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/rule.h"

enum { ADDRESSES_MAX = 100, PORTS_MAX = 20000, ENDPOINTS_MAX = 1000, HINTS_MAX = 8, TOPOLOGY_MAX = 16 };

static void validate_hint_list(const json_t *hints, const char *key, const char *(*check)(const char *), const char *path,
			       struct field_errors *errors)
{
	const json_t *list = json_object_get(hints, key);
	AUTO_MAP *seen = map_new(NULL);
	char p[FIELD_PATH_MAX];
	json_t *hint;
	size_t i;

	if (json_array_size(list) > HINTS_MAX) {
		field_too_many(errors, FIELD_PATH(p, "%s.%s", path, key), json_array_size(list), HINTS_MAX);
		return;
	}
	json_array_foreach(list, i, hint)
	{
		const char *name = json_str_or(hint, "name", "");
		FIELD_PATH(p, "%s.%s[%zu].name", path, key, i);
		if (map_has(seen, name))
			field_duplicate(errors, p, json_object_get(hint, "name"));
		map_set(seen, name, hint);
		validate_name(name, p, check, errors);
	}
}

/* A name of at least two labels; a dot at its end is fine. */
static void validate_full_name(const char *text, const char *path, struct field_errors *errors)
{
	AUTO_FREE char *name = xstrndup(text, strlen(text) - str_has_suffix(text, "."));
	AUTO_STRV char **labels = str_split(name, '.');
	AUTO_JSON *shown = json_string(name);
	const char *why = name_check_subdomain(name);

	if (!*text)
		field_required(errors, path, NULL);
	else if (why)
		field_invalid(errors, path, shown, "%s", why);
	else if (strv_len(labels) < 2)
		field_invalid(errors, path, shown, "should be a domain with at least two segments separated by dots");
	else
		for (size_t i = 0; labels[i]; i++)
			validate_name(labels[i], path, name_check_label, errors);
}

static void validate_endpoint_address(const json_t *a, const char *type, const char *list, const char *path, struct field_errors *errors)
{
	const char *text = json_is_string(a) ? json_string_value(a) : "";
	int family = ip_family(text);

	if (!strcmp(type, "FQDN")) {
		validate_full_name(text, path, errors);
		return;
	}
	if (family && !strcmp(type, "IPv4") && family != 4)
		field_invalid(errors, list, a, "must be an IPv4 address");
	else if (family && !strcmp(type, "IPv6") && family != 6)
		field_invalid(errors, list, a, "must be an IPv6 address");
	if (!strcmp(type, "IPv4") || !strcmp(type, "IPv6"))
		validate_address(a, path, errors);
}

static void validate_topology(const json_t *topology, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	const char *key;
	json_t *v;

	FIELD_PATH(p, "%s.deprecatedTopology", path);
	if (json_object_size(topology) > TOPOLOGY_MAX)
		field_too_many(errors, p, json_object_size(topology), TOPOLOGY_MAX);
	json_object_foreach((json_t *)topology, key, v)
	{
		validate_name(key, p, name_check_qualified, errors);
		validate_name(json_string_value(v), p, name_check_label_value, errors);
	}
}

static void validate_endpoint(const json_t *e, const char *type, const char *path, struct field_errors *errors)
{
	const json_t *addresses = json_object_get(e, "addresses"), *hints = json_object_get(e, "hints");
	char list[FIELD_PATH_MAX], p[FIELD_PATH_MAX];
	json_t *a;
	size_t i;

	FIELD_PATH(list, "%s.addresses", path);
	if (json_array_size(addresses) > ADDRESSES_MAX)
		field_too_many(errors, list, json_array_size(addresses), ADDRESSES_MAX);
	json_array_foreach(addresses, i, a) validate_endpoint_address(a, type, list, FIELD_PATH(p, "%s.addresses[%zu]", path, i), errors);
	if (json_object_get(e, "nodeName"))
		validate_name(json_str_or(e, "nodeName", ""), FIELD_PATH(p, "%s.nodeName", path), name_check_subdomain, errors);
	validate_topology(json_object_get(e, "deprecatedTopology"), path, errors);
	FIELD_PATH(p, "%s.hints", path);
	validate_hint_list(hints, "forZones", name_check_label_value, p, errors);
	validate_hint_list(hints, "forNodes", name_check_subdomain, p, errors);
}

static void validate_ports(const json_t *ports, struct field_errors *errors)
{
	AUTO_MAP *names = map_new(NULL);
	char p[FIELD_PATH_MAX];
	json_t *port;
	size_t i;

	if (json_array_size(ports) > PORTS_MAX) {
		field_too_many(errors, "ports", json_array_size(ports), PORTS_MAX);
		return;
	}
	json_array_foreach(ports, i, port)
	{
		const char *name = json_str_or(port, "name", "");
		FIELD_PATH(p, "ports[%zu]", i);
		rule_name(port, p, "name", name_check_label, errors);
		if (map_has(names, name))
			field_duplicate(errors, FIELD_PATH(p, "ports[%zu].name", i), json_object_get(port, "name"));
		map_set(names, name, port);
	}
}

static const char *const order[] = {"addressType",
				    "endpoints[].addresses",
				    "endpoints[].nodeName",
				    "endpoints[].deprecatedTopology",
				    "endpoints[].hostname",
				    "endpoints[].hints",
				    "ports[].name",
				    "ports[].protocol",
				    "ports[].appProtocol",
				    NULL};

static void slice_validate(const json_t *slice, const json_t *old, struct field_errors *errors)
{
	const json_t *endpoints = json_object_get(slice, "endpoints");
	const char *type = json_str_or(slice, "addressType", "");
	char p[FIELD_PATH_MAX];
	json_t *e;
	size_t i;

	(void)old;
	if (json_array_size(endpoints) > ENDPOINTS_MAX)
		field_too_many(errors, "endpoints", json_array_size(endpoints), ENDPOINTS_MAX);
	else
		json_array_foreach(endpoints, i, e) validate_endpoint(e, type, FIELD_PATH(p, "endpoints[%zu]", i), errors);
	validate_ports(json_object_get(slice, "ports"), errors);
	errors_order(errors, "", order);
}

/* Node names come from the old labels only where the old state has them there. */
static bool had_node(const json_t *old, const char *name)
{
	json_t *e;
	size_t i;

	json_array_foreach(json_object_get(old, "endpoints"), i, e)
		if (str_eq(json_member(json_object_get(e, "deprecatedTopology"), "kubernetes.io/hostname"), name))
			return name != NULL;
	return false;
}

static void drop_topology(json_t *slice, const json_t *old)
{
	json_t *endpoints = json_object_get(slice, "endpoints"), *e;
	size_t i;

	if (old && json_equal(endpoints, json_object_get(old, "endpoints")))
		return;
	json_array_foreach(endpoints, i, e)
	{
		const char *name = json_member(json_object_get(e, "deprecatedTopology"), "kubernetes.io/hostname");
		if (!json_object_get(e, "nodeName") && had_node(old, name))
			json_object_set_new(e, "nodeName", json_string(name));
		json_object_del(e, "deprecatedTopology");
	}
}

static void prepare_create(json_t *slice)
{
	drop_topology(slice, NULL);
}

static void slice_warn(const json_t *slice, const json_t *old, char ***warnings)
{
	const char *manager = json_member(json_at(slice, "metadata.labels"), "endpointslice.kubernetes.io/managed-by");
	char p[FIELD_PATH_MAX];
	json_t *e, *a;
	size_t i, k;

	if (!old && str_eq(json_str_at(slice, "addressType"), "FQDN"))
		strv_add(warnings, "spec.addressType: FQDN endpoints are deprecated");
	if (str_eq(manager, "endpointslice-controller.k8s.io") || str_eq(manager, "endpointslicemirroring-controller.k8s.io"))
		return;
	json_array_foreach(json_object_get(slice, "endpoints"), i, e) json_array_foreach(json_object_get(e, "addresses"), k, a)
	    ip_form_address_warn(FIELD_PATH(p, "endpoints[%zu].addresses[%zu]", i, k), json_string_value(a), warnings);
}

const struct kind_ops endpointslice_ops = {.group = "discovery.k8s.io",
					   .kind = "EndpointSlice",
					   .prepare_create = prepare_create,
					   .prepare_update = drop_topology,
					   .validate = slice_validate,
					   .warn = slice_warn};
