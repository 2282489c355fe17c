/* Validation of a pod's spec, in a pod or in a template of pods. Happy path: the parts are looked at one after the other
 * (pod_rules.h), and the errors are put into the reference's order. Nothing fails. */
#include <string.h>

#include "api/names.h"
#include "api/quantity.h"
#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/pod_rules.h"
#include "cp/kinds/resource_name.h"
#include "cp/kinds/rule.h"


enum { NAMESERVERS_MAX = 3, SEARCHES_MAX = 32, SEARCH_CHARS_MAX = 2048, OVERRIDE_MAX = 64 };

/* --- names ----------------------------------------------------------------------------------------------------------- */

/* A domain in which names may begin with underscores, as some resolvers' do. */
static const char *check_search(const char *text)
{
	AUTO_FREE char *plain = xstrndup(text, strlen(text) - (str_has_suffix(text, ".") ? 1 : 0));

	for (char *c = plain; *c; c++)
		if (*c == '_')
			*c = 'a';
	return name_check_subdomain(plain)
		   ? "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-', '_' or '.', and must start and end "
		     "with an alphanumeric character (e.g. 'example.com', regex used for validation is "
		     "'[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*')"
		   : NULL;
}

static void validate_searches(const json_t *searches, const char *path, struct field_errors *errors)
{
	size_t chars = json_array_size(searches) ? json_array_size(searches) - 1 : 0, i;
	const char *why;
	char p[FIELD_PATH_MAX];
	json_t *v;

	json_array_foreach(searches, i, v) chars += json_string_length(v);
	FIELD_PATH(p, "%s.searches", path);
	if (json_array_size(searches) > SEARCHES_MAX)
		field_invalid(errors, p, searches, "must not have more than %d search paths", SEARCHES_MAX);
	if (chars > SEARCH_CHARS_MAX)
		field_invalid(errors, p, searches, "must not have more than %d characters (including spaces) in the search list", SEARCH_CHARS_MAX);
	json_array_foreach(searches, i, v) if (strcmp(json_string_value(v), ".") && (why = check_search(json_string_value(v))))
	    field_invalid(errors, FIELD_PATH(p, "%s.searches[%zu]", path, i), v, "%s", why);
}

static void pod_dns_validate(const struct pod_rules *r)
{
	const json_t *config = json_object_get(r->spec, "dnsConfig"), *servers = json_object_get(config, "nameservers");
	bool none = !strcmp(json_str_or(r->spec, "dnsPolicy", ""), "None");
	char path[FIELD_PATH_MAX], p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;

	FIELD_PATH(path, "%s.dnsConfig", r->path);
	if (none && !config)
		field_required(r->errors, path, "must provide `dnsConfig` when `dnsPolicy` is None");
	else if (none && !json_array_size(servers))
		field_required(r->errors, FIELD_PATH(p, "%s.nameservers", path), "must provide at least one DNS nameserver when `dnsPolicy` is None");
	if (none && !json_array_size(servers))
		return;
	if (json_array_size(servers) > NAMESERVERS_MAX)
		field_invalid(r->errors, FIELD_PATH(p, "%s.nameservers", path), servers, "must not have more than %d nameservers", NAMESERVERS_MAX);
	json_array_foreach(servers, i, v) rule_ip(v, NULL, FIELD_PATH(p, "%s.nameservers[%zu]", path, i), r->errors);
	validate_searches(json_object_get(config, "searches"), path, r->errors);
	json_array_foreach(json_object_get(config, "options"), i, v) if (!*json_str_or(v, "name", ""))
	    field_required(r->errors, FIELD_PATH(p, "%s.options[%zu]", path, i), "must not be empty");
}

static void validate_aliases(const struct pod_rules *r)
{
	char p[FIELD_PATH_MAX];
	json_t *alias, *name;
	size_t i, k;

	json_array_foreach(json_object_get(r->spec, "hostAliases"), i, alias)
	{
		rule_ip(json_object_get(alias, "ip"), NULL, FIELD_PATH(p, "%s.hostAliases[%zu].ip", r->path, i), r->errors);
		json_array_foreach(json_object_get(alias, "hostnames"), k, name)
		    validate_name(json_string_value(name), FIELD_PATH(p, "%s.hostAliases[%zu].hostnames[%zu]", r->path, i, k), name_check_subdomain,
				  r->errors);
	}
}

static void validate_hostname(const struct pod_rules *r)
{
	static const char key[] = "hostnameOverride";
	static const char *const others[] = {"setHostnameAsFQDN", "hostNetwork"};
	const char *name = json_member(r->spec, key);
	char p[FIELD_PATH_MAX];

	if (!name)
		return;
	FIELD_PATH(p, "%s.%s", r->path, key);
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (json_bool_at(r->spec, others[i], false))
			field_forbidden(r->errors, p, "may not be specified when %s is true", others[i]);
	if (strlen(name) > OVERRIDE_MAX)
		field_too_long(r->errors, p, OVERRIDE_MAX);
	validate_name(name, p, name_check_subdomain, r->errors);
}

static void validate_overhead(const struct pod_rules *r)
{
	AUTO_JSON *limits = json_object();
	char p[FIELD_PATH_MAX];

	if (!json_object_get(r->spec, "overhead"))
		return;
	json_object_set(limits, "limits", json_object_get(r->spec, "overhead"));
	resource_requirements_validate(limits, FIELD_PATH(p, "%s.overhead", r->path), resource_name_validate_container, r->errors);
}

static void validate_readiness(const struct pod_rules *r)
{
	char p[FIELD_PATH_MAX];
	json_t *gate;
	size_t i;

	json_array_foreach(json_object_get(r->spec, "readinessGates"), i, gate)
	    validate_name(json_member(gate, "conditionType"), FIELD_PATH(p, "%s.readinessGates[%zu].conditionType", r->path, i),
			  name_check_qualified, r->errors);
}

static void validate_gates(const struct pod_rules *r)
{
	AUTO_MAP *seen = map_new(NULL);
	char p[FIELD_PATH_MAX];
	json_t *gate;
	size_t i;

	json_array_foreach(json_object_get(r->spec, "schedulingGates"), i, gate)
	{
		const char *name = json_str_or(gate, "name", "");
		FIELD_PATH(p, "%s.schedulingGates[%zu]", r->path, i);
		validate_name(name, p, name_check_qualified, r->errors);
		if (map_has(seen, name))
			field_duplicate(r->errors, p, json_object_get(gate, "name"));
		map_set(seen, name, gate);
	}
}

void pod_rules_validate(const struct pod_rules *given)
{
	struct pod_rules rules = *given;
	const struct pod_rules *r = &rules;
	char p[FIELD_PATH_MAX];

	if (!json_is_object(r->spec)) {
		field_required(r->errors, FIELD_PATH(p, "%s.containers", r->path), NULL);
		return;
	}
	AUTO_JSON *volumes = pod_volumes_validate(r);
	rules.volumes = volumes;
	pod_claims_validate(r);
	pod_containers_validate(r);
	pod_level_resources_validate(r);
	pod_context_validate(r);
	pod_placement_validate(r);
	pod_dns_validate(r);
	validate_readiness(r);
	validate_gates(r);
	pod_os_validate(r);
	validate_hostname(r);
	validate_aliases(r);
	validate_overhead(r);
	pod_errors_order(r->errors, r->path);
	pod_env_files_validate(r);
}

void pod_template_validate(const json_t *template, const char *path, struct field_errors *errors)
{
	pod_template_validate_with(template, NULL, path, errors);
}

void pod_template_validate_with(const json_t *template, const json_t *claims, const char *path, struct field_errors *errors)
{
	const json_t *spec = json_object_get(template, "spec"), *meta = json_object_get(template, "metadata");
	char at[FIELD_PATH_MAX], p[FIELD_PATH_MAX];
	struct pod_rules r = {.spec = spec, .path = at, .claims = claims, .errors = errors};
	const char *key;
	json_t *v;

	FIELD_PATH(at, "%s.spec", path);
	json_object_foreach(json_object_get(meta, "labels"), key, v)
	{
		FIELD_PATH(p, "%s.labels", path);
		validate_name(key, p, name_check_qualified, errors);
		validate_name(json_string_value(v), p, name_check_label_value, errors);
	}
	json_object_foreach(json_object_get(meta, "annotations"), key, v)
	    validate_name(key, FIELD_PATH(p, "%s.annotations", path), name_check_qualified, errors);
	pod_annotations_validate(meta, &r);
	pod_rules_validate(&r);
	pod_annotations_match_validate(meta, &r);
	if (json_array_size(json_object_get(spec, "ephemeralContainers")))
		field_forbidden(errors, FIELD_PATH(p, "%s.ephemeralContainers", at), "ephemeral containers not allowed in pod template");
}
