/* Rules of Endpoints and EndpointSlices: addresses that may stand in them. */
#include <arpa/inet.h>
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/rule.h"

/* Addresses that mean something else on every machine. */
void validate_address(const json_t *address, const char *path, struct field_errors *errors)
{
	const char *text = json_is_string(address) ? json_string_value(address) : "";
	struct in6_addr six;
	struct in_addr four;
	if (inet_pton(AF_INET, text, &four) == 1) {
		uint32_t ip = ntohl(four.s_addr);
		if (ip == 0)
			field_invalid(errors, path, address, "may not be unspecified (%s)", text);
		else if (ip >> 24 == 127)
			field_invalid(errors, path, address, "may not be in the loopback range (127.0.0.0/8, ::1/128)");
		else if (ip >> 16 == 0xa9fe)
			field_invalid(errors, path, address, "may not be in the link-local range (169.254.0.0/16, fe80::/10)");
		else if (ip >> 8 == 0xe00000)
			field_invalid(errors, path, address, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)");
	} else if (inet_pton(AF_INET6, text, &six) == 1) {
		if (IN6_IS_ADDR_UNSPECIFIED(&six))
			field_invalid(errors, path, address, "may not be unspecified (%s)", text);
		else if (IN6_IS_ADDR_LOOPBACK(&six))
			field_invalid(errors, path, address, "may not be in the loopback range (127.0.0.0/8, ::1/128)");
		else if (IN6_IS_ADDR_LINKLOCAL(&six))
			field_invalid(errors, path, address, "may not be in the link-local range (169.254.0.0/16, fe80::/10)");
	} else {
		field_invalid(errors, path, address, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
	}
}

/* Several ports are told apart by their names. */
static void validate_port_names(const json_t *ports, size_t subset, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	json_t *port;
	size_t i;
	json_array_foreach(ports, i, port) {
		FIELD_PATH(p, "subsets[%zu].ports[%zu]", subset, i);
		if (json_array_size(ports) > 1)
			rule_required(port, p, "name", NULL, errors);
		rule_name(port, p, "name", name_check_label, errors);
		rule_name(port, p, "appProtocol", name_check_qualified, errors);
	}
}

static void endpoints_validate(const json_t *ep, const json_t *old, struct field_errors *errors)
{
	static const char *const lists[] = { "addresses", "notReadyAddresses" };
	char p[FIELD_PATH_MAX];
	size_t i, j;
	json_t *subset, *a;
	(void)old;
	json_array_foreach(json_object_get(ep, "subsets"), i, subset) {
		if (!json_array_size(json_object_get(subset, "addresses")) && !json_array_size(json_object_get(subset, "notReadyAddresses")))
			field_required(errors, FIELD_PATH(p, "subsets[%zu]", i), "must specify `addresses` or `notReadyAddresses`");
		validate_port_names(json_object_get(subset, "ports"), i, errors);
		for (size_t l = 0; l < ARRAY_LEN(lists); l++)
			json_array_foreach(json_object_get(subset, lists[l]), j, a)
				validate_address(json_object_get(a, "ip"), FIELD_PATH(p, "subsets[%zu].%s[%zu].ip", i, lists[l], j), errors);
	}
}

enum { ADDRESSES_MAX = 100, PORTS_MAX = 20000, ENDPOINTS_MAX = 1000, HINTS_MAX = 8 };

static void validate_hints(const json_t *hints, const char *path, struct field_errors *errors)
{
	static const char *const lists[] = { "forZones", "forNodes" };
	char p[FIELD_PATH_MAX];
	json_t *hint;
	size_t i;
	for (size_t l = 0; l < ARRAY_LEN(lists); l++) {
		const json_t *list = json_object_get(hints, lists[l]);
		AUTO_MAP *seen = map_new(NULL);
		if (json_array_size(list) > HINTS_MAX)
			field_too_many(errors, FIELD_PATH(p, "%s.%s", path, lists[l]), json_array_size(list), HINTS_MAX);
		json_array_foreach(list, i, hint) {
			const char *name = json_str_or(hint, "name", "");
			FIELD_PATH(p, "%s.%s[%zu].name", path, lists[l], i);
			validate_name(name, p, l ? name_check_subdomain : name_check_label_value, errors);
			if (map_has(seen, name))
				field_duplicate(errors, p, json_object_get(hint, "name"));
			map_set(seen, name, hint);
		}
	}
}

static void validate_endpoint_address(const json_t *a, const char *type, const char *list, const char *path, struct field_errors *errors)
{
	const char *text = json_is_string(a) ? json_string_value(a) : "";
	int family = ip_family(text);
	if (!strcmp(type, "FQDN")) {
		validate_name(text, path, name_check_subdomain, errors);
		return;
	}
	if (!strcmp(type, "IPv4") && family != 4)
		field_invalid(errors, list, a, "must be an IPv4 address");
	else if (!strcmp(type, "IPv6") && family != 6)
		field_invalid(errors, list, a, "must be an IPv6 address");
	validate_address(a, path, errors);
}

static void validate_endpoint(const json_t *e, const char *type, const char *path, struct field_errors *errors)
{
	const json_t *addresses = json_object_get(e, "addresses");
	char list[FIELD_PATH_MAX], p[FIELD_PATH_MAX];
	json_t *a;
	size_t i;
	FIELD_PATH(list, "%s.addresses", path);
	if (!json_array_size(addresses))
		field_required(errors, list, "must contain at least 1 address");
	else if (json_array_size(addresses) > ADDRESSES_MAX)
		field_too_many(errors, list, json_array_size(addresses), ADDRESSES_MAX);
	json_array_foreach(addresses, i, a)
		validate_endpoint_address(a, type, list, FIELD_PATH(p, "%s.addresses[%zu]", path, i), errors);
	if (json_object_get(e, "nodeName"))
		validate_name(json_str_or(e, "nodeName", ""), FIELD_PATH(p, "%s.nodeName", path), name_check_subdomain, errors);
	if (json_object_get(e, "hints"))
		validate_hints(json_object_get(e, "hints"), FIELD_PATH(p, "%s.hints", path), errors);
}

static void validate_slice_ports(const json_t *ports, struct field_errors *errors)
{
	AUTO_MAP *names = map_new(NULL);
	char p[FIELD_PATH_MAX];
	json_t *port;
	size_t i;
	if (json_array_size(ports) > PORTS_MAX)
		field_too_many(errors, "ports", json_array_size(ports), PORTS_MAX);
	json_array_foreach(ports, i, port) {
		const char *name = json_str_or(port, "name", "");
		FIELD_PATH(p, "ports[%zu]", i);
		rule_name(port, p, "name", name_check_label, errors);
		if (map_has(names, name))
			field_duplicate(errors, FIELD_PATH(p, "ports[%zu].name", i), json_object_get(port, "name"));
		map_set(names, name, port);
	}
}

static void endpointslice_validate(const json_t *slice, const json_t *old, struct field_errors *errors)
{
	const json_t *endpoints = json_object_get(slice, "endpoints");
	const char *type = json_str_or(slice, "addressType", "");
	char p[FIELD_PATH_MAX];
	json_t *e;
	size_t i;
	if (json_array_size(endpoints) > ENDPOINTS_MAX)
		field_too_many(errors, "endpoints", json_array_size(endpoints), ENDPOINTS_MAX);
	json_array_foreach(endpoints, i, e)
		validate_endpoint(e, type, FIELD_PATH(p, "endpoints[%zu]", i), errors);
	validate_slice_ports(json_object_get(slice, "ports"), errors);
	if (old)
		validate_immutable(slice, old, "addressType", errors);
}

const struct kind_ops endpoints_ops = { .group = "", .kind = "Endpoints", .validate = endpoints_validate };
const struct kind_ops endpointslice_ops = { .group = "discovery.k8s.io", .kind = "EndpointSlice", .validate = endpointslice_validate };
