/* Rules of Endpoints and EndpointSlices: addresses that may stand in them. */
#include <arpa/inet.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"

/* Addresses that mean something else on every machine. */
static void validate_address(const json_t *address, const char *path, struct field_errors *errors)
{
	const char *text = json_is_string(address) ? json_string_value(address) : "";
	struct in6_addr six;
	struct in_addr four;
	if (inet_pton(AF_INET, text, &four) == 1) {
		uint32_t ip = ntohl(four.s_addr);
		if (ip == 0)
			field_invalid(errors, path, address, "may not be unspecified (0.0.0.0 or ::)");
		else if (ip >> 24 == 127)
			field_invalid(errors, path, address, "may not be in the loopback range (127.0.0.0/8, ::1/128)");
		else if (ip >> 16 == 0xa9fe)
			field_invalid(errors, path, address, "may not be in the link-local range (169.254.0.0/16, fe80::/10)");
		else if (ip >> 8 == 0xe00000)
			field_invalid(errors, path, address, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)");
	} else if (inet_pton(AF_INET6, text, &six) == 1) {
		if (IN6_IS_ADDR_UNSPECIFIED(&six))
			field_invalid(errors, path, address, "may not be unspecified (0.0.0.0 or ::)");
		else if (IN6_IS_ADDR_LOOPBACK(&six))
			field_invalid(errors, path, address, "may not be in the loopback range (127.0.0.0/8, ::1/128)");
		else if (IN6_IS_ADDR_LINKLOCAL(&six))
			field_invalid(errors, path, address, "may not be in the link-local range (169.254.0.0/16, fe80::/10)");
	} else {
		field_invalid(errors, path, address, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
	}
}

static void endpoints_validate(const json_t *ep, const json_t *old, struct field_errors *errors)
{
	static const char *const lists[] = { "addresses", "notReadyAddresses" };
	char p[FIELD_PATH_MAX];
	size_t i, j;
	json_t *subset, *a;
	(void)old;
	json_array_foreach(json_object_get(ep, "subsets"), i, subset)
		for (size_t l = 0; l < ARRAY_LEN(lists); l++)
			json_array_foreach(json_object_get(subset, lists[l]), j, a)
				validate_address(json_object_get(a, "ip"), FIELD_PATH(p, "subsets[%zu].%s[%zu].ip", i, lists[l], j), errors);
}

static void endpointslice_validate(const json_t *slice, const json_t *old, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	const char *type = json_str_or(slice, "addressType", "");
	size_t i, j;
	json_t *e, *a;
	json_array_foreach(json_object_get(slice, "endpoints"), i, e) {
		if (!json_array_size(json_object_get(e, "addresses")))
			field_required(errors, FIELD_PATH(p, "endpoints[%zu].addresses", i), "must contain at least 1 address");
		json_array_foreach(json_object_get(e, "addresses"), j, a) {
			int family = ip_family(json_is_string(a) ? json_string_value(a) : NULL);
			FIELD_PATH(p, "endpoints[%zu].addresses", i);
			if (!strcmp(type, "IPv4") && family != 4)
				field_invalid(errors, p, a, "must be an IPv4 address");
			else if (!strcmp(type, "IPv6") && family != 6)
				field_invalid(errors, p, a, "must be an IPv6 address");
			if (strcmp(type, "FQDN"))
				validate_address(a, FIELD_PATH(p, "endpoints[%zu].addresses[%zu]", i, j), errors);
		}
	}
	if (old)
		validate_immutable(slice, old, "addressType", errors);
}

const struct kind_ops endpoints_ops = { .group = "", .kind = "Endpoints", .validate = endpoints_validate };
const struct kind_ops endpointslice_ops = { .group = "discovery.k8s.io", .kind = "EndpointSlice", .validate = endpointslice_validate };
