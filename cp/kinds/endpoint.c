/* Rules of Endpoints, and of addresses that mean a machine elsewhere. */
#include <arpa/inet.h>
#include <string.h>

#include "api/ip_form.h"
#include "api/names.h"
#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "cp/kinds/error_order.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/rule.h"

/* Addresses that mean something else on every machine. */
void validate_address(const json_t *address, const char *path, struct field_errors *errors)
{
	const char *text = json_is_string(address) ? json_string_value(address) : "";
	struct in6_addr six;
	struct in_addr four;
	size_t before = errors->n;
	rule_ip(address, NULL, path, errors);
	if (errors->n != before)
		return;
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

/* What is no address at all is told twice, in two ways. */
static void validate_subset_address(const json_t *a, const char *path, struct field_errors *errors)
{
	const json_t *ip = json_object_get(a, "ip"), *node = json_object_get(a, "nodeName");
	char p[FIELD_PATH_MAX], n[FIELD_PATH_MAX];
	FIELD_PATH(p, "%s.ip", path);
	validate_address(ip, p, errors);
	if (node)
		validate_name(json_string_value(node), FIELD_PATH(n, "%s.nodeName", path), name_check_subdomain, errors);
	if (!ip_family(json_string_value(ip)))
		field_invalid(errors, p, ip, "must be a valid IP address");
}

static void endpoints_validate(const json_t *ep, const json_t *old, struct field_errors *errors)
{
	static const char *const lists[] = { "addresses", "notReadyAddresses" };
	static const char *const order[] = { "metadata", "subsets[].addresses", "subsets[].notReadyAddresses", "subsets[].ports[].name",
					     "subsets[].ports[].port", "subsets[].ports[].protocol", "subsets[].ports[].appProtocol", NULL };
	char p[FIELD_PATH_MAX];
	size_t i, j;
	json_t *subset, *a;
	(void)old;
	json_array_foreach(json_object_get(ep, "subsets"), i, subset) {
		if (!json_array_size(json_object_get(subset, "addresses")) && !json_array_size(json_object_get(subset, "notReadyAddresses")))
			field_required(errors, FIELD_PATH(p, "subsets[%zu]", i), "must specify `addresses` or `notReadyAddresses`");
		for (size_t l = 0; l < ARRAY_LEN(lists); l++)
			json_array_foreach(json_object_get(subset, lists[l]), j, a)
				validate_subset_address(a, FIELD_PATH(p, "subsets[%zu].%s[%zu]", i, lists[l], j), errors);
		validate_port_names(json_object_get(subset, "ports"), i, errors);
	}
	errors_order(errors, "", order);
}

/* Those of the controller are right. */
static void endpoints_warn(const json_t *ep, const json_t *old, char ***warnings)
{
	static const char *const lists[] = { "addresses", "notReadyAddresses" };
	char p[FIELD_PATH_MAX];
	json_t *subset, *a;
	size_t i, k;
	(void)old;
	if (str_eq(json_member(json_at(ep, "metadata.labels"), "endpoints.kubernetes.io/managed-by"), "endpoint-controller"))
		return;
	json_array_foreach(json_object_get(ep, "subsets"), i, subset)
		for (size_t l = 0; l < ARRAY_LEN(lists); l++)
			json_array_foreach(json_object_get(subset, lists[l]), k, a)
				ip_form_address_warn(FIELD_PATH(p, "subsets[%zu].%s[%zu].ip", i, lists[l], k), json_member(a, "ip"), warnings);
}

const struct kind_ops endpoints_ops = { .group = "", .kind = "Endpoints", .validate = endpoints_validate, .warn = endpoints_warn };
