/* Rules of services: what each type may say, addresses and families, ports, traffic policies, what an update may change. */
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "cp/kinds/error_order.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/rule.h"
#include "cp/kinds/service_family.h"

#define RANGES_KEY "service.beta.kubernetes.io/load-balancer-source-ranges"
#define HINTS_KEY "service.kubernetes.io/topology-aware-hints"
enum { AFFINITY_SECONDS_MAX = 86400 };

static bool is_type(const json_t *svc, const char *type)
{
	return !strcmp(json_str_or(svc, "spec.type", "ClusterIP"), type);
}

/* The addresses that the service names, one way or the other; where an update changed only the one, the list follows.
 * old may be NULL. Owned. */
static json_t *addresses_of(const json_t *svc, const json_t *old)
{
	const json_t *list = json_at(svc, "spec.clusterIPs"), *one = json_at(svc, "spec.clusterIP");
	bool set = !str_empty(json_string_value(one));

	if (!json_array_size(list))
		return set ? json_pack("[O]", one) : json_array();
	json_t *copy = json_copy((json_t *)list);
	if (set && old && json_equal(list, json_at(old, "spec.clusterIPs")) && !json_equal(one, json_at(old, "spec.clusterIP")))
		json_array_set(copy, 0, (json_t *)one);
	return copy;
}

static bool is_headless(const json_t *addresses)
{
	return json_array_size(addresses) == 1 && str_eq(json_string_value(json_array_get(addresses, 0)), "None");
}

/* --- ports ----------------------------------------------------------------------------------------------------------- */

/* The port as the reference prints it in a message: what makes it a duplicate, the rest at zero. */
static json_t *go_port(const json_t *p)
{
	json_t *o = json_pack("{s:s, s:s}", "Name", "", "Protocol", json_str_or(p, "protocol", ""));

	json_object_set_new(o, "AppProtocol", json_null());
	json_object_set(o, "Port", json_object_get(p, "port"));
	json_object_set_new(o, "TargetPort", json_integer(0));
	json_object_set_new(o, "NodePort", json_integer(0));
	return o;
}

static void validate_port(const json_t *p, bool many, const char *at, struct map *names, struct field_errors *errors)
{
	const json_t *target = json_object_get(p, "targetPort");
	const char *name = json_str_or(p, "name", "");
	int64_t port = json_int_at(p, "port", 0);
	AUTO_JSON *shown = json_integer(port);
	char path[FIELD_PATH_MAX];

	FIELD_PATH(path, "%s.name", at);
	if (!*name && many)
		field_required(errors, path, NULL);
	else if (*name) {
		validate_name(name, path, name_check_label, errors);
		if (map_has(names, name))
			field_duplicate(errors, path, json_object_get(p, "name"));
		map_set(names, name, (void *)p);
	}
	if (port < 1 || port > 65535)
		field_invalid(errors, FIELD_PATH(path, "%s.port", at), shown, "must be between 1 and 65535, inclusive");
	FIELD_PATH(path, "%s.targetPort", at);
	if (json_is_string(target))
		validate_name(json_string_value(target), path, name_check_port_name, errors);
	else
		rule_range(p, at, "targetPort", 1, 65535, errors);
}

/* Numbers that two ports of one protocol share. */
static void validate_pairs(const json_t *ports, struct field_errors *errors)
{
	AUTO_MAP *numbers = map_new(NULL), *node_ports = map_new(NULL);
	char path[FIELD_PATH_MAX];
	json_t *p;
	size_t i;

	json_array_foreach(ports, i, p)
	{
		const char *protocol = json_str_or(p, "protocol", "TCP");
		AUTO_FREE char *pair = xasprintf("%s/%lld", protocol, (long long)json_int_at(p, "nodePort", 0));
		if (json_int_at(p, "nodePort", 0) && map_has(node_ports, pair))
			field_duplicate(errors, FIELD_PATH(path, "spec.ports[%zu].nodePort", i), json_object_get(p, "nodePort"));
		map_set(node_ports, pair, p);
	}
	json_array_foreach(ports, i, p)
	{
		AUTO_FREE char *pair = xasprintf("%s/%lld", json_str_or(p, "protocol", "TCP"), (long long)json_int_at(p, "port", 0));
		AUTO_JSON *shown = go_port(p);
		if (map_has(numbers, pair))
			field_duplicate(errors, FIELD_PATH(path, "spec.ports[%zu]", i), shown);
		map_set(numbers, pair, p);
	}
}

static void validate_ports(const json_t *svc, const json_t *addresses, struct field_errors *errors)
{
	const json_t *ports = json_at(svc, "spec.ports");
	AUTO_MAP *names = map_new(NULL);
	char path[FIELD_PATH_MAX];
	json_t *p;
	size_t i;

	if (!json_array_size(ports) && !is_headless(addresses) && !is_type(svc, "ExternalName"))
		field_required(errors, "spec.ports", NULL);
	json_array_foreach(ports, i, p) validate_port(p, json_array_size(ports) > 1, FIELD_PATH(path, "spec.ports[%zu]", i), names, errors);
	json_array_foreach(ports, i, p) if (is_type(svc, "ClusterIP") && json_int_at(p, "nodePort", 0))
	    field_forbidden(errors, FIELD_PATH(path, "spec.ports[%zu].nodePort", i), "may not be used when `type` is 'ClusterIP'");
	validate_pairs(ports, errors);
}

/* --- addresses ------------------------------------------------------------------------------------------------------- */

static void validate_external_name(const json_t *svc, const json_t *addresses, struct field_errors *errors)
{
	static const char *const no[] = {"ipFamilies", "ipFamilyPolicy"};
	const char *name = json_str_or(svc, "spec.externalName", "");
	AUTO_FREE char *plain = xstrndup(name, strlen(name) - (str_has_suffix(name, ".") ? 1 : 0));

	if (json_array_size(addresses))
		field_forbidden(errors, "spec.clusterIPs", "may not be set for ExternalName services");
	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		rule_forbidden(json_object_get(svc, "spec"), "spec", no[i], "may not be set for ExternalName services", errors);
	if (!*plain)
		field_required(errors, "spec.externalName", NULL);
	else
		validate_name(plain, "spec.externalName", name_check_subdomain, errors);
}

static void validate_families(const json_t *svc, struct field_errors *errors)
{
	static const char *const known[] = {"IPv4", "IPv6", NULL};
	AUTO_MAP *seen = map_new(NULL);
	char path[FIELD_PATH_MAX];
	json_t *v;
	size_t i;

	json_array_foreach(json_at(svc, "spec.ipFamilies"), i, v)
	{
		FIELD_PATH(path, "spec.ipFamilies[%zu]", i);
		if (!rule_is_one_of(json_string_value(v), known))
			field_not_supported(errors, path, v, known);
		if (map_has(seen, json_string_value(v)))
			field_duplicate(errors, path, v);
		map_set(seen, json_string_value(v), v);
	}
}

/* Each address is of the family that stands in its place. */
static void validate_match(const json_t *addresses, const json_t *families, struct field_errors *errors)
{
	char path[FIELD_PATH_MAX];

	for (size_t i = 0; i < json_array_size(addresses) && i < json_array_size(families); i++) {
		const json_t *v = json_array_get(addresses, i);
		const char *family = json_string_value(json_array_get(families, i));
		int is = ip_family(json_string_value(v)), wanted = str_eq(family, "IPv4") ? 4 : str_eq(family, "IPv6") ? 6 : is;
		if (is != wanted)
			field_invalid(errors, FIELD_PATH(path, "spec.clusterIPs[%zu]", i), v, "expected an %s value as indicated by `ipFamilies[%zu]`",
				      family, i);
	}
}

static void validate_addresses(const json_t *svc, const json_t *old, const json_t *addresses, struct field_errors *errors)
{
	static const char list[] = "spec.clusterIPs";
	static const char *const policies[] = {"PreferDualStack", "RequireDualStack", "SingleStack", NULL};
	const char *one = json_str_or(svc, "spec.clusterIP", ""), *first = json_string_value(json_array_get(addresses, 0));
	bool bad = false;
	char path[FIELD_PATH_MAX];
	json_t *v;
	size_t i;

	if (*one && !str_eq(one, first))
		field_invalid(errors, list, addresses, "first value must match `clusterIP`");
	else if (!*one && !old && json_array_size(addresses))
		field_invalid(errors, list, addresses, "must be empty when `clusterIP` is not specified");
	validate_families(svc, errors);
	if (json_at(svc, "spec.ipFamilyPolicy"))
		rule_word(json_object_get(svc, "spec"), "spec", "ipFamilyPolicy", policies, errors);
	json_array_foreach(addresses, i, v)
	{
		bool none = i == 0 && str_eq(json_string_value(v), "None");
		bool misplaced = none && json_array_size(addresses) > 1;
		size_t before = errors->n;
		if (misplaced)
			field_invalid(errors, list, addresses, "'None' must be the first and only value");
		if (!none)
			rule_ip(v, json_at(old, "spec.clusterIPs"), FIELD_PATH(path, "spec.clusterIPs[%zu]", i), errors);
		bad |= errors->n != before;
	}
	if (json_array_size(addresses) > 2)
		field_invalid(errors, list, addresses, "may only hold up to 2 values");
	if (bad)
		return;
	if (json_array_size(addresses) == 2 && ip_family(first) == ip_family(json_string_value(json_array_get(addresses, 1))))
		field_invalid(errors, list, addresses, "may specify no more than one IP for each IP family");
	if (!is_headless(addresses))
		validate_match(addresses, json_at(svc, "spec.ipFamilies"), errors);
}

/* Those that an update leaves may stay. */
static void validate_external_ips(const json_t *svc, const json_t *old, struct field_errors *errors)
{
	char path[FIELD_PATH_MAX];
	json_t *v;
	size_t i;

	json_array_foreach(json_at(svc, "spec.externalIPs"), i, v) if (!json_has_text(json_at(old, "spec.externalIPs"), json_string_value(v)))
	    validate_address(v, FIELD_PATH(path, "spec.externalIPs[%zu]", i), errors);
}

/* --- traffic --------------------------------------------------------------------------------------------------------- */

/* Padding is allowed. */
static void validate_source_range(const char *text, const json_t *was, const char *path, struct field_errors *errors)
{
	static const char space[] = " \t\n\r";
	const char *begin = text + strspn(text, space);
	AUTO_FREE char *plain = xstrdup(begin);
	size_t n = strlen(plain);

	while (n && strchr(space, plain[n - 1]))
		plain[--n] = '\0';
	AUTO_JSON *shown = json_string(plain);
	rule_cidr(shown, was, path, errors);
}

/* The ranges of a balanced service: a field, else an annotation. */
static void validate_source_ranges(const json_t *svc, const json_t *old, struct field_errors *errors)
{
	static const char list[] = "spec.LoadBalancerSourceRanges", annotation[] = "metadata.annotations[" RANGES_KEY "]";
	const json_t *ranges = json_at(svc, "spec.loadBalancerSourceRanges");
	const char *text = json_member(json_at(svc, "metadata.annotations"), RANGES_KEY);
	char path[FIELD_PATH_MAX];
	json_t *v;
	size_t i;

	if (!json_array_size(ranges) && !text)
		return;
	if (!is_type(svc, "LoadBalancer"))
		field_forbidden(errors, json_array_size(ranges) ? list : annotation, "may only be used when `type` is 'LoadBalancer'");
	json_array_foreach(ranges, i, v) validate_source_range(json_string_value(v), json_at(old, "spec.loadBalancerSourceRanges"), FIELD_PATH(path, "%s[%zu]", list, i), errors);
	bool kept = str_eq(text, json_member(json_at(old, "metadata.annotations"), RANGES_KEY));
	if (json_array_size(ranges) || !text[strspn(text, " ")] || kept)
		return;
	AUTO_STRV char **parts = str_split(text, ',');
	for (i = 0; parts && parts[i]; i++)
		validate_source_range(parts[i], NULL, annotation, errors);
}

static void validate_topology(const json_t *svc, struct field_errors *errors)
{
	const json_t *annotations = json_at(svc, "metadata.annotations"), *mode = json_object_get(annotations, "service.kubernetes.io/topology-mode"),
		     *hints = json_object_get(annotations, HINTS_KEY);

	if (mode && hints && !json_equal(mode, hints))
		field_invalid(errors, "metadata.annotations[service.kubernetes.io/topology-mode]", mode,
			      "must match annotations[" HINTS_KEY "] when both are specified");
}

static void validate_affinity(const json_t *svc, struct field_errors *errors)
{
	const json_t *seconds = json_at(svc, "spec.sessionAffinityConfig.clientIP.timeoutSeconds");

	if (seconds && (json_integer_value(seconds) < 1 || json_integer_value(seconds) > AFFINITY_SECONDS_MAX))
		field_invalid(errors, "spec.sessionAffinityConfig.clientIP.timeoutSeconds", seconds, "must be greater than 0 and less than %d",
			      AFFINITY_SECONDS_MAX);
}

static void validate_traffic(const json_t *svc, struct field_errors *errors)
{
	static const char *const distributions[] = {"PreferClose", "PreferSameZone", "PreferSameNode", NULL};
	const json_t *spec = json_object_get(svc, "spec"), *policy = json_object_get(spec, "externalTrafficPolicy"),
		     *check = json_object_get(spec, "healthCheckNodePort");
	bool balanced = is_type(svc, "LoadBalancer"),
	     outside = balanced || is_type(svc, "NodePort") || (is_type(svc, "ClusterIP") && json_array_size(json_object_get(spec, "externalIPs")));

	if (!balanced) {
		rule_forbidden(spec, "spec", "allocateLoadBalancerNodePorts", "may only be used when `type` is 'LoadBalancer'", errors);
		rule_forbidden(spec, "spec", "loadBalancerClass", "may only be used when `type` is 'LoadBalancer'", errors);
	}
	if (policy && !outside)
		field_invalid(errors, "spec.externalTrafficPolicy", policy, "may only be set for externally-accessible services");
	if (json_integer_value(check) && !(balanced && str_eq(json_string_value(policy), "Local")))
		field_invalid(errors, "spec.healthCheckNodePort", check,
			      "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'");
	if (json_object_get(spec, "trafficDistribution"))
		rule_word(spec, "spec", "trafficDistribution", distributions, errors);
}

/* --- updates --------------------------------------------------------------------------------------------------------- */

static void validate_address_update(const json_t *svc, const json_t *now, const json_t *was, struct field_errors *errors)
{
	char path[FIELD_PATH_MAX];
	size_t n = json_array_size(now), before = json_array_size(was);

	if (is_headless(now) && is_headless(was))
		return;
	for (size_t i = 0; i < before && (i == 0 || n == before); i++)
		if (!n)
			field_invalid(errors, FIELD_PATH(path, "spec.clusterIPs[%zu]", i), now, "primary clusterIP can not be unset");
		else if (!json_equal(json_array_get(now, i), json_array_get(was, i)))
			field_invalid(errors, FIELD_PATH(path, "spec.clusterIPs[%zu]", i), now, "may not change once set");
	if (before > n && n == 1 && strcmp(json_str_or(svc, "spec.ipFamilyPolicy", ""), "SingleStack"))
		field_invalid(errors, "spec.ipFamilyPolicy", json_at(svc, "spec.ipFamilyPolicy"),
			      "must be set to 'SingleStack' when releasing the secondary clusterIP");
}

/* The first family stays, the second one may come, and go with the policy. */
static void validate_family_update(const json_t *svc, const json_t *old, const json_t *addresses, struct field_errors *errors)
{
	const json_t *now = json_at(svc, "spec.ipFamilies"), *was = json_at(old, "spec.ipFamilies");
	size_t n = json_array_size(now), before = json_array_size(was);

	for (size_t i = 0; i < MIN(n, before) && (i == 0 || n == before); i++)
		if (!json_equal(json_array_get(now, i), json_array_get(was, i)))
			field_invalid(errors, "spec.ipFamilies[0]", n == before ? now : addresses, "may not change once set");
}

static void service_validate_update(const json_t *svc, const json_t *old, const json_t *now, struct field_errors *errors)
{
	AUTO_JSON *was = addresses_of(old, NULL);
	const json_t *class = json_at(svc, "spec.loadBalancerClass"), *class_before = json_at(old, "spec.loadBalancerClass");
	const json_t *check = json_at(svc, "spec.healthCheckNodePort"), *check_before = json_at(old, "spec.healthCheckNodePort");
	bool named = is_type(svc, "ExternalName") || is_type(old, "ExternalName"), balanced = is_type(svc, "LoadBalancer") && is_type(old, "LoadBalancer");

	if (!named && json_array_size(was))
		validate_address_update(svc, now, was, errors);
	if (!named && !is_headless(now))
		validate_family_update(svc, old, now, errors);
	if (balanced && class != class_before && !json_equal(class, class_before))
		field_invalid(errors, "spec.loadBalancerClass", class, "may not change once set");
	if (balanced && check && check_before && !json_equal(check, check_before))
		field_forbidden(errors, "spec.healthCheckNodePort", "field is immutable");
}

/* What the reference looks at before all else, since it allocates addresses first. Returns whether something is wrong; then
 * nothing else is told. */
static bool addresses_are_wrong(const json_t *svc, const json_t *old, const json_t *addresses, struct field_errors *errors)
{
	AUTO_FIELD_ERRORS alone = {0};

	if (is_type(svc, "ExternalName"))
		return false;
	validate_addresses(svc, old, addresses, &alone);
	if (!alone.n)
		service_family_validate(svc, old, addresses, &alone);
	if (!alone.n)
		return false;
	field_errors_done(errors);
	*errors = alone;
	alone = (struct field_errors){0};
	return true;
}

static void validate_own(const json_t *svc, const json_t *old, const json_t *addresses, struct field_errors *errors)
{
	validate_topology(svc, errors);
	validate_ports(svc, addresses, errors);
	if (is_headless(addresses) && (is_type(svc, "NodePort") || is_type(svc, "LoadBalancer")))
		field_invalid(errors, "spec.clusterIPs[0]", json_array_get(addresses, 0), "may not be set to 'None' for %s services",
			      json_str_or(svc, "spec.type", ""));
	if (is_type(svc, "ExternalName"))
		validate_external_name(svc, addresses, errors);
	validate_affinity(svc, errors);
	validate_external_ips(svc, old, errors);
	validate_source_ranges(svc, old, errors);
	validate_traffic(svc, errors);
}

void service_validate(const json_t *svc, const json_t *old, struct field_errors *errors)
{
	static const char *const order[] = {"metadata",
					    "spec.ports",
					    "spec.clusterIPs",
					    "spec.ipFamilies",
					    "spec.ipFamilyPolicy",
					    "spec.externalName",
					    "spec.ports[].name",
					    "spec.ports[].port",
					    "spec.ports[].protocol",
					    "spec.ports[].targetPort",
					    "spec.ports[].appProtocol",
					    "spec.selector",
					    "spec.sessionAffinity",
					    "spec.sessionAffinityConfig",
					    "spec.externalIPs",
					    "spec.type",
					    "spec.ports[].nodePort",
					    "spec.ports[]",
					    "spec.LoadBalancerSourceRanges",
					    "spec.allocateLoadBalancerNodePorts",
					    "spec.loadBalancerClass",
					    "spec.externalTrafficPolicy",
					    "spec.healthCheckNodePort",
					    "spec.internalTrafficPolicy",
					    "spec.trafficDistribution",
					    NULL};
	AUTO_JSON *addresses = addresses_of(svc, old);
	AUTO_FIELD_ERRORS own = {0};

	if (addresses_are_wrong(svc, old, addresses, errors))
		return;
	validate_own(svc, old, addresses, errors);
	errors_order(errors, "", order);
	if (!old)
		return;
	own = *errors; /* what the update breaks is told first */
	*errors = (struct field_errors){0};
	service_validate_update(svc, old, addresses, errors);
	field_errors_again(errors, &own);
}

void service_validate_status(const json_t *svc, const json_t *old, struct field_errors *errors)
{
	static const char *const modes[] = {"Proxy", "VIP", NULL};
	char at[FIELD_PATH_MAX], p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;

	if (!is_type(svc, "LoadBalancer") && json_array_size(json_at(svc, "status.loadBalancer.ingress"))) {
		field_forbidden(errors, "status.loadBalancer.ingress", "may only be used when `spec.type` is 'LoadBalancer'");
		return;
	}
	json_array_foreach(json_at(svc, "status.loadBalancer.ingress"), i, v)
	{
		const char *ip = json_str_or(v, "ip", ""), *host = json_str_or(v, "hostname", "");
		FIELD_PATH(at, "status.loadBalancer.ingress[%zu]", i);
		if (*ip && !json_find(json_at(old, "status.loadBalancer.ingress"), "ip", ip))
			rule_ip(json_object_get(v, "ip"), NULL, FIELD_PATH(p, "%s.ip", at), errors);
		if (!*ip)
			rule_forbidden(v, at, "ipMode", "may not be specified when `ip` is not set", errors);
		else if (json_object_get(v, "ipMode"))
			rule_word(v, at, "ipMode", modes, errors);
		rule_name(v, at, "hostname", name_check_subdomain, errors);
		if (*host && ip_family(host))
			field_invalid(errors, FIELD_PATH(p, "%s.hostname", at), json_object_get(v, "hostname"), "must be a DNS name, not an IP address");
	}
}
