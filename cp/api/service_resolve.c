/* Services to addresses. Purpose: the API server may run where no service proxy does, so it looks for endpoints itself.
 * Happy path: the Service has the port, a slice has a ready endpoint for it. Fails with the reason that conditions of
 * APIServices name. */
#include "cp/api/service_resolve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/rand.h"

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
	if (!l.found && !l.any)
		return err_set(e, -ENODATA, "cannot find endpointslices for service/%s in \"%s\"", name, ns);
	if (!l.found)
		return err_set(e, -EHOSTUNREACH, "endpointslices for service/%s in \"%s\" have no addresses with port name \"%s\"",
			       name, ns, l.port_name);
	*ret = l.found;
	return 0;
}

/* --- endpoints that are pods -------------------------------------------------------------------------------------- */

struct pick {
	struct api *api;
	const char *ns, *service, *port_name;
	char *ip;
	uint16_t port;
	uint32_t seen;
};

/* Whether the address is the one of the pod that it is said to be. */
static bool is_of_pod(struct api *a, const char *ns, const json_t *ref, const char *ip)
{
	if (!str_eq(json_str_or(ref, "kind", ""), "Pod") || !str_eq(json_str_or(ref, "namespace", ns), ns))
		return false;
	struct cobj *o = bucket_get(api_bucket(a, "", "pods"), ns, json_str_or(ref, "name", ""));
	AUTO_JSON *pod = o ? cobj_parse(o) : NULL;
	return json_find(json_at(pod, "status.podIPs"), "ip", ip) ||
	       (pod && str_eq(json_str_at(pod, "status.podIP"), ip));
}

/* Every one that fits is as likely as any other: the n-th takes the place with a chance of one in n. */
static void offer(struct pick *p, const char *ip, const json_t *ref, int64_t port)
{
	if (!ip || port < 1 || port > UINT16_MAX || !is_of_pod(p->api, p->ns, ref, ip))
		return;
	if (rand_below(++p->seen))
		return;
	free(p->ip);
	p->ip = xstrdup(ip);
	p->port = (uint16_t)port;
}

static int64_t port_named(const json_t *ports, const char *name)
{
	size_t i;
	json_t *p;
	json_array_foreach(ports, i, p) if (strcmp(json_str_or(p, "name", ""), name) == 0) return json_int_at(p, "port", 0);
	return 0;
}

static void pick_in_slice(void *arg, struct cobj *o)
{
	struct pick *p = arg;
	if (!str_eq(cobj_label(o, "kubernetes.io/service-name"), p->service))
		return;
	AUTO_JSON *slice = cobj_parse(o);
	int64_t port = port_named(json_at(slice, "ports"), p->port_name);
	size_t i;
	json_t *e;
	json_array_foreach(json_at(slice, "endpoints"), i, e) if (json_bool_at(e, "conditions.ready", true))
	    offer(p, json_string_value(json_array_get(json_object_get(e, "addresses"), 0)), json_object_get(e, "targetRef"), port);
}

static void pick_in_subset(struct pick *p, const json_t *subset)
{
	int64_t port = port_named(json_object_get(subset, "ports"), p->port_name);
	size_t i;
	json_t *a;
	json_array_foreach(json_object_get(subset, "addresses"), i, a)
	    offer(p, json_str_at(a, "ip"), json_object_get(a, "targetRef"), port);
}

int service_pick_pod(struct api *a, const char *ns, const char *name, const char *port_name, char **ret_ip,
		     uint16_t *ret_port)
{
	struct pick p = {.api = a, .ns = ns, .service = name, .port_name = port_name};
	struct cobj *manual = bucket_get(api_bucket(a, "", "endpoints"), ns, name);
	bucket_list(api_bucket(a, "discovery.k8s.io", "endpointslices"), &(struct bucket_query){.ns = ns}, pick_in_slice, &p);
	AUTO_JSON *endpoints = !p.ip && manual ? cobj_parse(manual) : NULL;
	size_t i;
	json_t *subset;
	json_array_foreach(json_at(endpoints, "subsets"), i, subset) pick_in_subset(&p, subset);
	if (!p.ip)
		return -EHOSTUNREACH;
	*ret_ip = p.ip;
	*ret_port = p.port;
	return 0;
}
