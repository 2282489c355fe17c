/* Rules of services: defaults by type, what an update keeps, addresses and node ports. */
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/service_family.h"
#include "cp/kinds/service_reserve.h"

static const char *type_of(const json_t *svc)
{
	return json_str_or(svc, "spec.type", "ClusterIP");
}

static bool is_external_name(const json_t *svc)
{
	return !strcmp(type_of(svc), "ExternalName");
}

/* Reached from outside of the cluster, too. */
static bool is_external(const json_t *svc)
{
	const char *type = type_of(svc);
	return !strcmp(type, "NodePort") || !strcmp(type, "LoadBalancer") ||
	       (!strcmp(type, "ClusterIP") && json_array_size(json_at(svc, "spec.externalIPs")));
}

/* Whether the nodes may have ports for it. */
static bool uses_node_ports(const json_t *svc)
{
	return !strcmp(type_of(svc), "NodePort") || !strcmp(type_of(svc), "LoadBalancer");
}

static bool has_node_port(const json_t *svc, int64_t port)
{
	size_t i;
	json_t *p;
	json_array_foreach(json_at(svc, "spec.ports"), i, p)
		if (json_int_at(p, "nodePort", 0) == port)
			return true;
	return false;
}

/* A port keeps the node port of the one of its name, unless another one has got that. */
static void keep_node_ports(json_t *svc, const json_t *old)
{
	size_t i, j;
	json_t *p, *q;
	AUTO_JSON *given = json_deep_copy(svc);
	json_array_foreach(json_at(svc, "spec.ports"), i, p)
	{
		json_t *was = NULL;
		json_array_foreach(json_at(old, "spec.ports"), j, q)
			if (str_eq(json_str_or(p, "name", ""), json_str_or(q, "name", "")))
				was = json_object_get(q, "nodePort");
		if (!json_int_at(p, "nodePort", 0) && was && !has_node_port(given, json_integer_value(was)))
			json_object_set(p, "nodePort", was);
	}
}

/* An update that leaves out what was allocated keeps it. */
static void keep_allocated(json_t *svc, const json_t *old)
{
	json_t *spec = json_object_get(svc, "spec");
	static const char *const fields[] = { "clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy" };
	if (is_external_name(svc) || is_external_name(old))
		return;
	bool keep = str_empty(json_str_at(svc, "spec.clusterIP")) && !json_array_size(json_at(svc, "spec.clusterIPs"));
	for (size_t i = keep ? 0 : 2; i < ARRAY_LEN(fields); i++)
		if (!json_object_get(spec, fields[i]) && json_at(old, "spec") && json_object_get(json_at(old, "spec"), fields[i]))
			json_object_set(spec, fields[i], json_object_get(json_at(old, "spec"), fields[i]));
	if (uses_node_ports(svc) && uses_node_ports(old))
		keep_node_ports(svc, old);
	if (service_is_checked(svc) && service_is_checked(old) && !json_int_at(spec, "healthCheckNodePort", 0) && json_at(old, "spec.healthCheckNodePort"))
		json_object_set(spec, "healthCheckNodePort", (json_t *)json_at(old, "spec.healthCheckNodePort"));
}

static void service_set_defaults(json_t *svc, const json_t *old)
{
	json_t *spec = json_object_at(svc, "spec"), *port;
	size_t i;
	set_default(spec, "type", json_string("ClusterIP"));
	set_default(spec, "sessionAffinity", json_string("None"));
	if (str_eq(json_member(spec, "sessionAffinity"), "ClientIP"))
		set_default(json_object_at(spec, "sessionAffinityConfig.clientIP"), "timeoutSeconds", json_integer(10800));
	else
		json_object_del(spec, "sessionAffinityConfig");
	json_array_foreach(json_object_get(spec, "ports"), i, port) {
		const json_t *target = json_object_get(port, "targetPort");
		set_default(port, "protocol", json_string("TCP"));
		if ((!target || str_eq(json_string_value(target), "")) && json_object_get(port, "port"))
			json_object_set(port, "targetPort", json_object_get(port, "port"));
	}
	if (is_external(svc))
		set_default(spec, "externalTrafficPolicy", json_string("Cluster"));
	if (!is_external_name(svc))
		set_default(spec, "internalTrafficPolicy", json_string("Cluster"));
	if (!strcmp(type_of(svc), "LoadBalancer"))
		set_default(spec, "allocateLoadBalancerNodePorts", json_true());
	json_array_foreach(json_at(svc, "status.loadBalancer.ingress"), i, port)
		if (!strcmp(type_of(svc), "LoadBalancer") && !str_empty(json_str_at(port, "ip")))
			set_default(port, "ipMode", json_string("VIP"));
	if (old)
		keep_allocated(svc, old);
}

static void service_prepare_create(json_t *svc)
{
	json_set_at(svc, "status", json_pack("{s:{}}", "loadBalancer"));
	service_family_prepare(svc, NULL);
}

/* What only a load balancer has goes with it, unless it is changed at the same time. */
static void drop_balancing(json_t *svc, const json_t *old)
{
	static const char *const members[] = { "allocateLoadBalancerNodePorts", "loadBalancerClass" };
	json_t *spec = json_object_get(svc, "spec");
	const json_t *check = json_object_get(spec, "healthCheckNodePort"), *checked = json_at(old, "spec.healthCheckNodePort");
	const char *policy = json_member(spec, "externalTrafficPolicy");
	if (is_external(old) && !is_external(svc) && policy && str_eq(json_str_at(old, "spec.externalTrafficPolicy"), policy))
		json_object_del(spec, "externalTrafficPolicy");
	if (service_is_checked(old) && !service_is_checked(svc) && check && checked && json_equal(check, checked))
		json_object_del(spec, "healthCheckNodePort");
	if (str_eq(json_str_at(spec, "type"), "LoadBalancer"))
		return;
	for (size_t i = 0; str_eq(json_str_at(old, "spec.type"), "LoadBalancer") && i < ARRAY_LEN(members); i++) {
		const json_t *was = json_object_get(json_object_get(old, "spec"), members[i]), *now = json_object_get(spec, members[i]);
		if (was && now && json_equal(was, now))
			json_object_del(spec, members[i]);
	}
	json_del_at(svc, "status.loadBalancer.ingress");
}

/* Drops what the update has left as it was. */
static void drop_kept(json_t *svc, const json_t *old, const char *const *names, size_t n)
{
	json_t *spec = json_object_get(svc, "spec"), *before = json_object_get(old, "spec");
	for (size_t i = 0; i < n; i++)
		if (!json_equal(json_object_get(spec, names[i]), json_object_get(before, names[i])))
			return;
	for (size_t i = 0; i < n; i++)
		json_object_del(spec, names[i]);
}

/* An external name has no addresses; those that somebody changes at the same time are left for the rules to find. */
static void drop_addresses(json_t *svc, const json_t *old)
{
	static const char *const addresses[] = { "clusterIP", "clusterIPs" }, *const families[] = { "ipFamilies" }, *const policy[] = { "ipFamilyPolicy" };
	drop_kept(svc, old, addresses, ARRAY_LEN(addresses));
	drop_kept(svc, old, families, ARRAY_LEN(families));
	drop_kept(svc, old, policy, ARRAY_LEN(policy));
}

/* Node ports go with the type, unless there are new ones. */
static void drop_node_ports(json_t *svc, const json_t *old)
{
	size_t i;
	json_t *p;
	json_array_foreach(json_at(svc, "spec.ports"), i, p)
		if (json_int_at(p, "nodePort", 0) && !has_node_port(old, json_int_at(p, "nodePort", 0)))
			return;
	json_array_foreach(json_at(svc, "spec.ports"), i, p)
		json_object_del(p, "nodePort");
}

/* A type that has no use for them loses addresses and node ports. */
static void service_prepare_update(json_t *svc, const json_t *old)
{
	kind_keep_status(svc, old);
	if (is_external_name(svc) && !is_external_name(old))
		drop_addresses(svc, old);
	service_family_prepare(svc, old);
	if (!uses_node_ports(svc) && uses_node_ports(old))
		drop_node_ports(svc, old);
	drop_balancing(svc, old);
}

const struct kind_ops service_ops = {
	.group = "", .kind = "Service", .set_defaults = service_set_defaults, .prepare_create = service_prepare_create,
	.prepare_update = service_prepare_update, .prepare_status = kind_keep_spec, .validate = service_validate, .validate_status = service_validate_status, .warn = service_warn,
	.reserve = service_reserve, .settle = service_settle, .claims = service_claims, .has_status = true,
};
