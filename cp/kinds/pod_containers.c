/* Rules of a pod's containers: each by itself, and the lists of ordinary, init and ephemeral ones. */
#include <ctype.h>
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "base/map.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/pod_rules.h"
#include "cp/kinds/resource_name.h"
#include "cp/kinds/rule.h"

static const char *const lists[] = {"initContainers", "containers", "ephemeralContainers"};

void pod_each_container(const struct pod_rules *r,
			void (*visit)(const struct pod_rules *r, const json_t *container, const char *path, void *arg), void *arg)
{
	char p[FIELD_PATH_MAX];
	json_t *c;
	size_t i;

	for (size_t l = 0; l < ARRAY_LEN(lists); l++)
		json_array_foreach(json_object_get(r->spec, lists[l]), i, c)
		    visit(r, c, FIELD_PATH(p, "%s.%s[%zu]", r->path, lists[l], i), arg);
}

static void validate_port_names(const json_t *container, const char *path, struct field_errors *errors)
{
	AUTO_MAP *names = map_new(NULL);
	char p[FIELD_PATH_MAX];
	json_t *port;
	size_t i;

	json_array_foreach(json_object_get(container, "ports"), i, port)
	{
		const char *name = json_str_or(port, "name", "");
		if (!*name || name_check_port_name(name))
			continue;
		if (map_has(names, name))
			field_duplicate(errors, FIELD_PATH(p, "%s.ports[%zu].name", path, i), json_object_get(port, "name"));
		map_set(names, name, port);
	}
}

static void validate_image(const struct pod_rules *r, const json_t *container, const char *path)
{
	const char *image = json_str_or(container, "image", "");
	char p[FIELD_PATH_MAX];

	if (r->is_pod && *image && (isspace((unsigned char)*image) || isspace((unsigned char)image[strlen(image) - 1])))
		field_invalid(r->errors, FIELD_PATH(p, "%s.image", path), json_object_get(container, "image"),
			      "must not have leading or trailing whitespace");
}

/* The reference names the list, not the element. */
static void validate_resize_word(const json_t *policy, const char *key, const char *const *words, const char *path, struct field_errors *errors)
{
	const json_t *v = json_object_get(policy, key);
	char p[FIELD_PATH_MAX];

	FIELD_PATH(p, "%s.resizePolicy", path);
	if (!json_string_length(v))
		field_required(errors, p, NULL);
	else if (!rule_is_one_of(json_string_value(v), words))
		field_not_supported(errors, p, v, words);
}

static void pod_resize_policy_validate(const struct pod_rules *r, const json_t *container, const char *path)
{
	static const char *const names[] = {"cpu", "memory", NULL}, *const restarts[] = {"NotRequired", "RestartContainer", NULL};
	AUTO_MAP *seen = map_new(NULL);
	bool never = !strcmp(json_str_or(r->spec, "restartPolicy", ""), "Never");
	char p[FIELD_PATH_MAX];
	json_t *policy;
	size_t i;

	json_array_foreach(json_object_get(container, "resizePolicy"), i, policy)
	{
		const char *name = json_str_or(policy, "resourceName", "");
		if (map_has(seen, name))
			field_duplicate(r->errors, FIELD_PATH(p, "%s.resizePolicy[%zu]", path, i), json_object_get(policy, "resourceName"));
		map_set(seen, name, policy);
		validate_resize_word(policy, "resourceName", names, path, r->errors);
		validate_resize_word(policy, "restartPolicy", restarts, path, r->errors);
		if (never && strcmp(json_str_or(policy, "restartPolicy", ""), "NotRequired"))
			field_invalid(r->errors, FIELD_PATH(p, "%s.resizePolicy", path), json_object_get(policy, "restartPolicy"),
				      "must be 'NotRequired' when `restartPolicy` is 'Never'");
	}
}

/* Init containers that end are not restarted to be resized. */
static void validate_init_resize(const json_t *container, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	json_t *policy;
	size_t i;

	json_array_foreach(json_object_get(container, "resizePolicy"), i, policy) if (str_eq(json_member(policy, "restartPolicy"), "RestartContainer"))
	    field_invalid(errors, FIELD_PATH(p, "%s.resizePolicy[%zu].restartPolicy", path, i), json_object_get(policy, "restartPolicy"),
			  "must not be set to 'RestartContainer' for non-sidecar initContainers");
}

static void validate_restart_rule(const json_t *rule, const char *path, struct field_errors *errors)
{
	enum { CODES_MAX = 255 };
	const json_t *codes = json_object_get(rule, "exitCodes"), *values = json_object_get(codes, "values");
	char p[FIELD_PATH_MAX];

	if (!codes) {
		field_required(errors, FIELD_PATH(p, "%s.exitCodes", path), "must be specified");
		return;
	}
	if (json_array_size(values) > CODES_MAX)
		field_too_many(errors, FIELD_PATH(p, "%s.exitCodes.values", path), json_array_size(values), CODES_MAX);
}

static void pod_restart_rules_validate(const json_t *container, const char *path, struct field_errors *errors)
{
	enum { RULES_MAX = 20 };
	const json_t *rules = json_object_get(container, "restartPolicyRules");
	char p[FIELD_PATH_MAX];
	json_t *rule;
	size_t i;

	if (json_array_size(rules) && !json_object_get(container, "restartPolicy"))
		field_required(errors, FIELD_PATH(p, "%s.restartPolicy", path), "must specify restartPolicy when restart rules are used");
	if (json_array_size(rules) > RULES_MAX)
		field_too_many(errors, FIELD_PATH(p, "%s.restartPolicyRules", path), json_array_size(rules), RULES_MAX);
	json_array_foreach(rules, i, rule)
	    validate_restart_rule(rule, FIELD_PATH(p, "%s.restartPolicyRules[%zu]", path, i), errors);
}

/* What all kinds of containers have in common. */
static void validate_common(const struct pod_rules *r, const json_t *c, const char *path)
{
	char p[FIELD_PATH_MAX];

	validate_image(r, c, path);
	validate_port_names(c, path, r->errors);
	pod_env_validate(c, path, r->errors);
	pod_mounts_validate(r, c, path);
	resource_requirements_validate(json_object_get(c, "resources"), FIELD_PATH(p, "%s.resources", path),
				       resource_name_validate_container, r->errors);
	pod_claim_names_validate(r, json_object_get(c, "resources"), FIELD_PATH(p, "%s.resources.claims", path));
	pod_resize_policy_validate(r, c, path);
	container_context_validate(r, c, path);
}

static void validate_name_unique(const struct pod_rules *r, const json_t *c, const char *path, struct map *names)
{
	const char *name = json_str_or(c, "name", "");
	char p[FIELD_PATH_MAX];

	if (*name && map_has(names, name))
		field_duplicate(r->errors, FIELD_PATH(p, "%s.name", path), json_object_get(c, "name"));
	map_set(names, name, (void *)c);
}

/* Ports of the host that containers which run at one time share. */
static void validate_host_ports(const struct pod_rules *r, const json_t *c, const char *path, struct map *taken)
{
	char p[FIELD_PATH_MAX];
	json_t *port;
	size_t i;

	json_array_foreach(json_object_get(c, "ports"), i, port)
	{
		int64_t number = json_int_at(port, "hostPort", 0);
		AUTO_FREE char *text = xasprintf("%s/%s/%lld", json_str_or(port, "protocol", "TCP"), json_str_or(port, "hostIP", ""),
						 (long long)number);
		AUTO_JSON *shown = json_string(text);
		if (number && map_has(taken, text))
			field_duplicate(r->errors, FIELD_PATH(p, "%s.ports[%zu].hostPort", path, i), shown);
		if (number)
			map_set(taken, text, port);
	}
}

static void validate_ordinary(const struct pod_rules *r, struct map *names)
{
	AUTO_MAP *ports = map_new(NULL);
	char p[FIELD_PATH_MAX];
	json_t *c;
	size_t i;

	json_array_foreach(json_object_get(r->spec, "containers"), i, c)
	{
		FIELD_PATH(p, "%s.containers[%zu]", r->path, i);
		validate_common(r, c, p);
		validate_name_unique(r, c, p, names);
		pod_probes_validate(r, c, p);
		pod_restart_rules_validate(c, p, r->errors);
		validate_host_ports(r, c, p, ports);
	}
}

static void validate_init(const struct pod_rules *r, struct map *names)
{
	static const char *const no[] = {"lifecycle", "livenessProbe", "readinessProbe", "startupProbe"};
	char p[FIELD_PATH_MAX];
	json_t *c;
	size_t i;

	json_array_foreach(json_object_get(r->spec, "initContainers"), i, c)
	{
		AUTO_MAP *ports = map_new(NULL);
		bool sidecar = !strcmp(json_str_or(c, "restartPolicy", ""), "Always");
		FIELD_PATH(p, "%s.initContainers[%zu]", r->path, i);
		validate_common(r, c, p);
		pod_restart_rules_validate(c, p, r->errors);
		validate_name_unique(r, c, p, names);
		validate_host_ports(r, c, p, ports);
		if (sidecar)
			pod_probes_validate(r, c, p);
		for (size_t n = 0; !sidecar && n < ARRAY_LEN(no); n++)
			rule_forbidden(c, p, no[n], "may not be set for init containers without restartPolicy=Always", r->errors);
		if (!sidecar)
			validate_init_resize(c, p, r->errors);
	}
}

static void validate_ephemeral_fields(const struct pod_rules *r, const json_t *c, const char *path)
{
	static const char *const no[] = {"ports", "resources", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle",
					 "resizePolicy", "restartPolicy", "restartPolicyRules"};
	static const char *const mount[] = {"subPath", "subPathExpr"};
	static const char why[] = "cannot be set for an Ephemeral Container";
	char p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;

	for (size_t n = 0; n < ARRAY_LEN(no); n++) {
		const json_t *value = json_object_get(c, no[n]);
		if (json_array_size(value) || json_object_size(value) || json_is_string(value))
			field_forbidden(r->errors, FIELD_PATH(p, "%s.%s", path, no[n]), why);
	}
	json_array_foreach(json_object_get(c, "volumeMounts"), i, v) for (size_t n = 0; n < ARRAY_LEN(mount); n++)
	    rule_forbidden(v, FIELD_PATH(p, "%s.volumeMounts[%zu]", path, i), mount[n], why, r->errors);
}

static void validate_ephemeral(const struct pod_rules *r, struct map *names)
{
	AUTO_MAP *others = map_new(NULL);
	char p[FIELD_PATH_MAX], t[FIELD_PATH_MAX];
	json_t *c;
	size_t i, at = 0;
	const char *name;
	void *value;

	while (map_next(names, &at, &name, &value))
		map_set(others, name, value);
	json_array_foreach(json_object_get(r->spec, "ephemeralContainers"), i, c)
	{
		const char *target = json_str_or(c, "targetContainerName", "");
		FIELD_PATH(p, "%s.ephemeralContainers[%zu]", r->path, i);
		validate_common(r, c, p);
		validate_name_unique(r, c, p, names);
		if (*target && !map_has(others, target))
			field_not_found(r->errors, FIELD_PATH(t, "%s.targetContainerName", p), json_object_get(c, "targetContainerName"));
		validate_ephemeral_fields(r, c, p);
	}
}

/* With the host's network a port of the container is that of the host. */
static void validate_host_network(const struct pod_rules *r)
{
	char p[FIELD_PATH_MAX];
	json_t *c, *port;
	size_t i, k;

	if (!json_bool_at(r->spec, "hostNetwork", false))
		return;
	json_array_foreach(json_object_get(r->spec, "containers"), i, c) json_array_foreach(json_object_get(c, "ports"), k, port)
	{
		int64_t host = json_int_at(port, "hostPort", 0);
		AUTO_JSON *shown = json_integer(host);
		if ((r->is_pod || host) && host != json_int_at(port, "containerPort", 0))
			field_invalid(r->errors, FIELD_PATH(p, "%s.containers[%zu].ports[%zu].hostPort", r->path, i, k), shown,
				      "must match `containerPort` when `hostNetwork` is true");
	}
}

void pod_containers_validate(const struct pod_rules *r)
{
	AUTO_MAP *names = map_new(NULL);
	char p[FIELD_PATH_MAX];

	if (!json_array_size(json_object_get(r->spec, "containers")))
		field_required(r->errors, FIELD_PATH(p, "%s.containers", r->path), NULL);
	validate_ordinary(r, names);
	validate_init(r, names);
	validate_ephemeral(r, names);
	validate_host_network(r);
}
