/* Rules of IPAddress and ServiceCIDR (networking.k8s.io/v1): whose an address is, and what ranges services get them from. */
#include <string.h>

#include "api/ip_form.h"
#include "api/names.h"
#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/error_order.h"
#include "cp/kinds/go_value.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/rule.h"

#define NETWORKING "networking.k8s.io"
#define ONE_OF_EACH "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/96"

static const char *const order[] = {"spec.parentRef.group", "spec.parentRef.resource", "spec.parentRef.name", "spec.parentRef.namespace",
				    "spec.parentRef", NULL};

static void address_validate(const json_t *address, const json_t *old, struct field_errors *errors)
{
	const json_t *parent = json_at(address, "spec.parentRef");
	if (old) {
		validate_immutable_as(address, old, "spec.parentRef", "networking.v1.ParentReference", errors);
		return;
	}
	if (!parent) {
		field_required(errors, "spec.parentRef", NULL);
		return;
	}
	rule_name(parent, "spec.parentRef", "group", name_check_subdomain, errors);
	if (rule_required(parent, "spec.parentRef", "resource", NULL, errors))
		rule_name(parent, "spec.parentRef", "resource", name_check_path_segment, errors);
	if (rule_required(parent, "spec.parentRef", "name", NULL, errors))
		rule_name(parent, "spec.parentRef", "name", name_check_path_segment, errors);
	rule_name(parent, "spec.parentRef", "namespace", name_check_path_segment, errors);
	errors_order(errors, "", order);
}

static int range_family(const json_t *range)
{
	struct ip_form f;
	return ip_form_range(json_string_value(range), &f) ? f.family : 0;
}

static void validate_range(const json_t *range, const char *path, struct field_errors *errors)
{
	const char *text = json_string_value(range);
	AUTO_FREE char *why = ip_form_range_problem(text ? text : "");
	if (why)
		field_invalid(errors, path, range, "%s", why);
}

static void validate_ranges(const json_t *range, struct field_errors *errors)
{
	const json_t *cidrs = json_at(range, "spec.cidrs"), *spec = json_object_get(range, "spec");
	AUTO_JSON *shown = go_shown(errors, "networking.v1.ServiceCIDRSpec", spec);
	char p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;
	if (!json_array_size(cidrs)) {
		field_required(errors, "spec.cidrs", "at least one CIDR required");
		return;
	}
	if (json_array_size(cidrs) > 2) {
		field_invalid(errors, "spec.cidrs", shown, "may only hold up to 2 values");
		return;
	}
	json_array_foreach(cidrs, i, v)
		validate_range(v, FIELD_PATH(p, "spec.cidrs[%zu]", i), errors);
	int first = range_family(json_array_get(cidrs, 0)), second = range_family(json_array_get(cidrs, 1));
	if (json_array_size(cidrs) == 2 && first && first == second)
		field_invalid(errors, "spec.cidrs", shown, ONE_OF_EACH);
}

/* A range keeps what it has; one of a single family may get the other. */
static void range_validate(const json_t *range, const json_t *old, struct field_errors *errors)
{
	const json_t *now = json_at(range, "spec.cidrs"), *before = json_at(old, "spec.cidrs");
	size_t n = json_array_size(now), had = json_array_size(before);
	char p[FIELD_PATH_MAX];
	if (!old) {
		validate_ranges(range, errors);
		return;
	}
	if (n != had && !(had == 1 && n == 2)) {
		field_invalid(errors, "spec.cidrs", now, "field is immutable");
		return;
	}
	for (size_t i = 0; i < had; i++)
		if (!json_equal(json_array_get(now, i), json_array_get(before, i)))
			field_invalid(errors, FIELD_PATH(p, "spec.cidrs[%zu]", i), json_array_get(now, i), "field is immutable");
	if (n != had)
		validate_ranges(range, errors);
}

const struct kind_ops ipaddress_ops = { .group = NETWORKING, .kind = "IPAddress", .validate = address_validate };
const struct kind_ops servicecidr_ops = { .group = NETWORKING, .kind = "ServiceCIDR", .prepare_create = kind_empty_status,
					  .prepare_update = kind_keep_status, .prepare_status = kind_keep_spec, .validate = range_validate,
					  .has_status = true };
