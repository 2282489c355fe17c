/* Proxies to pods, services and nodes. Purpose: a user who can reach nothing but this server sees their pages. Happy
 * path: the name before /proxy becomes an address (the pod's; one of a ready pod behind the service; the node's agent or
 * another port of the node), admission has nothing against it, the forwarder does the rest. Fails with 400 (no such kind
 * of name, an address that may not be dialled), 404, 503 (nobody behind the service; not reached). What always holds:
 * only the node's own agent gets to see this server's certificate. */
#include "cp/api/proxy.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "cp/api/admit.h"
#include "cp/api/forward.h"
#include "cp/api/node_agent.h"
#include "cp/api/proxy_name.h"
#include "cp/api/service_resolve.h"

struct proxies {
	struct http_client *http;
	struct tls_ctx *tls;
};

struct place {
	char *host;
	uint16_t port;
	bool https, is_agent;
};

struct proxies *proxies_new(struct loop *l)
{
	struct proxies *p = xcalloc(1, sizeof(*p));
	struct err e = ERR_INIT;
	if (http_client_new(&(struct http_client_config){.loop = l, .insecure = 1}, &p->http, &e) < 0 ||
	    tls_client_new(&(struct tls_config){.insecure = 1}, &p->tls, &e) < 0)
		log_warn("no proxies to pods and services error=\"%s\"", err_text(&e));
	return p;
}

void proxies_free(struct proxies *p)
{
	if (!p)
		return;
	http_client_free(p->http);
	if (p->tls)
		tls_unref(p->tls);
	free(p);
}

/* --- the way through ---------------------------------------------------------------------------------------------- */

/* Pages refer to what is beside them: the place itself has to end in a slash. */
static bool redirect_to_slash(struct req *q)
{
	struct http_header h[REPLY_HEADERS];
	bool reads = strcmp(q->method, "GET") == 0 || strcmp(q->method, "HEAD") == 0;
	if (q->route.tail_slash || !reads)
		return false;
	const char *query = http_query(q->x);
	AUTO_FREE char *location = xasprintf("%s/%s%s", q->route.path, *query ? "?" : "", query);
	reply_headers(q, NULL, h);
	size_t n = 0;
	while (h[n].name)
		n++;
	if (n + 1 < REPLY_HEADERS) {
		h[n] = (struct http_header){"location", location};
		h[n + 1] = (struct http_header){NULL, NULL};
	}
	request_answered(q, 301);
	http_respond(q->x, 301, h, "", 0);
	reply_done(q);
	return true;
}

/* The path that leads here: what was asked for without what follows /proxy. */
static char *prefix_of(const struct route *r)
{
	size_t n = strlen(r->path), behind = r->tail_slash ? strlen(r->rest) + 1 : 0;
	return xstrndup(r->path, n > behind ? n - behind : n);
}

static void go(struct req *q, const struct place *p)
{
	struct proxies *own = q->api->proxies;
	AUTO_STR target = STR_INIT;
	AUTO_FREE char *prefix = prefix_of(&q->route);
	if (!forward_is_upgrade(q) && redirect_to_slash(q))
		return;
	str_addc(&target, '/');
	forward_add_path(&target, q->route.rest);
	if (*http_query(q->x))
		str_addf(&target, "?%s", http_query(q->x));
	if (p->is_agent) {
		node_agent_forward(q, &(struct node_agent){p->host, p->port}, str_text(&target), prefix);
		return;
	}
	if (!own->http || !own->tls) {
		reply_status(q, status_new(503, "ServiceUnavailable", "no connections to pods and services"));
		return;
	}
	forward_request(q, &(struct forward_opts){.http = own->http,
						  .tls = p->https ? own->tls : NULL,
						  .host = p->host,
						  .port = p->port,
						  .target = str_text(&target),
						  .prefix = prefix,
						  .on_unreachable = forward_unreachable});
}

/* --- pods --------------------------------------------------------------------------------------------------------- */

static int64_t container_port(const json_t *pod, const char *name)
{
	size_t i, j;
	json_t *c, *p;
	json_array_foreach(json_at(pod, "spec.containers"), i, c)
	{
		json_array_foreach(json_object_get(c, "ports"), j, p)
		{
			if (!*name || strcmp(json_str_or(p, "name", ""), name) == 0)
				return json_int_at(p, "containerPort", 0);
		}
	}
	return 0;
}

static uint16_t number_of(const char *text)
{
	uint32_t n = 0;
	return str_to_u32(text, &n) == 0 && n <= UINT16_MAX ? (uint16_t)n : 0;
}

static json_t *unknown_port(const struct place *p, const char *port)
{
	return status_new(503, "ServiceUnavailable", "error trying to reach service: dial tcp: address %s: %s: invalid port",
			  p->host, port);
}

/* Without a port the first one that a container names is meant. */
static json_t *locate_pod(struct req *q, const struct proxy_name *n, struct place *ret)
{
	struct cobj *o = bucket_get(api_bucket(q->api, "", "pods"), q->route.ns, n->name);
	if (!o)
		return status_not_found("", "pods", n->name);
	AUTO_JSON *pod = cobj_parse(o);
	const char *ip = json_str_at(json_array_get(json_at(pod, "status.podIPs"), 0), "ip");
	ret->host = xstrdup(ip ? ip : json_str_or(pod, "status.podIP", ""));
	if (!proxy_may_dial(ret->host))
		return status_bad_request("address not allowed");
	ret->port = number_of(n->port);
	if (!ret->port)
		ret->port = (uint16_t)container_port(pod, n->port);
	if (!ret->port && *n->port)
		return unknown_port(ret, n->port);
	if (!ret->port)
		ret->port = ret->https ? 443 : 80;
	return NULL;
}

/* --- services ----------------------------------------------------------------------------------------------------- */

/* The name of a service's port by its number; NULL where it has none such. */
static const char *port_name(const json_t *service, int64_t port)
{
	size_t i;
	json_t *p;
	json_array_foreach(json_at(service, "spec.ports"), i, p)
	{
		if (json_int_at(p, "port", 0) == port)
			return json_str_or(p, "name", "");
	}
	return NULL;
}

static json_t *locate_service(struct req *q, const struct proxy_name *n, struct place *ret)
{
	struct cobj *o = bucket_get(api_bucket(q->api, "", "services"), q->route.ns, n->name);
	if (!o)
		return status_not_found("", "services", n->name);
	AUTO_JSON *service = cobj_parse(o);
	const char *name = n->port;
	int64_t number;
	if (*n->port && str_to_i64(n->port, &number) == 0 && !(name = port_name(service, number)))
		return status_new(503, "ServiceUnavailable", "no service port %lld found for service \"%s\"", (long long)number,
				  n->name);
	if (service_pick_pod(q->api, q->route.ns, n->name, name, &ret->host, &ret->port) < 0)
		return status_new(503, "ServiceUnavailable", "no endpoints available for service \"%s\"", q->route.name);
	return NULL;
}

/* --- nodes -------------------------------------------------------------------------------------------------------- */

/* Without a port, or with its own, the agent is meant. */
static json_t *locate_node(struct req *q, const struct proxy_name *n, struct place *ret)
{
	AUTO_NODE_AGENT agent = {0};
	json_t *status = node_agent_find(q->api, n->name, &agent);
	if (status)
		return status;
	uint16_t port = number_of(n->port);
	ret->host = TAKE(agent.host);
	ret->is_agent = !*n->port || port == agent.port;
	ret->port = ret->is_agent ? agent.port : port;
	return ret->port ? NULL : unknown_port(ret, n->port);
}

/* --- requests -------------------------------------------------------------------------------------------------------
 */

static const struct target {
	const char *plural, *word;
	json_t *(*locate)(struct req *q, const struct proxy_name *n, struct place *ret);
} targets[] = {{"pods", "pod", locate_pod}, {"services", "service", locate_service}, {"nodes", "node", locate_node}};

static const struct target *target_of(const struct req *q)
{
	const struct target *t = targets;
	while (strcmp(t->plural, q->route.resource) != 0)
		t++;
	return t;
}

static json_t *locate(struct req *q, const struct target *t, struct place *ret)
{
	struct proxy_name name = {0};
	if (!q->x)
		return status_bad_request("a proxy needs a connection");
	if (!proxy_name_parse(q->route.name, &name))
		return status_bad_request("invalid %s request \"%s\"", t->word, q->route.name);
	ret->https = strcmp(name.scheme, "https") == 0;
	json_t *status = t->locate(q, &name, ret);
	proxy_name_done(&name);
	if (!status && !ret->is_agent && !proxy_may_dial(ret->host))
		status = status_bad_request("address not allowed");
	return status;
}

static void on_admitted(struct req *q, json_t *refused, json_t *options)
{
	struct place place = {0};
	json_t *status = refused ? refused : locate(q, target_of(q), &place);
	(void)options;
	if (status)
		reply_status(q, status);
	else
		go(q, &place);
	free(place.host);
}

void proxy_connect(struct req *q)
{
	AUTO_JSON *options = admit_connect_options(q);
	admit_request(q, ADMIT_CONNECT, options, on_admitted);
}
