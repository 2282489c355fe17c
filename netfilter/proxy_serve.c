/* Health and figures over HTTP.
 *
 * /healthz: 200 while what is wanted gets into the kernel and the node stays, else 503; /livez looks at the former
 * only. /metrics tells everything. Fails at start only, where an address is none or taken. */
#include "netfilter/proxy_serve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "io/http_server.h"
#include "netfilter/proxy.h"
#include "netfilter/proxy_metrics.h"

struct proxy_serve {
	const struct proxy *proxy;
	struct metrics *metrics;
	struct http_server *healthz, *figures;
};

/* "1.2.3.4:80", "[::]:80", ":80" into an owned address ("" for any) and a port; -EINVAL. */
static int proxy_serve_address(const char *text, char **ret_address, uint16_t *ret_port, struct err *e)
{
	const char *colon = strrchr(text, ':');
	uint32_t port;
	if (!colon || str_to_u32(colon + 1, &port) < 0 || port > UINT16_MAX)
		return err_set(e, -EINVAL, "\"%s\" is no address and port", text);
	bool six = colon - text >= 2 && text[0] == '[' && colon[-1] == ']';
	*ret_address = six ? xstrndup(text + 1, (size_t)(colon - text) - 2) : xstrndup(text, (size_t)(colon - text));
	*ret_port = (uint16_t)port;
	return 0;
}

static void answer(struct http_exchange *x, int status, const char *type, const char *text, size_t len)
{
	const struct http_header headers[] = {{"content-type", type}, {"x-content-type-options", "nosniff"}, {NULL, NULL}};
	http_respond(x, status, headers, text, len);
}

static void tell_health(struct proxy_serve *s, struct http_exchange *x, bool live)
{
	AUTO_STR text = STR_INIT;
	char updated[RFC3339_MAX], now[RFC3339_MAX];
	struct proxy_health h;
	proxy_health(s->proxy, &h);
	int status = h.healthy && (live || h.node_eligible) ? 200 : 503;
	int64_t wall = clock_wall_us();
	str_addf(&text, "{\"lastUpdated\": \"%s\",\"currentTime\": \"%s\", \"nodeEligible\": %s}",
		 rfc3339_micro(h.healthy ? wall : h.updated_wall_ms * 1000, updated), rfc3339_micro(wall, now),
		 h.node_eligible ? "true" : "false");
	proxy_metrics_health(s->metrics, live, status);
	answer(x, status, "application/json", text.p, text.len);
}

static void tell_metrics(struct proxy_serve *s, struct http_exchange *x)
{
	AUTO_STR text = STR_INIT;
	metrics_write(s->metrics, &text);
	answer(x, 200, "text/plain; version=0.0.4; charset=utf-8", str_text(&text), text.len);
}

static void not_found(struct http_exchange *x)
{
	answer(x, 404, "text/plain", "404 page not found\n", 19);
}

static void on_healthz(void *arg, struct http_exchange *x)
{
	const char *path = http_path(x);
	if (!strcmp(path, "/healthz") || !strcmp(path, "/livez"))
		tell_health(arg, x, path[1] == 'l');
	else
		not_found(x);
}

static void on_figures(void *arg, struct http_exchange *x)
{
	const char *path = http_path(x);
	if (!strcmp(path, "/metrics"))
		tell_metrics(arg, x);
	else if (!strcmp(path, "/healthz"))
		answer(x, 200, "text/plain", "ok", 2);
	else if (!strcmp(path, "/proxyMode"))
		answer(x, 200, "text/plain", "nftables", 8);
	else
		not_found(x);
}

static int start_one(struct proxy_serve *s, struct loop *l, const char *where,
		     void (*fn)(void *arg, struct http_exchange *x), struct http_server **ret, struct err *e)
{
	AUTO_FREE char *address = NULL;
	struct http_server_config c = {.loop = l, .on_request = fn, .arg = s};
	if (str_empty(where))
		return 0;
	int r = proxy_serve_address(where, &address, &c.port, e);
	c.bind_address = address;
	return r < 0 ? r : http_server_start(&c, ret, e);
}

int proxy_serve_start(const struct proxy_serve_config *c, struct proxy_serve **ret, struct err *e)
{
	struct proxy_serve *s = xcalloc(1, sizeof(*s));
	s->proxy = c->proxy;
	s->metrics = c->metrics;
	int r = start_one(s, c->loop, c->healthz, on_healthz, &s->healthz, e);
	if (r == 0)
		r = start_one(s, c->loop, c->figures, on_figures, &s->figures, e);
	if (r < 0) {
		proxy_serve_stop(s);
		return r;
	}
	*ret = s;
	return 0;
}

void proxy_serve_stop(struct proxy_serve *s)
{
	if (!s)
		return;
	if (s->healthz)
		http_server_stop(s->healthz, 0, NULL, NULL);
	if (s->figures)
		http_server_stop(s->figures, 0, NULL, NULL);
	free(s);
}
