/* Rules of network policies, ingresses and their classes. */
#include <arpa/inet.h>
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/rule.h"

#define NETWORKING "networking.k8s.io"

/* --- network policies -------------------------------------------------------------------------------------------------- */

static void policy_set_defaults(json_t *policy, const json_t *old)
{
	json_t *spec = json_object_get(policy, "spec");
	(void)old;
	if (!spec || json_object_get(spec, "policyTypes"))
		return;
	json_t *types = json_pack("[s]", "Ingress");
	if (json_array_size(json_object_get(spec, "egress")))
		json_array_append_new(types, json_string("Egress"));
	json_object_set_new(spec, "policyTypes", types);
}

static void validate_policy_port(const json_t *port, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	const json_t *value = json_object_get(port, "port"), *end = json_object_get(port, "endPort");
	if (json_is_integer(value) && (json_integer_value(value) < 1 || json_integer_value(value) > 65535))
		field_invalid(errors, FIELD_PATH(p, "%s.port", path), value, "must be between 1 and 65535, inclusive");
	FIELD_PATH(p, "%s.endPort", path);
	if (end && !json_is_integer(value)) {
		field_invalid(errors, p, end, "may not be specified when `port` is %s", value ? "non-numeric" : "not specified");
	} else if (end) {
		if (json_integer_value(end) < json_integer_value(value))
			field_invalid(errors, p, end, "must be greater than or equal to `port`");
		rule_range(port, path, "endPort", 1, 65535, errors);
	}
	if (json_is_string(value))
		validate_name(json_string_value(value), FIELD_PATH(p, "%s.port", path), name_check_port_name, errors);
}

struct range {
	unsigned char address[16];
	int family, bits;
};

static bool parse_range(const char *text, struct range *ret)
{
	AUTO_FREE char *copy = xstrdup(text);
	char *slash = strchr(copy, '/');
	uint32_t bits = 0;
	memset(ret, 0, sizeof(*ret));
	if (!slash || str_to_u32(slash + 1, &bits) < 0)
		return false;
	*slash = '\0';
	ret->family = ip_family(copy);
	ret->bits = (int)bits;
	return ret->family && bits <= (ret->family == 4 ? 32U : 128U) && inet_pton(ret->family == 4 ? AF_INET : AF_INET6, copy, ret->address) == 1;
}

/* Whether inner is a part of outer, and less than it. */
static bool is_strictly_inside(const struct range *outer, const struct range *inner)
{
	if (outer->family != inner->family || outer->bits >= inner->bits)
		return false;
	for (int i = 0; i < outer->bits; i++) {
		unsigned char bit = (unsigned char)(0x80 >> i % 8);
		if ((outer->address[i / 8] & bit) != (inner->address[i / 8] & bit))
			return false;
	}
	return true;
}

static void validate_block(const json_t *block, const char *path, struct field_errors *errors)
{
	struct range outer, inner;
	char p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;
	if (!block || !parse_range(json_str_or(block, "cidr", ""), &outer))
		return; /* the table says what is wrong with it */
	json_array_foreach(json_object_get(block, "except"), i, v) {
		FIELD_PATH(p, "%s.except[%zu]", path, i);
		if (!parse_range(json_string_value(v), &inner))
			field_invalid(errors, p, v, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
		else if (!is_strictly_inside(&outer, &inner))
			field_invalid(errors, p, v, "must be a strict subset of `cidr`");
	}
}

static void validate_peer(const json_t *peer, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	const json_t *pods = json_object_get(peer, "podSelector"), *namespaces = json_object_get(peer, "namespaceSelector");
	if (pods)
		label_selector_validate(pods, FIELD_PATH(p, "%s.podSelector", path), errors);
	if (namespaces)
		label_selector_validate(namespaces, FIELD_PATH(p, "%s.namespaceSelector", path), errors);
	validate_block(json_object_get(peer, "ipBlock"), FIELD_PATH(p, "%s.ipBlock", path), errors);
	if (json_object_get(peer, "ipBlock") && (pods || namespaces))
		field_forbidden(errors, path, "may not specify both ipBlock and another peer");
	else if (!json_object_get(peer, "ipBlock") && !pods && !namespaces)
		field_required(errors, path, "must specify a peer");
}

static void validate_policy_rules(const json_t *rules, const char *name, const char *peers, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	json_t *rule, *item;
	size_t i, k;
	json_array_foreach(rules, i, rule) {
		json_array_foreach(json_object_get(rule, "ports"), k, item)
			validate_policy_port(item, FIELD_PATH(p, "spec.%s[%zu].ports[%zu]", name, i, k), errors);
		json_array_foreach(json_object_get(rule, peers), k, item)
			validate_peer(item, FIELD_PATH(p, "spec.%s[%zu].%s[%zu]", name, i, peers, k), errors);
	}
}

static void policy_validate(const json_t *policy, const json_t *old, struct field_errors *errors)
{
	static const char *const supported[] = { "Ingress", "Egress", NULL };
	char p[FIELD_PATH_MAX];
	json_t *type;
	size_t i;
	(void)old;
	label_selector_validate(json_at(policy, "spec.podSelector"), "spec.podSelector", errors);
	validate_policy_rules(json_at(policy, "spec.ingress"), "ingress", "from", errors);
	validate_policy_rules(json_at(policy, "spec.egress"), "egress", "to", errors);
	if (json_array_size(json_at(policy, "spec.policyTypes")) > 2) {
		field_invalid(errors, "spec.policyTypes", json_at(policy, "spec.policyTypes"), "may not specify more than two policyTypes");
		return;
	}
	json_array_foreach(json_at(policy, "spec.policyTypes"), i, type)
		if (!strv_has((char *const *)supported, json_string_value(type) ? json_string_value(type) : ""))
			field_not_supported(errors, FIELD_PATH(p, "spec.policyTypes[%zu]", i), type, supported);
}

const struct kind_ops networkpolicy_ops = { .group = NETWORKING, .kind = "NetworkPolicy", .set_defaults = policy_set_defaults,
					    .validate = policy_validate };

/* --- ingresses ---------------------------------------------------------------------------------------------------------- */

static void validate_backend(const json_t *backend, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	const json_t *service = json_object_get(backend, "service"), *resource = json_object_get(backend, "resource");
	AUTO_JSON *none = json_string("");
	if (service && resource) {
		field_invalid(errors, path, none, "cannot set both resource and service backends");
		return;
	}
	if (!service && !resource) {
		field_invalid(errors, path, none, "resource or service backend is required");
		return;
	}
	if (!service)
		return;
	const char *name = json_str_or(service, "name", "");
	const json_t *number = json_at(service, "port.number"), *port = json_at(service, "port.name");
	if (!*name)
		field_required(errors, FIELD_PATH(p, "%s.service.name", path), NULL);
	else
		validate_name(name, FIELD_PATH(p, "%s.service.name", path), name_check_label_1035, errors);
	if (!str_empty(json_string_value(port)) && json_integer_value(number))
		field_invalid(errors, FIELD_PATH(p, "%s", path), none, "cannot set both port name & port number");
	else if (str_empty(json_string_value(port)) && !json_integer_value(number))
		field_required(errors, FIELD_PATH(p, "%s.service.port", path), "port name or number is required");
}

/* What a path that is matched by its segments cannot hold. */
static void validate_segments(const json_t *path_, const char *path, struct field_errors *errors)
{
	static const char *const inside[] = { "//", "/./", "/../", "%2f", "%2F" }, *const ends[] = { "/..", "/." };
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
	char p[FIELD_PATH_MAX];
	const char *text = json_str_or(path_, "path", ""), *type = json_str_or(path_, "pathType", "");
	bool needed = !strcmp(type, "Exact") || !strcmp(type, "Prefix");
	AUTO_JSON *shown = json_string(text);
	if ((needed || *text) && *text != '/')
		field_invalid(errors, FIELD_PATH(p, "%s.path", path), shown, "must be an absolute path");
	if (needed && *text)
		validate_segments(path_, path, errors);
	validate_backend(json_object_get(path_, "backend"), FIELD_PATH(p, "%s.backend", path), errors);
}

static void validate_host(const json_t *rule, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	const char *host = json_str_or(rule, "host", "");
	FIELD_PATH(p, "%s.host", path);
	if (!*host)
		return;
	if (ip_family(host))
		field_invalid(errors, p, json_object_get(rule, "host"), "must be a DNS name, not an IP address");
	else if (strchr(host, '*'))
		validate_name(host, p, name_check_wildcard_subdomain, errors);
	else
		validate_name(host, p, name_check_subdomain, errors);
}

static void validate_tls(const json_t *tls, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	json_t *host;
	size_t i;
	json_array_foreach(json_object_get(tls, "hosts"), i, host) {
		const char *text = json_string_value(host);
		validate_name(text, FIELD_PATH(p, "%s.hosts[%zu]", path, i),
			      strchr(text, '*') ? name_check_wildcard_subdomain : name_check_subdomain, errors);
	}
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

static void ingress_validate(const json_t *ingress, const json_t *old, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	const json_t *rules = json_at(ingress, "spec.rules"), *backend = json_at(ingress, "spec.defaultBackend");
	json_t *rule, *path;
	size_t i, k;
	if (!json_array_size(rules) && !backend) {
		field_invalid(errors, "spec", json_null(), "either `defaultBackend` or `rules` must be specified");
		return;
	}
	if (backend)
		validate_backend(backend, "spec.defaultBackend", errors);
	json_array_foreach(rules, i, rule) {
		validate_host(rule, FIELD_PATH(p, "spec.rules[%zu]", i), errors);
		json_array_foreach(json_at(rule, "http.paths"), k, path)
			validate_path(path, FIELD_PATH(p, "spec.rules[%zu].http.paths[%zu]", i, k), errors);
		if (json_object_get(rule, "http") && !json_array_size(json_at(rule, "http.paths")))
			field_required(errors, FIELD_PATH(p, "spec.rules[%zu].http.paths", i), NULL);
	}
	json_array_foreach(json_at(ingress, "spec.tls"), i, rule)
		validate_tls(rule, FIELD_PATH(p, "spec.tls[%zu]", i), errors);
	validate_class_name(ingress, old, errors);
}

static void ingress_validate_status(const json_t *ingress, const json_t *old, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;
	(void)old;
	json_array_foreach(json_at(ingress, "status.loadBalancer.ingress"), i, v) {
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

const struct kind_ops ingress_ops = { .group = NETWORKING, .kind = "Ingress", .prepare_create = ingress_prepare_create,
				      .prepare_update = kind_keep_status, .prepare_status = kind_keep_spec, .validate = ingress_validate, .validate_status = ingress_validate_status, .warn = ingress_warn, .has_status = true };
