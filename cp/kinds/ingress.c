/* Rules of ingresses: hosts, paths, backends and the secrets of their certificates. Pure; nothing fails. */
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/error_order.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/rule.h"

#define NETWORKING "networking.k8s.io"

static void validate_port(const json_t *port, const char *path, struct field_errors *errors)
{
	const json_t *number = json_object_get(port, "number");
	bool named = !str_empty(json_member(port, "name"));
	char p[FIELD_PATH_MAX];
	AUTO_JSON *none = json_string("");

	FIELD_PATH(p, "%s.service.port", path);
	if (named && json_integer_value(number))
		field_invalid(errors, path, none, "cannot set both port name & port number");
	else if (named)
		rule_name(port, p, "name", name_check_port_name, errors);
	else if (json_integer_value(number))
		rule_range(port, p, "number", 1, 65535, errors);
	else
		field_required(errors, path, "port name or number is required");
}

static void validate_backend(const json_t *backend, const char *path, struct field_errors *errors)
{
	const json_t *service = json_object_get(backend, "service"), *resource = json_object_get(backend, "resource");
	char p[FIELD_PATH_MAX];
	AUTO_JSON *none = json_string("");

	if (service && resource) {
		field_invalid(errors, path, none, "cannot set both resource and service backends");
	} else if (resource) {
		rule_reference(resource, FIELD_PATH(p, "%s.resource", path), errors);
	} else if (service) {
		FIELD_PATH(p, "%s.service", path);
		if (rule_required(service, p, "name", NULL, errors))
			rule_name(service, p, "name", name_check_label, errors);
		validate_port(json_object_get(service, "port"), path, errors);
	} else {
		field_invalid(errors, path, none, "resource or service backend is required");
	}
}

/* What a path that is matched by its segments cannot hold. */
static void validate_segments(const json_t *path_, const char *path, struct field_errors *errors)
{
	static const char *const inside[] = {"//", "/./", "/../", "%2f", "%2F"}, *const ends[] = {"/..", "/."};
	const char *text = json_str_or(path_, "path", "");
	char p[FIELD_PATH_MAX];

	FIELD_PATH(p, "%s.path", path);
	for (size_t i = 0; i < ARRAY_LEN(inside); i++)
		if (strstr(text, inside[i]))
			field_invalid(errors, p, json_object_get(path_, "path"), "must not contain '%s'", inside[i]);
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		if (str_has_suffix(text, ends[i]))
			field_invalid(errors, p, json_object_get(path_, "path"), "cannot end with '%s'", ends[i]);
}

static void validate_path(const json_t *path_, const char *path, struct field_errors *errors)
{
	const char *text = json_str_or(path_, "path", ""), *type = json_str_or(path_, "pathType", "");
	bool needed = !strcmp(type, "Exact") || !strcmp(type, "Prefix"), known = needed || !strcmp(type, "ImplementationSpecific");
	AUTO_JSON *shown = json_string(text);
	char p[FIELD_PATH_MAX];

	if (!*type)
		return; /* the table asks for it */
	if (known && (needed || *text) && *text != '/')
		field_invalid(errors, FIELD_PATH(p, "%s.path", path), shown, "must be an absolute path");
	if (needed)
		validate_segments(path_, path, errors);
	validate_backend(json_object_get(path_, "backend"), FIELD_PATH(p, "%s.backend", path), errors);
}

/* A name that may begin with a star. */
static void validate_host_name(const char *host, const char *path, struct field_errors *errors)
{
	validate_name(host, path, strchr(host, '*') ? name_check_wildcard_subdomain : name_check_subdomain, errors);
}

static void validate_rule(const json_t *rule, const char *path, struct field_errors *errors)
{
	const char *host = json_str_or(rule, "host", "");
	const json_t *http = json_object_get(rule, "http");
	char p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;

	FIELD_PATH(p, "%s.host", path);
	if (ip_family(host))
		field_invalid(errors, p, json_object_get(rule, "host"), "must be a DNS name, not an IP address");
	if (*host)
		validate_host_name(host, p, errors);
	if (http)
		rule_required(http, FIELD_PATH(p, "%s.http", path), "paths", NULL, errors);
	json_array_foreach(json_object_get(http, "paths"), i, v) validate_path(v, FIELD_PATH(p, "%s.http.paths[%zu]", path, i), errors);
}

static void validate_tls(const json_t *tls, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	json_t *host;
	size_t i;

	json_array_foreach(json_object_get(tls, "hosts"), i, host)
	    validate_host_name(json_string_value(host), FIELD_PATH(p, "%s.hosts[%zu]", path, i), errors);
	rule_name(tls, path, "secretName", name_check_subdomain, errors);
}

static void validate_class_name(const json_t *ingress, const json_t *old, struct field_errors *errors)
{
	static const char key[] = "kubernetes.io/ingress.class";
	const json_t *spec = json_object_get(ingress, "spec"), *annotation = json_object_get(json_at(ingress, "metadata.annotations"), key);
	const char *name = json_member(spec, "ingressClassName");

	rule_name(spec, "spec", "ingressClassName", name_check_subdomain, errors);
	if (!old && annotation && name && strcmp(json_string_value(annotation), name))
		field_invalid(errors, "annotations.kubernetes.io/ingress.class", annotation, "must match `ingressClassName` when both are specified");
}

#define PATH_ITEM "spec.rules[].http.paths[]"
static const char *const order[] = {"spec.defaultBackend",
				    "spec.rules[].host",
				    PATH_ITEM ".pathType",
				    PATH_ITEM ".path",
				    PATH_ITEM ".backend.service.name",
				    PATH_ITEM ".backend",
				    "spec.rules",
				    "spec.tls[].hosts",
				    "spec.tls[].secretName",
				    "spec.ingressClassName",
				    "annotations",
				    NULL};

static void ingress_validate(const json_t *ingress, const json_t *old, struct field_errors *errors)
{
	const json_t *rules = json_at(ingress, "spec.rules"), *backend = json_at(ingress, "spec.defaultBackend");
	char p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;

	if (!json_array_size(rules) && !backend)
		field_invalid(errors, "spec", json_null(), "either `defaultBackend` or `rules` must be specified");
	if (backend)
		validate_backend(backend, "spec.defaultBackend", errors);
	json_array_foreach(rules, i, v) validate_rule(v, FIELD_PATH(p, "spec.rules[%zu]", i), errors);
	json_array_foreach(json_at(ingress, "spec.tls"), i, v) validate_tls(v, FIELD_PATH(p, "spec.tls[%zu]", i), errors);
	validate_class_name(ingress, old, errors);
	errors_order(errors, "", order);
}

static void ingress_validate_status(const json_t *ingress, const json_t *old, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;

	(void)old;
	json_array_foreach(json_at(ingress, "status.loadBalancer.ingress"), i, v)
	{
		const char *ip = json_str_or(v, "ip", ""), *host = json_str_or(v, "hostname", "");
		if (*ip && !ip_family(ip))
			field_invalid(errors, FIELD_PATH(p, "status.loadBalancer.ingress[%zu].ip", i), json_object_get(v, "ip"),
				      "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
		rule_name(v, FIELD_PATH(p, "status.loadBalancer.ingress[%zu]", i), "hostname", name_check_subdomain, errors);
		if (*host && ip_family(host))
			field_invalid(errors, FIELD_PATH(p, "status.loadBalancer.ingress[%zu].hostname", i), json_object_get(v, "hostname"),
				      "must be a DNS name, not an IP address");
	}
}

static void ingress_prepare_create(json_t *ingress)
{
	json_object_set_new(ingress, "status", json_pack("{s:{}}", "loadBalancer"));
}

const struct kind_ops ingress_ops = {.group = NETWORKING,
				     .kind = "Ingress",
				     .prepare_create = ingress_prepare_create,
				     .prepare_update = kind_keep_status,
				     .prepare_status = kind_keep_spec,
				     .validate = ingress_validate,
				     .validate_status = ingress_validate_status,
				     .warn = ingress_warn,
				     .has_status = true};
