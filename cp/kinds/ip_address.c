/* Rules of IPAddress and ServiceCIDR (networking.k8s.io/v1): whose an address is, and what ranges services get them from. */
#include <arpa/inet.h>
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"

#define NETWORKING "networking.k8s.io"
#define ONE_OF_EACH "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/96"

static void address_validate(const json_t *address, const json_t *old, struct field_errors *errors)
{
	const json_t *parent = json_at(address, "spec.parentRef");
	if (old) {
		validate_immutable(address, old, "spec.parentRef", errors);
		return;
	}
	if (!parent) {
		field_required(errors, "spec.parentRef", NULL);
		return;
	}
	const char *resource = json_str_or(parent, "resource", ""), *ns = json_str_or(parent, "namespace", "");
	if (*json_str_or(parent, "group", ""))
		validate_name(json_str_at(parent, "group"), "spec.parentRef.group", name_check_subdomain, errors);
	if (!*resource)
		field_required(errors, "spec.parentRef.resource", NULL);
	else
		validate_name(resource, "spec.parentRef.resource", name_check_path_segment, errors);
	if (!*json_str_or(parent, "name", ""))
		field_required(errors, "spec.parentRef.name", NULL);
	else
		validate_name(json_str_at(parent, "name"), "spec.parentRef.name", name_check_path_segment, errors);
	if (*ns)
		validate_name(ns, "spec.parentRef.namespace", name_check_path_segment, errors);
}

static int range_family(const json_t *range)
{
	const char *text = json_string_value(range);
	return text && is_cidr(text) ? (strchr(text, ':') ? 6 : 4) : 0;
}

static void validate_ranges(const json_t *range, struct field_errors *errors)
{
	const json_t *cidrs = json_at(range, "spec.cidrs"), *spec = json_object_get(range, "spec");
	char p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;
	if (!json_array_size(cidrs)) {
		field_required(errors, "spec.cidrs", "at least one CIDR required");
		return;
	}
	if (json_array_size(cidrs) > 2) {
		field_invalid(errors, "spec.cidrs", spec, "may only hold up to 2 values");
		return;
	}
	if (json_array_size(cidrs) == 2 && range_family(json_array_get(cidrs, 0)) + range_family(json_array_get(cidrs, 1)) != 10)
		field_invalid(errors, "spec.cidrs", spec, ONE_OF_EACH);
	json_array_foreach(cidrs, i, v)
		if (!range_family(v))
			field_invalid(errors, FIELD_PATH(p, "spec.cidrs[%zu]", i), v,
				      "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
}

/* A range keeps what it has; one of a single family may get the other. */
static void range_validate(const json_t *range, const json_t *old, struct field_errors *errors)
{
	const json_t *now = json_at(range, "spec.cidrs"), *before = json_at(old, "spec.cidrs");
	bool grows = json_array_size(before) == 1 && json_array_size(now) == 2 &&
		     json_equal(json_array_get(now, 0), json_array_get(before, 0));
	if (!old || grows)
		validate_ranges(range, errors);
	else
		validate_immutable(range, old, "spec.cidrs", errors);
}

const struct kind_ops ipaddress_ops = { .group = NETWORKING, .kind = "IPAddress", .validate = address_validate };
const struct kind_ops servicecidr_ops = { .group = NETWORKING, .kind = "ServiceCIDR", .prepare_create = kind_empty_status,
					  .prepare_update = kind_keep_status, .prepare_status = kind_keep_spec, .validate = range_validate,
					  .has_status = true };
