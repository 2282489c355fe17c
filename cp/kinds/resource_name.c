/* Names and amounts of resources. Purpose: which resources exist where, and what may be asked of them. Happy path: a name
 * is a known word or has a domain, an amount is at least zero and whole where things are counted. Nothing fails. */
#include "cp/kinds/resource_name.h"

#include <string.h>

#include "api/names.h"
#include "api/quantity.h"
#include "base/json.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/rule.h"

static const char *const standard[] = {
    "cpu", "memory", "ephemeral-storage", "requests.cpu", "requests.memory", "requests.ephemeral-storage", "limits.cpu",
    "limits.memory", "limits.ephemeral-storage", "pods", "resourcequotas", "services", "replicationcontrollers", "secrets",
    "configmaps", "persistentvolumeclaims", "storage", "requests.storage", "services.nodeports", "services.loadbalancers", NULL};
static const char *const counted[] = {"pods",	 "resourcequotas", "services",		     "replicationcontrollers",
				      "secrets", "configmaps",	   "persistentvolumeclaims", "services.nodeports",
				      "services.loadbalancers",	   NULL};
static const char *const of_containers[] = {"cpu", "memory", "ephemeral-storage", NULL};

bool resource_name_is_huge_page(const char *name)
{
	return str_has_prefix(name, "hugepages-");
}

/* cpu, or in the domain kubernetes.io. */
static bool resource_name_is_native(const char *name)
{
	return !strchr(name, '/') || strstr(name, "kubernetes.io/");
}

bool resource_name_is_extended(const char *name)
{
	AUTO_FREE char *quota = xasprintf("requests.%s", name);

	return !resource_name_is_native(name) && !str_has_prefix(name, "requests.") && !name_check_qualified(quota);
}

bool resource_name_may_overcommit(const char *name)
{
	return resource_name_is_native(name) && !resource_name_is_huge_page(name);
}

static void invalid(struct field_errors *errors, const char *path, const char *name, const char *why)
{
	AUTO_JSON *v = json_string(name);

	field_invalid(errors, path, v, "%s", why);
}

void resource_name_validate(const char *name, const char *path, struct field_errors *errors)
{
	size_t before = errors->n;

	validate_name(name, path, name_check_qualified, errors);
	if (errors->n == before && !strchr(name, '/') && !rule_is_one_of(name, standard) &&
	    !resource_name_is_huge_page(name) && !str_has_prefix(name, "requests.hugepages-"))
		invalid(errors, path, name, "must be a standard resource type or fully qualified");
}

void resource_name_validate_container(const char *name, const char *path, struct field_errors *errors)
{
	resource_name_validate(name, path, errors);
	if (!strchr(name, '/')) {
		if (!rule_is_one_of(name, of_containers) && !resource_name_is_huge_page(name))
			invalid(errors, path, name, "must be a standard resource for containers");
	} else if (!resource_name_is_native(name) && !resource_name_is_extended(name)) {
		invalid(errors, path, name, "doesn't follow extended resource name standard");
	}
}

void resource_name_validate_pod(const char *name, const char *path, struct field_errors *errors)
{
	static const char *const supported[] = {"cpu", "hugepages-", "memory", NULL};
	size_t before = errors->n;
	AUTO_JSON *v = json_string(name);

	resource_name_validate(name, path, errors);
	if (errors->n == before && !rule_is_one_of(name, supported) && !resource_name_is_huge_page(name))
		field_not_supported(errors, path, v, supported);
}

void resource_amount_validate(const char *name, const json_t *amount, const char *path, struct field_errors *errors)
{
	const char *text = json_string_value(amount);
	int64_t milli = 0;

	if (!text || quantity_parse_milli(text, &milli) < 0)
		return;
	if (milli < 0)
		field_invalid(errors, path, amount, "must be greater than or equal to 0");
	if (milli % 1000 &&
	    (rule_is_one_of(name, counted) || str_has_prefix(name, "count/") || resource_name_is_extended(name)))
		field_invalid(errors, path, amount, "must be an integer");
}

/* Huge pages come whole. */
static void validate_pages(const char *name, const json_t *amount, const char *path, struct field_errors *errors)
{
	const char *text = json_string_value(amount);
	int64_t page = 0, bytes = 0;

	if (!resource_name_is_huge_page(name))
		return;
	if (quantity_parse(name + strlen("hugepages-"), &page) < 0 || page <= 0 || quantity_parse(text, &bytes) < 0 ||
	    bytes % page)
		field_invalid(errors, path, amount, "%s is not positive integer multiple of %s", text, name);
}

struct requirements {
	const json_t *limits;
	const char *path;
	struct field_errors *errors;
	bool compute, pages;
};

static void note(struct requirements *r, const char *name)
{
	r->compute |= !strcmp(name, "cpu") || !strcmp(name, "memory");
	r->pages |= resource_name_is_huge_page(name);
}

static void validate_against_limit(struct requirements *r, const char *name, const json_t *request)
{
	const char *limit = json_member(r->limits, name), *text = json_string_value(request);
	char p[FIELD_PATH_MAX];
	bool may = resource_name_may_overcommit(name);
	int order = limit ? quantity_compare(text, limit) : 0;

	if (!limit && !may)
		field_required(r->errors, FIELD_PATH(p, "%s.limits", r->path), "Limit must be set for non overcommitable resources");
	else if (order && !may)
		field_invalid(r->errors, FIELD_PATH(p, "%s.requests", r->path), request, "must be equal to %s limit of %s", name, limit);
	else if (order > 0)
		field_invalid(r->errors, FIELD_PATH(p, "%s.requests", r->path), request,
			      "must be less than or equal to %s limit of %s", name, limit);
}

void resource_requirements_validate(const json_t *requirements, const char *path,
				    void (*check)(const char *name, const char *path, struct field_errors *errors),
				    struct field_errors *errors)
{
	static const char *const parts[] = {"limits", "requests"};
	struct requirements r = {.limits = json_object_get(requirements, "limits"), .path = path, .errors = errors};
	char p[FIELD_PATH_MAX];
	const char *name;
	json_t *v;

	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		json_object_foreach(json_object_get(requirements, parts[i]), name, v)
		{
			FIELD_PATH(p, "%s.%s[%s]", path, parts[i], name);
			if (!json_is_string(v))
				continue;
			check(name, p, errors);
			resource_amount_validate(name, v, p, errors);
			if (i == 1)
				validate_against_limit(&r, name, v);
			validate_pages(name, v, p, errors);
			note(&r, name);
		}
	if (r.pages && !r.compute)
		field_forbidden(errors, path, "HugePages require cpu or memory");
}
