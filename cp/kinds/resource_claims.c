/* Rules of dynamic resource allocation: claims and their templates, classes. Expressions are kept, not compiled. */
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "cp/kinds/claim_rules.h"
#include "cp/kinds/device_rules.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/resource_name.h"
#include "cp/kinds/rule.h"
#include "cp/kinds/storage.h"

#define RESOURCE "resource.k8s.io"
enum { REQUESTS_MAX = 32, CONSTRAINTS_MAX = 32, CONFIG_MAX = 32, SELECTORS_MAX = 32, FIRST_MAX = 8, EXPRESSION_MAX = 10 * 1024,
       PARAMETERS_MAX = 10 * 1024 };

/* --- requests -------------------------------------------------------------------------------------------------------- */

static void validate_selectors(const json_t *obj, const char *path, struct field_errors *errors)
{
	const json_t *list = json_object_get(obj, "selectors");
	char p[FIELD_PATH_MAX];
	json_t *s;
	size_t i;

	if (!device_size_validate(list, SELECTORS_MAX, FIELD_PATH(p, "%s.selectors", path), errors))
		return;
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

static void validate_choices(const json_t *first, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	json_t *sub;
	size_t i;

	if (!device_size_validate(first, FIRST_MAX, path, errors))
		return;
	json_array_foreach(first, i, sub)
	{
		FIELD_PATH(p, "%s[%zu]", path, i);
		rule_name(sub, p, "name", name_check_label, errors);
		validate_wanted(sub, p, errors);
	}
	device_set_validate(first, "name", path, errors);
}

static void validate_request(const json_t *request, const char *path, struct field_errors *errors)
{
	const json_t *exactly = json_object_get(request, "exactly"), *first = json_object_get(request, "firstAvailable");
	char p[FIELD_PATH_MAX];

	rule_name(request, path, "name", name_check_label, errors);
	if (!exactly && !json_array_size(first))
		field_required(errors, path, "exactly one of `exactly` or `firstAvailable` is required");
	else if (exactly && json_array_size(first))
		field_invalid(errors, path, json_null(), "exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set");
	else if (exactly)
		validate_wanted(exactly, FIELD_PATH(p, "%s.exactly", path), errors);
	else
		validate_choices(first, FIELD_PATH(p, "%s.firstAvailable", path), errors);
}

/* "request" or "request/subrequest" of the claim. */
static bool names_request(const json_t *devices, const char *text)
{
	const char *slash = strchr(text, '/');
	AUTO_FREE char *name = xstrndup(text, slash ? (size_t)(slash - text) : strlen(text));
	const json_t *request = json_find(json_object_get(devices, "requests"), "name", name);

	return request && (!slash || json_find(json_object_get(request, "firstAvailable"), "name", slash + 1));
}

void claim_request_validate(const json_t *devices, const json_t *name, const char *path, struct field_errors *errors)
{
	static const char why[] = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";
	const char *text = json_string_value(name) ? json_string_value(name) : "";
	AUTO_STRV char **parts = str_split(text, '/');

	if (strv_len(parts) > 2) {
		field_invalid(errors, path, name, "%s", why);
		return;
	}
	for (size_t i = 0; parts && parts[i]; i++)
		validate_name(parts[i], path, name_check_label, errors);
	if (!names_request(devices, text))
		field_invalid(errors, path, name, "%s", why);
}

void claim_requests_validate(const json_t *devices, const json_t *obj, const char *path, struct field_errors *errors)
{
	const json_t *names = json_object_get(obj, "requests");
	char p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;

	if (!device_size_validate(names, REQUESTS_MAX, FIELD_PATH(p, "%s.requests", path), errors))
		return;
	json_array_foreach(names, i, v) claim_request_validate(devices, v, FIELD_PATH(p, "%s.requests[%zu]", path, i), errors);
	device_set_validate(names, NULL, FIELD_PATH(p, "%s.requests", path), errors);
}

/* A JSON object of at most so many bytes. */
void claim_object_validate(const json_t *v, size_t max, const char *path, struct field_errors *errors)
{
	AUTO_FREE char *text = v ? json_text(v) : NULL;
	AUTO_JSON *hidden = json_string("<value omitted>");

	if (!v || json_is_null(v))
		field_required(errors, path, NULL);
	else if (strlen(text) > max)
		field_too_long(errors, path, max);
	else if (!json_is_object(v))
		field_invalid(errors, path, hidden, "must be a valid JSON object");
}

void claim_config_validate(const json_t *config, const char *path, struct field_errors *errors)
{
	const json_t *opaque = json_object_get(config, "opaque");
	char p[FIELD_PATH_MAX];

	FIELD_PATH(p, "%s.opaque", path);
	if (!opaque) {
		field_required(errors, p, NULL);
		return;
	}
	csi_driver_name_validate(opaque, p, "driver", errors);
	claim_object_validate(json_object_get(opaque, "parameters"), PARAMETERS_MAX, FIELD_PATH(p, "%s.opaque.parameters", path), errors);
}

/* A name with its domain. */
static void validate_full_attribute(const json_t *constraint, const char *key, const char *path, struct field_errors *errors)
{
	const json_t *name = json_object_get(constraint, key);
	const char *text = json_string_value(name) ? json_string_value(name) : "";
	char p[FIELD_PATH_MAX];

	device_attribute_name_validate(text, FIELD_PATH(p, "%s.%s", path, key), errors);
	if (!strchr(text, '/'))
		field_invalid(errors, p, name, "a fully qualified name must be a domain and a name separated by a slash");
}

static void validate_constraint(const json_t *devices, const json_t *constraint, const char *path, struct field_errors *errors)
{
	claim_requests_validate(devices, constraint, path, errors);
	if (json_object_get(constraint, "matchAttribute"))
		validate_full_attribute(constraint, "matchAttribute", path, errors);
	else if (json_object_get(constraint, "distinctAttribute"))
		validate_full_attribute(constraint, "distinctAttribute", path, errors);
	else
		field_required(errors, path, "exactly one of \"matchAttribute\" or \"distinctAttribute\" is required, but multiple fields are set");
}

static void validate_devices(const json_t *devices, const char *path, struct field_errors *errors)
{
	const json_t *requests = json_object_get(devices, "requests"), *constraints = json_object_get(devices, "constraints");
	const json_t *config = json_object_get(devices, "config");
	char p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;

	if (device_size_validate(requests, REQUESTS_MAX, FIELD_PATH(p, "%s.requests", path), errors)) {
		json_array_foreach(requests, i, v) validate_request(v, FIELD_PATH(p, "%s.requests[%zu]", path, i), errors);
		device_set_validate(requests, "name", FIELD_PATH(p, "%s.requests", path), errors);
	}
	if (device_size_validate(constraints, CONSTRAINTS_MAX, FIELD_PATH(p, "%s.constraints", path), errors))
		json_array_foreach(constraints, i, v) validate_constraint(devices, v, FIELD_PATH(p, "%s.constraints[%zu]", path, i), errors);
	if (!device_size_validate(config, CONFIG_MAX, FIELD_PATH(p, "%s.config", path), errors))
		return;
	json_array_foreach(config, i, v)
	{
		FIELD_PATH(p, "%s.config[%zu]", path, i);
		claim_requests_validate(devices, v, p, errors);
		claim_config_validate(v, p, errors);
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
					   .validate_status = claim_status_validate,
					   .has_status = true, .status_keeps_meta = true};
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
	if (device_size_validate(json_object_get(spec, "config"), CONFIG_MAX, "spec.config", errors))
		json_array_foreach(json_object_get(spec, "config"), i, v)
		    claim_config_validate(v, FIELD_PATH(p, "spec.config[%zu]", i), errors);
	if (name && !resource_name_is_extended(json_string_value(name)))
		field_invalid(errors, "spec.extendedResourceName", name, "must be a valid extended resource name");
}

const struct kind_ops deviceclass_ops = {.group = RESOURCE, .kind = "DeviceClass", .validate = class_validate};
