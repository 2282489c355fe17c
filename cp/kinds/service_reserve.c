/* What a service takes: addresses of its families, node ports, the port of its health check.
 *
 * Happy path: each write opens a ticket, takes what the service lacks or newly asks for, and closes the ticket once the write
 * is in the cache. What can fail: what is asked for is taken or out of range; nothing is left. What always holds: a refused
 * write takes nothing; a number is taken for all protocols at once, and shared by those of one service port. */
#include "cp/kinds/service_reserve.h"

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/service_alloc.h"
#include "cp/kinds/service_family.h"
#include "cp/kinds/service_range.h"

static bool is_type(const json_t *svc, const char *type)
{
	return svc && !strcmp(json_str_or(svc, "spec.type", "ClusterIP"), type);
}

bool service_is_checked(const json_t *svc)
{
	return is_type(svc, "LoadBalancer") && str_eq(json_str_at(svc, "spec.externalTrafficPolicy"), "Local");
}

static bool gets_node_ports(const json_t *svc)
{
	return is_type(svc, "NodePort") || (is_type(svc, "LoadBalancer") && json_bool_at(svc, "spec.allocateLoadBalancerNodePorts", true));
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
	const json_t *given = json_object_get(spec, "clusterIPs"), *had = is_type(old, "ExternalName") ? NULL : json_at(old, "spec.clusterIPs");
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

/* The node port that another port of the same number asks for, or has got before. Services often offer one number by two
 * protocols, and are to have one number on the nodes, too. */
static int64_t asked_for(const json_t *ports, int64_t number, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const json_t *p = json_array_get(ports, i);
		if (json_int_at(p, "port", 0) == number && json_int_at(p, "nodePort", 0))
			return json_int_at(p, "nodePort", 0);
	}
	return 0;
}

static bool has_node_port(const json_t *ports, int64_t wanted, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (json_int_at(json_array_get(ports, i), "nodePort", 0) == wanted)
			return true;
	return false;
}

/* Takes a port (0: any) for member of o, at path. */
static bool take_port(struct kind_env *env, struct service_ticket *t, json_t *o, const char *member, int64_t wanted, const char *path,
		      struct field_errors *errors)
{
	uint16_t got = 0;
	AUTO_JSON *shown = json_integer(wanted);
	int r = wanted < 0 || wanted > 65535 ? -ERANGE : service_take_port(t, (uint16_t)wanted, &got);
	if (r == -EEXIST)
		field_invalid(errors, path, shown, "provided port is already allocated");
	else if (r == -ERANGE)
		field_invalid(errors, path, shown, "provided port is not in the valid range. The range of valid ports is %s",
			      service_port_range(env->service_alloc));
	else if (r < 0)
		field_required(errors, path, "failed to allocate a port: range is full");
	else
		json_object_set_new(o, member, json_integer(got));
	return r == 0;
}

/* Whether port i of the service still needs one, and which (0: any). */
static bool needs_port(const json_t *svc, const json_t *old, size_t i, int64_t *ret_wanted)
{
	const json_t *ports = json_at(svc, "spec.ports"), *before = json_at(old, "spec.ports"), *p = json_array_get(ports, i);
	int64_t want = json_int_at(p, "nodePort", 0), number = json_int_at(p, "port", 0);
	if (!want && !gets_node_ports(svc))
		return false;
	*ret_wanted = want;
	if (old)
		return !want || !(has_node_port(before, want, json_array_size(before)) || has_node_port(ports, want, i));
	if (!asked_for(ports, number, i)) {
		*ret_wanted = asked_for(ports, number, json_array_size(ports));
		return true;
	}
	return want && want != asked_for(ports, number, i);
}

static void reserve_ports(struct kind_env *env, struct service_ticket *t, json_t *svc, const json_t *old, struct field_errors *errors)
{
	char path[FIELD_PATH_MAX];
	size_t i;
	json_t *p, *ports = (json_t *)json_at(svc, "spec.ports");
	json_array_foreach(ports, i, p)
	{
		int64_t wanted = 0;
		FIELD_PATH(path, "spec.ports[%zu].nodePort", i);
		if (needs_port(svc, old, i, &wanted)) {
			if (!take_port(env, t, p, "nodePort", wanted, path, errors))
				return;
		} else if (!old && gets_node_ports(svc))
			json_object_set_new(p, "nodePort", json_integer(asked_for(ports, json_int_at(p, "port", 0), i + 1)));
	}
}

/* The port where a balancer asks each node for endpoints; it stays as long as it is needed. */
static void reserve_check(struct kind_env *env, struct service_ticket *t, json_t *svc, const json_t *old, struct field_errors *errors)
{
	static const char path[] = "spec.healthCheckNodePort";
	if (service_is_checked(svc) && !(old && service_is_checked(old) && json_int_at(old, path, 0) && json_int_at(svc, path, 0)))
		(void)take_port(env, t, json_object_get(svc, "spec"), "healthCheckNodePort", json_int_at(svc, path, 0), path, errors);
}

void service_reserve(struct kind_env *env, json_t *svc, const json_t *old, struct field_errors *errors, void **ticket)
{
	if (!svc || !env->service_alloc || is_type(svc, "ExternalName"))
		return;
	struct service_ticket *t = service_ticket_new(env->service_alloc);
	*ticket = t;
	size_t before = errors->n;
	reserve_ips(env, t, svc, old, errors);
	if (errors->n == before && (is_type(svc, "NodePort") || is_type(svc, "LoadBalancer")))
		reserve_ports(env, t, svc, old, errors);
	if (errors->n == before)
		reserve_check(env, t, svc, old, errors);
}

void service_settle(struct kind_env *env, void *ticket, bool committed)
{
	(void)env;
	(void)committed; /* a committed service is in the cache, which counts it by now */
	service_ticket_free(ticket);
}

static void claim_port(int64_t port, char ***names)
{
	AUTO_FREE char *name = xasprintf("port/%d", (int)port);
	if (port)
		strv_add(names, name);
}

void service_claims(const json_t *svc, char ***names)
{
	size_t i;
	json_t *v;
	json_array_foreach(json_at(svc, "spec.clusterIPs"), i, v) {
		AUTO_FREE char *name = xasprintf("ip/%s", json_string_value(v));
		if (strcmp(json_string_value(v), "None"))
			strv_add(names, name);
	}
	json_array_foreach(json_at(svc, "spec.ports"), i, v)
		claim_port(json_int_at(v, "nodePort", 0), names);
	claim_port(json_int_at(svc, "spec.healthCheckNodePort", 0), names);
}
