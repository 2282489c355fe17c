/* Services and EndpointSlices from their JSON.
 *
 * Members that cannot be understood are left out: an address that is none, a port of an unknown protocol. Pure. */
#include "netfilter/service_parse.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"

#define AFFINITY_S 10800
#define AFFINITY_MAX_S 86400
#define TRIGGER_TIME "endpoints.kubernetes.io/last-change-trigger-time"

int service_protocol(const json_t *port)
{
	const char *name = json_str_or(port, "protocol", "TCP");
	return !strcmp(name, "TCP")    ? IPPROTO_TCP
	       : !strcmp(name, "UDP")  ? IPPROTO_UDP
	       : !strcmp(name, "SCTP") ? IPPROTO_SCTP
				       : 0;
}

static uint16_t port_at(const json_t *j, const char *key)
{
	int64_t v = json_int_at(j, key, 0);
	return v > 0 && v <= UINT16_MAX ? (uint16_t)v : 0;
}

static void add_ip(struct ip **v, uint16_t *n, const char *text)
{
	struct ip ip;
	if (ip_parse(text, &ip) < 0 || ip_is_any(&ip) || *n == UINT16_MAX)
		return;
	*v = xreallocarray(*v, *n + 1, sizeof(**v));
	(*v)[(*n)++] = ip;
}

static char *key_of(const json_t *object, const char *name)
{
	return xasprintf("%s/%s", json_str_or(object, "metadata.namespace", ""), name);
}

static void parse_addresses(const json_t *spec, const json_t *object, struct service *s)
{
	size_t i;
	json_t *v;
	json_array_foreach(json_object_get(spec, "clusterIPs"), i, v)
	    add_ip(&s->cluster_ips, &s->n_cluster_ips, json_string_value(v));
	if (!s->n_cluster_ips)
		add_ip(&s->cluster_ips, &s->n_cluster_ips, json_str_at(spec, "clusterIP"));
	json_array_foreach(json_object_get(spec, "externalIPs"), i, v)
	    add_ip(&s->external_ips, &s->n_external_ips, json_string_value(v));
	json_array_foreach(json_at(object, "status.loadBalancer.ingress"), i,
			   v) if (strcmp(json_str_or(v, "ipMode", "VIP"), "Proxy"))
	    add_ip(&s->balancer_ips, &s->n_balancer_ips, json_member(v, "ip"));
}

/* Networks inside others are left out: what the kernel keeps must not overlap. */
static void add_source(struct service *s, const char *text)
{
	struct ip_net net;
	AUTO_FREE char *trimmed = text ? xstrndup(text + strspn(text, " "), strcspn(text + strspn(text, " "), " ")) : NULL;
	uint16_t n = 0;
	if (!trimmed || ip_net_parse(trimmed, &net) < 0 || s->n_sources == UINT16_MAX)
		return;
	net.ip = ip_net_first(&net);
	for (size_t i = 0; i < s->n_sources; i++)
		if (s->sources[i].prefix <= net.prefix && ip_net_contains(&s->sources[i], &net.ip))
			return;
	for (size_t i = 0; i < s->n_sources; i++)
		if (!ip_net_contains(&net, &s->sources[i].ip))
			s->sources[n++] = s->sources[i];
	s->sources = xreallocarray(s->sources, (size_t)n + 1, sizeof(*s->sources));
	s->sources[n++] = net;
	s->n_sources = n;
}

static void parse_balancer(const json_t *spec, struct service *s)
{
	size_t i;
	json_t *v;
	if (strcmp(json_str_or(spec, "type", ""), "LoadBalancer") != 0)
		return;
	json_array_foreach(json_object_get(spec, "loadBalancerSourceRanges"), i, v)
	    add_source(s, json_string_value(v));
	if (s->external_local)
		s->health_port = port_at(spec, "healthCheckNodePort");
}

static void parse_ports(const json_t *spec, struct service *s)
{
	size_t i;
	json_t *p;
	s->ports = xcalloc(json_array_size(json_object_get(spec, "ports")) + 1, sizeof(*s->ports));
	json_array_foreach(json_object_get(spec, "ports"), i, p)
	{
		struct service_port port = {
		    .protocol = service_protocol(p), .port = port_at(p, "port"), .node_port = port_at(p, "nodePort")};
		if (!port.protocol || !port.port || s->n_ports == UINT16_MAX)
			continue;
		port.name = xstrdup(json_str_or(p, "name", ""));
		s->ports[s->n_ports++] = port;
	}
}

struct service *service_parse(const json_t *object)
{
	const json_t *spec = json_object_get(object, "spec"), *labels = json_at(object, "metadata.labels");
	const char *ip = json_str_or(spec, "clusterIP", ""), *name = json_str_at(object, "metadata.name");
	if (!name || !strcmp(json_str_or(spec, "type", ""), "ExternalName") || !*ip || !strcmp(ip, "None") ||
	    json_object_get(labels, "service.kubernetes.io/service-proxy-name") ||
	    json_object_get(labels, "service.kubernetes.io/headless"))
		return NULL;
	struct service *s = xcalloc(1, sizeof(*s));
	s->key = key_of(object, name);
	parse_addresses(spec, object, s);
	parse_ports(spec, s);
	s->internal_local = !strcmp(json_str_or(spec, "internalTrafficPolicy", ""), "Local");
	s->external_local = !strcmp(json_str_or(spec, "externalTrafficPolicy", ""), "Local");
	parse_balancer(spec, s);
	if (!strcmp(json_str_or(spec, "sessionAffinity", ""), "ClientIP")) {
		int64_t seconds = json_int_at(spec, "sessionAffinityConfig.clientIP.timeoutSeconds", AFFINITY_S);
		s->affinity_s = seconds > 0 && seconds <= AFFINITY_MAX_S ? (uint32_t)seconds : AFFINITY_S;
	}
	return s;
}

/* A condition that is absent counts as otherwise. */
static bool condition(const json_t *endpoint, const char *name, bool otherwise)
{
	return json_bool_at(json_object_get(endpoint, "conditions"), name, otherwise);
}

/* Whether there are hints of a kind, and whether one of them has this name. */
static bool has_hint(const json_t *hints, const char *name, bool *ret_mine)
{
	*ret_mine = !str_empty(name) && json_find(hints, "name", name);
	return json_array_size(hints) > 0;
}

static void parse_endpoint(const json_t *j, const char *node_name, const char *zone, struct service_slice *s)
{
	bool my_zone, my_node, zone_hints = has_hint(json_at(j, "hints.forZones"), zone, &my_zone),
			       node_hints = has_hint(json_at(j, "hints.forNodes"), node_name, &my_node);
	struct service_endpoint ep = {.ready = condition(j, "ready", true),
				      .terminating = condition(j, "terminating", false),
				      .zone_hints = zone_hints,
				      .my_zone = my_zone,
				      .node_hints = node_hints,
				      .my_node = my_node};
	ep.serving = condition(j, "serving", true);
	ep.local = node_name && str_eq(json_member(j, "nodeName"), node_name);
	/* All addresses of an endpoint are the same thing; the first one is used, as kube-proxy does. */
	const char *text = json_string_value(json_array_get(json_object_get(j, "addresses"), 0));
	if (ip_parse(text, &ep.ip) == 0)
		s->endpoints[s->n_endpoints++] = ep;
}

struct service_slice *service_slice_parse(const json_t *object, const char *node_name, const char *zone)
{
	const char *service = json_member(json_at(object, "metadata.labels"), "kubernetes.io/service-name");
	const char *name = json_str_at(object, "metadata.name");
	size_t i;
	json_t *v;
	if (!name || str_empty(service) || !strcmp(json_str_or(object, "addressType", ""), "FQDN"))
		return NULL;
	struct service_slice *s = xcalloc(1, sizeof(*s));
	s->key = key_of(object, name);
	s->service = key_of(object, service);
	s->six = !strcmp(json_str_or(object, "addressType", ""), "IPv6");
	const char *since = json_member(json_at(object, "metadata.annotations"), TRIGGER_TIME);
	if (since)
		(void)rfc3339_parse(since, &s->trigger_us); /* no time: not told */
	s->endpoints = xcalloc(json_array_size(json_object_get(object, "endpoints")) + 1, sizeof(*s->endpoints));
	json_array_foreach(json_object_get(object, "endpoints"), i, v) parse_endpoint(v, node_name, zone, s);
	s->ports = xcalloc(json_array_size(json_object_get(object, "ports")) + 1, sizeof(*s->ports));
	json_array_foreach(json_object_get(object, "ports"), i, v)
	{
		struct slice_port port = {.protocol = service_protocol(v), .port = port_at(v, "port")};
		if (!port.protocol || !port.port)
			continue;
		port.name = xstrdup(json_str_or(v, "name", ""));
		s->ports[s->n_ports++] = port;
	}
	return s;
}
