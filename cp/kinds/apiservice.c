/* Rules of APIService. Purpose: a group and version is served either here or by one extension server. Happy path: the
 * name says version and group, the priorities are in range, a server's certificate is checked one way. Local ones are
 * available from the start. Nothing else is decided here. */
#include <string.h>

#include "api/names.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/rule.h"

static void set_local(json_t *obj)
{
	char now[RFC3339_MAX];

	json_object_set_new(obj, "status",
			    json_pack("{s:[{s:s,s:s,s:s,s:s,s:s}]}", "conditions", "type", "Available", "status", "True",
				      "lastTransitionTime", rfc3339(clock_wall_ms(), now), "reason", "Local", "message",
				      "Local APIServices are always available"));
}

static void prepare_create(json_t *obj)
{
	if (json_at(obj, "spec.service"))
		kind_empty_status(obj);
	else
		set_local(obj);
}

static void check_name(const json_t *obj, struct field_errors *errors)
{
	const char *version = json_str_or(obj, "spec.version", ""), *group = json_str_or(obj, "spec.group", "");
	AUTO_FREE char *wanted = xasprintf("%s.%s", version, group);

	if (!str_eq(json_str_at(obj, "metadata.name"), wanted))
		field_invalid(errors, "metadata.name", json_at(obj, "metadata.name"),
			      "must be `spec.version+\".\"+spec.group`: \"%s\"", wanted);
}

static void check_range(const json_t *obj, const char *path, int64_t max, struct field_errors *errors)
{
	int64_t n = json_int_at(obj, path, 0);
	AUTO_JSON *shown = json_integer(n);

	if (n <= 0 || n > max)
		field_invalid(errors, path, shown, "must be positive and less than %lld", (long long)max);
}

static void check_service(const json_t *obj, struct field_errors *errors)
{
	static const char *const names[] = {"spec.service.namespace", "spec.service.name"};
	bool insecure = json_bool_at(obj, "spec.insecureSkipTLSVerify", false), ca = json_string_length(json_at(obj, "spec.caBundle"));
	int64_t port = json_int_at(obj, "spec.service.port", 443);
	AUTO_STR bundle = STR_INIT;

	base64_decode(&bundle, json_str_or(obj, "spec.caBundle", ""), strlen(json_str_or(obj, "spec.caBundle", "")));
	AUTO_FREE char *size = xasprintf("%zu bytes", bundle.len);
	AUTO_JSON *shown = json_string(size);

	if (!json_at(obj, "spec.service")) {
		if (ca)
			field_invalid(errors, "spec.caBundle", shown, "local APIServices may not have a caBundle");
		if (insecure)
			field_invalid(errors, "spec.insecureSkipTLSVerify", json_at(obj, "spec.insecureSkipTLSVerify"),
				      "local APIServices may not have insecureSkipTLSVerify");
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (!*json_str_or(obj, names[i], ""))
			field_required(errors, names[i], NULL);
	if (port < 1 || port > 65535)
		field_invalid(errors, "spec.service.port", json_at(obj, "spec.service.port"),
			      "port is not valid: must be between 1 and 65535, inclusive");
	if (insecure && ca)
		field_invalid(errors, "spec.insecureSkipTLSVerify", json_at(obj, "spec.insecureSkipTLSVerify"),
			      "may not be true if caBundle is present");
}

static void validate(const json_t *obj, const json_t *old, struct field_errors *errors)
{
	const char *version = json_str_or(obj, "spec.version", "");

	(void)old;
	check_name(obj, errors);
	if (!*json_str_or(obj, "spec.group", "") && strcmp(version, "v1"))
		field_required(errors, "spec.group", "only v1 may have an empty group and it better be legacy kube");
	rule_name(json_object_get(obj, "spec"), "spec", "group", name_check_subdomain, errors);
	validate_name(version, "spec.version", name_check_label_1035, errors);
	check_range(obj, "spec.groupPriorityMinimum", 20000, errors);
	check_range(obj, "spec.versionPriority", 1000, errors);
	check_service(obj, errors);
}

static void validate_status(const json_t *obj, const json_t *old, struct field_errors *errors)
{
	static const char *const words[] = {"True", "False", "Unknown", NULL};
	char p[FIELD_PATH_MAX];
	json_t *c;
	size_t i;

	(void)old;
	json_array_foreach(json_at(obj, "status.conditions"), i, c)
	    rule_word(c, FIELD_PATH(p, "status.conditions[%zu]", i), "status", words, errors);
}

const struct kind_ops apiservice_ops = {.group = "apiregistration.k8s.io",
					.kind = "APIService",
					.prepare_create = prepare_create,
					.prepare_update = kind_keep_status,
					.prepare_status = kind_keep_spec,
					.validate = validate,
					.validate_status = validate_status,
					.has_status = true, .status_keeps_meta = true};
