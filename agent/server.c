/* Routes of the agent's server.
 *
 * Happy path: it is found out who asks and whether they may (server_auth.c), the route's handler answers. What can
 * fail: 401, 403, 404, 405. What always holds: nothing is answered to who may not ask. */
#include "agent/server.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/node.h"
#include "agent/pod_status.h"
#include "agent/server_auth.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"

struct server {
	struct agent *agent;
	struct http_server *https, *healthz;
	struct tls_ctx *tls;
	struct server_auth *auth;
};

bool server_allows(const char *common_name, char *const *organizations)
{
	return !str_empty(common_name) && (strv_has((char **)organizations, "system:masters") ||
					   !strcmp(common_name, "kube-apiserver-kubelet-client"));
}

void server_text(struct http_exchange *x, int status, const char *fmt, ...)
{
	static const struct http_header headers[] = {{"content-type", "text/plain"}, {NULL, NULL}};
	va_list ap;
	va_start(ap, fmt);
	AUTO_FREE char *text = xvasprintf(fmt, ap);
	va_end(ap);
	http_respond(x, status, headers, text, strlen(text));
}

bool server_flag(const struct http_exchange *x, const char *name)
{
	const char *v = http_query_get(x, name);
	return v && strcmp(v, "0") != 0 && strcasecmp(v, "false") != 0;
}

void server_json(struct http_exchange *x, int status, const json_t *body)
{
	static const struct http_header headers[] = {{"content-type", "application/json"}, {NULL, NULL}};
	AUTO_FREE char *text = json_text(body);
	http_respond(x, status, headers, text, strlen(text));
}

static void healthz(struct agent *a, struct http_exchange *x, const struct target *t)
{
	(void)a;
	(void)t;
	server_text(x, 200, "ok");
}

static void server_pods(struct agent *a, struct http_exchange *x, const struct target *t)
{
	(void)t;
	json_t *items = json_array();
	size_t at = 0;
	const char *uid;
	struct pod *p;
	while (map_next(a->pods, &at, &uid, &p)) {
		struct pod_status_in in = {a->node_ips, p->reported, clock_wall_ms(), clock_mono_ms()};
		json_t *o = json_copy(p->state->pod);
		json_object_set_new(o, "status", pod_status(p->state, &in));
		json_array_append_new(items, o);
	}
	AUTO_JSON *list =
	    json_pack("{s:s, s:s, s:{}, s:o}", "kind", "PodList", "apiVersion", "v1", "metadata", "items", items);
	server_json(x, 200, list);
}

enum { ANY_PARTS = 99 };

/* parts: how many behind the name; pod: the first two are namespace and pod, container: the third is its name. */
static const struct route {
	const char *name;
	size_t parts;
	bool pod, container;
	void (*handle)(struct agent *a, struct http_exchange *x, const struct target *t);
} routes[] = {
    {"healthz", 0, false, false, healthz},
    {"pods", 0, false, false, server_pods},
    {"runningpods", 0, false, false, server_running_pods},
    {"runningPods", 0, false, false, server_running_pods},
    {"configz", 0, false, false, server_configz},
    {"metrics", 0, false, false, server_metrics},
    {"metrics", 1, false, false, server_metrics},
    {"stats", 1, false, false, server_stats},
    {"logs", ANY_PARTS, false, false, server_files},
    {"containerLogs", 3, true, true, server_logs},
    {"exec", 3, true, true, server_exec},
    {"exec", 4, true, true, server_exec},
    {"attach", 3, true, true, server_attach},
    {"attach", 4, true, true, server_attach},
    {"portForward", 2, true, false, server_port_forward},
    {"portForward", 3, true, false, server_port_forward},
};

static const struct route *find_route(char *const *parts)
{
	size_t n = strv_len(parts);
	for (size_t i = 0; i < ARRAY_LEN(routes); i++)
		if ((n == routes[i].parts + 1 || routes[i].parts == ANY_PARTS) && !strcmp(parts[0], routes[i].name))
			return &routes[i];
	return NULL;
}

static void dispatch(struct agent *a, struct http_exchange *x, const struct route *r, char **parts)
{
	struct target t = {.parts = parts + 1};
	if (r->pod) {
		t.pod = pod_find(a, parts[1], parts[2]);
		if (!t.pod) {
			server_text(x, 404, "pod \"%s/%s\" not found\n", parts[1], parts[2]);
			return;
		}
	}
	if (t.pod && r->container) {
		t.container = pod_state_find(t.pod->state, parts[r->parts]);
		if (!t.container) {
			server_text(x, 404, "container \"%s\" not found in pod \"%s\"\n", parts[r->parts], parts[2]);
			return;
		}
	}
	r->handle(a, x, &t);
}

static void on_allowed(void *arg, struct http_exchange *x)
{
	struct server *s = arg;
	const char *path = http_path(x);
	AUTO_STRV char **parts = str_split(path + (*path == '/'), '/');
	size_t n = strv_len(parts);
	if (n > 1 && !*parts[n - 1])
		free(TAKE(parts[n - 1])); /* "/pods/" is "/pods" */
	const struct route *r = n ? find_route(parts) : NULL;
	if (r)
		dispatch(s->agent, x, r, parts);
	else
		server_text(x, 404, "404 page not found\n");
}

static void on_request(void *arg, struct http_exchange *x)
{
	struct server *s = arg;
	server_auth_check(s->auth, x, on_allowed, s);
}

static void on_healthz(void *arg, struct http_exchange *x)
{
	(void)arg;
	if (!strcmp(http_path(x), "/healthz"))
		server_text(x, 200, "ok");
	else
		server_text(x, 404, "404 page not found\n");
}

static int start_https(struct server *s, struct err *e)
{
	const struct agent_config *c = s->agent->config;
	if (!c->port || !c->tls_cert_file || !c->tls_key_file)
		return 0;
	struct tls_config tls = {
	    .cert_file = c->tls_cert_file, .key_file = c->tls_key_file, .ca_file = c->client_ca_file};
	int r = tls_server_new(&tls, &s->tls, e);
	struct http_server_config hc = {.loop = s->agent->loop,
					.bind_address = c->address,
					.port = c->port,
					.tls = s->tls,
					.on_request = on_request,
					.arg = s};
	return r < 0 ? r : http_server_start(&hc, &s->https, e);
}

int server_start(struct agent *a, struct server **ret, struct err *e)
{
	struct server *s = xcalloc(1, sizeof(*s));
	s->agent = a;
	s->auth = server_auth_new(a);
	struct http_server_config hc = {.loop = a->loop,
					.bind_address = "127.0.0.1",
					.port = a->config->healthz_port,
					.on_request = on_healthz,
					.arg = s};
	int r = start_https(s, e);
	if (r == 0 && a->config->healthz_port)
		r = http_server_start(&hc, &s->healthz, e);
	if (r < 0) {
		server_stop(s);
		return r;
	}
	*ret = s;
	return 0;
}

int server_reload(struct server *s, struct err *e)
{
	const struct agent_config *c = s->agent->config;
	return s->tls ? tls_reload(s->tls, c->tls_cert_file, c->tls_key_file, e) : 0;
}

void server_stop(struct server *s)
{
	if (!s)
		return;
	if (s->https)
		http_server_stop(s->https, 0, NULL, NULL);
	if (s->healthz)
		http_server_stop(s->healthz, 0, NULL, NULL);
	server_auth_free(s->auth);
	if (s->tls)
		tls_unref(s->tls);
	free(s);
}
