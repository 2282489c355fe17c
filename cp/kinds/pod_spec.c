/* Validation of a pod spec: the whole, its containers and its volumes. */
#include <ctype.h>
#include <string.h>

#include "api/names.h"
#include "api/quantity.h"
#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"

static void validate_ports(const json_t *c, const char *path, struct field_errors *errors)
{
	AUTO_MAP *names = map_new(NULL);
	char p[FIELD_PATH_MAX];
	size_t i;
	json_t *port;
	json_array_foreach(json_object_get(c, "ports"), i, port) {
		const char *name = json_member(port, "name");
		FIELD_PATH(p, "%s.ports[%zu].name", path, i);
		if (!str_empty(name)) {
			validate_name(name, p, name_check_port_name, errors);
			if (map_has(names, name))
				field_duplicate(errors, p, json_object_get(port, "name"));
			map_set(names, name, port);
		}
		if (!json_int_at(port, "containerPort", 0))
			field_required(errors, FIELD_PATH(p, "%s.ports[%zu].containerPort", path, i), NULL);
	}
}

static void validate_env(const json_t *c, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	size_t i;
	json_t *e;
	json_array_foreach(json_object_get(c, "env"), i, e) {
		const char *name = json_str_or(e, "name", "");
		const json_t *from = json_object_get(e, "valueFrom");
		FIELD_PATH(p, "%s.env[%zu].name", path, i);
		if (*name)
			validate_name(name, p, name_check_env, errors);
		if (!from)
			continue;
		FIELD_PATH(p, "%s.env[%zu].valueFrom", path, i);
		if (json_object_size(from) != 1)
			field_invalid(errors, p, json_object_size(from) ? from : json_object_get(e, "name"), "%s",
				      json_object_size(from) ? "may not have more than one field specified at a time"
							     : "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`");
		else if (!str_empty(json_member(e, "value")))
			field_invalid(errors, p, json_object_get(e, "value"), "may not be specified when `value` is not empty");
	}
}

static void validate_mounts(const json_t *spec, const json_t *c, const char *path, struct field_errors *errors)
{
	AUTO_MAP *paths = map_new(NULL);
	char p[FIELD_PATH_MAX];
	size_t i;
	json_t *m;
	json_array_foreach(json_object_get(c, "volumeMounts"), i, m) {
		const char *name = json_str_or(m, "name", ""), *at = json_str_or(m, "mountPath", "");
		bool found = false;
		size_t v;
		json_t *volume;
		json_array_foreach(json_object_get(spec, "volumes"), v, volume)
			found |= str_eq(json_member(volume, "name"), name);
		if (*name && !found)
			field_not_found(errors, FIELD_PATH(p, "%s.volumeMounts[%zu].name", path, i), json_object_get(m, "name"));
		if (*at && map_has(paths, at))
			field_invalid(errors, FIELD_PATH(p, "%s.volumeMounts[%zu].mountPath", path, i), json_object_get(m, "mountPath"), "must be unique");
		map_set(paths, at, m);
		const char *sub = json_str_or(m, "subPath", "");
		if (*sub == '/')
			field_invalid(errors, FIELD_PATH(p, "%s.volumeMounts[%zu].subPath", path, i), json_object_get(m, "subPath"), "must be a relative path");
		AUTO_STRV char **parts = str_split(sub, '/');
		if (strv_has(parts, ".."))
			field_invalid(errors, FIELD_PATH(p, "%s.volumeMounts[%zu].subPath", path, i), json_object_get(m, "subPath"), "must not contain '..'");
	}
}

static void validate_resources(const json_t *c, const char *path, struct field_errors *errors)
{
	const json_t *limits = json_at(c, "resources.limits"), *requests = json_at(c, "resources.requests");
	char p[FIELD_PATH_MAX];
	const char *name;
	json_t *v;
	json_object_foreach((json_t *)limits, name, v) {
		int64_t n = 0;
		if (json_is_string(v) && quantity_parse_milli(json_string_value(v), &n) == 0 && n < 0)
			field_invalid(errors, FIELD_PATH(p, "%s.resources.limits[%s]", path, name), v, "must be greater than or equal to 0");
	}
	json_object_foreach((json_t *)requests, name, v) {
		const char *limit = json_member(limits, name), *request = json_string_value(v);
		int64_t n = 0;
		FIELD_PATH(p, "%s.resources.requests[%s]", path, name);
		if (!request || quantity_parse_milli(request, &n) < 0)
			continue;
		if (n < 0)
			field_invalid(errors, p, v, "must be greater than or equal to 0");
		else if (limit && quantity_parse_milli(limit, &n) == 0 && quantity_compare(request, limit) > 0)
			field_invalid(errors, FIELD_PATH(p, "%s.resources.requests", path), v, "must be less than or equal to %s limit of %s", name, limit);
	}
}

static void validate_handler(const json_t *h, const char *path, struct field_errors *errors)
{
	static const char *const kinds[] = { "exec", "httpGet", "tcpSocket", "grpc", "sleep" };
	char p[FIELD_PATH_MAX];
	int n = 0;
	if (!h)
		return;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (!json_object_get(h, kinds[i]))
			continue;
		if (n++)
			field_forbidden(errors, FIELD_PATH(p, "%s.%s", path, kinds[i]), "may not specify more than 1 handler type");
	}
	if (!n)
		field_required(errors, path, "must specify a handler type");
	if (json_object_get(h, "exec") && !json_array_size(json_at(h, "exec.command")))
		field_required(errors, FIELD_PATH(p, "%s.exec.command", path), NULL);
}

static void validate_probes(const json_t *c, const char *path, struct field_errors *errors)
{
	static const char *const probes[] = { "livenessProbe", "readinessProbe", "startupProbe" };
	static const char *const counts[] = { "initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold" };
	char p[FIELD_PATH_MAX];
	for (size_t i = 0; i < ARRAY_LEN(probes); i++) {
		const json_t *probe = json_object_get(c, probes[i]);
		validate_handler(probe, FIELD_PATH(p, "%s.%s", path, probes[i]), errors);
		for (size_t n = 0; n < ARRAY_LEN(counts); n++) {
			const json_t *v = json_object_get(probe, counts[n]);
			if (json_is_integer(v) && json_integer_value(v) < 0)
				field_invalid(errors, FIELD_PATH(p, "%s.%s.%s", path, probes[i], counts[n]), v, "must be greater than or equal to 0");
		}
		const json_t *success = json_object_get(probe, "successThreshold");
		if (i != 1 && json_integer_value(success) > 1)
			field_invalid(errors, FIELD_PATH(p, "%s.%s.successThreshold", path, probes[i]), success, "must be 1");
	}
	validate_handler(json_at(c, "lifecycle.postStart"), FIELD_PATH(p, "%s.lifecycle.postStart", path), errors);
	validate_handler(json_at(c, "lifecycle.preStop"), FIELD_PATH(p, "%s.lifecycle.preStop", path), errors);
}

static void validate_container(const json_t *spec, const json_t *c, const char *path, struct map *names, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	const char *name = json_str_or(c, "name", ""), *image = json_str_or(c, "image", "");
	FIELD_PATH(p, "%s.name", path);
	if (*name) {
		validate_name(name, p, name_check_label, errors);
		if (map_has(names, name))
			field_duplicate(errors, p, json_object_get(c, "name"));
		map_set(names, name, (void *)c);
	}
	FIELD_PATH(p, "%s.image", path);
	if (!*image)
		field_required(errors, p, NULL);
	else if (isspace((unsigned char)*image) || isspace((unsigned char)image[strlen(image) - 1]))
		field_invalid(errors, p, json_object_get(c, "image"), "must not have leading or trailing whitespace");
	validate_ports(c, path, errors);
	validate_env(c, path, errors);
	validate_mounts(spec, c, path, errors);
	validate_resources(c, path, errors);
	validate_probes(c, path, errors);
}

void containers_validate(const json_t *pod_spec, const char *path, struct field_errors *errors)
{
	static const char *const lists[] = { "initContainers", "containers" };
	AUTO_MAP *names = map_new(NULL);
	char p[FIELD_PATH_MAX];
	if (!json_array_size(json_object_get(pod_spec, "containers")))
		field_required(errors, FIELD_PATH(p, "%s.containers", path), NULL);
	for (size_t l = 0; l < ARRAY_LEN(lists); l++) {
		size_t i;
		json_t *c;
		json_array_foreach(json_object_get(pod_spec, lists[l]), i, c) {
			char at[FIELD_PATH_MAX];
			validate_container(pod_spec, c, FIELD_PATH(at, "%s.%s[%zu]", path, lists[l], i), names, errors);
		}
	}
}

void volumes_validate(const json_t *pod_spec, const char *path, struct field_errors *errors)
{
	AUTO_MAP *names = map_new(NULL);
	char p[FIELD_PATH_MAX];
	size_t i;
	json_t *v;
	json_array_foreach(json_object_get(pod_spec, "volumes"), i, v) {
		const char *name = json_str_or(v, "name", ""), *kind;
		json_t *source;
		/* The reference counts emptyDir first, whatever the order in which they were given. */
		int sources = json_object_get(v, "emptyDir") ? 1 : 0;
		FIELD_PATH(p, "%s.volumes[%zu].name", path, i);
		if (*name) {
			validate_name(name, p, name_check_label, errors);
			if (map_has(names, name))
				field_duplicate(errors, p, json_object_get(v, "name"));
			map_set(names, name, v);
		}
		json_object_foreach(v, kind, source)
			if (strcmp(kind, "name") && strcmp(kind, "emptyDir") && sources++)
				field_forbidden(errors, FIELD_PATH(p, "%s.volumes[%zu].%s", path, i, kind), "may not specify more than 1 volume type");
		if (!sources)
			field_required(errors, FIELD_PATH(p, "%s.volumes[%zu]", path, i), "must specify a volume type");
		const char *host = json_str_at(v, "hostPath.path");
		if (host && strstr(host, ".."))
			field_invalid(errors, FIELD_PATH(p, "%s.volumes[%zu].hostPath.path", path, i), json_at(v, "hostPath.path"), "must not contain '..'");
	}
}

void pod_spec_validate(const json_t *pod_spec, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	if (!json_is_object(pod_spec)) {
		field_required(errors, FIELD_PATH(p, "%s.containers", path), NULL);
		return;
	}
	volumes_validate(pod_spec, path, errors);
	containers_validate(pod_spec, path, errors);
	placement_validate(pod_spec, path, errors);
	const json_t *deadline = json_object_get(pod_spec, "activeDeadlineSeconds");
	if (deadline && json_integer_value(deadline) < 1)
		field_invalid(errors, FIELD_PATH(p, "%s.activeDeadlineSeconds", path), deadline, "must be between 1 and 2147483647, inclusive");
	const char *host = json_member(pod_spec, "hostname"), *sub = json_member(pod_spec, "subdomain");
	if (!str_empty(host))
		validate_name(host, FIELD_PATH(p, "%s.hostname", path), name_check_label, errors);
	if (!str_empty(sub))
		validate_name(sub, FIELD_PATH(p, "%s.subdomain", path), name_check_label, errors);
	const char *account = json_member(pod_spec, "serviceAccountName");
	if (!str_empty(account))
		validate_name(account, FIELD_PATH(p, "%s.serviceAccountName", path), name_check_subdomain, errors);
}
