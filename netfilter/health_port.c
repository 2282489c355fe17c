/* Health-check node ports.
 *
 * Purpose: a load balancer sends connections only to nodes that have endpoints of a service with policy Local. Happy
 * path: one HTTP server for each port and address answers 200 with the number of ready endpoints here, 503 where there
 * are none or the proxy is out of step. What can fail: a port that somebody else has. What always holds: servers stand
 * for what the last sync brought into the kernel. Kubernetes, healthCheckNodePort. */
#include "netfilter/health_port.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/http_server.h"
#include "netfilter/proxy.h"

struct health_ports {
	struct loop *loop;
	const struct proxy *proxy;
	struct map *services; /* key -> struct health_port */
};

struct health_port {
	const struct proxy *proxy;
	char *key;
	uint16_t port;
	size_t count, n_ips;
	struct ip *ips;
	struct http_server **servers; /* one an address; NULL where it could not be had */
};

static void stop_servers(struct health_port *h)
{
	for (size_t i = 0; i < h->n_ips; i++)
		if (h->servers[i])
			http_server_stop(h->servers[i], 0, NULL, NULL);
	free(TAKE(h->servers));
	free(TAKE(h->ips));
	h->n_ips = 0;
}

static void free_port(void *value)
{
	struct health_port *h = value;
	stop_servers(h);
	free(h->key);
	free(h);
}

struct health_ports *health_ports_new(struct loop *l, const struct proxy *p)
{
	struct health_ports *h = xcalloc(1, sizeof(*h));
	h->loop = l;
	h->proxy = p;
	h->services = map_new(free_port);
	return h;
}

void health_ports_free(struct health_ports *h)
{
	if (!h)
		return;
	map_free(h->services);
	free(h);
}

static void on_request(void *arg, struct http_exchange *x)
{
	const struct health_port *h = arg;
	AUTO_STR text = STR_INIT;
	char weight[24];
	struct proxy_health health;
	const char *slash = strchr(h->key, '/');
	const struct http_header headers[] = {{"content-type", "application/json"},
					      {"x-content-type-options", "nosniff"},
					      {"x-load-balancing-endpoint-weight", weight},
					      {NULL, NULL}};
	proxy_health(h->proxy, &health);
	snprintf(weight, sizeof(weight), "%zu", h->count);
	str_addf(&text,
		 "{\n\t\"service\": {\n\t\t\"namespace\": \"%.*s\",\n\t\t\"name\": \"%s\"\n\t},\n\t\"localEndpoints\": %zu,\n"
		 "\t\"serviceProxyHealthy\": %s\n}",
		 slash ? (int)(slash - h->key) : 0, h->key, slash ? slash + 1 : h->key, h->count,
		 health.healthy ? "true" : "false");
	http_respond(x, h->count && health.healthy ? 200 : 503, headers, text.p, text.len);
}

static void start_servers(struct health_ports *all, struct health_port *h, const struct ip *ips, size_t n)
{
	h->ips = n ? xmemdup(ips, n * sizeof(*ips)) : NULL;
	h->servers = xcalloc(n + 1, sizeof(struct http_server *));
	h->n_ips = n;
	for (size_t i = 0; i < n; i++) {
		char address[IP_TEXT_MAX];
		struct err e = ERR_INIT;
		struct http_server_config c = {.loop = all->loop,
					       .bind_address = ip_text(&ips[i], address),
					       .port = h->port,
					       .on_request = on_request,
					       .arg = h};
		if (http_server_start(&c, &h->servers[i], &e) < 0)
			log_warn("health check of a service not served service=%s error=\"%s\"", h->key, err_text(&e));
	}
}

static bool stands(const struct health_port *h, uint16_t port, const struct ip *ips, size_t n)
{
	bool same = h->port == port && h->n_ips == n;
	for (size_t i = 0; same && i < n; i++)
		same = h->servers[i] && ip_eq(&h->ips[i], &ips[i]);
	return same;
}

void health_ports_set(struct health_ports *h, const char *key, uint16_t port, size_t count, const struct ip *ips,
		      size_t n_ips)
{
	struct health_port *one = map_get(h->services, key);
	if (!h->loop || !port) {
		if (one)
			map_remove(h->services, key);
		return;
	}
	if (!one) {
		one = xcalloc(1, sizeof(*one));
		one->proxy = h->proxy;
		one->key = xstrdup(key);
		map_set(h->services, key, one);
	}
	one->count = count;
	if (stands(one, port, ips, n_ips))
		return;
	stop_servers(one);
	one->port = port;
	start_servers(h, one, ips, n_ips);
}
