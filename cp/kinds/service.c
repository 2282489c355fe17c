/* Rules of services: defaults by type, what an update keeps, addresses and node ports. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/service_alloc.h"
#include "cp/kinds/service_family.h"
#include "cp/kinds/service_range.h"

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

static bool has_node_ports(const json_t *svc)
{
	return !strcmp(type_of(svc), "NodePort") ||
	       (!strcmp(type_of(svc), "LoadBalancer") && json_bool_at(svc, "spec.allocateLoadBalancerNodePorts", true));
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
	if (!has_node_ports(svc) || !has_node_ports(old))
		return;
	size_t i, j;
	json_t *p, *q;
	json_array_foreach(json_object_get(spec, "ports"), i, p) {
		json_array_foreach(json_at(old, "spec.ports"), j, q)
			if (!json_int_at(p, "nodePort", 0) && json_int_at(q, "nodePort", 0) && json_int_at(p, "port", 0) == json_int_at(q, "port", 1) &&
			    str_eq(json_member(p, "protocol"), json_member(q, "protocol")))
				json_object_set(p, "nodePort", json_object_get(q, "nodePort"));
	}
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

/* Whether a balancer asks the nodes which of them have endpoints. */
static bool is_checked(const json_t *svc)
{
	return str_eq(json_str_at(svc, "spec.type"), "LoadBalancer") && str_eq(json_str_at(svc, "spec.externalTrafficPolicy"), "Local");
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
	if (is_checked(old) && !is_checked(svc) && check && checked && json_equal(check, checked))
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

/* A type that has no use for them loses addresses and node ports. */
static void service_prepare_update(json_t *svc, const json_t *old)
{
	kind_keep_status(svc, old);
	json_t *spec = json_object_get(svc, "spec"), *p;
	size_t i;
	if (is_external_name(svc) && !is_external_name(old)) {
		static const char *const gone[] = { "clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy" };
		for (i = 0; i < ARRAY_LEN(gone); i++)
			json_object_del(spec, gone[i]);
	}
	service_family_prepare(svc, old);
	if (!has_node_ports(svc) && has_node_ports(old))
		json_array_foreach(json_object_get(spec, "ports"), i, p)
			json_object_del(p, "nodePort");
	drop_balancing(svc, old);
}

/* An address of family in the place of wanted, which may be empty. Returns it, owned, or NULL after an error. */
static json_t *take_ip(struct service_ticket *t, const char *family, const char *wanted, const json_t *shown, struct field_errors *errors)
{
	char text[SERVICE_ADDRESS_MAX];
	int r = service_take_ip(t, family, str_empty(wanted) ? NULL : wanted, text);
	if (r == -EEXIST)
		field_invalid(errors, "spec.clusterIPs", shown, "failed to allocate IP %s: provided IP is already allocated", wanted);
	else if (r == -ERANGE)
		field_invalid(errors, "spec.clusterIPs", shown, "failed to allocate IP %s: the provided network does not match the current range", wanted);
	else if (r < 0)
		field_invalid(errors, "spec.clusterIPs", shown, "failed to allocate a serviceIP: range is full");
	return r < 0 ? NULL : json_string(text);
}

/* Keeps or takes an address of each family. */
static void reserve_ips(struct kind_env *env, struct service_ticket *t, json_t *svc, const json_t *old, struct field_errors *errors)
{
	json_t *spec = json_object_get(svc, "spec");
	const char *one = json_member(spec, "clusterIP"), *const *cluster;
	size_t n_cluster = service_cluster_families(env->service_alloc, &cluster);
	if (!json_array_size(json_object_get(spec, "clusterIPs")) && !str_empty(one))
		json_object_set_new(spec, "clusterIPs", json_pack("[s]", one));
	const json_t *given = json_object_get(spec, "clusterIPs"), *had = is_external_name(old) ? NULL : json_at(old, "spec.clusterIPs");
	if (!service_family_complete(svc, old, cluster, n_cluster, errors))
		return;
	AUTO_JSON *ips = json_array();
	bool headless = str_eq(json_string_value(json_array_get(given, 0)), "None");
	for (size_t i = 0; !headless && i < json_array_size(json_object_get(spec, "ipFamilies")); i++) {
		json_t *ip = json_array_get(given, i);
		bool kept = ip && json_equal(ip, json_array_get(had, i));
		ip = kept ? json_incref(ip) : take_ip(t, json_string_value(json_array_get(json_object_get(spec, "ipFamilies"), i)), json_string_value(ip), given, errors);
		if (!ip)
			return;
		json_array_append_new(ips, ip);
	}
	if (!headless)
		json_object_set(spec, "clusterIPs", ips);
	json_object_set(spec, "clusterIP", json_array_get(json_object_get(spec, "clusterIPs"), 0));
}

static bool held_before(const json_t *old, int64_t port, const char *protocol)
{
	size_t i;
	json_t *p;
	json_array_foreach(json_at(old, "spec.ports"), i, p)
		if (json_int_at(p, "nodePort", 0) == port && str_eq(json_str_or(p, "protocol", "TCP"), protocol))
			return true;
	return false;
}

static void reserve_ports(struct kind_env *env, struct service_ticket *t, json_t *svc, const json_t *old, struct field_errors *errors)
{
	char path[FIELD_PATH_MAX];
	size_t i;
	json_t *p;
	json_array_foreach(json_at(svc, "spec.ports"), i, p) {
		int64_t want = json_int_at(p, "nodePort", 0);
		const char *protocol = json_str_or(p, "protocol", "TCP");
		uint16_t got = 0;
		FIELD_PATH(path, "spec.ports[%zu].nodePort", i);
		if (want && old && held_before(old, want, protocol))
			continue;
		int r = want < 0 || want > 65535 ? -ERANGE : service_take_port(t, (uint16_t)want, protocol, &got);
		if (r == -EEXIST)
			field_invalid(errors, path, json_object_get(p, "nodePort"), "provided port is already allocated");
		else if (r == -ERANGE)
			field_invalid(errors, path, json_object_get(p, "nodePort"), "provided port is not in the valid range. The range of valid ports is %s",
				      service_port_range(env->service_alloc));
		else if (r < 0)
			field_required(errors, path, "failed to allocate a nodePort: range is full");
		else
			json_object_set_new(p, "nodePort", json_integer(got));
	}
}

static void service_reserve(struct kind_env *env, json_t *svc, const json_t *old, struct field_errors *errors, void **ticket)
{
	if (!svc || !env->service_alloc || is_external_name(svc))
		return;
	struct service_ticket *t = service_ticket_new(env->service_alloc);
	reserve_ips(env, t, svc, old, errors);
	if (has_node_ports(svc))
		reserve_ports(env, t, svc, old, errors);
	*ticket = t;
}

static void service_settle(struct kind_env *env, void *ticket, bool committed)
{
	(void)env;
	(void)committed; /* a committed service is in the cache, which counts it by now */
	service_ticket_free(ticket);
}

static void service_claims(const json_t *svc, char ***names)
{
	size_t i;
	json_t *v;
	json_array_foreach(json_at(svc, "spec.clusterIPs"), i, v) {
		AUTO_FREE char *name = xasprintf("ip/%s", json_string_value(v));
		if (strcmp(json_string_value(v), "None"))
			strv_add(names, name);
	}
	json_array_foreach(json_at(svc, "spec.ports"), i, v) {
		int64_t port = json_int_at(v, "nodePort", 0);
		AUTO_FREE char *name = xasprintf("port/%s/%d", json_str_or(v, "protocol", "TCP"), (int)port);
		if (port)
			strv_add(names, name);
	}
}

const struct kind_ops service_ops = {
	.group = "", .kind = "Service", .set_defaults = service_set_defaults, .prepare_create = service_prepare_create,
	.prepare_update = service_prepare_update, .prepare_status = kind_keep_spec, .validate = service_validate, .validate_status = service_validate_status, .warn = service_warn,
	.reserve = service_reserve, .settle = service_settle, .claims = service_claims, .has_status = true,
};
