/* Services and EndpointSlices from their JSON, as far as names need them. Members that cannot be understood are left out.
 * Pure. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "dns/zone.h"

static const char *protocol_of(const json_t *port)
{
	static const char *const known[][2] = {{"TCP", "tcp"}, {"UDP", "udp"}, {"SCTP", "sctp"}};
	const char *name = json_str_or(port, "protocol", "TCP");
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (!strcmp(name, known[i][0]))
			return known[i][1];
	return NULL;
}

static char *lower(const char *text)
{
	char *s = xstrdup(text);
	for (char *p = s; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return s;
}

static size_t parse_ports(const json_t *list, struct zone_port **ret)
{
	size_t i, n = 0;
	json_t *p;
	*ret = xcalloc(json_array_size(list) + 1, sizeof(**ret));
	json_array_foreach(list, i, p)
	{
		const char *protocol = protocol_of(p);
		int64_t number = json_int_at(p, "port", 0);
		if (!protocol || number <= 0 || number > UINT16_MAX)
			continue;
		(*ret)[n++] = (struct zone_port){lower(json_str_or(p, "name", "")), protocol, (uint16_t)number};
	}
	return n;
}

static void free_ports(struct zone_port *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(v[i].name);
	free(v);
}

static void parse_ips(const json_t *spec, struct zone_service *s)
{
	size_t i;
	json_t *v;
	const json_t *list = json_object_get(spec, "clusterIPs");
	s->ips = xcalloc(json_array_size(list) + 1, sizeof(*s->ips));
	json_array_foreach(list, i, v)
	{
		if (json_is_string(v) && ip_parse(json_string_value(v), &s->ips[s->n_ips]) == 0)
			s->n_ips++;
	}
	if (!s->n_ips && ip_parse(json_str_or(spec, "clusterIP", ""), &s->ips[0]) == 0)
		s->n_ips = 1;
}

static char *key_of(const json_t *object, const char *name)
{
	return xasprintf("%s/%s", json_str_or(object, "metadata.namespace", ""), name);
}

struct zone_service *zone_service_parse(const json_t *object)
{
	const json_t *spec = json_object_get(object, "spec");
	const char *name = json_str_at(object, "metadata.name"), *external = NULL;
	if (!name)
		return NULL;
	struct zone_service *s = xcalloc(1, sizeof(*s));
	s->key = key_of(object, name);
	if (!strcmp(json_str_or(spec, "type", ""), "ExternalName"))
		external = json_str_or(spec, "externalName", "");
	s->external_name = external ? lower(external) : NULL;
	s->headless = !strcmp(json_str_or(spec, "clusterIP", ""), "None");
	parse_ips(spec, s);
	s->n_ports = parse_ports(json_object_get(spec, "ports"), &s->ports);
	return s;
}

void zone_service_free(struct zone_service *s)
{
	if (!s)
		return;
	free_ports(s->ports, s->n_ports);
	free(s->external_name);
	free(s->ips);
	free(s->key);
	free(s);
}

/* "10-1-2-3", "fd00--1" */
static char *dashed(const struct ip *ip)
{
	char text[IP_TEXT_MAX];
	char *s = xstrdup(ip_text(ip, text));
	for (char *p = s; *p; p++)
		*p = *p == '.' || *p == ':' ? '-' : *p;
	return s;
}

static void parse_endpoint(const json_t *j, struct zone_slice *s)
{
	size_t i;
	json_t *v;
	struct ip ip;
	const char *hostname = json_str_at(j, "hostname");
	if (!json_bool_at(json_object_get(j, "conditions"), "ready", true))
		return;
	json_array_foreach(json_object_get(j, "addresses"), i, v)
	{
		if (!json_is_string(v) || ip_parse(json_string_value(v), &ip) < 0)
			continue;
		s->endpoints = xreallocarray(s->endpoints, s->n_endpoints + 1, sizeof(*s->endpoints));
		s->endpoints[s->n_endpoints++] =
		    (struct zone_endpoint){ip, str_empty(hostname) ? dashed(&ip) : lower(hostname)};
	}
}

struct zone_slice *zone_slice_parse(const json_t *object)
{
	const json_t *labels = json_at(object, "metadata.labels");
	const char *service = json_member(labels, "kubernetes.io/service-name");
	const char *name = json_str_at(object, "metadata.name");
	size_t i;
	json_t *v;
	if (!name || str_empty(service) || !strcmp(json_str_or(object, "addressType", ""), "FQDN"))
		return NULL;
	struct zone_slice *s = xcalloc(1, sizeof(*s));
	s->key = key_of(object, name);
	s->service = key_of(object, service);
	json_array_foreach(json_object_get(object, "endpoints"), i, v) parse_endpoint(v, s);
	s->n_ports = parse_ports(json_object_get(object, "ports"), &s->ports);
	return s;
}

void zone_slice_free(struct zone_slice *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_endpoints; i++)
		free(s->endpoints[i].hostname);
	free(s->endpoints);
	free_ports(s->ports, s->n_ports);
	free(s->service);
	free(s->key);
	free(s);
}
