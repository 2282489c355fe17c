/* What a proxy tells over HTTP: its health and its figures, at kube-proxy's paths. */
#ifndef KNARR_NETFILTER_PROXY_SERVE_H
#define KNARR_NETFILTER_PROXY_SERVE_H

#include <stdint.h>

#include "base/err.h"
#include "base/metrics.h"

struct loop;
struct proxy;
struct proxy_serve;

struct proxy_serve_config {
	struct loop *loop;
	const struct proxy *proxy; /* borrowed, outlives what is served */
	struct metrics *metrics;   /* as above */
	const char *healthz;       /* "address:port"; "" or NULL: none */
	const char *figures;       /* the same: /metrics, /healthz and /proxyMode */
};

/* -EINVAL for an address that is none; what http_server_start() fails with. */
int proxy_serve_start(const struct proxy_serve_config *c, struct proxy_serve **ret, struct err *e);
void proxy_serve_stop(struct proxy_serve *s); /* NULL is fine */

#endif
