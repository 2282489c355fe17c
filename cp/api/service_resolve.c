/* Services to addresses. Purpose: the API server may run where no service proxy does, so it looks for endpoints itself.
 * Happy path: the Service has the port, a slice has a ready endpoint for it. Fails with the reason that conditions of
 * APIServices name. */
#include "cp/api/service_resolve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

struct lookup {
	const char *service, *port_name;
	char *found;
	bool any;
};

static char *host_port(const char *host, int port)
{
	return xasprintf(strchr(host, ':') ? "[%s]:%d" : "%s:%d", host, port);
}

static void look_at_slice(void *arg, struct cobj *o)
{
	struct lookup *l = arg;
	if (l->found || !str_eq(cobj_label(o, "kubernetes.io/service-name"), l->service))
		return;
	AUTO_JSON *slice = cobj_parse(o);
	size_t i;
	json_t *p, *e;
	int port = 0;
	l->any = true;
	json_array_foreach(json_at(slice, "ports"), i, p) if (strcmp(json_str_or(p, "name", ""), l->port_name) == 0) port =
	    (int)json_int_at(p, "port", 0);
	json_array_foreach(json_at(slice, "endpoints"), i, e)
	{
		const char *address = json_string_value(json_array_get(json_object_get(e, "addresses"), 0));
		if (!l->found && port && address && json_bool_at(e, "conditions.ready", true))
			l->found = host_port(address, port);
	}
}

/* Endpoints that somebody wrote by hand. */
static void look_at_endpoints(const json_t *endpoints, struct lookup *l)
{
	size_t i, j;
	json_t *subset, *p;
	json_array_foreach(json_at(endpoints, "subsets"), i, subset)
	{
		const char *ip = json_str_at(json_array_get(json_object_get(subset, "addresses"), 0), "ip");
		json_array_foreach(json_object_get(subset, "ports"), j, p) if (!l->found && ip &&
									       strcmp(json_str_or(p, "name", ""),
										      l->port_name) == 0) l->found =
		    host_port(ip, (int)json_int_at(p, "port", 0));
	}
	l->any = l->any || endpoints;
}

static const json_t *find_port(const json_t *service, int port)
{
	size_t i;
	json_t *p;
	json_array_foreach(json_at(service, "spec.ports"), i, p) if (json_int_at(p, "port", 0) == port) return p;
	return NULL;
}

int service_resolve(struct api *a, const char *ns, const char *name, int port, char **ret, struct err *e)
{
	struct bucket *services = api_bucket(a, "", "services"), *slices = api_bucket(a, "discovery.k8s.io", "endpointslices"),
		      *endpoints = api_bucket(a, "", "endpoints");
	struct cobj *o = bucket_get(services, ns, name), *manual = bucket_get(endpoints, ns, name);
	if (!o)
		return err_set(e, -ENOENT, "service/%s in \"%s\" is not present", name, ns);
	AUTO_JSON *service = cobj_parse(o);
	const json_t *found = find_port(service, port);
	const char *ip = json_str_or(service, "spec.clusterIP", "");
	if (str_eq(json_str_at(service, "spec.type"), "ExternalName")) {
		*ret = host_port(json_str_or(service, "spec.externalName", ""), port);
		return 0;
	}
	if (!found)
		return err_set(e, -EADDRNOTAVAIL, "service/%s in \"%s\" is not listening on port %d", name, ns, port);
	struct lookup l = {.service = name, .port_name = json_str_or(found, "name", "")};
	bucket_list(slices, &(struct bucket_query){.ns = ns}, look_at_slice, &l);
	AUTO_JSON *subsets = manual ? cobj_parse(manual) : NULL;
	if (!l.found)
		look_at_endpoints(subsets, &l);
	if (!l.found && !l.any && !json_object_size(json_at(service, "spec.selector")) && *ip && strcmp(ip, "None") != 0)
		l.found = host_port(ip, port);
	if (!l.found)
		return err_set(e, -EHOSTUNREACH, "endpoints for service/%s in \"%s\" have no addresses with port name \"%s\"",
			       name, ns, l.port_name);
	*ret = l.found;
	return 0;
}
